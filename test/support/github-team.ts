/**
 * A team that works on GitHub: it pushes, CI checks what is pushed, pull requests are reviewed and merged. Git is real, the
 * rest is written into the stand-in for GitHub; each push is delivered to `slipway serve`, signed, as GitHub does.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { GithubStandIn } from './github/stand-in.js';
import type { FakePull } from './github/state.js';
import type { TestRepository } from './repository.js';
import { deliver, pushOf, reviewOf, type Delivered } from './webhooks.js';

export interface GithubTeam {
  /** Commits on a branch (a new one comes off `dev`) and pushes it. */
  commit(branch: string, message: string, files: Record<string, string | null>): Promise<string>;
  /** Of the branches as they are now. */
  open(base: string, head: string): Promise<FakePull>;
  /** Approves the pull request as it is, and GitHub tells of it; gives what `slipway serve` answered. */
  review(pull: FakePull, by: string): Promise<Delivered>;
  /**
   * Merges and pushes the base branch: by a merge commit, or by moving the branch to the reviewed commit. GitHub's own
   * branch protection is not asked. Gives the commit the branch has now.
   */
  merge(pull: FakePull, how: 'merge commit' | 'fast-forward', by?: string): Promise<string>;
  /** Commits, tags the commit, and pushes the tag alone: no branch moves on GitHub. */
  tag(name: string, message: string, files: Record<string, string | null>): Promise<string>;
  /** CI will not report these names, for whatever is pushed from now on. */
  breakCi(...names: string[]): void;
  /** What `slipway serve` answered to the newest push. */
  delivered(): Delivered;
}

export interface TeamTools {
  repository: TestRepository;
  github: GithubStandIn;
  /** Where GitHub delivers to, and what it signs with. */
  webhook: { url: string; secret: string };
  /** Names that CI reports; the first is that of the tests, the last one is green when they are. */
  checks: string[];
  /** What CI runs; default: lint and tests of an npm package. */
  ci?: string;
}

/** Who merges, unless somebody else is named. */
const MERGER = 'boris';

export function createGithubTeam(tools: TeamTools): GithubTeam {
  const { repository, github, webhook, checks, ci = 'npm run -s lint && npm test' } = tools;
  const { state } = github;
  const { git } = repository;
  let broken: string[] = [];
  let newest: Delivered | null = null;

  async function push(branch: string, by: string): Promise<string> {
    const after = await git('rev-parse', branch);
    const { [branch]: before } = state.branches;
    await git('push', '--quiet', 'origin', `${branch}:${branch}`);
    state.branches[branch] = after;
    const done = startCi(after);
    await tell({ ref: `refs/heads/${branch}`, after, ...(before === undefined ? {} : { before }), by });
    await done();
    return after;
  }

  async function tell(pushed: { ref: string; after: string; before?: string; by: string }): Promise<void> {
    const payload = pushOf({ ...pushed, github: state.repository });
    newest = await deliver(webhook.url, 'push', payload, { secret: webhook.secret });
  }

  /** The check runs appear at once, and are green or red when the tests have run. */
  function startCi(sha: string): () => Promise<void> {
    const runs = checks
      .filter((name) => !broken.includes(name))
      .map((name) => ({ sha, name, status: 'queued' as const, conclusion: null }));
    state.checkRuns.push(...runs);
    return async () => {
      const isGood = await passesTests(sha);
      const depends = [checks[0], checks.at(-1)];
      for (const run of runs) {
        const conclusion = isGood || !depends.includes(run.name) ? 'success' : 'failure';
        Object.assign(run, { status: 'completed', conclusion });
      }
    };
  }

  async function passesTests(sha: string): Promise<boolean> {
    const folder = await mkdtemp(path.join(tmpdir(), 'slw-ci-'));
    try {
      await git('worktree', 'add', '--quiet', '--detach', folder, sha);
      const { exitCode } = await execa('sh', ['-c', ci], {
        cwd: folder,
        reject: false,
      });
      return exitCode === 0;
    } finally {
      await git('worktree', 'remove', '--force', folder);
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    async commit(branch, message, files) {
      const isNew = (await git('branch', '--list', branch)) === '';
      await git('switch', '--quiet', ...(isNew ? ['--create', branch, 'dev'] : [branch]));
      await repository.commit(message, files);
      return await push(branch, 'anna');
    },
    async open(base, head) {
      const headSha = await git('rev-parse', head);
      const log = await git('log', '--format=%H %an', `${base}..${head}`);
      const commits = log.split('\n').map((line) => {
        const [sha = '', author = ''] = line.split(' ');
        return { sha, author: author.toLowerCase() };
      });
      const pull: FakePull = {
        ...{ number: state.pulls.length + 1, title: `${head} into ${base}`, base, headSha, commits },
        ...{ mergeSha: '', merged: false, author: 'anna', reviews: [] },
      };
      state.pulls.push(pull);
      return pull;
    },
    async review(pull, by) {
      state.permissions[by] ??= 'write';
      pull.reviews.push({ by, state: 'APPROVED', commit: pull.headSha });
      const { url, secret } = webhook;
      return await deliver(url, 'pull_request_review', reviewOf('approved', state.repository), { secret });
    },
    async merge(pull, how, by = MERGER) {
      await git('switch', '--quiet', pull.base);
      const message = `Merge pull request #${pull.number}`;
      const person = ['-c', `user.name=${by}`, '-c', `user.email=${by}@example.com`];
      const manner = how === 'fast-forward' ? ['--ff-only'] : ['--no-ff', '-m', message];
      await git(...person, 'merge', '--quiet', ...manner, pull.headSha);
      const mergeSha = await git('rev-parse', pull.base);
      Object.assign(pull, { merged: true, mergeSha, mergedAt: new Date().toISOString() });
      return await push(pull.base, by);
    },
    async tag(name, message, files) {
      const after = await repository.commit(message, files);
      await git('tag', name);
      await git('push', '--quiet', 'origin', name);
      const done = startCi(after);
      await tell({ ref: `refs/tags/${name}`, after, by: MERGER });
      await done();
      return after;
    },
    breakCi(...names) {
      broken = names;
    },
    delivered() {
      if (newest === null) throw new Error('nothing was pushed yet');
      return newest;
    },
  };
}
