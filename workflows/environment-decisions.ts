/**
 * Signed words to an environment: what each is about, and what becomes of the environment once a worker has looked at it.
 * Pure; environment.ts asks the worker.
 */
import type { DecisionSubject } from '../pipeline/plan.js';
import type { DecisionClaim } from './activity-contract.js';
import type { NamedDecision } from './decisions.js';
import {
  findProcessed,
  rememberDecided,
  rememberProcessed,
  resolveRequest,
  untouched,
} from './environment-memory.js';
import { applyDecision, receiveRequest, type Step } from './environment-queue.js';
import { counts, withDenial } from './hear-decisions.js';
import type { EnvironmentRequest, EnvironmentState } from './messages.js';
import type { EvidenceItem } from './result.js';
import { releaseOf } from './who-may.js';

export type AskedAgain = Exclude<EnvironmentRequest, { type: 'change' }>;

/** A freeze or its end that is signed; null = nothing is there to look at. */
export function claimOfDecision(
  { pipeline, environment }: EnvironmentState,
  { name, by, decisionId, until, statement }: NamedDecision,
): DecisionClaim | null {
  if (statement === undefined || (name !== 'freeze' && name !== 'unfreeze')) return null;
  const about = { decision: name, pipeline, environment, requestId: decisionId };
  return { subject: { ...about, ...ABOUT_NO_RELEASE, until }, by, statement };
}

const ABOUT_NO_RELEASE = { token: null, release: null } satisfies Partial<DecisionSubject>;

/** A rollback or redeploy that is signed; null = nothing is there to look at, or it is answered without. */
export function claimOfRequest(state: EnvironmentState, asked: AskedAgain): DecisionClaim | null {
  const { requestId, actor, statement } = asked;
  if (statement === undefined || findProcessed(state, requestId) !== null) return null;
  const resolved = resolveRequest(state, asked);
  if ('refused' in resolved) return null;
  const { pipeline, environment } = state;
  const about = { decision: 'rollback' as const, pipeline, environment, requestId, token: null };
  const subject = { ...about, release: releaseOf(resolved.request), until: null };
  return { subject, by: actor.by, statement };
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
  if (counts(item)) return receiveRequest(state, named, [item]);
  const { requestId, actor } = asked;
  const { pipeline, environment } = state;
  const failure = {
    what: `the word of ${actor.by} does not count: ${item.note ?? ''}`,
    where: `${pipeline} ${environment}`,
    why: null,
    wayOut: item.wayOut ?? `somebody the policy lets roll back signs it: slipway rollback ${environment}`,
  };
  const headline = `${failure.where}: ${failure.what}`;
  const result = untouched(state, { state: 'failed', headline, failure });
  const processed = rememberProcessed(state, requestId, result);
  return { state: { ...state, processed, ...denying(state, item, requestId) }, tell: [] };
}

/** A worker has looked at a freeze or its end. `at` is ISO time. */
export function applyHeard(
  state: EnvironmentState,
  decision: NamedDecision,
  item: EvidenceItem,
  at: string,
): EnvironmentState {
  const proof = item.proof === 'ssh' ? 'ssh' : 'unverified';
  return counts(item)
    ? rememberDecided(applyDecision(state, decision, at, proof), decision.decisionId)
    : { ...state, ...denying(state, item, decision.decisionId) };
}

function denying({ denials = [] }: EnvironmentState, item: EvidenceItem, id: string) {
  return { denials: withDenial(denials, item, id) };
}
