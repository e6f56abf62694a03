/**
 * What an environment makes of a change's end: what is live, warm and good from now on, who must look, and whether
 * the same request is to be tried once more. Pure, like environment-queue.ts.
 */
import { endedFromOutside } from './change-recover.js';
import { isWarmRollback } from './change-run.js';
import { rememberGood } from './environment-memory.js';
import { endRequest, giveBack, type Step, type Telling } from './environment-queue.js';
import { apartAfter, quarantinedBy } from './hosts-apart.js';
import type { ChangeRequest, EnvironmentState } from './messages.js';
import type { ChangeResult } from './result.js';

const RETIRE_AGAIN_MS = 10 * 60_000;

export interface Ended {
  result: ChangeResult;
  diedUnder: number | null;
  nowMs: number;
  /** Asked only where it matters: may a rollback whose warm colour is dead deploy instead? */
  mayGoCold?: () => boolean;
  /** And here: are hosts in quarantine that a dead change had reached tried at once? */
  triesAtOnce?: () => boolean;
}

/**
 * A host that has seen a higher token than this environment remembers (Temporal was restored from a backup, or the
 * environment was terminated) is followed once: the same request again, above that token.
 * `diedUnder` is the token the first holder of this request died with, if it did.
 */
export function end(state: EnvironmentState, ended: Ended): Step {
  const { inFlight } = state;
  if (inFlight === null) return { state, tell: [] };
  const { request } = inFlight;
  const { nowMs } = ended;
  const seen = ended.result.failure?.seenToken ?? 0;
  const mayFollow = ended.result.clean && ended.diedUnder === null && state.raisedFor !== request.requestId;
  if (seen > state.token && mayFollow)
    return giveBack({ ...state, token: seen, raisedFor: request.requestId });
  if (foundWarmDead(state, ended.result) && ended.mayGoCold?.() === true)
    return giveBack({ ...state, coldFor: request.requestId });
  const result =
    ended.diedUnder === null ? ended.result : describeDeath(state, ended.result, ended.diedUnder);
  const isNew = result.live !== null && result.live.token === (ended.diedUnder ?? inFlight.token);
  const good = isNew && result.live !== null ? rememberGood(state, result.live, request.kind) : state.good;
  const { said: before, apart: stoodApart = [], personsWayOut: _, ...rest } = state;
  const apart = apartAfter(stoodApart, request, result, nowMs, hostsTouched(state, ended));
  const said = isNew ? result.said : before;
  const after: EnvironmentState = {
    ...rest,
    ...(said === undefined ? {} : { said }),
    // A token seen too late to be followed is still above ours: whoever comes next needs a higher one.
    token: Math.max(state.token, seen),
    inFlight: null,
    live: result.live,
    warm: sayUneven(state, result, keepWarm(state, request, result, nowMs)),
    ...(apart.length === 0 ? {} : { apart }),
    good,
    ...whoMustLook(state, request, result),
  };
  return endRequest({ state: after, tell: forGithub(state, request, result) }, request, result);
}

/** By a change that died, of those in quarantine. */
function hostsTouched({ inFlight, apart = [] }: EnvironmentState, ended: Ended): string[] {
  const prior = ended.diedUnder === null ? [] : (inFlight?.cutover?.prior ?? []);
  const touched = prior.map(({ host }) => host).filter((host) => apart.some((each) => each.host === host));
  return touched.length > 0 && ended.triesAtOnce?.() === true ? touched : [];
}

/** Of a rollback or redeploy, where it or what it replaces is on GitHub; a promotion speaks for itself. */
function forGithub({ live }: EnvironmentState, request: ChangeRequest, result: ChangeResult): Telling[] {
  const wanted = request.plan.github ?? live?.plan.github;
  const isSpokenFor = request.promotionId !== null || ['retire', 'readmit'].includes(request.kind);
  return wanted === undefined || isSpokenFor ? [] : [{ tell: 'github', request, result, wanted }];
}

/** A recovery that went well is still a failed change, unless the dead holder had reached its end. */
function describeDeath(
  { inFlight }: EnvironmentState,
  recovered: ChangeResult,
  diedUnder: number,
): ChangeResult {
  const { apart = [] } = recovered;
  const left = quarantinedBy(inFlight).filter(({ host }) => apart.every((each) => each.host !== host));
  const result = left.length === 0 ? recovered : { ...recovered, apart: [...apart, ...left] };
  if (inFlight === null || result.live?.token === diedUnder || result.state !== 'succeeded') return result;
  return { ...result, state: 'failed', failure: result.failure ?? endedFromOutside(inFlight.request) };
}

/** The colour to go back to is no longer well: traffic stayed, and the release can still be deployed again. */
function foundWarmDead({ inFlight, warm, live, coldFor }: EnvironmentState, result: ChangeResult): boolean {
  if (inFlight === null || inFlight.withdrawn !== undefined) return false;
  const { request } = inFlight;
  const stayed = result.steps.some(({ name, state }) => name === 'switch' && state === 'failed');
  const isWarm = isWarmRollback({ request, live, warm: warm?.record ?? null });
  return isWarm && stayed && result.state === 'failed' && result.clean && coldFor !== request.requestId;
}

function keepWarm(
  state: EnvironmentState,
  request: ChangeRequest,
  result: ChangeResult,
  nowMs: number,
): EnvironmentState['warm'] {
  // Deployed over it and undone: what was warm is there again, for what it is worth.
  if (state.coldFor === request.requestId && result.state !== 'succeeded') return state.warm;
  if (result.warm === null) return null;
  const retireAgain = request.kind === 'retire';
  if (!retireAgain && state.warm?.record.token === result.warm.token) return state.warm;
  const keptMs = result.warmIsStale === true ? 0 : request.plan.keepWarmMs;
  const forMs = retireAgain ? RETIRE_AGAIN_MS : keptMs;
  return { record: result.warm, retireAt: new Date(nowMs + forMs).toISOString() };
}

/** Who stood apart does not have what was live then, and who does now gets only what is live when it comes back. */
function sayUneven(
  { warm: before, apart = [] }: EnvironmentState,
  { apart: found = [] }: ChangeResult,
  warm: EnvironmentState['warm'],
): EnvironmentState['warm'] {
  if (warm === null) return null;
  const wasUneven = before?.uneven === true && before.record.token === warm.record.token;
  return wasUneven || apart.length > 0 || found.length > 0 ? { ...warm, uneven: true } : warm;
}

function whoMustLook(
  { needsPerson, personsWayOut }: EnvironmentState,
  { version }: ChangeRequest,
  { clean, state, failure, headline }: ChangeResult,
): Pick<EnvironmentState, 'needsPerson' | 'personsWayOut'> {
  if (!clean)
    return {
      needsPerson: `${version}: ${failure?.what ?? headline}`,
      ...(failure === null ? {} : { personsWayOut: failure.wayOut }),
    };
  if (state === 'succeeded') return { needsPerson: null };
  return { needsPerson, ...(personsWayOut === undefined ? {} : { personsWayOut }) };
}
