/** Running our own scripts on a host. All of them are safe to repeat, so a lost connection is no answer, not a failure. */
import { badInput } from '../failure.js';
import { TAIL_BYTES } from './command-text.js';
import type { Fence } from './host.js';
import { readAnswer, type Answer } from './remote-answers.js';
import type { Shell, ShellRequest, ShellResult } from './shell.js';

/** Ending a group waits 5 s for SIGTERM and 3 s for SIGKILL. */
export const END_TIMEOUT_MS = 20_000;

/** The kernel takes 128 KB per argument, and quoting needs some. */
const LONGEST_SCRIPT_BYTES = 100_000;
const SCRIPT_TIMEOUT_MS = 30_000;
const SCRIPT_TRIES = 3;

export type Ask = (
  script: string,
  options?: {
    fence?: Fence;
    stdin?: Buffer;
    timeoutMs?: number;
    keepBytes?: number;
    lane?: 'normal' | 'rescue';
  },
) => Promise<Answer>;

export function createAsk(shell: Shell, where: string): Ask {
  return async (script, options = {}) => {
    const { fence = null, ...request } = options;
    for (let attempt = 1; ; attempt += 1) {
      const result = await executeScript(shell, where, script, {
        timeoutMs: SCRIPT_TIMEOUT_MS,
        keepBytes: TAIL_BYTES,
        ...request,
      });
      if (result.connectionLost && attempt < SCRIPT_TRIES) continue;
      return readAnswer(result, where, fence);
    }
  };
}

export async function executeScript(
  shell: Shell,
  where: string,
  script: string,
  request: Omit<ShellRequest, 'script'>,
): Promise<ShellResult> {
  const size = Buffer.byteLength(script);
  if (size > LONGEST_SCRIPT_BYTES) {
    throw badInput({
      what: `a command of ${size} bytes; a host takes ${LONGEST_SCRIPT_BYTES}`,
      where,
      why: null,
      wayOut: 'put the text into a file of the repository, or pass it on stdin',
    });
  }
  return shell.execute({ ...request, script });
}
