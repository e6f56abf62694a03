/** nginx: an include file that holds one upstream; written, tested and reloaded in one locked command. */
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { refused } from '../failure.js';
import { applyFile, foreignFile, requireReplaceable } from './apply-file.js';
import { readColourFiles } from './colour-files.js';
import { readUpstream, renderUpstream, upstreamBlock } from './nginx-text.js';
import { colourWithAll, giveShare, mayLeave, readWhole, wholeOf, type Shares } from './shares.js';
import type { Traffic, TrafficContext } from './traffic.js';
import { requirePath } from './words.js';

type NginxPlan = Extract<TrafficPlan, { kind: 'nginx' }>;
type NginxContext = TrafficContext<NginxPlan>;

/** The texts of both colours, and which of them a text is. */
interface Texts {
  write: (shares: Shares) => string;
  read: (text: string) => Shares | null;
  /** What to put into the file by hand when it holds neither. */
  example: string;
}

const TEST_TIMEOUT_MS = 30_000;

export const nginx: Traffic<NginxPlan> = {
  async prove(context) {
    const { host, plan } = context;
    const texts = await loadTexts(context);
    const text = await host.readFile(plan.file);
    if (text === null || colourWithAll(texts.read(text)) === null) {
      throw refused({
        what: `${plan.file} ${text === null ? 'does not exist' : 'names neither blue nor green'}`,
        where: host.name,
        why: text,
        wayOut: `put the colour that has the traffic there: ${texts.example}`,
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

  async look(context) {
    const { host, plan, fence, env } = context;
    const [texts, present] = await Promise.all([
      loadTexts(context),
      host.readFile(requirePath(plan.file, 'traffic.nginx')),
    ]);
    const sharesOf = (text: string | null): Shares | null => (text === null ? null : texts.read(text));
    return {
      colour: colourWithAll(sharesOf(present)),
      switchTo: async (to, from, percent) => {
        await applyFile({
          ...{ host, fence, env, present },
          file: plan.file,
          isTeams: true,
          render: (now) => {
            const inSteps = plan.weights.length > 0;
            if (from !== null && !mayLeave(sharesOf(now), inSteps))
              throw foreignFile(host, plan.file, from, now);
            return texts.write(giveShare(to, percent));
          },
          testCommand: plan.testCommand,
          applyArgv: ['sh', '-c', plan.reloadCommand],
        });
      },
    };
  },
};

async function loadTexts({ host, plan, fence }: NginxContext): Promise<Texts> {
  requirePath(plan.file, 'traffic.nginx');
  if (plan.upstreams !== null) {
    const input = { upstreamName: plan.upstreamName, upstreams: plan.upstreams, fence };
    return {
      write: (shares) => renderUpstream(input, shares),
      read: (text) => readUpstream(input, text),
      example: upstreamBlock(input, 'blue').replaceAll(/\s+/g, ' '),
    };
  }
  const wayOut = 'give `upstreams:` in the pipeline file';
  const { blue, green } = await readColourFiles(host, plan.file, wayOut);
  return {
    write: (shares) => wholeOf(shares, { blue, green }),
    read: (text) => readWhole(text, { blue, green }),
    example: `cp ${plan.file}.blue ${plan.file}`,
  };
}
