/** Failures whose message, stack, type and retryability are in a payload, so that they are sealed with it. */
import {
  DefaultFailureConverter,
  type PayloadConverter,
  type ProtoFailure,
  type SerializationContext,
} from '@temporalio/common';

/** What stands in clear instead of every message. */
const ENCODED = 'Encoded failure';

/**
 * Temporal's `encodeCommonAttributes`, in the same shape, and `type` and `non_retryable` with it: they stay readable,
 * since the server looks at them, but what counts is what was sealed.
 */
export class SealedFailureConverter extends DefaultFailureConverter {
  override errorToFailure(
    error: unknown,
    payloadConverter: PayloadConverter,
    context?: SerializationContext,
  ): ProtoFailure {
    const failure = this.errorToFailureInner(error, payloadConverter, context);
    const info = failure.applicationFailureInfo;
    const attributes = {
      message: failure.message,
      stack_trace: failure.stackTrace,
      ...(info ? { type: info.type ?? '', non_retryable: info.nonRetryable ?? false } : {}),
    };
    const encodedAttributes = payloadConverter.toPayload(attributes, context);
    return { ...failure, message: ENCODED, stackTrace: '', encodedAttributes };
  }

  override failureToError(
    failure: ProtoFailure,
    payloadConverter: PayloadConverter,
    context?: SerializationContext,
  ): Error {
    const { applicationFailureInfo: info, encodedAttributes } = failure;
    if (!info || !encodedAttributes) return super.failureToError(failure, payloadConverter, context);
    const sealed: unknown = payloadConverter.fromPayload(encodedAttributes, context);
    const type = field(sealed, 'type');
    const nonRetryable = field(sealed, 'non_retryable');
    const counted = {
      ...info,
      ...(typeof type === 'string' ? { type } : {}),
      ...(typeof nonRetryable === 'boolean' ? { nonRetryable } : {}),
    };
    return super.failureToError({ ...failure, applicationFailureInfo: counted }, payloadConverter, context);
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)).get(name) : undefined;
}
