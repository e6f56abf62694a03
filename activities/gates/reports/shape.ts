/** What files of other programs must look like. */
import { z } from 'zod';

/** A list that may be absent or null: Go leaves empty fields out or writes null, and so do people. */
export const listOf = <S extends z.ZodType>(item: S) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

/** Throws what `refuse` makes of the first thing that is wrong: ` at runs.0.tool: expected object`. */
export function readShape<S extends z.ZodType>(
  value: unknown,
  schema: S,
  refuse: (problem: string) => Error,
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw refuse(`${where}: ${issue?.message ?? 'wrong shape'}`);
}
