/** nginx: an include file that holds one upstream; written, tested and reloaded in one locked command. */
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { refused } from '../failure.js';
import { requireReplaceable } from './apply-file.js';
import { readColourFiles } from './colour-files.js';
import { readUpstream, renderUpstream, upstreamBlock } from './nginx-text.js';
import { mayLeave, readWhole, wholeOf } from './shares.js';
import type { Traffic, TrafficContext } from './traffic.js';
import { lookAtFile, type Wording } from './watched-file.js';
import { requirePath } from './words.js';

type NginxPlan = Extract<TrafficPlan, { kind: 'nginx' }>;
type NginxContext = TrafficContext<NginxPlan>;

const TEST_TIMEOUT_MS = 30_000;

export const nginx: Traffic<NginxPlan> = {
  async prove(context) {
    const { host, plan } = context;
    const wording = await chooseWording(context);
    const text = await host.readFile(plan.file);
    if (text === null || !mayLeave(wording.read(text), plan)) {
      throw refused({
        what: `${plan.file} ${text === null ? 'does not exist' : 'names neither blue nor green'}`,
        where: host.name,
        why: text,
        wayOut: `put the colour that has the traffic there: ${wording.example}`,
      });
    }
    await requireReplaceable(host, plan.file, true);
    const test = await host.run({
      argv: ['sh', '-c', plan.testCommand],
      isTeams: true,
      env: context.env,
      timeoutMs: TEST_TIMEOUT_MS,
    });
    if (test.exitCode === null) throw new Error(`${host.name}: no answer to ${plan.testCommand}`);
    if (test.exitCode !== 0) {
      throw refused({
        what: `${plan.testCommand} refuses the configuration as it is now`,
        where: host.name,
        why: test.stderr,
        wayOut: 'repair the nginx configuration, then retry',
      });
    }
    return 'nginx accepts its configuration';
  },

  look: async (context) =>
    await lookAtFile(context, requirePath(context.plan.file, 'traffic.nginx'), chooseWording(context)),
};

async function chooseWording({ host, plan, fence }: NginxContext): Promise<Wording> {
  const file = requirePath(plan.file, 'traffic.nginx');
  const reload = { testCommand: plan.testCommand, applyArgv: ['sh', '-c', plan.reloadCommand] };
  const common = { file, explain: () => null, reload };
  if (plan.upstreams !== null) {
    const input = { upstreamName: plan.upstreamName, upstreams: plan.upstreams, fence };
    return {
      ...common,
      read: (text) => readUpstream(input, text),
      write: (_, shares) => renderUpstream(input, shares),
      example: upstreamBlock(input, 'blue').replaceAll(/\s+/g, ' '),
    };
  }
  const texts = await readColourFiles(host, file, 'give `upstreams:` in the pipeline file');
  return {
    ...common,
    read: (text) => readWhole(text, texts),
    write: (_, shares) => wholeOf(shares, texts),
    example: `cp ${file}.blue ${file}`,
  };
}
