/**
 * The SDK tries a call again after a while, also on a connection that was closed meanwhile: that throws where nobody can
 * catch it, and ends the process. These tries end before their connection does.
 */
import {
  type ConnectionOptions,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type Call = ReturnType<Parameters<Interceptor>[1]>;

const CANCELLED = 1;

/** For a connection's options; `end` goes before its `close`. */
export function createRetries(): {
  interceptors: Interceptor[];
  end(): void;
  hasEnded(): boolean;
} {
  let hasEnded = false;
  const options = defaultGrpcRetryOptions();
  const retry = makeGrpcRetryInterceptor({
    ...options,
    retryableDecider: (attempt, status) => !hasEnded && options.retryableDecider(attempt, status),
  });
  return {
    interceptors: [(call, next) => retry(call, (again) => (hasEnded ? closedCall() : next(again)))],
    end: () => {
      hasEnded = true;
    },
    hasEnded: () => hasEnded,
  };
}

/** Tells whoever waits for the answer that none will come. */
function closedCall(): Call {
  const nothing = (): void => undefined;
  return {
    start: (metadata, listener) => {
      // the SDK passes a message on before a status, also where there was none
      listener?.onReceiveMessage?.(null);
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- its enum is of a package that only the SDK needs
      listener?.onReceiveStatus?.({ code: CANCELLED, details: 'the connection was closed', metadata });
    },
    cancelWithStatus: nothing,
    sendMessage: nothing,
    sendMessageWithContext: nothing,
    startRead: nothing,
    halfClose: nothing,
    getPeer: () => '',
    getAuthContext: () => null,
  };
}
