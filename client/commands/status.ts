import { forcedGates } from '../../workflows/forced.js';
import { wayOutForPerson } from '../../workflows/environment-memory.js';
import type { HostWaiting, ProgressStatus } from '../../workflows/messages.js';
import type { HostApart } from '../../workflows/result.js';
import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { withQueue } from '../merge-progress.js';
import { failureOf, healthOf } from '../needs-hands.js';
import type { EnvironmentView } from '../render/status.js';
import type { SlipwayClient } from '../release-client.js';

export const status: CommandSpec = {
  name: 'status',
  arguments: '[environment]',
  summary: 'what is live, what is in flight, what needs you',
  options: [{ flags: '--watch', summary: 'look again every two seconds until Ctrl-C' }],
  examples: ['slipway status', 'slipway status prod --json'],
  exits: [EXIT.done, EXIT.interrupted],
  run: showStatus,
};

const LOOK_AGAIN_MS = 2_000;

async function showStatus(invocation: Invocation): Promise<Outcome> {
  const { openClient, listFileEnvironments } = await import('../session.js');
  const { renderStatus } = await import('../render/status.js');
  const { withQueue } = await import('../merge-progress.js');
  const toData = (view: EnvironmentView): unknown => describeEnvironment(view, withQueue);
  const client = await openClient(invocation);
  const { args, style, terminal, global } = invocation;
  const [asked] = args;
  const look = async (): Promise<EnvironmentView[]> => {
    const names =
      asked === undefined ? await listNames(client, await listFileEnvironments(invocation)) : [asked];
    const views =
      asked === undefined
        ? await viewAll(client, names)
        : await Promise.all(names.map((name) => viewEnvironment(client, name)));
    if (asked !== undefined && views[0]?.status === null) await client.requireKnown(asked);
    return views;
  };
  const show = (views: EnvironmentView[]): string =>
    renderStatus(style, client.pipeline, views, new Date(), asked !== undefined);
  if (!invocation.has('watch')) {
    const views = await look();
    const data = { pipeline: client.pipeline, environments: views.map(toData) };
    return { exit: EXIT.done, data, screen: show(views) };
  }
  const { setTimeout: sleep } = await import('node:timers/promises');
  const screen = global.json ? null : ((await terminal.openScreen?.()) ?? null);
  let last = '';
  try {
    while (!terminal.interrupted.aborted) {
      const views = await look();
      last = show(views);
      const event = { schema: 1, event: 'status', data: { environments: views.map(toData) } };
      if (global.json) terminal.out(`${JSON.stringify(event)}\n`);
      else if (screen === null) terminal.out(last);
      else screen.draw(last);
      await sleep(LOOK_AGAIN_MS, undefined, { signal: terminal.interrupted }).catch(() => undefined);
    }
  } finally {
    screen?.close();
  }
  if (screen !== null) terminal.out(last);
  return { exit: EXIT.interrupted, data: null, screen: '', written: true };
}

/** The file's environments in its order, then those only Temporal knows. */
async function listNames(client: SlipwayClient, fromFile: string[]): Promise<string[]> {
  const known = await client.link.ask(() => client.listEnvironments());
  return [...new Set([...fromFile, ...known])];
}

/** One that answers with nonsense, or not at all, hides no other. Throws UserError when none can be told. */
async function viewAll(client: SlipwayClient, names: string[]): Promise<EnvironmentView[]> {
  const { UserError } = await import('../user-error.js');
  const views = await Promise.all(
    names.map((name) =>
      viewEnvironment(client, name).catch((unknown: unknown): EnvironmentView => {
        if (!(unknown instanceof UserError)) throw unknown;
        return { name, status: null, change: null, promotions: new Map(), unknown };
      }),
    ),
  );
  const [first] = views;
  if (first?.unknown !== undefined && views.every(({ unknown }) => unknown !== undefined))
    throw first.unknown;
  return views;
}

async function viewEnvironment(client: SlipwayClient, name: string): Promise<EnvironmentView> {
  const { askChangeInFlight } = await import('../change-in-flight.js');
  const { isPromotion, underway } = await import('../targets.js');
  const found = await client.status(name);
  const promotions = new Map<string, ProgressStatus>();
  if (found === null) return { name, status: null, change: null, promotions };
  for (const { workflowId } of underway(found).filter(isPromotion)) {
    const progress = await client.progress(workflowId);
    if (progress !== null) promotions.set(workflowId, progress);
  }
  const change = found.inFlight === null ? null : await askChangeInFlight(client, name);
  return { name, status: found, change, promotions };
}

function describeEnvironment(
  { name, status: found, change, promotions, unknown }: EnvironmentView,
  complete: typeof withQueue,
): unknown {
  const live = found?.live ?? null;
  return {
    name,
    live:
      live === null
        ? null
        : {
            version: live.version,
            commit: live.commit.sha,
            colour: live.colour,
            images: live.artifacts.map(({ name, digest }) => ({ name, digest })),
            forced: forcedGates(live),
            decisions: found?.said?.decisions ?? [],
            denials: found?.said?.denials ?? [],
          },
    since: live?.at ?? null,
    health: healthOf(found, change),
    ...(unknown === undefined ? {} : { unknown: unknown.what }),
    needsPerson: found?.needsPerson ?? null,
    ...(found?.needsPerson == null ? {} : { wayOut: wayOutForPerson(found) }),
    apart: found?.apart?.map(toApart) ?? [],
    queue: found?.queue.map(({ version }) => version) ?? [],
    waiting: [...promotions].map(([workflowId, raw]) => toWaiting(workflowId, complete(raw, found))),
    ...(found?.inFlight == null
      ? {}
      : {
          inFlight: {
            version: found.inFlight.request.version,
            requestId: found.inFlight.request.requestId,
            kind: found.inFlight.request.kind,
            state: change?.state ?? null,
            waitingFor: change?.waitingFor ?? null,
            steps: change?.steps ?? [],
            unwind: change?.unwind ?? [],
            failure: change === null ? null : failureOf(change),
            apart: found.inFlight.apart?.map(toApart) ?? [],
            ...(change?.stopped === undefined ? {} : { stopped: change.stopped }),
            decisions: change?.decisions ?? [],
            denials: change?.denials ?? [],
          },
        }),
    ...(found?.freeze == null ? {} : { freeze: found.freeze }),
    denials: found?.denials ?? [],
  };
}

/** A host of the change in flight has no `againAt` yet: the environment says it once that has ended. */
function toApart({ host, state, why, since, ...more }: HostApart & Partial<HostWaiting>): unknown {
  const { againAt = null, tries = 0, wordOf } = more;
  return { host, state, why, since, againAt, tries, ...(wordOf === undefined ? {} : { wordOf }) };
}

function toWaiting(workflowId: string, promotion: ProgressStatus): unknown {
  const { version, state, waitingFor, waitingSince, waitEnds, approving } = promotion;
  const { approvals, decisions = [], denials = [] } = promotion;
  return {
    version,
    requestId: approving?.requestId ?? null,
    state,
    waitingFor,
    since: waitingSince,
    ends: waitEnds,
    approvals,
    decisions,
    denials,
    workflowId,
  };
}
