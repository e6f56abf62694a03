/**
 * HAProxy: `use_backend %[…,map(FILE)]`. The map file is persisted first, so a reload or restart keeps the colour;
 * then the running process is told over its admin socket. Nothing is reloaded, so no connection is dropped.
 */
import type { Colour } from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { foreignHand, refused } from '../failure.js';
import type { CommandResult, Fence } from '../hosts/host.js';
import { applyFile, requireReplaceable } from './apply-file.js';
import { readMapKey, readShownMap, writeMapKey } from './haproxy-map.js';
import { buildSocketArgv } from './proxy-socket.js';
import type { Traffic, TrafficContext } from './traffic.js';
import { requirePath, requireWord } from './words.js';

type HaproxyPlan = Extract<TrafficPlan, { kind: 'haproxy' }>;
type HaproxyContext = TrafficContext<HaproxyPlan>;

const TIMEOUT_MS = 30_000;

export const haproxy: Traffic<HaproxyPlan> = {
  async prove(context) {
    const { host } = context;
    const plan = requireWords(context.plan);
    // all three only look, so they look at once; what is wrong is said in this order
    const reading = host.readFile(plan.map);
    const replaceable = requireReplaceable(host, plan.map, false);
    const asking = ask(context, ['show cli level', 'show backend', `show map ${plan.map}`]);
    await Promise.allSettled([reading, replaceable, asking]);
    const text = await reading;
    if (text === null || colourOf(plan, text) === null) {
      throw refused({
        what:
          text === null
            ? `${plan.map} does not exist`
            : `${plan.map} gives ${plan.key} neither ${plan.backends.blue} nor ${plan.backends.green}`,
        where: host.name,
        why: text,
        wayOut: `put the colour that has the traffic there: ${plan.key} ${plan.backends.blue}`,
      });
    }
    await replaceable;
    const shown = await asking;
    if (!linesOf(shown).includes('admin')) {
      throw refuseSocket(context, 'has no `level admin`', shown, 'add `level admin` to the stats socket');
    }
    requireBackends(context, shown);
    if (readShownMap(shown, plan.key) === null) {
      throw refuseSocket(
        context,
        `has not loaded ${plan.key} from ${plan.map}`,
        shown,
        `use map(${plan.map}) in a use_backend rule and reload HAProxy once`,
      );
    }
    return `HAProxy has the backends ${plan.backends.blue} and ${plan.backends.green}`;
  },

  async look(context) {
    const plan = requireWords(context.plan);
    const backends = ask(context, ['show backend']);
    // the file can be read without HAProxy; only a switch needs its answer
    backends.catch(() => {});
    const present = await context.host.readFile(plan.map);
    return {
      colour: present === null ? null : colourOf(plan, present),
      switchTo: async (to, from) => switchMap(context, { to, from, present, backends }),
    };
  },
};

interface Switch {
  to: Colour;
  from: Colour | null;
  /** The map file as it was found. */
  present: string | null;
  /** HAProxy's answer to `show backend`. */
  backends: Promise<string>;
}

async function switchMap(context: HaproxyContext, { to, from, present, backends }: Switch): Promise<void> {
  const { host, plan, fence, env } = context;
  const backend = plan.backends[to];
  const shown = await applyFile({
    ...{ host, fence, env, present },
    file: plan.map,
    isTeams: false,
    render: async (now) => {
      requireBackends(context, await backends);
      const there = now === null ? null : colourOf(plan, now);
      if (from !== null && there !== to && there !== from) throw foreign(context, from, now);
      return writeMapKey(now ?? '', plan.key, backend);
    },
    testCommand: null,
    applyArgv: buildSocketArgv(plan.socket, [
      `set map ${plan.map} ${plan.key} ${backend}`,
      `show map ${plan.map}`,
    ]),
  });
  if (readShownMap(shown, plan.key) === backend) return;
  // `set map` changes what is loaded; a key added to the file since the last reload is not
  const add = [`add map ${plan.map} ${plan.key} ${backend}`, `show map ${plan.map}`];
  const added = await ask(context, add, { fence });
  if (readShownMap(added, plan.key) === backend) return;
  throw refuseSocket(context, `did not take ${plan.key} ${backend}`, shown, 'see its answer, then retry');
}

function requireWords(plan: HaproxyPlan): HaproxyPlan {
  requirePath(plan.socket, 'traffic.haproxy');
  requirePath(plan.map, 'traffic.map');
  requireWord(plan.key, 'traffic.key');
  requireWord(plan.backends.blue, 'traffic.backends.blue');
  requireWord(plan.backends.green, 'traffic.backends.green');
  return plan;
}

function colourOf(plan: HaproxyPlan, text: string): Colour | null {
  const backend = readMapKey(text, plan.key);
  return backend === plan.backends.blue ? 'blue' : backend === plan.backends.green ? 'green' : null;
}

/** A map may name a backend that does not exist: HAProxy accepts that and then answers 503. */
function requireBackends(context: HaproxyContext, shown: string): void {
  const known = linesOf(shown);
  for (const backend of Object.values(context.plan.backends)) {
    if (known.includes(backend)) continue;
    throw refuseSocket(
      context,
      `knows no backend ${backend}`,
      shown,
      'name the backends as haproxy.cfg does',
    );
  }
}

async function ask(
  context: HaproxyContext,
  commands: string[],
  writing: { fence?: Fence } = {},
): Promise<string> {
  const { host, plan } = context;
  const argv = buildSocketArgv(plan.socket, commands);
  const result = await host.run({ argv, timeoutMs: TIMEOUT_MS, ...writing });
  requireAnswer(context, result);
  return result.stdout;
}

function requireAnswer(context: HaproxyContext, result: CommandResult): void {
  if (result.exitCode === 0) return;
  const what = `${context.host.name}: HAProxy's socket ${context.plan.socket} does not answer`;
  if (result.exitCode === null) throw new Error(what);
  throw refuseSocket(
    context,
    `does not answer: ${result.stderr.trim()}`,
    result.stderr,
    'see that HAProxy runs and that this user may use its socket (docs/traffic.md)',
  );
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.trim());
}

function refuseSocket(context: HaproxyContext, what: string, why: string, wayOut: string): Error {
  return refused({ what: `HAProxy ${what}`, where: context.host.name, why, wayOut });
}

function foreign({ host, plan }: HaproxyContext, from: Colour, text: string | null): Error {
  return foreignHand({
    what: `${plan.map} should give ${plan.key} the backend ${plan.backends[from]}, but ${text === null ? 'it is gone' : `it gives ${readMapKey(text, plan.key) ?? 'none'}`}`,
    where: host.name,
    why: text,
    wayOut: `see who changed it; put ${from} back there or accept what it says, then retry`,
  });
}
