/**
 * Every decision a person can take, and whether it may be taken now. Pure: the caller applies an accepted effect.
 * A refusal says why and what to do instead; nothing was changed by it.
 */
import type { ApprovalRule } from '../pipeline/plan.js';
import type { Decision, Excluding, Freeze, Rewinding } from './messages.js';
import { refuseToSayHere, whoseWord } from './approvals.js';
import {
  fillsOpenSlot,
  githubProof,
  isSigned,
  missingApprovals,
  type Approval,
} from './missing-approvals.js';
import { UPDATE } from './names.js';
import { refuseForHost, type HostsApart } from './refuse-for-host.js';
import { refuseUnsigned } from './who-may.js';

export type DecisionName = keyof typeof UPDATE;

export const DECISIONS: DecisionName[] = Object.values(UPDATE);

export interface NamedDecision extends Decision {
  name: DecisionName;
}

/** `effect` is what the caller must now do; `none` = this decision was taken before, with the same id. */
export type Verdict =
  { accepted: true; effect: DecisionName | 'none' } | { accepted: false; refused: string };

interface Deciding {
  environment: string;
  /** Ids of decisions already taken. */
  taken: readonly string[];
  /** Why no worker looks at a further signed word now, `what; way out`; absent or null = one does. */
  deaf?: string | null;
}

export interface PromotionDeciding extends Deciding, Excluding {
  of: 'promotion';
  phase: 'gates' | 'approvals' | 'waiting' | 'queued' | 'changing' | 'ended';
  paused: boolean;
  rules: ApprovalRule[];
  approvals: Approval[];
  /** Can no unsigned approval count? */
  refusesUnsigned: boolean;
  planHash: string;
  /** Digests of all artifacts. */
  digests: string[];
}

export interface ChangeDeciding extends Deciding {
  of: 'change';
  phase: 'stepping' | 'awaiting-switch' | 'holding' | 'unwinding' | 'parked' | 'ended';
  paused: boolean;
  /** The step that runs, waits or holds. */
  step: string;
  /** Has the switch of traffic begun? */
  switched: boolean;
  /** The database is being taken back or restored, or was. Absent = it is not. */
  rewinds?: Rewinding | null;
  /** Is there a colour to go back to? */
  hasPrevious: boolean;
  /** Are hosts in quarantine tried again by it? Absent = no. */
  readmits?: boolean;
  /** Groups whose signed word a switch takes; null = anybody's word. */
  switchers: readonly string[] | null;
  /** Those it goes on with. */
  hosts: string[];
  /** Those of its plan; absent = the same. */
  planned?: string[];
}

export interface EnvironmentDeciding extends Deciding {
  of: 'environment';
  freeze: Freeze | null;
  /** Groups whose signed word a freeze and its end take; null = anybody's word. */
  freezers: readonly string[] | null;
  /** Why nothing enters until a person has looked; `resume` says a person has. */
  needsPerson: string | null;
  /** What helps there; absent = looking, and `resume`. */
  personsWayOut?: string;
  /** Hosts that stand apart, and what comes to them; absent = none, or a run from before people could say something of them. */
  hosts?: Pick<HostsApart, 'apart' | 'arriving'>;
  /** ISO time. */
  now: string;
}

export interface ReleaseDeciding {
  of: 'release';
  taken: readonly string[];
  version: string;
  phase: 'building' | 'promoting' | 'ended';
}

export type Decidable = ReleaseDeciding | PromotionDeciding | ChangeDeciding | EnvironmentDeciding;

export function decide(state: Decidable, decision: NamedDecision): Verdict {
  if (state.taken.includes(decision.decisionId)) return { accepted: true, effect: 'none' };
  const refused = refusal(state, decision);
  return refused === null ? { accepted: true, effect: decision.name } : { accepted: false, refused };
}

function refusal(state: Decidable, decision: NamedDecision): string | null {
  switch (state.of) {
    case 'release':
      return refuseForRelease(state, decision);
    case 'promotion':
      return refuseForPromotion(state, decision);
    case 'change':
      return refuseForChange(state, decision);
    case 'environment':
      return refuseForEnvironment(state, decision);
  }
}

function refuseForRelease({ version, phase }: ReleaseDeciding, decision: NamedDecision): string | null {
  if (phase === 'ended') return `release ${version} has ended; slipway status`;
  return decision.name === 'abort'
    ? null
    : `${decision.name} is decided for one environment; slipway ${decision.name} ENVIRONMENT --version ${version}`;
}

function refuseForPromotion(state: PromotionDeciding, decision: NamedDecision): string | null {
  const { environment, phase } = state;
  if (phase === 'ended') return `this promotion to ${environment} has ended; slipway status ${environment}`;
  switch (decision.name) {
    case 'approve':
      return refuseApproval(state, decision);
    case 'reject':
      if (phase === 'changing') return `${environment} is already changing; slipway abort ${environment}`;
      return null;
    case 'abort':
      return null;
    case 'pause':
      if (phase === 'changing') return atTheChange(environment, 'pause');
      if (phase === 'queued')
        return `waits in the queue of ${environment}; slipway freeze ${environment} holds it there, slipway abort ${environment} takes it out`;
      return state.paused ? `already paused; slipway resume ${environment}` : null;
    case 'resume':
      if (phase === 'changing' && !state.paused) return atTheChange(environment, 'resume');
      return state.paused ? null : `not paused; nothing to resume on ${environment}`;
    case 'switchTraffic':
    case 'back':
    case 'retryStep':
    case 'skipHost':
      if (phase === 'changing') return atTheChange(environment, decision.name);
      return `nothing runs on ${environment} yet, this promotion is at ${phase}; slipway abort ${environment} stops it`;
    case 'freeze':
    case 'unfreeze':
      return `a freeze belongs to the environment; slipway ${decision.name} ${environment}`;
  }
}

function refuseApproval(state: PromotionDeciding, decision: NamedDecision): string | null {
  const { environment } = state;
  if (state.phase === 'changing' || state.phase === 'queued')
    return `${environment} needs no approval any more; slipway watch ${environment}`;
  if (state.rules.length === 0)
    return `${environment} asks for no approvals; slipway watch ${environment} shows what it waits for`;
  const { by, group } = decision;
  const never = refuseApprover(state, state.approvals, by);
  if (never !== null) return never;
  if (decision.planHash !== null && decision.planHash !== state.planHash)
    return `the plan changed since it was looked at; slipway approve ${environment} shows the plan of now`;
  if (
    decision.digest !== null &&
    !decision.digest.split(',').every((digest) => state.digests.includes(digest))
  )
    return `the digest is not this release's; slipway approve ${environment} shows the one of now`;
  const useless = refuseUseless(state, { by, group, at: '' });
  if (useless !== null) return useless;
  if (state.refusesUnsigned && decision.statement === undefined)
    return refuseUnsigned([], `slipway approve ${environment}`);
  // people's words are heard after the gates, since whoever forced one may not approve
  if (state.phase === 'gates' && decision.statement?.scheme === 'oidc')
    return `the gates of ${environment} still run, and a token may be over before it is heard; approve again once approvals are waited for: slipway watch ${environment}`;
  return state.deaf ?? null;
}

/** Why nothing that this person signs can count, `what; way out`; null = it may. */
export function refuseApprover(
  { selfApproval, requester, authors, forcers }: Excluding,
  approvals: readonly Approval[],
  by: string,
): string | null {
  const isOneOf = (people: readonly string[]): boolean => !selfApproval && isAmong(by, people);
  const never = 'and may not approve it; ask somebody else';
  if (isOneOf([requester])) return `${by} asked for this release ${never}`;
  if (isOneOf(authors)) return `${by} wrote a commit of this release ${never}`;
  if (isOneOf(forcers)) return `${by} forced a gate of this release ${never}`;
  const hasSaidHere = approvals.some(
    (approval) => isAmong(by, [approval.by]) && githubProof(approval.proof) === null,
  );
  return hasSaidHere ? `${by} has approved already and counts once; somebody else must` : null;
}

/** Why an approval fills no slot that is open, `what; way out`; null = it fills one. */
export function refuseUseless(
  { environment, rules, approvals }: Pick<PromotionDeciding, 'environment' | 'rules' | 'approvals'>,
  said: Approval,
): string | null {
  if (fillsOpenSlot(rules, approvals, said)) return null;
  const { by, group, proof } = said;
  const open = missingApprovals(rules, approvals);
  if (open.length === 0) return `all approvals are there; slipway watch ${environment}`;
  if (open.every((slot) => githubProof(slot.by) !== null)) return refuseToSayHere(open);
  const before = approvals.find((approval) => isAmong(by, [approval.by]));
  if (before !== undefined) {
    const where = githubProof(before.proof) === null ? '' : ' on GitHub';
    return `${by} has approved${where} already and counts once; somebody else must`;
  }
  const here = open.filter((slot) => githubProof(slot.by) === null);
  const groups = here.map(whoseWord);
  const missing = `(missing: ${groups.join(', ')})`;
  // a worker has looked for the person in each of them
  if (proof === 'ssh' && here.every((slot) => slot.by === 'oidc'))
    return `${by} signed with an SSH key ${missing}`;
  if (proof === 'oidc' && here.every((slot) => slot.by !== 'oidc')) return `${by} gave a token ${missing}`;
  if (group === null && isSigned(proof))
    return `${by} is in none of the groups that are asked for ${missing}`;
  const isFilled = group !== null && rules.some((rule) => rule.group === group);
  return isFilled
    ? `enough of group ${group} have approved ${missing}`
    : `no approval of group ${group ?? 'any'} is asked for ${missing}`;
}

/** Names are compared as people write them. */
export function isAmong(person: string, names: readonly string[]): boolean {
  return names.some((name) => name.toLowerCase() === person.toLowerCase());
}

function atTheChange(environment: string, name: DecisionName): string {
  return `the change of ${environment} runs and decides this: send ${name} to its lane`;
}

function refuseForChange(state: ChangeDeciding, decision: NamedDecision): string | null {
  const { environment, phase, step } = state;
  if (phase === 'ended') return `this change of ${environment} has ended; slipway status ${environment}`;
  switch (decision.name) {
    case 'approve':
    case 'reject':
      return `approvals are over, ${environment} is changing; slipway abort ${environment} stops and undoes it`;
    case 'freeze':
    case 'unfreeze':
      return `a freeze belongs to the environment; slipway ${decision.name} ${environment}`;
    case 'switchTraffic':
      if (phase === 'awaiting-switch')
        return refuseWithoutSignature(state.switchers, 'switch', state, decision);
      return state.switched
        ? `traffic of ${environment} has been switched; slipway back ${environment} goes back`
        : `traffic of ${environment} does not wait for a word, it is at ${step}; slipway watch ${environment}`;
    case 'abort':
      return refuseWhileUnwinding(state);
    case 'back':
      if (state.rewinds != null) return refuseWhileUnwinding(state);
      if (!state.switched && phase !== 'unwinding' && phase !== 'parked')
        return `nothing of ${environment} was switched yet; slipway abort ${environment} stops and undoes`;
      if (!state.hasPrevious && phase !== 'unwinding' && phase !== 'parked')
        return `a first release has nothing to go back to; slipway abort ${environment} removes it`;
      return refuseWhileUnwinding(state);
    case 'pause':
      if (state.paused) return `already paused; slipway resume ${environment}`;
      return refuseWhileUnwinding(state);
    case 'resume':
      return state.paused ? null : `not paused; nothing to resume on ${environment}`;
    case 'retryStep':
      if (phase === 'holding' || phase === 'parked') return null;
      return `no step holds, ${environment} is at ${step}; slipway watch ${environment}`;
    case 'skipHost':
      return refuseSkippingHost(state, decision.host);
  }
}

function refuseWithoutSignature(
  groups: readonly string[] | null,
  command: 'switch' | 'freeze' | 'unfreeze',
  { environment, deaf = null }: Pick<Deciding, 'environment' | 'deaf'>,
  { statement }: NamedDecision,
): string | null {
  if (statement !== undefined) return deaf;
  if (groups === null) return null;
  return refuseUnsigned(groups, `slipway ${command} ${environment}`);
}

function refuseWhileUnwinding({ environment, phase, step, rewinds = null }: ChangeDeciding): string | null {
  const failed = rewinds === null ? `undo of ${step} failed` : `${step} failed`;
  const givingUp =
    rewinds === 'restore'
      ? 'there is no other way on: what is in the database is known only once it is restored'
      : `to give up, Terminate its lane in the Temporal UI, and ${environment} recovers`;
  if (phase === 'unwinding')
    return `${environment} is already being undone, at ${step}; slipway watch ${environment}`;
  if (phase === 'parked')
    return `${failed} and a person must look; mend what slipway status ${environment} says, then slipway retry ${environment}; ${givingUp}`;
  if (rewinds !== null)
    return `there is no way back once the database goes back, ${environment} is at ${step}; slipway watch ${environment}`;
  return null;
}

function refuseSkippingHost(state: ChangeDeciding, host: string | null): string | null {
  const { environment, hosts, planned = hosts } = state;
  const unwinding = refuseWhileUnwinding(state);
  if (unwinding !== null) return unwinding;
  if (host !== null && !planned.includes(host))
    return `${environment} has no host ${host}; hosts: ${planned.join(', ')}`;
  if (state.readmits === true) return refuseSkippingReadmitted(state, host);
  if (host === null) return `which host? slipway skip-host ${environment} HOST; hosts: ${hosts.join(', ')}`;
  if (!hosts.includes(host))
    return `${host} is left out of this change already, which goes on with ${hosts.join(', ')}; slipway watch ${environment}`;
  if (hosts.length === 1) return `${host} is the only host left; slipway abort ${environment}`;
  if (state.phase !== 'holding')
    return `no step holds, ${environment} is at ${state.step}; a host is skipped where it fails`;
  return null;
}

/** A try ends within minutes and holds nowhere: who cannot be put back stays apart without anybody's word. */
function refuseSkippingReadmitted({ environment, hosts }: ChangeDeciding, host: string | null): string {
  const tried = `${hosts.join(', ')} ${hosts.length === 1 ? 'is' : 'are'} being tried again now`;
  return host !== null && !hosts.includes(host)
    ? `only ${tried}, ${host} is not; slipway status ${environment}`
    : `${tried}, and what cannot be put back stays apart; slipway watch ${environment}`;
}

function refuseForEnvironment(state: EnvironmentDeciding, decision: NamedDecision): string | null {
  const { environment, freezers } = state;
  switch (decision.name) {
    case 'freeze':
      return (
        refuseEnd(decision.until, state.now) ?? refuseWithoutSignature(freezers, 'freeze', state, decision)
      );
    case 'unfreeze':
      return state.freeze === null
        ? `${environment} is not frozen; slipway status ${environment}`
        : refuseWithoutSignature(freezers, 'unfreeze', state, decision);
    case 'resume':
      return state.needsPerson === null
        ? `${environment} waits for nobody; slipway status ${environment}`
        : null;
    case 'approve':
    case 'reject':
      return `approvals are given to a promotion; slipway ${decision.name} ${environment}`;
    case 'retryStep':
    case 'skipHost':
      if (state.hosts !== undefined)
        return refuseForHost(
          { environment, closed: describeClosed(state), ...state.hosts },
          { name: decision.name, host: decision.host },
        );
      return decidedByItsChange(environment);
    case 'switchTraffic':
    case 'back':
    case 'abort':
    case 'pause':
      return decidedByItsChange(environment);
  }
}

function decidedByItsChange(environment: string): string {
  return `this is decided by the change of ${environment} while one runs; slipway status ${environment}`;
}

/** Why nothing enters, and the way out; null = it may. */
function describeClosed(state: EnvironmentDeciding): string | null {
  const { environment, freeze, needsPerson, personsWayOut = `slipway resume ${environment}` } = state;
  if (freeze !== null)
    return `${environment} is frozen by ${freeze.by}, nothing enters; slipway unfreeze ${environment}`;
  if (needsPerson !== null) return `a person must look first: ${needsPerson}; ${personsWayOut}`;
  return null;
}

/** `until` null = somebody lifts the freeze. */
function refuseEnd(until: string | null, now: string): string | null {
  if (until === null) return null;
  if (Number.isNaN(Date.parse(until))) return `until ${until} is no time; give one like 2026-01-09T09:00:00Z`;
  return Date.parse(until) > Date.parse(now) ? null : `${until} is over; give a later time`;
}
