/** People name an environment; here it becomes the workflow that decides. Pure: reads the environment's status. */
import { typedWord } from '../pipeline/typed-word.js';
import type { Announcement, EnvironmentStatus } from '../workflows/messages.js';
import { environmentId, laneId } from '../workflows/names.js';
import { formatMoment } from './render/time.js';
import { badInput, refused, type UserError } from './user-error.js';

export interface DecisionTarget extends Named {
  workflowId: string;
  kind: 'release' | 'promotion' | 'lane' | 'environment';
}

/** What `--version` takes: the version or, where two of one version are on their way, the request id. */
interface Named {
  version: string;
  requestId: string;
}

interface Candidate extends Named {
  workflowId: string;
  /** `waiting since 14 Nov 10:00 UTC`. */
  how: string;
}

/** The promotion that waits: what approve and reject mean. Throws UserError when there is none, or more than one. */
export function findWaitingPromotion(
  status: EnvironmentStatus,
  version: string | null,
  verb: string,
): DecisionTarget {
  const waiting = underway(status).filter(
    (one) => one.phase === 'waiting' && isPromotion(one) && matches(one, version),
  );
  return {
    kind: 'promotion',
    ...single(waiting.map(toCandidate), status, verb, `nothing${ofVersion(version)} waits for a decision`),
  };
}

/** The change in flight: what switch and back mean. */
export function findLane(status: EnvironmentStatus, version: string | null): DecisionTarget {
  const { inFlight, environment, pipeline } = status;
  if (inFlight === null || !matches(inFlight.request, version)) {
    throw refused({
      what: `no change${ofVersion(version)} is in flight`,
      where: environment,
      why: describe(status),
      wayOut: `see what there is: slipway status ${environment}`,
    });
  }
  const { version: inLane, requestId } = inFlight.request;
  return { kind: 'lane', workflowId: laneId(pipeline, environment), version: inLane, requestId };
}

/** What retry and skip-host mean where no change is in flight: hosts in quarantine, of which `host` null = any. */
export function findHolding(
  status: EnvironmentStatus,
  version: string | null,
  host: string | null,
): DecisionTarget {
  const { inFlight, apart = [] } = status;
  // a host of another name is the environment's to refuse: it says the names
  const isApart = apart.some(({ state }) => state === 'quarantined' || host !== null);
  if (inFlight !== null || version !== null) return findLane(status, version);
  if (isApart) return environmentOf(status);
  throw refused({
    what: 'no change is in flight, and no host is in quarantine',
    where: status.environment,
    why: describe(status),
    wayOut: `see what there is: slipway status ${status.environment}`,
  });
}

/** The name of a host here: `10.0.0.7` is `deploy@10.0.0.7:22` if no other is there; what nobody has, as it was typed. */
export function nameHost({ apart = [], inFlight }: EnvironmentStatus, typed: string): string {
  const hosts = inFlight?.request.plan.hosts ?? [];
  const names = [...new Set([...apart.map(({ host }) => host), ...hosts.map(({ name }) => name)])];
  const like = names.filter((name) => name.replace(/^.*@/, '').replace(/:\d+$/, '') === typed);
  return names.includes(typed) || like.length > 1 ? typed : (like[0] ?? typed);
}

/** What abort and pause mean: the change in flight or, before it, the promotion. Two candidates need `--version`. */
export function findAnyInFlight(
  status: EnvironmentStatus,
  version: string | null,
  verb: string,
): DecisionTarget {
  const { inFlight } = status;
  const others = beforeTheLane(status).filter((one) => matches(one, version));
  const inLane = inFlight !== null && matches(inFlight.request, version);
  if (inLane && others.length === 0) return findLane(status, version);
  const lane = inLane ? [{ ...findLane(status, version), how: 'in the lane' }] : [];
  const candidates = [...lane, ...others];
  const chosen = single(candidates, status, verb, `nothing${ofVersion(version)} is in flight`);
  return { kind: kindOf(chosen.workflowId), ...chosen };
}

/**
 * Whose change is not in flight, each once. A promotion that waits for nothing stands under its release's announcement,
 * and takes the word about itself: the release would take it for every environment.
 */
function beforeTheLane(status: EnvironmentStatus): Candidate[] {
  const { inFlight, queue } = status;
  const announced = announcedBeforeLane(status);
  const queued = queue.filter(({ requestId }) => requestId !== inFlight?.request.requestId);
  const promotionOf = ({ requestId }: Named): string | null =>
    queued.find((request) => request.requestId === requestId)?.promotionId ?? null;
  const unannounced = queued.filter(({ requestId }) => !announced.some((one) => one.requestId === requestId));
  return [
    ...announced.map((one) => {
      const candidate = toCandidate(one);
      return { ...candidate, workflowId: promotionOf(one) ?? candidate.workflowId };
    }),
    ...unannounced.flatMap(({ promotionId, version, requestId }) =>
      promotionId === null ? [] : [{ workflowId: promotionId, version, requestId, how: 'queued' }],
    ),
  ];
}

/** What is in flight keeps its announcement, that of its promotion or of its release. */
function announcedBeforeLane(status: EnvironmentStatus): Announcement[] {
  const request = status.inFlight?.request;
  return underway(status).filter(
    (one) => one.requestId !== request?.requestId && one.workflowId !== request?.promotionId,
  );
}

/** As pause, and the environment itself after a person has looked at what an unwind left behind. */
export function findPaused(status: EnvironmentStatus, version: string | null): DecisionTarget {
  if (status.inFlight === null && status.needsPerson !== null) {
    return environmentOf(status);
  }
  return findAnyInFlight(status, version, 'resume');
}

export function environmentOf({ pipeline, environment, live }: EnvironmentStatus): DecisionTarget {
  const workflowId = environmentId(pipeline, environment);
  return { kind: 'environment', workflowId, version: live?.version ?? '', requestId: '' };
}

/** Releases being built and promotions, on their way here. */
export function underway(status: EnvironmentStatus): Announcement[] {
  return status.announced.filter((one) => one.phase !== 'ended');
}

export function isPromotion(one: { workflowId: string }): boolean {
  return kindOf(one.workflowId) === 'promotion';
}

function kindOf(workflowId: string): DecisionTarget['kind'] {
  const [first] = workflowId.split('/');
  return first === 'lane' || first === 'release' ? first : 'promotion';
}

function single(
  found: Candidate[],
  status: EnvironmentStatus,
  verb: string,
  none: string,
): Named & { workflowId: string } {
  const { environment } = status;
  const [first] = found;
  if (first === undefined) {
    throw refused({
      what: none,
      where: environment,
      why: describe(status),
      wayOut: `see what there is: slipway status ${environment}`,
    });
  }
  if (found.length > 1) {
    const named = found.map((one) => {
      const name = nameAmong(found, one);
      return name === one.version ? name : `${name} (${one.how})`;
    });
    throw badInput({
      what: `${String(found.length)} are in flight: ${named.join(', ')}`,
      where: environment,
      wayOut: `say which: slipway ${verb} ${environment} ${found.map((one) => `--version ${typedWord(nameAmong(found, one))}`).join(', or ')}`,
      docs: 'docs/commands.md#deciding',
    });
  }
  const { workflowId, version, requestId } = first;
  return { workflowId, version, requestId };
}

/** By its version where that says which, else by its request id: `v3.0.0-3fa9c1d2`. */
export function nameAmong(all: readonly Named[], { version, requestId }: Named): string {
  return all.some((other) => other.version === version && other.requestId !== requestId)
    ? requestId
    : version;
}

function toCandidate({ workflowId, version, requestId, phase, since }: Announcement): Candidate {
  return { workflowId, version, requestId, how: `${phase} since ${formatMoment(since)}` };
}

/** `wanted`: a version or a request id; null = any. */
export function matches({ version, requestId }: Named, wanted: string | null): boolean {
  return wanted === null || version === wanted || requestId === wanted;
}

function ofVersion(version: string | null): string {
  return version === null ? '' : ` of ${version}`;
}

/** null = nothing, which whoever asks has said already. */
function describe(status: EnvironmentStatus): string | null {
  const flights = [
    ...(status.inFlight === null ? [] : [`${status.inFlight.request.version} is in flight`]),
    ...announcedBeforeLane(status).map((one) => `${one.version} is ${one.phase}`),
  ];
  return flights.length === 0 ? null : flights.join(', ');
}

/** It was there when it was looked for. */
export function endedMeanwhile(environment: string): UserError {
  return refused({
    what: 'it has ended meanwhile',
    where: environment,
    wayOut: `slipway status ${environment}`,
  });
}
