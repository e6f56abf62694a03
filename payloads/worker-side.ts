/** Converters of the worker process itself, for its activities, and what it does with what they refuse. */
import { Context } from '@temporalio/activity';
import {
  ApplicationFailure,
  DefaultPayloadConverter,
  type ConverterHint,
  type Payload,
  type SerializationContext,
} from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import { SealedFailureConverter } from './failure-converter.js';
import { METADATA, metadataOf, PLAINTEXT, readPlace, REFUSED } from './place.js';
import { instead, Refused } from './refused.js';

class ActivityPayloadConverter extends DefaultPayloadConverter {
  override fromPayload<T>(payload: Payload, context?: SerializationContext, hint?: ConverterHint<T>): T {
    const why = whyRefused(payload, context);
    return why === null ? super.fromPayload<T>(payload, context, hint) : instead<T>(new Refused(why));
  }
}

/** An activity takes its input, and what an earlier attempt has left for it; never another activity's answer. */
function whyRefused(payload: Payload, context: SerializationContext | undefined): string | null {
  if (metadataOf(payload, METADATA.encoding) === REFUSED)
    return new TextDecoder().decode(payload.data ?? undefined);
  const opened = metadataOf(payload, METADATA.opened);
  if (context?.type !== 'activity' || opened === PLAINTEXT) return null;
  const kind = opened === null ? null : readPlace(opened)?.kind;
  return kind === 'activity-input' || kind === 'heartbeat' ? null : 'not for an activity';
}

/**
 * An activity whose input was refused does not run, and is not tried again. A heartbeat that was refused is forgotten:
 * the activity begins anew, as after one that was lost.
 */
export function refuseForged(): ActivityInterceptors {
  return {
    inbound: {
      execute: async (input, next) => {
        const forged = input.args.find((arg) => arg instanceof Refused);
        if (forged !== undefined) {
          throw ApplicationFailure.create({
            type: 'ForgedInput',
            nonRetryable: true,
            message: `an input that no workflow with the payload keys has given was refused (${forged.refused}); find out who may write to this namespace (docs/security-payloads.md#refused)`,
          });
        }
        const { info } = Context.current();
        if (info.heartbeatDetails instanceof Refused) Object.assign(info, { heartbeatDetails: undefined });
        return next(input);
      },
    },
  };
}

/** Read by the SDK by these names. */
export const payloadConverter = new ActivityPayloadConverter();
export const failureConverter = new SealedFailureConverter();
