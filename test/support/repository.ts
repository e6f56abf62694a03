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

/** Nobody tidies up after a commit: that would be two programs more for each. */
const CREATE = `
  git init --quiet --initial-branch=main
  cat >>.git/config <<'END'
[user]
  name = Test
  email = test@example.com
[gc]
  auto = 0
[maintenance]
  auto = false
END
`;
const COMMIT = `
  git add --all
  git commit --quiet --allow-empty --author="$1" --message="$2"
  git rev-parse HEAD
`;

export async function createRepository(): Promise<TestRepository> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-repository-'));
  const identity = { GIT_COMMITTER_NAME: 'Test', GIT_COMMITTER_EMAIL: 'test@example.com' };

  async function run(program: string, args: readonly string[]): Promise<string> {
    const { stdout } = await exec(program, args, {
      cwd: folder,
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', ...identity },
    });
    return stdout.trim();
  }
  const git = (...args: string[]) => run('git', args);
  // A test's process is large, and to start another from it costs more than what git does.
  const script = (text: string, ...args: string[]) => run('sh', ['-ec', text, 'sh', ...args]);

  await script(CREATE);
  return {
    folder,
    git,
    async commit(message, files, author = 'Anna <anna@example.com>') {
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(folder, name);
        if (text === null) await rm(file);
        else {
          await mkdir(path.dirname(file), { recursive: true });
          await writeFile(file, text, { mode: isScript(text) ? 0o755 : 0o644 });
        }
      }
      return await script(COMMIT, author, message);
    },
    async remove() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isScript(text: string | Uint8Array): boolean {
  return typeof text === 'string' && text.startsWith('#!');
}
