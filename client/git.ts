import { execa } from 'execa';

const MAX_BYTES = 64 * 1024 * 1024;

/** Runs git with this argv; its trimmed output, or null when git says no. Never asks for a password. */
export async function runGit(cwd: string, argv: string[]): Promise<string | null> {
  const result = await execa('git', argv, {
    cwd,
    reject: false,
    stdin: 'ignore',
    maxBuffer: MAX_BYTES,
    env: { GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
  });
  return result.exitCode === 0 ? result.stdout.trim() : null;
}

/** A file of a commit as bytes, so that the loader judges the encoding; null when the commit has none there. */
export async function showFile(cwd: string, commit: string, path: string): Promise<Uint8Array | null> {
  const result = await execa('git', ['cat-file', 'blob', `${commit}:${path}`], {
    cwd,
    reject: false,
    stdin: 'ignore',
    encoding: 'buffer',
    maxBuffer: MAX_BYTES,
    stripFinalNewline: false,
  });
  return result.exitCode === 0 ? result.stdout : null;
}
