/** What an environment remembers of its releases: which were good, which to go back to, what every request came to. Pure. */
import type { ChangeKind, ChangeRequest, EnvironmentRequest, EnvironmentState } from './messages.js';
import { backupOf, refuseHostOfBackup } from './database-way.js';
import type { ChangeResult, FailureReport, ReleaseRecord } from './result.js';
import { shownOf } from './taken-decisions.js';

const GOOD_KEPT = 20;
/** Of the records of good releases, each with its whole plan; the newest few are kept whatever they take. */
const GOOD_CHARACTERS = 512 * 1024;
const GOOD_KEPT_ALWAYS = 3;
const PROCESSED_KEPT = 200;
const STEPS_KEPT = 20;
const APART_KEPT = 20;
const DECISIONS_KEPT = 200;

export function newEnvironment(pipeline: string, environment: string): EnvironmentState {
  return {
    pipeline,
    environment,
    token: 0,
    live: null,
    warm: null,
    good: [],
    queue: [],
    inFlight: null,
    announced: [],
    freeze: null,
    processed: [],
    needsPerson: null,
    decided: [],
  };
}

/** What helps where a person must look; of what an older worker wrote down, nothing more is known. */
export function wayOutForPerson({
  environment,
  personsWayOut,
}: Pick<EnvironmentState, 'environment' | 'personsWayOut'>): string {
  const resume = `slipway resume ${environment}`;
  if (personsWayOut === undefined) return `look at it and mend it, then ${resume}`;
  // what failed knows what helps it, and not that nothing enters here until somebody has said so
  return /\bslipway (resume|rollback)\b/.test(personsWayOut)
    ? personsWayOut
    : `${personsWayOut}; then ${resume}`;
}

/** What has the traffic: the live release, or the one a change in flight has switched to. */
export function serving(state: EnvironmentState): ReleaseRecord | null {
  const cutover = state.inFlight?.cutover ?? null;
  return cutover !== null && cutover.switching ? cutover.target : state.live;
}

/**
 * The good list with `record`, which `kind` just made live. Going back keeps the order, so that the next step
 * back is older still; a deploy goes first and forgets the releases people rolled away from.
 */
export function rememberGood(
  state: EnvironmentState,
  record: ReleaseRecord,
  kind: ChangeKind,
): ReleaseRecord[] {
  const { good, live } = state;
  const place = good.findIndex((each) => isSameRelease(each, record));
  if (place >= 0 && (kind !== 'deploy' || place >= placeOf(good, live))) return good.with(place, record);
  const others = goodNow(state).filter((each) => each.version !== record.version);
  return asFarAsTheyFit([record, ...others].slice(0, GOOD_KEPT));
}

/** All that an environment remembers goes through continue-as-new in one payload (2 MB at most). */
function asFarAsTheyFit(records: ReleaseRecord[]): ReleaseRecord[] {
  let characters = 0;
  return records.filter((record, place) => {
    characters += JSON.stringify(record).length;
    return place < GOOD_KEPT_ALWAYS || characters <= GOOD_CHARACTERS;
  });
}

/** The good releases as of now, newest first: those rolled away from do not count. */
export function goodNow({ good, live }: EnvironmentState): ReleaseRecord[] {
  return good.slice(placeOf(good, live));
}

function placeOf(good: ReleaseRecord[], live: ReleaseRecord | null): number {
  return live === null
    ? 0
    : Math.max(
        0,
        good.findIndex((each) => isSameRelease(each, live)),
      );
}

function isSameRelease(one: ReleaseRecord, other: ReleaseRecord): boolean {
  return one.version === other.version && one.commit.sha === other.commit.sha;
}

/** `isDenied`: for want of somebody's word, which may still come. */
export type Resolved = { request: ChangeRequest } | { refused: FailureReport; isDenied?: boolean };

/** Fills a rollback or redeploy in from the records; a change comes complete. */
export function resolveRequest(state: EnvironmentState, asked: EnvironmentRequest): Resolved {
  switch (asked.type) {
    case 'change': {
      const { pipeline, name } = asked.request.plan;
      return pipeline === state.pipeline && name === state.environment
        ? { request: asked.request }
        : { refused: plannedElsewhere(state, asked.request) };
    }
    case 'redeploy':
      return state.live === null
        ? { refused: nothingLive(state) }
        : { request: requestFor(state.live, 'redeploy', asked) };
    case 'rollback': {
      const underway = rollbackUnderway(state, asked.version);
      if (underway !== null) return { refused: alreadyUnderway(state, underway) };
      const record = asked.version === null ? lastGoodBefore(state) : findGood(state, asked.version);
      if (record === null) return { refused: noSuchGood(state, asked.version) };
      const request = requestFor(record, 'rollback', asked);
      return asked.restoreDatabase === undefined
        ? { request }
        : withRestore(state, request, asked.restoreDatabase);
    }
  }
}

type Asked = Pick<ChangeRequest, 'requestId' | 'actor' | 'reason'>;

export function requestFor(record: ReleaseRecord, kind: ChangeKind, asked: Asked): ChangeRequest {
  const { version, commit, plan, artifacts, receipts, database, backup } = record;
  const { requestId, actor, reason } = asked;
  return {
    requestId,
    kind,
    version,
    commit,
    plan,
    artifacts,
    actor,
    reason,
    evidence: record.evidence ?? [],
    ...(receipts === undefined ? {} : { receipts }),
    ...(database === undefined ? {} : { database }),
    ...(backup === undefined ? {} : { backup }),
    promotionId: null,
  };
}

/** The backup that was named is the one that belongs to this release, and can be restored. */
function withRestore(state: EnvironmentState, request: ChangeRequest, name: string): Resolved {
  const refusal = refuseRestore(state, request);
  if (refusal !== null) return { refused: refusal };
  const found = backupOf(state, request);
  if (found?.backup.name === name) return { request: { ...request, restore: found.backup } };
  const { environment, pipeline } = state;
  return {
    refused: {
      what: `${name} is not the backup of the database as ${request.version} left it`,
      where: `${pipeline} ${environment}`,
      why: `that one is ${found?.backup.name ?? 'none'}`,
      wayOut: `slipway rollback ${environment} ${request.version} --restore-database shows it and asks`,
    },
  };
}

/** Why the database of an environment cannot be restored to how this release left it; null = it can. */
export function refuseRestore(
  state: Pick<EnvironmentState, 'pipeline' | 'environment' | 'good' | 'live' | 'inFlight'>,
  comesBack: Pick<ReleaseRecord, 'version' | 'commit'>,
): FailureReport | null {
  const { pipeline, environment, live, inFlight } = state;
  const { version } = comesBack;
  const where = `${pipeline} ${environment}`;
  const byHand = `restore it by hand, then slipway rollback ${environment} ${version}`;
  if (inFlight !== null)
    return {
      what: `${environment} is changing: nothing is restored beside that`,
      ...{ where, why: `${inFlight.request.kind} of ${inFlight.request.version} is in flight` },
      wayOut: `slipway watch ${environment}; slipway abort ${environment} stops and undoes it`,
    };
  if (live?.plan.database?.restore == null)
    return {
      what: `the pipeline file of ${live?.version ?? 'what is live'} says nowhere how its database is restored`,
      ...{ where, why: null, wayOut: `${byHand}; for the next time add database: {restore: …}` },
    };
  const found = backupOf(state, comesBack);
  const { plan } = live;
  if (found !== null)
    return refuseHostOfBackup(found.backup, { plan, hosts: plan.hosts, comesBack: version });
  return {
    what: `no backup is known of the database as ${version} left it`,
    where,
    why: 'it is made before the migration of the release that comes next, where database has migrate and backup',
    wayOut: byHand,
  };
}

function lastGoodBefore(state: EnvironmentState): ReleaseRecord | null {
  const now = serving(state);
  if (now === null) return state.good[0] ?? null;
  const place = state.good.findIndex((each) => isSameRelease(each, now));
  const older = place >= 0 ? state.good.slice(place + 1) : goodNow(state);
  return older.find((each) => each.version !== now.version) ?? null;
}

function findGood(state: EnvironmentState, version: string): ReleaseRecord | null {
  return state.good.find((each) => each.version === version) ?? null;
}

/** Two people who see the same fault ask for the same step back, once each. */
export function rollbackUnderway(
  { inFlight, queue }: Pick<EnvironmentState, 'inFlight' | 'queue'>,
  version: string | null,
): ChangeRequest | null {
  const requests = [...(inFlight === null ? [] : [inFlight.request]), ...queue];
  return (
    requests.find((each) => each.kind === 'rollback' && (version === null || each.version === version)) ??
    null
  );
}

/** Nothing is left to do for a rollback to it; where a person must look it may repair what is there. */
export function isThereAlready(
  { live, inFlight, needsPerson }: Pick<EnvironmentState, 'live' | 'inFlight' | 'needsPerson'>,
  { kind, version, commit, restore }: Pick<ChangeRequest, 'kind' | 'version' | 'commit' | 'restore'>,
): boolean {
  if (kind !== 'rollback' || restore !== undefined || inFlight !== null || needsPerson !== null) return false;
  return live?.version === version && live.commit.sha === commit.sha;
}

function alreadyUnderway({ environment, pipeline }: EnvironmentState, request: ChangeRequest): FailureReport {
  return {
    what: `a rollback to ${request.version} is under way already`,
    where: `${pipeline} ${environment}`,
    why: `asked for by ${request.actor.by}`,
    wayOut: `slipway watch ${environment}; further back: slipway rollback ${environment} VERSION`,
  };
}

function plannedElsewhere(
  { environment, pipeline }: EnvironmentState,
  request: ChangeRequest,
): FailureReport {
  const { plan, version } = request;
  return {
    what: `${version} was planned for ${plan.pipeline} ${plan.name}`,
    where: `${pipeline} ${environment}`,
    why: null,
    wayOut: `slipway release ${version} --to ${environment}`,
  };
}

function nothingLive({ environment, pipeline }: EnvironmentState): FailureReport {
  return {
    what: 'nothing is live, so there is nothing to deploy again',
    where: `${pipeline} ${environment}`,
    why: null,
    wayOut: `slipway release VERSION --to ${environment}`,
  };
}

function noSuchGood(state: EnvironmentState, version: string | null): FailureReport {
  const { environment, pipeline, good } = state;
  const known = good.map((each) => each.version).join(', ');
  return {
    what:
      version === null
        ? `no earlier good release than ${serving(state)?.version ?? 'nothing'}`
        : `${version} is not among the good releases`,
    where: `${pipeline} ${environment}`,
    why: known === '' ? 'no release was ever good here' : `good releases, newest first: ${known}`,
    wayOut:
      known === ''
        ? `slipway release VERSION --to ${environment}`
        : `slipway rollback ${environment} with one of: ${known}; any other: slipway release VERSION --to ${environment}`,
  };
}

/** The result of a request that never became a change; the environment stays as it is. */
export function untouched(
  state: EnvironmentState,
  ended: { state: ChangeResult['state']; headline: string; failure: FailureReport | null },
): ChangeResult {
  return {
    ...ended,
    clean: true,
    live: state.live,
    warm: state.warm?.record ?? null,
    steps: [],
    unwind: [],
    switchMs: null,
    backMs: null,
  };
}

/**
 * Kept small, since all of it goes through continue-as-new in one payload (2 MB at most): without the release
 * records and most of what people said, and without steps and the rest of it once twenty newer requests have ended.
 */
export function rememberProcessed(
  state: EnvironmentState,
  requestId: string,
  result: ChangeResult,
  isDenied = false,
): EnvironmentState['processed'] {
  const others = state.processed.filter((each) => each.requestId !== requestId);
  const denied = isDenied ? { denied: true as const } : {};
  const { said, apart } = result;
  const kept = {
    ...result,
    ...(apart === undefined ? {} : { apart: apart.slice(0, APART_KEPT) }),
    live: null,
    warm: null,
    ...(said === undefined ? {} : { said: shownOf(said) }),
  };
  return [{ requestId, result: kept, ...denied }, ...others]
    .slice(0, PROCESSED_KEPT)
    .map((each, place) => (place < STEPS_KEPT ? each : { ...each, result: withoutDetails(each.result) }));
}

function withoutDetails(result: ChangeResult): ChangeResult {
  const { said: _, apart: _hosts, ...rest } = result;
  return { ...rest, steps: [] };
}

export function findProcessed(state: EnvironmentState, requestId: string): ChangeResult | null {
  return state.processed.find((each) => each.requestId === requestId)?.result ?? null;
}

/** A word for it may still come: a bad copy of one has not had its result. */
export function forgetDenied(state: EnvironmentState, requestId: string): EnvironmentState {
  const processed = state.processed.filter((each) => each.requestId !== requestId || each.denied !== true);
  return { ...state, processed };
}

/** Of those that took effect: the same again is none. */
export function rememberDecided(state: EnvironmentState, decisionId: string): EnvironmentState {
  return { ...state, decided: [decisionId, ...(state.decided ?? [])].slice(0, DECISIONS_KEPT) };
}
