/**
 * What a plan must know from git, asked and read in one way: the worker asks its mirror, `slipway plan` the checkout,
 * and both compile the same plan. Pure: whoever has the repository runs the questions.
 */
import { isCommitId } from './commit-id.js';
import type { CommitFacts } from './plan.js';

/** Runs `git` with this argv in the repository; stdout as text. Rejects when git says no. */
export type AskGit = (argv: string[]) => Promise<string>;

export interface GitFacts {
  /** With everybody who authored something that any of the environments does not serve yet. */
  commit: CommitFacts;
  /** Paths that differ from what an environment serves, by environment; absent where this repository has not got that. */
  changedPaths: Map<string, string[]>;
}

/** `live`: full sha of what each environment serves, by name. Rejects when the commit itself is not there. */
export async function gatherGitFacts(
  ask: AskGit,
  commit: string,
  live: ReadonlyMap<string, string>,
): Promise<GitFacts> {
  // what is live is what Temporal says: anything but a commit would be a flag of git
  const commits = [...new Set(live.values())].filter(isCommitId);
  // what is asked beside each other is there sooner: to start git takes longer than most of its answers
  const differences = new Map(
    await Promise.all(commits.map(async (sha) => [sha, await askDifference(ask, sha, commit)] as const)),
  );
  const found = [...differences.values()].flatMap((each) => each ?? []);
  const range = found.map(({ since }) => since).find((each) => each.has(commit));
  const { facts, sameFilesAs } = describeCommit(range ?? (await askParents(ask, commit)), commit);
  const brought = found.flatMap(({ since }) => [...since.values()].filter((each) => each.isNew));
  const authors = new Set([...facts.authors, ...brought.flatMap((each) => each.facts.authors)]);
  return {
    commit: {
      ...facts,
      authors: [...authors].sort(),
      ...(sameFilesAs.length === 0 ? {} : { sameFilesAs }),
    },
    changedPaths: new Map(
      [...live].flatMap(([name, sha]) => {
        const difference = differences.get(sha);
        return difference == null ? [] : [[name, difference.paths] as const];
      }),
    ),
  };
}

interface Difference {
  /** What is new, and the parents of that, by sha. */
  since: Commits;
  paths: string[];
}

/** What is new since `from`; null = this repository has not got it. */
async function askDifference(ask: AskGit, from: string, to: string): Promise<Difference | null> {
  if (from === to) return { since: new Map(), paths: [] };
  try {
    const range = ['--boundary', to, `^${from}`];
    const [since, paths] = await Promise.all([askCommits(ask, range), askChangedPaths(ask, from, to)]);
    return { since, paths };
  } catch (error) {
    if ((await askCommits(ask, [...JUST_THESE, from])).size === 0) return null;
    throw error;
  }
}

const AUTHORS = '%ae%n%(trailers:key=Co-authored-by,valueonly)';

interface KnownCommit {
  /** `authors` are its own. */
  facts: CommitFacts;
  /** Id of all its files. */
  tree: string;
  parents: string[];
  /** false = only where what was asked for begins. */
  isNew: boolean;
}

type Commits = Map<string, KnownCommit>;

/** The commit, and which of its parents have exactly its files. */
function describeCommit(known: Commits, commit: string): { facts: CommitFacts; sameFilesAs: string[] } {
  const found = known.get(commit);
  if (found === undefined) throw new Error(`git does not know the commit ${commit}`);
  const { facts, tree, parents } = found;
  return { facts, sameFilesAs: parents.filter((parent) => known.get(parent)?.tree === tree) };
}

/** Those that the repository has. */
const JUST_THESE = ['--no-walk=unsorted', '--ignore-missing'];

async function askParents(ask: AskGit, commit: string): Promise<Commits> {
  return await askCommits(ask, [...JUST_THESE, commit, `${commit}^@`]);
}

async function askCommits(ask: AskGit, which: string[]): Promise<Commits> {
  const fields = ['%H', '%an', '%ae', '%cI', '%s', AUTHORS, '%T', '%P', '%m'];
  const format = `--format=${fields.map((field) => `${field}%x00`).join('')}`;
  const words = (await ask(['log', ...READABLE, format, ...which, '--'])).split('\0');
  const found: Commits = new Map();
  for (let at = 0; at + fields.length <= words.length; at += fields.length) {
    const [id = '', author = '', authorEmail = '', committedAt = '', subject = '', authors = ''] =
      words.slice(at, at + 6);
    const [tree = '', parents = '', mark = ''] = words.slice(at + 6, at + fields.length);
    const sha = id.trim();
    const facts = {
      sha,
      subject: printable(subject),
      author: printable(author),
      authorEmail: printable(authorEmail),
      committedAt: printable(committedAt),
      authors: addressesIn(authors),
    };
    const known = parents.split(' ').filter((each) => each !== '');
    found.set(sha, { facts, tree, parents: known, isNew: mark !== '-' });
  }
  return found;
}

const READABLE = ['--no-show-signature', '--encoding=UTF-8'];

/** Commit texts are anybody's: no control characters reach a screen. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is removed
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ').trim();
}

/** E-mail addresses of everybody who authored or co-authored a commit in `since..commit`; null = since the beginning. */
export async function askAuthors(ask: AskGit, commit: string, since: string | null): Promise<string[]> {
  const flags = [...READABLE, `--format=${AUTHORS}`];
  const range = since === null ? [commit] : [commit, `^${since}`];
  return addressesIn(await ask(['log', ...flags, ...range, '--']));
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
