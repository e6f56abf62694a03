/** Texts that people sign: canonical JSON, so that there is one way to write each. */
import { canonicalize } from 'json-canonicalize';
import type { z } from 'zod';

/** null = it is no such statement, or not written as one. */
export function readStatement<Statement>(schema: z.ZodType<Statement>, payload: string): Statement | null {
  const parsed = schema.safeParse(parse(payload));
  return parsed.success && canonicalize(parsed.data) === payload ? parsed.data : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
