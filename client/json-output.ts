import type { ExitCode } from './exit-codes.js';
import { EXIT } from './exit-codes.js';
import type { Explanation } from './user-error.js';

/** The one object every command prints under `--json`. `schema` rises when a field changes its meaning. */
export interface JsonOutput {
  schema: 1;
  command: string;
  ok: boolean;
  exit: ExitCode;
  data: unknown;
  error?: Explanation;
}

export function toJsonOutput(
  command: string,
  exit: ExitCode,
  data: unknown,
  error: Explanation | null,
): JsonOutput {
  const output: JsonOutput = { schema: 1, command, ok: exit === EXIT.done, exit, data };
  return error === null ? output : { ...output, error };
}
