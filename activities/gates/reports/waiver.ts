/** What exceptions say, whichever format they have. */
import type { z } from 'zod';
import type { Finding } from './report.js';
import { readShape } from './shape.js';

export interface Waiver {
  /** Does it waive now? */
  holds: boolean;
  /** Who says so, until when and why; or why it does not hold. */
  says: string;
}

export interface Exceptions {
  /** null = nothing is said about this finding. */
  about(finding: Finding, now: Date): Waiver | null;
}

/** Why a file of exceptions cannot be used at all, in words that go behind its name. */
export class UnreadableExceptions extends Error {
  override name = 'UnreadableExceptions';
}

/** Throws UnreadableExceptions with the place of the first thing that is wrong. */
export function readEntries<S extends z.ZodType>(value: unknown, schema: S): z.output<S> {
  return readShape(value, schema, (problem) => new UnreadableExceptions(`is wrong${problem}`));
}

/** One more under this id: a report asks for thousands of ids. */
export function addTo<T>(byId: Map<string, T[]>, id: string, item: T): void {
  const list = byId.get(id) ?? [];
  list.push(item);
  byId.set(id, list);
}
