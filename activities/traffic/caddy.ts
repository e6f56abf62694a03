/**
 * Caddy: its admin API is told where to send users. Before that a snippet that the Caddyfile imports is written, so
 * a restart or reload keeps the colour; a Caddy that runs with `--resume` keeps what it was told by itself.
 */
import type { Colour } from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { foreignHand, refused, unreachable } from '../failure.js';
import { applyFile, foreignFile, requireReplaceable } from './apply-file.js';
import { buildPatch, readAnswer, readConfiguration, refuseAdmin } from './caddy-admin.js';
import { requireResumed } from './caddy-resume.js';
import {
  findProxies,
  listDials,
  pointAt,
  readSnippet,
  renderSnippet,
  type FoundProxy,
} from './caddy-config.js';
import { buildExchangeArgv } from './proxy-socket.js';
import type { Traffic, TrafficContext } from './traffic.js';
import { requireAddress, requirePath } from './words.js';

type CaddyPlan = Extract<TrafficPlan, { kind: 'caddy' }>;
type CaddyContext = TrafficContext<CaddyPlan>;

/** What Caddy does now. */
interface Running {
  proxies: FoundProxy[];
  /** Compares everything under the plan's path. */
  etag: string;
  /** null = it has none of ours, or is between two. */
  colour: Colour | null;
  /** For people. */
  dials: unknown[];
}

const TIMEOUT_MS = 30_000;
/** Others that share the proxy change its configuration between our look and our change. */
const MOST_TRIES = 20;

export const caddy: Traffic<CaddyPlan> = {
  async prove(context) {
    const { host } = context;
    const plan = requireWords(context.plan);
    const [running, text] = await Promise.all([lookAtRunning(context), readSnippetFile(context)]);
    requireOurs(context, running, null);
    if (plan.file === null) {
      await requireResumed(host, plan.admin);
      return `Caddy sends users to ${running.colour ?? 'both colours'}`;
    }
    const persisted = text === null ? null : readSnippet(text, plan.upstreams);
    if (persisted === null) {
      throw refused({
        what: `${plan.file} ${text === null ? 'does not exist' : 'names neither blue nor green'}`,
        where: host.name,
        why: text,
        wayOut: `put the colour that has the traffic there: to ${plan.upstreams.blue}`,
      });
    }
    await requireReplaceable(host, plan.file, true);
    if (persisted !== running.colour) {
      throw refused({
        what: `${plan.file} names ${persisted}, but Caddy sends users to ${running.colour ?? 'both colours'}`,
        where: host.name,
        why: text,
        wayOut: `import ${plan.file} inside reverse_proxy in the Caddyfile, see which is right, and reload Caddy`,
      });
    }
    return `${plan.file} and Caddy name ${persisted}`;
  },

  async look(context) {
    const plan = requireWords(context.plan);
    const running = lookAtRunning(context);
    // the file can be read without Caddy; only a switch needs its answer
    running.catch(() => {});
    const present = await readSnippetFile(context);
    const persisted = present === null ? null : readSnippet(present, plan.upstreams);
    return {
      colour: plan.file === null ? (await running).colour : persisted,
      switchTo: async (to, from) => switchOver(context, { to, from, present, running: await running }),
    };
  },
};

interface Switch {
  to: Colour;
  from: Colour | null;
  /** The snippet as it was found. */
  present: string | null;
  running: Running;
}

/** One object after the other, each compared with what was seen, until all of them name the colour. */
async function switchOver(context: CaddyContext, wanted: Switch): Promise<void> {
  const { host, plan } = context;
  let { running, present } = wanted;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    requireOurs(context, running, wanted.from);
    const next = running.proxies.find(({ colour }) => colour !== wanted.to);
    const patch = next === undefined ? null : patchOf(plan, running, next, wanted.to);
    const said = await persistAndTell(context, { ...wanted, present }, patch);
    if (said === null) return;
    const answer = readAnswer(said);
    if (answer === null) throw new Error(`${host.name}: Caddy's admin API did not answer: ${said}`);
    // 412: somebody else was first, so there is another configuration to look at
    if (answer.status !== 200 && answer.status !== 412) {
      throw refuseAdmin(host, plan.admin, `to going to ${wanted.to}`, answer);
    }
    [running, present] = await Promise.all([lookAtRunning(context), readSnippetFile(context)]);
  }
  throw unreachable({
    what: `Caddy's configuration was changed by someone else each of ${MOST_TRIES} times`,
    where: host.name,
    why: null,
    wayOut: 'tried again by itself; if it stays, find the other program that writes it',
  });
}

/** Under one fence: the snippet, then what Caddy is to change. What it said; null = there was nothing to say. */
async function persistAndTell(
  context: CaddyContext,
  { to, from, present }: Omit<Switch, 'running'>,
  patch: string | null,
): Promise<string | null> {
  const { host, plan, fence } = context;
  const { file } = plan;
  const env = patch === null ? context.env : { ...context.env, SLIPWAY_REQUEST: patch };
  const applyArgv = patch === null ? ['true'] : buildExchangeArgv(new URL(plan.admin).host);
  if (file !== null) {
    const render = (now: string | null): string => {
      const there = now === null ? null : readSnippet(now, plan.upstreams);
      if (from !== null && there !== to && there !== from) throw foreignFile(host, file, from, now);
      return renderSnippet(fence, plan.upstreams[to]);
    };
    const said = await applyFile({
      ...{ host, fence, env, present, file, render },
      isTeams: true,
      testCommand: null,
      applyArgv,
    });
    return patch === null ? null : said;
  }
  if (patch === null) return null;
  const result = await host.run({ argv: applyArgv, isTeams: true, env, fence, timeoutMs: TIMEOUT_MS });
  if (result.exitCode === 0) return result.stdout;
  throw new Error(`${host.name}: Caddy's admin API ${plan.admin} does not answer: ${result.stderr.trim()}`);
}

function patchOf(plan: CaddyPlan, { etag }: Running, proxy: FoundProxy, to: Colour): string {
  const path = [plan.path, ...proxy.keys.map((key) => encodeURIComponent(key))].join('/');
  return buildPatch(plan.admin, path, etag, pointAt(proxy, plan.upstreams[to]));
}

async function lookAtRunning({ host, plan }: CaddyContext): Promise<Running> {
  const { tree, etag } = await readConfiguration(host, plan.admin, plan.path);
  const proxies = findProxies(tree, plan.upstreams);
  const [first, ...others] = new Set(proxies.map(({ colour }) => colour));
  return { proxies, etag, colour: others.length === 0 ? (first ?? null) : null, dials: listDials(tree) };
}

async function readSnippetFile({ host, plan }: CaddyContext): Promise<string | null> {
  return plan.file === null ? null : host.readFile(plan.file);
}

function requireWords(plan: CaddyPlan): CaddyPlan {
  if (plan.file !== null) requirePath(plan.file, 'traffic.file');
  // Caddy accepts any text as an address, and then answers 502
  requireAddress(plan.upstreams.blue, 'traffic.upstreams.blue');
  requireAddress(plan.upstreams.green, 'traffic.upstreams.green');
  return plan;
}

function requireOurs({ host, plan }: CaddyContext, { proxies, dials }: Running, from: Colour | null): void {
  if (proxies.length > 0) return;
  const { blue, green } = plan.upstreams;
  const details = {
    what: `Caddy has no reverse_proxy to ${blue} or ${green}; it has ${dials.join(', ') || 'none'}`,
    where: host.name,
    why: null,
    wayOut: 'name the addresses as its configuration does, with the colour that has the traffic there now',
  };
  // without a file Caddy itself is what we have written
  throw plan.file === null && from !== null ? foreignHand(details) : refused(details);
}
