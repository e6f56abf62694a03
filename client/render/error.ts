import type { Explanation, UserError } from '../user-error.js';
import type { Style } from './style.js';
import { labelled, lines, plain, plainLines } from './text.js';

const LABEL = 10;

/** What, where, why and the way out; no stack trace for a user's mistake. */
export function renderError(style: Style, error: UserError): string {
  const why = error.why === null ? [] : plainLines(error.why).trimEnd().split('\n');
  return lines(
    `${style.red(style.failed)} ${plain(error.what)}`,
    labelled('where', plainLines(error.where).split('\n'), LABEL),
    labelled('why', why, LABEL),
    labelled('way out', plainLines(error.wayOut).split('\n'), LABEL),
    error.docs === null ? [] : labelled('docs', [error.docs], LABEL),
  );
}

/** Our bug: the stack, and where to take it. */
export function explainBug(error: unknown): { stack: string; explanation: Explanation } {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const what = error instanceof Error ? error.message : String(error);
  return {
    stack: `This is a bug in slipway, not your mistake. Please report it with these lines:\n${stack}`,
    explanation: {
      what,
      where: 'slipway itself',
      why: null,
      wayOut: 'report it with the lines on stderr; the release itself is not affected',
      docs: null,
    },
  };
}
