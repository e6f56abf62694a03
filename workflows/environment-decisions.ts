/**
 * Signed words to an environment: what each is about, and what becomes of the environment once a worker has looked at it.
 * Pure; environment.ts asks the worker.
 */
import type { DecisionSubject } from '../pipeline/plan.js';
import type { DecisionClaim } from './activity-contract.js';
import type { NamedDecision } from './decisions.js';
import {
  findProcessed,
  forgetDenied,
  rememberDecided,
  rememberProcessed,
  resolveRequest,
  untouched,
} from './environment-memory.js';
import { reasonOf, withDenial, type Reason } from './denials.js';
import { applyDecision, isUnderway, receiveRequest, type Step } from './environment-queue.js';
import { counts } from './hear-decisions.js';
import type { Decision, EnvironmentRequest, EnvironmentState } from './messages.js';
import type { EvidenceItem } from './result.js';
import { provenBy } from './taken-decisions.js';
import { releaseOf } from './who-may.js';

export type AskedAgain = Exclude<EnvironmentRequest, { type: 'change' }>;

/** A freeze or its end that is signed; null = nothing is there to look at. */
export function claimOfDecision(
  { pipeline, environment }: EnvironmentState,
  { name, by, decisionId, until, reason, statement }: NamedDecision,
): DecisionClaim | null {
  if (statement === undefined || (name !== 'freeze' && name !== 'unfreeze')) return null;
  const about = { decision: name, pipeline, environment, requestId: decisionId };
  return { subject: { ...about, ...ABOUT_NO_RELEASE, until }, by, reason, statement };
}

const ABOUT_NO_RELEASE = { token: null, release: null } satisfies Partial<DecisionSubject>;

/** A rollback or redeploy that is signed; null = nothing is there to look at, or it is answered without. */
export function claimOfRequest(state: EnvironmentState, asked: AskedAgain): DecisionClaim | null {
  const { requestId, actor, reason, statement } = asked;
  if (statement === undefined || findProcessed(state, requestId) !== null) return null;
  const resolved = resolveRequest(state, asked);
  if ('refused' in resolved) return null;
  const { pipeline, environment } = state;
  const about = { decision: 'rollback' as const, pipeline, environment, requestId, token: null };
  const { restore } = resolved.request;
  const restores = restore === undefined ? {} : { restoreDatabase: restore.name };
  const subject = { ...about, release: releaseOf(resolved.request), until: null, ...restores };
  return { subject, by: actor.by, reason, statement };
}

/** So far nobody's word for it has counted, and here comes one. */
export function mayComeAgain({ processed }: EnvironmentState, { requestId, statement }: AskedAgain): boolean {
  const isDenied = processed.some((each) => each.requestId === requestId && each.denied === true);
  return isDenied && statement !== undefined;
}

/** A worker has looked at what was signed. */
export function receiveHeard(
  state: EnvironmentState,
  asked: AskedAgain,
  { subject }: DecisionClaim,
  item: EvidenceItem,
): Step {
  // what was looked at, also when something else is live by now
  const named = asked.type === 'redeploy' ? asked : { ...asked, version: subject.release?.version ?? null };
  const { requestId } = asked;
  if (counts(item)) return receiveRequest(forgetDenied(state, requestId), named, [item]);
  return refuseAsked(state, asked, reasonOf(item), item.at);
}

/** The word for it does not count, or cannot be looked at. `at` is ISO time. */
export function refuseAsked(
  state: EnvironmentState,
  { requestId, actor }: AskedAgain,
  reason: Reason,
  at: string,
): Step {
  const { pipeline, environment } = state;
  const { why, wayOut = `somebody the policy lets roll back signs it: slipway rollback ${environment}` } =
    reason;
  const denial = { by: actor.by, ...reason, decisionId: requestId, decision: 'rollback', at };
  const denied = { ...state, denials: withDenial(state.denials, denial) };
  // a bad copy of a word that counted
  if (isUnderway(state, requestId) || findProcessed(state, requestId) !== null)
    return { state: denied, tell: [] };
  const failure = {
    what: `the word of ${actor.by} does not count: ${why}`,
    where: `${pipeline} ${environment}`,
    why: null,
    wayOut,
  };
  const headline = `${failure.where}: ${failure.what}`;
  const result = untouched(state, { state: 'failed', headline, failure });
  return { state: { ...denied, processed: rememberProcessed(state, requestId, result, true) }, tell: [] };
}

/** `step` is what came of what was asked for, said where only a missing signature keeps it out; null = it is not. */
export function showUnsigned(
  before: EnvironmentState,
  { requestId, actor }: AskedAgain,
  { state, tell }: Step,
  at: string,
): Step | null {
  const [last] = state.processed;
  const isNew = last?.requestId === requestId && findProcessed(before, requestId) === null;
  if (!isNew || last.denied !== true) return null;
  const why = last.result.failure?.wayOut ?? last.result.headline;
  const denial = { by: actor.by, why, decisionId: requestId, decision: 'rollback', at };
  return { state: { ...state, denials: withDenial(state.denials, denial) }, tell };
}

/** A worker has looked at a freeze or its end. `at` is ISO time. */
export function applyHeard(
  state: EnvironmentState,
  decision: NamedDecision,
  item: EvidenceItem,
  at: string,
): EnvironmentState {
  const { decisionId } = decision;
  // said twice, and the first counted
  if (state.decided?.includes(decisionId) === true) return state;
  return counts(item)
    ? rememberDecided(applyDecision(state, decision, at, provenBy(item)), decisionId)
    : denyWord(state, item.name, decision, { ...reasonOf(item), at: item.at });
}

/** A freeze, or another word that a person signs, does not count. `at` is ISO time. */
export function denyWord(
  state: EnvironmentState,
  word: string,
  { by, decisionId }: Decision,
  more: Reason & { at: string },
): EnvironmentState {
  const denial = { by, decisionId, decision: word, ...more };
  return { ...state, denials: withDenial(state.denials, denial) };
}
