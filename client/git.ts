import { execa } from 'execa';
import type { AskGit } from '../pipeline/index.js';

const MAX_BYTES = 64 * 1024 * 1024;

/** Runs git with this argv; its trimmed output, or null when git says no. Never asks for a password. */
export async function runGit(cwd: string, argv: string[]): Promise<string | null> {
  const result = await execa('git', argv, { ...asked(cwd), reject: false });
  return result.exitCode === 0 ? result.stdout.trim() : null;
}

/** The checkout, for the questions a plan asks of git: as the worker asks its mirror. */
export function askCheckout(root: string): AskGit {
  return async (argv) => {
    const { stdout } = await execa('git', ['--literal-pathspecs', ...argv], {
      ...asked(root),
      stripFinalNewline: false,
    });
    return stdout;
  };
}

/** The bytes of an object, so that the reader judges the encoding. */
export async function readObject(root: string, object: string): Promise<Uint8Array> {
  const { stdout } = await execa('git', ['cat-file', 'blob', object], {
    ...asked(root),
    encoding: 'buffer',
    stripFinalNewline: false,
  });
  return stdout;
}

function asked(cwd: string) {
  const env = { GIT_TERMINAL_PROMPT: '0', GIT_NO_REPLACE_OBJECTS: '1', LC_ALL: 'C' };
  return { cwd, env, stdin: 'ignore', maxBuffer: MAX_BYTES } as const;
}
