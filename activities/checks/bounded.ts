/** Bounds work that takes no signal and no timeout of its own. */
export async function bounded<T>(
  work: Promise<T>,
  limits: { timeoutMs: number; signal: AbortSignal; onTimeout: () => T },
): Promise<T> {
  const { timeoutMs, signal, onTimeout } = limits;
  let stop = (): void => {};
  const ended = new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      resolve(onTimeout());
    }, timeoutMs);
    const abort = (): void => {
      reject(new Error(`stopped: ${String(signal.reason)}`));
    };
    signal.addEventListener('abort', abort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    stop();
    work.catch(() => {});
  }
}
