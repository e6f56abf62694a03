/** How a request begins to hold the environment's lane: under which token, and with what is known by then. Pure. */
import { warmCutover } from './change-run.js';
import { databaseWay } from './database-way.js';
import { requestFor } from './environment-memory.js';
import type { ChangeRequest, EnvironmentState } from './messages.js';
import { recoveryId } from './names.js';

/** The request holds the lane from now on, under the next token. `at` is ISO time. */
export function begin(state: EnvironmentState, request: ChangeRequest, at: string): EnvironmentState {
  const token = state.token + 1;
  // What is live when its turn comes is deployed again, not what was live when it was asked for.
  const current =
    request.kind === 'redeploy' && state.live !== null
      ? { ...requestFor(state.live, 'redeploy', request), ...wordsOf(request) }
      : goesBackBy(state, request);
  const { live } = state;
  const warm = state.coldFor === request.requestId ? null : state.warm;
  return {
    ...state,
    token,
    queue: state.queue.filter((each) => each.requestId !== request.requestId),
    inFlight: {
      request: current,
      token,
      cutover: warmCutover({ request: current, live, warm: warm?.record ?? null, token }, at),
    },
  };
}

/** A rollback goes by what is live now, and which hosts have it, not when it was asked for. */
function goesBackBy(state: EnvironmentState, request: ChangeRequest): ChangeRequest {
  if (request.kind !== 'rollback') return request;
  const way = databaseWay(state, request);
  const isUneven = (state.apart ?? []).length > 0 || state.warm?.uneven === true;
  return {
    ...request,
    ...(way === null || way.way === 'stays' ? {} : { databaseWay: way }),
    ...(isUneven && request.plan.strategy === 'blue-green' ? { deploysAgain: true } : {}),
  };
}

/** Of a redeploy: if something else is live by now, they are about another release, and activities refuse it. */
function wordsOf({ decisions }: ChangeRequest): Pick<ChangeRequest, 'decisions'> {
  return decisions === undefined ? {} : { decisions };
}

/** The holder died; what it left is undone under the next token, by a change of kind `recover`. */
export function beginRecovery(
  state: EnvironmentState,
): { state: EnvironmentState; request: ChangeRequest } | null {
  const { inFlight } = state;
  if (inFlight === null) return null;
  const token = state.token + 1;
  const { request } = inFlight;
  return {
    state: { ...state, token, inFlight: { ...inFlight, token } },
    request: {
      ...request,
      kind: 'recover',
      requestId: recoveryId(request.requestId, token),
      promotionId: null,
    },
  };
}
