/** What became of a release: where it serves, and everything that is not as it must be after any fault. */
import { isDeepStrictEqual } from 'node:util';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { laneId, promotionId } from '../../workflows/names.js';
import { messageOf } from '../../workflows/promotion-end.js';
import type { FailureReport, PromotionResult, ReleaseResult } from '../../workflows/result.js';
import { runsEverywhere } from '../support/change-scene.js';
import { planKey, type FakeEnvironment, type Slot } from '../support/fake-world.js';
import { endOf } from '../support/promotion-scene.js';
import { VERSION, type Place, type ReleaseCase } from './matrix-of-releases.js';

/** `new` the release wholly, `old` exactly what was there before, else what is there. */
type Served = 'old' | 'new' | { halfDone: FakeEnvironment | undefined };

export interface Verdict {
  state: ReleaseResult['state'] | 'none';
  served: Record<string, Served>;
  /** Empty when all is as it must be. */
  wrong: string[];
}

export interface Expectations {
  /** Requests for a change that may have come in; more than one where a person asked again. */
  requests?: number;
  /** Times a build may have begun; more than one where a worker died in the middle of it. */
  builds?: number;
}

type Ended<Result> = Result & { red: boolean; message: string };

/** Follows the release and the older one to their ends, then looks at everything that could be left behind. */
export async function judgeRelease(run: ReleaseCase, expected: Expectations = {}): Promise<Verdict> {
  const wrong: string[] = [];
  const end = await endOfRelease(run, wrong);
  await endOlder(run, wrong);
  const served: Verdict['served'] = {};
  for (const place of run.places) {
    const { name } = place.plan;
    const now = judgePlace(run, place);
    served[name] = now;
    wrong.push(...(await leftBehind(run, place, now, expected)).map((what) => `${name}: ${what}`));
    const promotion = end?.promotions.find((each) => each.environment === name);
    if (promotion !== undefined)
      wrong.push(...contradictions(promotion, now).map((what) => `${name}: ${what}`));
  }
  const { begun = 0 } = run.harness.world.glance().builds[planKey(run.pipeline, run.request.commit)] ?? {};
  if (begun > (expected.builds ?? 1)) wrong.push(`built ${begun} times`);
  if (end !== null) wrong.push(...untold(run, end));
  return { state: end?.state ?? 'none', served, wrong };
}

async function endOfRelease(run: ReleaseCase, wrong: string[]): Promise<Ended<ReleaseResult> | null> {
  try {
    return await endOf<ReleaseResult>(run.handle);
  } catch (error) {
    wrong.push(`the release ended without a result: ${String(error)}`);
    return null;
  }
}

/** It is either replaced or still there: never lost. */
async function endOlder({ older }: ReleaseCase, wrong: string[]): Promise<void> {
  if (older === null) return;
  await older.handle.signal('abort', { by: 'irina' }).catch((error: unknown) => {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  });
  const { state } = await older.end();
  if (state !== 'superseded' && state !== 'aborted') wrong.push(`the older one is ${state}`);
}

function judgePlace({ harness, request, pipeline }: ReleaseCase, { plan, scene, before }: Place): Served {
  const now = scene.now();
  const serving = plan.strategy === 'blue-green' ? (now?.proxy ?? 'live') : 'live';
  const pushed = harness.world.glance().builds[planKey(pipeline, request.commit)]?.pushed ?? 'nothing';
  const runs = slotsOf(now);
  const isWhole = Object.values(runs).every((running) => running.length === 1);
  if (isWhole && runs[serving][0] === `${VERSION}@${pushed}`) return 'new';
  return isDeepStrictEqual(scene.visible(), before) ? 'old' : { halfDone: now };
}

/** What runs in each slot, on all hosts together. */
function slotsOf(now: FakeEnvironment | undefined): Record<Slot, (string | null)[]> {
  const hosts = Object.values(now?.hosts ?? {});
  const runningIn = (slot: Slot): (string | null)[] => [...new Set(hosts.map((host) => host.slots[slot]))];
  return { live: runningIn('live'), blue: runningIn('blue'), green: runningIn('green') };
}

async function leftBehind(
  { harness, request, pipeline, earlierRequests }: ReleaseCase,
  { plan, scene, environment }: Place,
  now: Served,
  { requests = 1 }: Expectations,
): Promise<string[]> {
  const { queue, inFlight, announced, needsPerson, live, warm, token } = await environment.status();
  const recorded = now === 'new' ? VERSION : (scene.live?.version ?? 'nothing');
  const remembered = live?.version ?? 'nothing';
  const promotions = [request.requestId, ...earlierRequests];
  const ids = [
    laneId(pipeline, plan.name),
    ...promotions.map((requestId) => promotionId(pipeline, plan.name, requestId)),
  ];
  const open: string[] = [];
  for (const id of ids) if (await isOpen(harness.client, id)) open.push(id);
  return [
    ...queue.map(({ version }) => `${version} stands in the queue`),
    ...(inFlight === null ? [] : [`${inFlight.request.version} is in flight`]),
    ...announced.map(({ version, phase }) => `${version} is announced as ${phase}`),
    ...(needsPerson === null ? [] : [`waits for a person: ${needsPerson}`]),
    ...(warm === null || runsEverywhere(scene, warm.record.colour ?? 'live', warm.record.version)
      ? []
      : [`${warm.record.version} is recorded as warm and does not run`]),
    ...(remembered === recorded ? [] : [`${remembered} is recorded as live, ${recorded} serves`]),
    // The environments begin with token 1, and each change takes the next.
    ...(token - 1 <= requests ? [] : [`changed ${token - 1} times`]),
    ...open.map((id) => `${id} is still open`),
  ];
}

async function isOpen(client: Client, workflowId: string): Promise<boolean> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** What a promotion says must be what is there. */
function contradictions({ state, clean, failure, change }: PromotionResult, now: Served): string[] {
  return [
    // Of a promotion that was terminated its change may have reached its end all the same.
    ...((change?.state === 'succeeded' ? now === 'new' : now === 'old')
      ? []
      : [`${state}, though it serves ${JSON.stringify(now)}`]),
    ...(clean ? [] : ['not clean']),
    ...(state === 'succeeded' && change?.state !== 'succeeded' ? ['succeeded without its change'] : []),
    ...((state === 'failed') === (failure !== null)
      ? []
      : [`${state} with failure ${JSON.stringify(failure)}`]),
    ...missingIn(failure),
  ];
}

/** What its result does not say, says twice or says wrongly. */
function untold(run: ReleaseCase, end: Ended<ReleaseResult>): string[] {
  const { state, failure, red, message, headline } = end;
  const all = run.places.map(({ plan }) => plan.name);
  const told = [...end.promotions, ...end.skipped].map(({ environment }) => environment);
  const failed = state === 'failed';
  return [
    ...told.filter((name, index) => told.indexOf(name) !== index).map((name) => `tells of ${name} twice`),
    ...(state === 'succeeded'
      ? all.filter((name) => !told.includes(name)).map((name) => `is silent of ${name}`)
      : []),
    ...(failed === red && failed === (failure !== null)
      ? []
      : [`${state}, red ${String(red)}, failure ${JSON.stringify(failure)}`]),
    ...(!red || message === messageOf(failure, headline) ? [] : [`its message is ${message}`]),
    ...missingIn(failure),
  ];
}

function missingIn(failure: FailureReport | null): string[] {
  if (failure === null) return [];
  const { what, where, wayOut } = failure;
  return Object.entries({ what, where, wayOut })
    .filter(([, text]) => text.trim() === '')
    .map(([name]) => `its failure has no ${name}`);
}
