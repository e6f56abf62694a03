/** Requests, announcements and ends for the environment's queue, without a server. */
import { newEnvironment } from '../../workflows/environment-memory.js';
import { end } from '../../workflows/environment-end.js';
import { begin } from '../../workflows/environment-begin.js';
import { nextMove, receiveRequest, type Step } from '../../workflows/environment-queue.js';
import type { Announcement, ChangeRequest, EnvironmentState } from '../../workflows/messages.js';
import type { ChangeResult, ReleaseRecord } from '../../workflows/result.js';
import { givenCommit, givenPlan, givenRequest } from './given.js';

export const NOW = Date.parse('2026-11-21T10:00:00Z');
export const AT = new Date(NOW).toISOString();
export const sha = (number: number): string => `${number}`.padStart(40, '0');

export function deploy(number: number, queue: 'newest' | 'fifo' = 'newest'): ChangeRequest {
  return givenRequest(givenPlan({ name: 'prod', queue }), `v${number}`, 'deploy', {
    requestId: `request-${number}`,
    promotionId: `promotion-${number}`,
    commit: givenCommit({ sha: sha(number) }),
  });
}

export function announcement(
  number: number,
  older: number[] = [],
  changes: Partial<Announcement> = {},
): Announcement {
  return {
    requestId: `request-${number}`,
    workflowId: `release-${number}`,
    phase: 'building',
    version: `v${number}`,
    commit: sha(number),
    supersedes: older.map(sha),
    waitingFor: null,
    since: AT,
    queue: 'newest',
    ...changes,
  };
}

export function ask(state: EnvironmentState, request: ChangeRequest): Step {
  return receiveRequest(state, { type: 'change', request });
}

export function rollback(
  state: EnvironmentState,
  version: string | null = null,
  requestId = 'rollback',
): Step {
  return receiveRequest(state, {
    type: 'rollback',
    requestId,
    version,
    actor: { by: 'oleg', proof: 'unverified' },
    reason: null,
  });
}

export function started(state: EnvironmentState): EnvironmentState {
  const move = nextMove(state, NOW);
  if (move.move === 'wait') throw new Error('nothing starts');
  return begin(state, move.request, AT);
}

export function recordOf(state: EnvironmentState): ReleaseRecord {
  const { inFlight } = state;
  if (inFlight === null) throw new Error('nothing is in flight');
  const { version, commit, artifacts, plan } = inFlight.request;
  return { version, commit, artifacts, plan, colour: null, token: inFlight.token, at: AT, by: 'oleg' };
}

export function resultOf(
  state: EnvironmentState,
  ended: ChangeResult['state'],
  changes: Partial<ChangeResult> = {},
): ChangeResult {
  return {
    headline: ended,
    state: ended,
    clean: true,
    live: ended === 'succeeded' ? recordOf(state) : state.live,
    warm: null,
    steps: [],
    unwind: [],
    failure: null,
    switchMs: null,
    backMs: null,
    ...changes,
  };
}

export function finished(
  state: EnvironmentState,
  ended: ChangeResult['state'] = 'succeeded',
): EnvironmentState {
  return end(state, { result: resultOf(state, ended), diedUnder: null, nowMs: NOW }).state;
}

/** The versions became live one after the other. */
export function havingReleased(...numbers: number[]): EnvironmentState {
  let state = newEnvironment('shop', 'prod');
  for (const number of numbers) state = finished(started(ask(state, deploy(number)).state));
  return state;
}

export const versions = (records: { version: string }[]): string[] => records.map((record) => record.version);
