/**
 * What a plan must know from git, asked and read in one way: the worker asks its mirror, `slipway plan` the checkout,
 * and both compile the same plan. Pure: whoever has the repository runs the questions.
 */
import type { CommitFacts } from './plan.js';

/** Runs `git` with this argv in the repository; stdout as text. Rejects when git says no. */
export type AskGit = (argv: string[]) => Promise<string>;

export interface GitFacts {
  /** With everybody who authored something that any of the environments does not serve yet. */
  commit: CommitFacts;
  /** Paths that differ from what an environment serves, by environment. */
  changedPaths: Map<string, string[]>;
}

/** `live`: what each environment serves, by name; only commits that this repository has. */
export async function gatherGitFacts(
  ask: AskGit,
  commit: string,
  live: ReadonlyMap<string, string>,
): Promise<GitFacts> {
  const served = [...new Set(live.values())];
  const [known, authors, changed] = await Promise.all([
    askCommit(ask, commit),
    Promise.all(served.filter((sha) => sha !== commit).map((since) => askAuthors(ask, commit, since))),
    Promise.all(served.map(async (sha) => [sha, await askChangedPaths(ask, sha, commit)] as const)),
  ]);
  const changedSince = new Map(changed);
  return {
    commit: { ...known, authors: [...new Set([...known.authors, ...authors.flat()])].sort() },
    changedPaths: new Map([...live].map(([name, sha]) => [name, changedSince.get(sha) ?? []])),
  };
}

const AUTHORS = '%ae%n%(trailers:key=Co-authored-by,valueonly)';

/** `authors` are its own. */
async function askCommit(ask: AskGit, commit: string): Promise<CommitFacts> {
  const format = `--format=%an%x00%ae%x00%cI%x00%s%x00${AUTHORS}`;
  const flags = ['--no-patch', '--no-show-signature', '--encoding=UTF-8', format];
  const text = await ask(['show', ...flags, commit, '--']);
  const [author = '', authorEmail = '', committedAt = '', subject = '', authors = ''] = text.split('\0');
  return {
    sha: commit,
    subject: printable(subject),
    author: printable(author),
    authorEmail: printable(authorEmail),
    committedAt: printable(committedAt),
    authors: addressesIn(authors),
  };
}

/** Commit texts are anybody's: no control characters reach a screen. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is removed
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ').trim();
}

/** E-mail addresses of everybody who authored or co-authored a commit in `since..commit`. */
async function askAuthors(ask: AskGit, commit: string, since: string): Promise<string[]> {
  const flags = ['--no-show-signature', '--encoding=UTF-8', `--format=${AUTHORS}`];
  return addressesIn(await ask(['log', ...flags, commit, `^${since}`, '--']));
}

/** In lower case; a trailer has its address in angle brackets. */
function addressesIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => (/<([^<>]+)>/.exec(line)?.[1] ?? line).trim().toLowerCase())
    .filter((line) => line !== '');
}

/** Paths that differ between two commits, in any direction, renamed files under both names. */
async function askChangedPaths(ask: AskGit, from: string, to: string): Promise<string[]> {
  const text = await ask(['diff-tree', '-r', '-z', '--name-only', '--no-renames', from, to, '--']);
  return text.split('\0').filter((name) => name !== '');
}
