/** JSON reports: the whole text must be JSON, and have the shape the format promises. */
import type { z } from 'zod';
import { UnreadableReport } from './report.js';
import { readShape } from './shape.js';

/** `what`: `a Trivy report`. Throws UnreadableReport. */
export function readJson<S extends z.ZodType>(text: string, schema: S, what: string): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UnreadableReport('is not whole JSON: the program may have stopped while it wrote');
  }
  return readShape(value, schema, (problem) => new UnreadableReport(`is not ${what}${problem}`));
}
