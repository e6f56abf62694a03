/** What git knows about commits: facts, order, difference. Every function takes full commit ids. */
import type { CommitFacts, ReleaseRef } from '../../pipeline/plan.js';
import { badInput } from '../failure.js';
import { checkCommitId, fullRefName } from './git-names.js';
import { gitFailed, readGit, runGit } from './run-git.js';
import type { Mirror } from './source.js';

/** Facts of one commit; `authors` are the distinct e-mail addresses since `since` (exclusive; null = this commit only). */
export async function readCommitFacts(
  mirror: Mirror,
  commit: string,
  since: string | null,
): Promise<CommitFacts> {
  const line = await readGit({
    repository: mirror.folder,
    args: [
      'show',
      '--no-patch',
      '--no-show-signature',
      '--format=%an%x00%ae%x00%cI%x00%s',
      checkCommitId(commit),
      '--',
    ],
  });
  const [author = '', authorEmail = '', committedAt = '', subject = ''] = line.split('\0').map(printable);
  return {
    sha: commit,
    subject,
    author,
    authorEmail,
    committedAt,
    authors: await listAuthors(mirror, commit, since),
  };
}

/** Commit texts are anybody's: no control characters reach a screen. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is removed
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ').trim();
}

/** Everybody who authored (or co-authored) a commit in `since..commit`, in lower case, sorted. */
async function listAuthors(mirror: Mirror, commit: string, since: string | null): Promise<string[]> {
  const range =
    since === null || since === commit ? ['--max-count=1', commit] : [commit, `^${checkCommitId(since)}`];
  const text = await readGit({
    repository: mirror.folder,
    args: [
      'log',
      '--no-show-signature',
      '--format=%ae%n%(trailers:key=Co-authored-by,valueonly)',
      ...range,
      '--',
    ],
  });
  const emails = text
    .split('\n')
    .map((line) => (/<([^<>]+)>/.exec(line)?.[1] ?? line).trim().toLowerCase())
    .filter((line) => line !== '');
  return [...new Set(emails)].sort();
}

export async function isAncestor(mirror: Mirror, older: string, newer: string): Promise<boolean> {
  const call = {
    repository: mirror.folder,
    args: ['merge-base', '--is-ancestor', checkCommitId(older), checkCommitId(newer)],
  };
  const answer = await runGit(call);
  if (answer.exitCode > 1) throw gitFailed(call, answer);
  return answer.exitCode === 0;
}

/** Paths that differ between two commits, in any direction, renamed files under both names. */
export async function listChangedPaths(mirror: Mirror, from: string, to: string): Promise<string[]> {
  const text = await readGit({
    repository: mirror.folder,
    args: [
      'diff-tree',
      '-r',
      '-z',
      '--name-only',
      '--no-renames',
      checkCommitId(from),
      checkCommitId(to),
      '--',
    ],
  });
  return text.split('\0').filter((name) => name !== '');
}

/** The commit a branch or tag points to (annotated tags peeled), or null when there is none. */
export async function readRef(mirror: Mirror, ref: ReleaseRef): Promise<string | null> {
  const answer = await runGit({
    repository: mirror.folder,
    args: ['rev-parse', '--verify', '--quiet', '--end-of-options', `${fullRefName(ref)}^{commit}`],
  });
  return answer.exitCode === 0 ? answer.stdout.toString('utf8').trim() : null;
}

/**
 * Throws BadInput unless the ref really holds the commit: a tag must point at it, a branch must contain it
 * (a newer push may already be on top).
 */
export async function checkRefHolds(mirror: Mirror, ref: ReleaseRef, commit: string): Promise<void> {
  if (ref.kind === 'commit') {
    if (ref.name === commit) return;
    throw badInput({
      what: `the request names commit ${ref.name} but carries ${commit}`,
      where: mirror.name,
      why: null,
      wayOut: 'start the release again',
    });
  }
  const head = await readRef(mirror, ref);
  const where = `${mirror.name}, ${ref.kind} ${ref.name}`;
  if (head === null) {
    throw badInput({
      what: `there is no ${ref.kind} ${ref.name}`,
      where,
      why: null,
      wayOut: `push it first: git push origin ${ref.kind === 'tag' ? 'tag ' : ''}${ref.name}`,
    });
  }
  if (head === commit || (ref.kind === 'branch' && (await isAncestor(mirror, commit, head)))) return;
  throw badInput({
    what:
      ref.kind === 'tag'
        ? `the tag points at ${head.slice(0, 12)}, not at ${commit.slice(0, 12)}`
        : `the branch does not contain ${commit.slice(0, 12)}; its head is ${head.slice(0, 12)}`,
    where,
    why: null,
    wayOut: 'push the commit, fetch, and start the release again',
  });
}
