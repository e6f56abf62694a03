/**
 * The environment's queue: who enters next, who is replaced by whom, and what everybody is told. Pure: a state and
 * a message in, the next state and what to tell out. environment.ts sends it and runs the changes.
 */
import type {
  Announcement,
  ChangeRequest,
  Cutover,
  Decision,
  EnvironmentRequest,
  EnvironmentState,
  Freeze,
  Superseded,
  Withdrawal,
} from './messages.js';
import type { EnvironmentPlan } from '../pipeline/plan.js';
import type { NamedDecision } from './decisions.js';
import { leaveOut, readmission, readmissionMs, tryNow } from './hosts-apart.js';
import {
  findProcessed,
  isThereAlready,
  rememberProcessed,
  requestFor,
  resolveRequest,
  untouched,
  type Resolved,
} from './environment-memory.js';
import type { ChangeResult, EvidenceItem } from './result.js';
import { groupsThatMayBringBack, refuseUnsigned } from './who-may.js';

export type Telling =
  /** The promotion of a request learns how it ended. */
  | { tell: 'outcome'; promotionId: string; result: ChangeResult }
  /** The promotion of a request learns that its change runs. */
  | { tell: 'entered'; promotionId: string }
  /** A release or promotion learns that a newer one takes its place. */
  | { tell: 'superseded'; workflowId: string; superseded: Superseded }
  /** The change in flight learns it. */
  | { tell: 'lane-superseded'; superseded: Superseded }
  | { tell: 'lane-abort'; decision: Decision }
  /** GitHub learns of a change that no promotion speaks for. */
  | {
      tell: 'github';
      request: ChangeRequest;
      result: ChangeResult;
      wanted: NonNullable<EnvironmentPlan['github']>;
    };

export interface Step {
  state: EnvironmentState;
  tell: Telling[];
}

/** `wait` until `untilMs` (null = until somebody comes). */
export type Move =
  | { move: 'start'; request: ChangeRequest }
  | { move: 'retire' | 'readmit'; request: ChangeRequest }
  | { move: 'wait'; untilMs: number | null };

/** What may enter although the environment is frozen or waits for a person: the way back. */
function mayAlwaysEnter(request: ChangeRequest): boolean {
  return request.kind === 'rollback';
}

/** Goes ahead of waiting deploys. */
function isUrgent(request: ChangeRequest): boolean {
  return request.kind === 'rollback' || request.kind === 'redeploy';
}

/** `decisions` = people's signed words for it, verified by a worker. */
export function receiveRequest(
  state: EnvironmentState,
  asked: EnvironmentRequest,
  decisions: EvidenceItem[] = [],
): Step {
  const requestId = asked.type === 'change' ? asked.request.requestId : asked.requestId;
  const ended = findProcessed(state, requestId);
  if (ended !== null) return { state, tell: tellOutcome(asked, ended) };
  if (isUnderway(state, requestId)) return { state, tell: [] };

  const resolved = requireSigned(state, withDecisions(resolveRequest(state, asked), decisions));
  if ('refused' in resolved) {
    const { refused, isDenied } = resolved;
    const headline = `${refused.where}: ${refused.what}; ${refused.wayOut}`;
    const result = untouched(state, { state: 'failed', headline, failure: refused });
    const processed = rememberProcessed(state, requestId, result, isDenied);
    return { state: { ...state, processed }, tell: tellOutcome(asked, result) };
  }

  const { request } = resolved;
  if (isThereAlready(state, request)) {
    const headline = `${state.pipeline} ${request.version} is live on ${state.environment} already`;
    const result = untouched(state, { state: 'succeeded', headline, failure: null });
    const processed = rememberProcessed(state, requestId, result);
    return { state: { ...state, processed }, tell: tellOutcome(asked, result) };
  }
  const newer = findNewer(state, request);
  if (newer !== null) return dropRequests(state, [request], newer);
  const announced = state.announced.map((each) =>
    each.requestId === requestId ? { ...each, phase: 'queued' as const } : each,
  );
  const queued = { ...state, announced, queue: enqueue(state.queue, request) };
  const own = announced.find((each) => each.requestId === requestId);
  return own === undefined ? { state: queued, tell: [] } : supersedeOlder(queued, own);
}

/** In the queue or in the lane. */
export function isUnderway({ inFlight, queue }: EnvironmentState, requestId: string): boolean {
  return inFlight?.request.requestId === requestId || queue.some((queued) => queued.requestId === requestId);
}

function withDecisions(resolved: Resolved, decisions: EvidenceItem[]): Resolved {
  if ('refused' in resolved || decisions.length === 0) return resolved;
  return { request: { ...resolved.request, decisions } };
}

/** Who may bring back a release that was there is the policy's to say; here only that somebody has signed it. */
function requireSigned(state: EnvironmentState, resolved: Resolved): Resolved {
  if ('refused' in resolved) return resolved;
  const { kind, version, decisions = [] } = resolved.request;
  const groups = groupsThatMayBringBack(resolved.request, state.live);
  if ((kind !== 'rollback' && kind !== 'redeploy') || groups === null || decisions.length > 0)
    return resolved;
  const { pipeline, environment } = state;
  const command = `slipway rollback ${environment} ${version}`;
  return {
    isDenied: true,
    refused: {
      what: `that ${version} comes back is not signed`,
      where: `${pipeline} ${environment}`,
      why: null,
      wayOut: refuseUnsigned(groups, command),
    },
  };
}

function tellOutcome(asked: EnvironmentRequest, result: ChangeResult): Telling[] {
  const promotionId = asked.type === 'change' ? asked.request.promotionId : null;
  return promotionId === null ? [] : [{ tell: 'outcome', promotionId, result }];
}

function enqueue(queue: ChangeRequest[], request: ChangeRequest): ChangeRequest[] {
  if (!isUrgent(request)) return [...queue, request];
  return [...queue.filter(isUrgent), request, ...queue.filter((each) => !isUrgent(each))];
}

/** Somebody under way with a newer commit, where newer ones replace older ones. */
function findNewer(state: EnvironmentState, request: ChangeRequest): Announcement | null {
  if (request.kind !== 'deploy') return null;
  return (
    state.announced.find(
      (each) =>
        each.queue === 'newest' &&
        each.requestId !== request.requestId &&
        each.supersedes.includes(request.commit.sha),
    ) ?? null
  );
}

export function receiveAnnouncement(state: EnvironmentState, announcement: Announcement): Step {
  const { requestId } = announcement;
  const before = state.announced.find((each) => each.requestId === requestId);
  const others = state.announced.filter((each) => each.requestId !== requestId);
  if (announcement.phase === 'ended') return { state: { ...state, announced: others }, tell: [] };
  // The promotion announces itself under its release's request and keeps what the release found out.
  const supersedes = [...new Set([...(before?.supersedes ?? []), ...announcement.supersedes])];
  const merged = { ...announcement, supersedes };
  return supersedeOlder({ ...state, announced: [...others, merged] }, merged);
}

/**
 * Building or waiting: told to stop. Queued: dropped. In flight: told once the newer one stands at the door, so that
 * a bake is not cut short for a build that may fail; the change itself knows its phase and policy.
 */
function supersedeOlder(state: EnvironmentState, newer: Announcement): Step {
  if (newer.queue !== 'newest' || newer.supersedes.length === 0) return { state, tell: [] };
  const older = (sha: string): boolean => newer.supersedes.includes(sha);
  const superseded = supersededBy(state, newer);

  const stopped = state.announced.filter(
    (each) =>
      each.requestId !== newer.requestId &&
      older(each.commit) &&
      (each.phase === 'building' || each.phase === 'waiting'),
  );
  const tell: Telling[] = stopped.map(({ workflowId }) => ({ tell: 'superseded', workflowId, superseded }));
  const inFlight = state.inFlight?.request ?? null;
  const atTheDoor = state.queue.some((each) => each.requestId === newer.requestId);
  if (atTheDoor && inFlight !== null && inFlight.kind === 'deploy' && older(inFlight.commit.sha))
    tell.push({ tell: 'lane-superseded', superseded });

  // Its request may be on its way here already; it does not deploy the older commit when the newer one has long ended.
  const processed = stopped.reduce(
    (known, each) =>
      rememberProcessed({ ...state, processed: known }, each.requestId, supersededResult(state, each, newer)),
    state.processed,
  );
  const announced = state.announced.filter((each) => !stopped.includes(each));
  const left = { ...state, announced, processed };
  const dropped = state.queue.filter((each) => each.kind === 'deploy' && older(each.commit.sha));
  const after = dropRequests(left, dropped, newer);
  return { state: after.state, tell: [...tell, ...after.tell] };
}

function supersededBy({ environment }: EnvironmentState, newer: Announcement): Superseded {
  return { environment, version: newer.version, commit: newer.commit };
}

function dropRequests(state: EnvironmentState, dropped: ChangeRequest[], newer: Announcement): Step {
  let after: Step = { state, tell: [] };
  for (const request of dropped) after = endRequest(after, request, supersededResult(state, request, newer));
  return after;
}

function supersededResult(
  state: EnvironmentState,
  { version }: { version: string },
  newer: Announcement,
): ChangeResult {
  const headline = `${state.pipeline} ${version} → ${state.environment}: superseded by ${newer.version}`;
  return untouched(state, { state: 'superseded', headline, failure: null });
}

/** Takes the request off every list, remembers its result, and tells its promotion. */
export function endRequest({ state, tell }: Step, request: ChangeRequest, result: ChangeResult): Step {
  const { requestId, promotionId } = request;
  return {
    state: {
      ...state,
      queue: state.queue.filter((each) => each.requestId !== requestId),
      announced: state.announced.filter((each) => each.requestId !== requestId),
      processed: rememberProcessed(state, requestId, result),
    },
    tell: promotionId === null ? tell : [...tell, { tell: 'outcome', promotionId, result }],
  };
}

export function receiveWithdrawal(state: EnvironmentState, { requestId, decision }: Withdrawal): Step {
  const { inFlight } = state;
  const queued = state.queue.find((each) => each.requestId === requestId);
  if (queued !== undefined) return endUnbegun(state, queued, decision);
  if (inFlight?.request.requestId !== requestId || decision === null) return { state, tell: [] };
  const withdrawn = { ...inFlight, withdrawn: decision };
  return { state: { ...state, inFlight: withdrawn }, tell: [{ tell: 'lane-abort', decision }] };
}

function endUnbegun(state: EnvironmentState, request: ChangeRequest, decision: Decision | null): Step {
  const ended = decision === null ? 'superseded' : 'aborted';
  const by = decision === null ? '' : ` by ${decision.by}`;
  const headline = `${state.pipeline} ${request.version} → ${state.environment}: ${ended}${by} before it began`;
  const result = untouched(state, { state: ended, headline, failure: null });
  return endRequest({ state, tell: [] }, request, result);
}

/** Tokens only grow, also when the holder is one this environment knows nothing of. */
export function receiveCutover(state: EnvironmentState, cutover: Cutover): EnvironmentState {
  const token = Math.max(state.token, cutover.token);
  const { inFlight } = state;
  return inFlight?.request.requestId === cutover.requestId
    ? { ...state, token, inFlight: { ...inFlight, cutover } }
    : { ...state, token };
}

/** What is only remembered. */
export function tellingNobody<Payload>(
  apply: (state: EnvironmentState, payload: Payload) => EnvironmentState,
) {
  return (state: EnvironmentState, payload: Payload): Step => ({ state: apply(state, payload), tell: [] });
}

/** Applies a decision that `decide()` has accepted; the others are not the environment's. */
export function applyDecision(
  state: EnvironmentState,
  decision: NamedDecision,
  at: string,
  proven: Pick<Freeze, 'proof' | 'isReasonSigned'> = { proof: decision.proof },
): EnvironmentState {
  const { name, by, host, until, reason } = decision;
  switch (name) {
    case 'freeze':
      return { ...state, freeze: { by, ...proven, until, reason, since: at } };
    case 'unfreeze':
      return { ...state, freeze: null };
    case 'resume': {
      const { personsWayOut: _, ...rest } = state;
      return { ...rest, needsPerson: null };
    }
    case 'retryStep':
      return tryNow(state, host, by, at);
    case 'skipHost':
      return leaveOut(state, host, by);
    case 'approve':
    case 'reject':
    case 'switchTraffic':
    case 'back':
    case 'abort':
    case 'pause':
      return state;
  }
}

/** A freeze with an end ends by itself. */
export function thaw(state: EnvironmentState, nowMs: number): EnvironmentState {
  const until = state.freeze?.until ?? null;
  return until !== null && Date.parse(until) <= nowMs ? { ...state, freeze: null } : state;
}

export function nextMove(state: EnvironmentState, nowMs: number): Move {
  if (state.inFlight !== null) return { move: 'wait', untilMs: null };
  const { freeze, warm } = thaw(state, nowMs);
  const closed = freeze !== null || state.needsPerson !== null;
  const request = closed ? state.queue.find(mayAlwaysEnter) : state.queue[0];
  if (request !== undefined) return { move: 'start', request };
  if (closed) return { move: 'wait', untilMs: freeze?.until == null ? null : Date.parse(freeze.until) };
  const retireMs = warm === null ? null : Date.parse(warm.retireAt);
  if (warm !== null && retireMs !== null && retireMs <= nowMs)
    return { move: 'retire', request: retirement(state, warm) };
  const readmitted = readmission(state, nowMs);
  if (readmitted !== null) return { move: 'readmit', request: readmitted };
  const next = [retireMs, readmissionMs(state)].filter((ms) => ms !== null);
  return { move: 'wait', untilMs: next.length === 0 ? null : Math.min(...next) };
}

function retirement(state: EnvironmentState, warm: NonNullable<EnvironmentState['warm']>): ChangeRequest {
  return requestFor(warm.record, 'retire', {
    requestId: `retire-${state.token + 1}`,
    actor: { by: 'slipway', proof: 'unverified' },
    reason: `kept warm until ${warm.retireAt}`,
  });
}

/** Another run holds the lane: the request goes back to where it stood, unless it was taken back meanwhile. */
export function giveBack(state: EnvironmentState): Step {
  const { inFlight, queue } = state;
  if (inFlight === null) return { state, tell: [] };
  const { request, withdrawn } = inFlight;
  const left = { ...state, inFlight: null };
  if (withdrawn !== undefined) return endUnbegun(left, request, withdrawn);
  if (request.kind === 'retire' || request.kind === 'readmit') return { state: left, tell: [] };
  const ahead = isUrgent(request) ? [] : queue.filter(isUrgent);
  const behind = isUrgent(request) ? queue : queue.filter((each) => !isUrgent(each));
  return { state: { ...left, queue: [...ahead, request, ...behind] }, tell: [] };
}
