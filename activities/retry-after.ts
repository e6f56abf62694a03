/** Servers that cannot answer now, and may say when to ask again. */
import { ApplicationFailure } from '@temporalio/common';

const LONGEST_PAUSE_MS = 10 * 60_000;

/** A failure that Temporal retries, after the pause; null = as its own policy says. */
export function later(type: string, message: string, pause: number | null): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    nonRetryable: false,
    message: message.trimEnd().slice(0, 2000),
    ...(pause === null ? {} : { nextRetryDelay: pause }),
  });
}

/** `Retry-After` in seconds or as a date; at most ten minutes, null when absent or unreadable. */
export function pauseMs(retryAfter: string | null, now = Date.now()): number | null {
  if (retryAfter === null) return null;
  const wanted = /^\d+$/.test(retryAfter.trim()) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now;
  if (Number.isNaN(wanted)) return null;
  return Math.min(Math.max(wanted, 1000), LONGEST_PAUSE_MS);
}
