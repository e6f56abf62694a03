/** People name an environment; here it becomes the workflow that decides. Pure: reads the environment's status. */
import { typedWord } from '../pipeline/typed-word.js';
import type { Announcement, EnvironmentStatus } from '../workflows/messages.js';
import { environmentId, laneId } from '../workflows/names.js';
import { badInput, refused, type UserError } from './user-error.js';

export interface DecisionTarget {
  workflowId: string;
  kind: 'release' | 'promotion' | 'lane' | 'environment';
  version: string;
}

/** The promotion that waits: what approve and reject mean. Throws UserError when there is none, or more than one. */
export function findWaitingPromotion(
  status: EnvironmentStatus,
  version: string | null,
  verb: string,
): DecisionTarget {
  const waiting = underway(status).filter(
    (one) => one.phase === 'waiting' && isPromotion(one) && matches(one.version, version),
  );
  return {
    kind: 'promotion',
    ...single(waiting, status, verb, `nothing${ofVersion(version)} waits for a decision`),
  };
}

/** The change in flight: what switch, back, retry and skip-host mean. */
export function findLane(status: EnvironmentStatus, version: string | null): DecisionTarget {
  const { inFlight, environment, pipeline } = status;
  if (inFlight === null || !matches(inFlight.request.version, version)) {
    throw refused({
      what: `no change${ofVersion(version)} is in flight`,
      where: environment,
      why: describe(status),
      wayOut: `see what there is: slipway status ${environment}`,
    });
  }
  return { kind: 'lane', workflowId: laneId(pipeline, environment), version: inFlight.request.version };
}

/** What abort and pause mean: the change in flight or, before it, the promotion. Two candidates need `--version`. */
export function findAnyInFlight(
  status: EnvironmentStatus,
  version: string | null,
  verb: string,
): DecisionTarget {
  const { inFlight } = status;
  const others = underway(status).filter(
    (one) => one.workflowId !== inFlight?.request.promotionId && matches(one.version, version),
  );
  const inLane = inFlight !== null && matches(inFlight.request.version, version);
  if (inLane && others.length === 0) return findLane(status, version);
  const candidates = inLane
    ? [
        { workflowId: laneId(status.pipeline, status.environment), version: inFlight.request.version },
        ...others,
      ]
    : others;
  const chosen = single(candidates, status, verb, `nothing${ofVersion(version)} is in flight`);
  return { kind: kindOf(chosen.workflowId), ...chosen };
}

/** As pause, and the environment itself after a person has looked at what an unwind left behind. */
export function findPaused(status: EnvironmentStatus, version: string | null): DecisionTarget {
  if (status.inFlight === null && status.needsPerson !== null) {
    const { pipeline, environment, live } = status;
    return {
      kind: 'environment',
      workflowId: environmentId(pipeline, environment),
      version: live?.version ?? '',
    };
  }
  return findAnyInFlight(status, version, 'resume');
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
  found: { workflowId: string; version: string }[],
  status: EnvironmentStatus,
  verb: string,
  none: string,
): { workflowId: string; version: string } {
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
  const versions = new Set(found.map((one) => one.version));
  if (found.length > 1) {
    const list = [...versions].join(', ');
    throw badInput({
      what: `${String(found.length)} are in flight: ${list}`,
      where: environment,
      wayOut:
        versions.size > 1
          ? `say which: slipway ${verb} ${environment} --version ${typedWord(first.version)}`
          : `let the older one end: slipway status ${environment}`,
      docs: 'docs/commands.md#deciding',
    });
  }
  return { workflowId: first.workflowId, version: first.version };
}

function matches(candidate: string, version: string | null): boolean {
  return version === null || candidate === version;
}

function ofVersion(version: string | null): string {
  return version === null ? '' : ` of ${version}`;
}

/** null = nothing, which whoever asks has said already. */
function describe(status: EnvironmentStatus): string | null {
  const flights = [
    ...(status.inFlight === null ? [] : [`${status.inFlight.request.version} is in flight`]),
    ...underway(status).map((one) => `${one.version} is ${one.phase}`),
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
