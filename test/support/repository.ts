/** A git repository of a team: a work tree to commit in, which Slipway fetches by its path. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

export interface TestRepository {
  readonly folder: string;
  git(...args: string[]): Promise<string>;
  /** Writes the files (null removes one), commits, and gives the full sha. */
  commit(
    message: string,
    files: Record<string, string | Uint8Array | null>,
    author?: string,
  ): Promise<string>;
  remove(): Promise<void>;
}

export async function createRepository(): Promise<TestRepository> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-repository-'));
  const identity = { GIT_COMMITTER_NAME: 'Test', GIT_COMMITTER_EMAIL: 'test@example.com' };

  async function git(...args: string[]): Promise<string> {
    const { stdout } = await exec('git', args, {
      cwd: folder,
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', ...identity },
    });
    return stdout.trim();
  }

  await git('init', '--quiet', '--initial-branch=main');
  await git('config', 'user.name', 'Test');
  await git('config', 'user.email', 'test@example.com');
  return {
    folder,
    git,
    async commit(message, files, author = 'Anna <anna@example.com>') {
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(folder, name);
        if (text === null) await rm(file);
        else {
          await mkdir(path.dirname(file), { recursive: true });
          await writeFile(file, text);
        }
      }
      await git('add', '--all');
      await git('commit', '--quiet', '--allow-empty', `--author=${author}`, `--message=${message}`);
      return await git('rev-parse', 'HEAD');
    },
    async remove() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
