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
import { METADATA, metadataOf, PLAINTEXT, readPlace, REFUSED, type Place } from './place.js';
import { instead, Refused } from './refused.js';

/** What an earlier attempt has left, and for which run. */
class Left {
  constructor(
    readonly run: string,
    readonly details: unknown,
  ) {}
}

/** Which run has asked, by its question. */
const askedBy = new WeakMap<object, string>();

class ActivityPayloadConverter extends DefaultPayloadConverter {
  override fromPayload<T>(payload: Payload, context?: SerializationContext, hint?: ConverterHint<T>): T {
    const why = whyRefused(payload, context);
    if (why !== null) return instead<T>(new Refused(why));
    const value = super.fromPayload<T>(payload, context, hint);
    const place = context?.type === 'activity' ? placeIn(payload) : null;
    if (place?.kind === 'heartbeat') return instead<T>(new Left(place.run, value));
    if (place !== null && typeof value === 'object' && value !== null) askedBy.set(value, place.run);
    return value;
  }
}

/** null where it was not sealed. */
function placeIn(payload: Payload): Place | null {
  const opened = metadataOf(payload, METADATA.opened);
  return opened === null || opened === PLAINTEXT ? null : readPlace(opened);
}

/** An activity takes its input, and what an earlier attempt has left for it; never another activity's answer. */
function whyRefused(payload: Payload, context: SerializationContext | undefined): string | null {
  if (metadataOf(payload, METADATA.encoding) === REFUSED)
    return new TextDecoder().decode(payload.data ?? undefined);
  if (context?.type !== 'activity' || metadataOf(payload, METADATA.opened) === PLAINTEXT) return null;
  const kind = placeIn(payload)?.kind;
  return kind === 'activity-input' || kind === 'heartbeat' ? null : 'not for an activity';
}

/** Activity ids count from 1 in each run: what an earlier run of a lane has left must not shorten this one's watch. */
function ofThisRun(left: unknown, args: unknown[]): unknown {
  if (left instanceof Refused) return undefined;
  if (!(left instanceof Left)) return left;
  const [question] = args;
  const run = typeof question === 'object' && question !== null ? askedBy.get(question) : undefined;
  return left.run === (run ?? '') ? left.details : undefined;
}

/**
 * An activity whose input was refused does not run, and is not tried again. A heartbeat that was refused, or is of another
 * run, is forgotten: the activity begins anew, as after one that was lost.
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
        Object.assign(info, { heartbeatDetails: ofThisRun(info.heartbeatDetails, input.args) });
        return next(input);
      },
    },
  };
}

/** Read by the SDK by these names. */
export const payloadConverter = new ActivityPayloadConverter();
export const failureConverter = new SealedFailureConverter();
