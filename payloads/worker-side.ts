/** Converters of the worker process itself, for its activities. Loaded by path, never imported. */
import {
  DefaultPayloadConverter,
  type ConverterHint,
  type Payload,
  type SerializationContext,
} from '@temporalio/common';
import { SealedFailureConverter } from './failure-converter.js';
import { METADATA, metadataOf, PLAINTEXT, readPlace, REFUSED } from './place.js';
import { PayloadRefused } from './seal.js';

class ActivityPayloadConverter extends DefaultPayloadConverter {
  override fromPayload<T>(payload: Payload, context?: SerializationContext, hint?: ConverterHint<T>): T {
    if (metadataOf(payload, METADATA.encoding) === REFUSED) {
      throw new PayloadRefused(`refused: ${new TextDecoder().decode(payload.data ?? undefined)}`);
    }
    if (context?.type === 'activity' && !isForActivity(payload))
      throw new PayloadRefused('refused: not for an activity');
    return super.fromPayload<T>(payload, context, hint);
  }
}

/** Its input, or what an earlier attempt has left for it; never another activity's answer. */
function isForActivity(payload: Payload): boolean {
  const opened = metadataOf(payload, METADATA.opened);
  if (opened === PLAINTEXT) return true;
  const kind = opened === null ? null : readPlace(opened)?.kind;
  return kind === 'activity-input' || kind === 'heartbeat';
}

/** Read by the SDK by these names. */
export const payloadConverter = new ActivityPayloadConverter();
export const failureConverter = new SealedFailureConverter();
