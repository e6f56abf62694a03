/**
 * Bundled with the workflows where payloads are sealed. The codec outside has opened what it could; here, where it is known
 * which run waits for what, nothing else is taken for an activity's or a child's answer. Loaded by path, never imported.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  defaultPayloadConverter,
  type ConverterHint,
  type Payload,
  type PayloadConverter,
  type ProtoFailure,
  type SerializationContext,
} from '@temporalio/common';
import { CancellationScope, type WorkflowInterceptorsFactory, workflowInfo } from '@temporalio/workflow';
import { SealedFailureConverter } from './failure-converter.js';
import { METADATA, metadataOf, PLAINTEXT, readPlace, REFUSED } from './place.js';
import { instead, Refused } from './refused.js';

/** `type` of the failure a workflow sees instead of an answer that was refused. */
const FORGED = 'ForgedAnswer';

/** It is not tried again. */
const LAST = 'NON_RETRYABLE_FAILURE';

/** An answer that says nothing, but was given: an empty completion of somebody without a key is `undefined`. */
const NOTHING: unique symbol = Symbol('nothing');

class GuardedPayloadConverter implements PayloadConverter {
  toPayload<T>(value: T, context?: SerializationContext, hint?: ConverterHint<T>): Payload {
    const payload = defaultPayloadConverter.toPayload(value, context, hint);
    if (context === undefined || isForAnother(context)) return payload;
    const yes = new TextEncoder().encode('1');
    const run = new TextEncoder().encode(thisRun());
    const marks = {
      [METADATA.fromWorkflow]: yes,
      ...(context.type === 'activity' ? { [METADATA.run]: run } : {}),
    };
    return { ...payload, metadata: { ...payload.metadata, ...marks } };
  }

  fromPayload<T>(payload: Payload, context?: SerializationContext, hint?: ConverterHint<T>): T {
    const why = whyRefused(payload, context);
    if (why !== null) return instead<T>(new Refused(why));
    const value = defaultPayloadConverter.fromPayload(payload, context, hint);
    const isAnswer = context !== undefined && (context.type === 'activity' || isForAnother(context));
    return isAnswer && value === undefined ? instead<T>(NOTHING) : value;
  }
}

/** Why this cannot be what the run waits for; null when it can. */
function whyRefused(payload: Payload, context: SerializationContext | undefined): string | null {
  if (metadataOf(payload, METADATA.encoding) === REFUSED)
    return new TextDecoder().decode(payload.data ?? undefined);
  if (context === undefined || (context.type === 'workflow' && !isForAnother(context))) return null;
  const opened = metadataOf(payload, METADATA.opened);
  if (opened === PLAINTEXT) return null;
  const place = opened === null ? null : readPlace(opened);
  if (place === null) return 'not sealed';
  if (context.type === 'workflow') return place.kind === 'workflow' ? null : 'not said by that workflow';
  if (place.kind !== 'activity-result') return 'not the answer of an activity';
  return place.run === thisRun() ? null : 'of another run';
}

/** A child, or a workflow that is signalled. */
function isForAnother(context: SerializationContext): boolean {
  return context.type === 'workflow' && context.workflowId !== workflowInfo().workflowId;
}

/** Its start, not its id: a reset gives the run another id, and keeps the answers. */
function thisRun(): string {
  return String(workflowInfo().startTime.getTime());
}

class GuardedFailureConverter extends SealedFailureConverter {
  override failureToError(
    failure: ProtoFailure,
    payloadConverter: PayloadConverter,
    context?: SerializationContext,
  ): Error {
    const why = context?.type === 'activity' ? whyFailureRefused(failure, context) : null;
    return why === null ? super.failureToError(failure, payloadConverter, context) : forged(why);
  }
}

/** Timeouts and cancellations are the server's own, and are never sealed; everything else is said by an activity. */
function whyFailureRefused(failure: ProtoFailure, context: SerializationContext): string | null {
  const info = failure.applicationFailureInfo;
  if (!info) {
    const isServers =
      failure.activityFailureInfo ?? failure.timeoutFailureInfo ?? failure.canceledFailureInfo;
    return isServers ? null : 'not sealed';
  }
  const details = info.details?.payloads ?? [];
  for (const payload of details) {
    const why = whyRefused(payload, context);
    if (why !== null) return why;
  }
  if (failure.encodedAttributes) return whyRefused(failure.encodedAttributes, context);
  const [first] = details;
  return first !== undefined && metadataOf(first, METADATA.opened) === PLAINTEXT ? null : 'not sealed';
}

function forged(why: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: FORGED,
    nonRetryable: true,
    message: `an answer that no worker with the payload keys has given was refused (${why}); find out who may write to this namespace (docs/security-payloads.md#refused)`,
  });
}

/** `failed` makes of a refusal what the SDK throws when an activity or child fails: workflows look for that. */
function takeAnswer(answer: unknown, failed: (cause: ApplicationFailure) => Error): unknown {
  if (answer instanceof Refused) throw failed(forged(answer.refused));
  if (answer === undefined) throw failed(forged('empty'));
  return answer === NOTHING ? undefined : answer;
}

/** Read by the SDK by these names. */
export const payloadConverter = new GuardedPayloadConverter();
export const failureConverter = new GuardedFailureConverter();
export const interceptors: WorkflowInterceptorsFactory = () => ({
  outbound: [
    {
      scheduleActivity: async (input, next) => {
        const { activityType, options } = input;
        const failed = (cause: ApplicationFailure): Error =>
          new ActivityFailure(cause.message, activityType, options.activityId, LAST, undefined, cause);
        const scope = CancellationScope.current();
        try {
          return takeAnswer(await next(input), failed);
        } catch (error) {
          // the server takes that from anybody, as a failure; undone at once, it would be beside what still runs
          const isCancelled = error instanceof ActivityFailure && error.cause instanceof CancelledFailure;
          throw isCancelled && !scope.consideredCancelled ? failed(forged('cancelled unasked')) : error;
        }
      },
      startChildWorkflowExecution: async (input, next) => {
        const [started, ended] = await next(input);
        const execution = { workflowId: input.options.workflowId, runId: '' };
        const answered = ended.then((answer) =>
          takeAnswer(
            answer,
            (cause) => new ChildWorkflowFailure(undefined, execution, input.workflowType, LAST, cause),
          ),
        );
        // Whoever does not wait for a child must not fail with it.
        answered.catch(() => undefined);
        return [started, answered];
      },
    },
  ],
});
