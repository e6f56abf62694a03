/** From what people type or CI knows to a commit: always resolved here, so the worker can refuse when it sees another. */
import path from 'node:path';
import { gatherGitFacts } from '../pipeline/git-facts.js';
import type { CommitFacts, ReleaseRef } from '../pipeline/plan.js';
import { hasPassword, isRepositoryUrl, REPOSITORY_FORMS } from '../pipeline/repository-url.js';
import { parseVersion } from '../pipeline/versions.js';
import { askCheckout, runGit } from './git.js';
import { badInput } from './user-error.js';

export interface ResolvedRef {
  ref: ReleaseRef;
  commit: CommitFacts;
  /** What people call the release: the tag, else the first seven digits of the commit. */
  version: string;
}

export interface RepositoryPlace {
  /** Top folder of the checkout. */
  root: string;
  /** What the worker fetches from. */
  url: string;
  /** Is that the checkout's own origin, so that its remote branches tell what has been pushed? */
  isOrigin: boolean;
}

/**
 * Where the repository is: `--repository`, origin's URL, else this very folder. Throws (exit 2) outside a checkout, and
 * for an address the worker would refuse.
 */
export async function findRepository(cwd: string, given: string | null): Promise<RepositoryPlace> {
  const root = await runGit(cwd, ['rev-parse', '--show-toplevel']);
  if (root === null) {
    throw badInput({
      what: 'not a git repository',
      where: cwd,
      wayOut: 'run this in a checkout of the repository that holds slipway.yaml',
      docs: 'docs/commands.md#release',
    });
  }
  if (given !== null)
    return {
      root,
      url: checkAddress(isLocalPath(given) ? path.resolve(cwd, given) : given, '--repository'),
      isOrigin: false,
    };
  const origin = await runGit(root, ['config', '--get', 'remote.origin.url']);
  if (origin === null || origin === '')
    return { root, url: checkAddress(root, 'this folder'), isOrigin: false };
  const url = isLocalPath(origin) ? path.resolve(root, origin) : withoutLogin(origin);
  return { root, url: checkAddress(url, 'remote.origin.url'), isOrigin: true };
}

/** Throws (exit 2) for an address that the worker would refuse, or that has a password in it. */
export function checkAddress(url: string, where: string): string {
  if (hasPassword(url)) {
    throw badInput({
      what: 'the address of the repository has a password in it',
      where,
      wayOut: 'leave it out, and give the worker its own login (an SSH key, or a git credential helper)',
      docs: 'docs/commands.md#release',
    });
  }
  if (isRepositoryUrl(url)) return url;
  throw badInput({
    what: `${JSON.stringify(url.slice(0, 200))} is not a repository the worker may fetch from`,
    where,
    wayOut: `give ${REPOSITORY_FORMS} with --repository`,
    docs: 'docs/commands.md#release',
  });
}

/** CI clones with a token in the URL (`https://gitlab-ci-token:…@`): it is no part of a request that is kept for months. */
function withoutLogin(url: string): string {
  return url.replace(/^(https?:\/\/)[^/@]*@/i, '$1');
}

/** `git@host:path` and `scheme://…` are remote; anything else names a folder. */
function isLocalPath(url: string): boolean {
  return !/^[a-z][a-z0-9+.-]*:\/\//i.test(url) && !/^[^/]+@[^/]+:/.test(url) && !/^[^/]+:[^/]/.test(url);
}

/**
 * The argument, else GITHUB_REF and GITHUB_SHA, else the branch that is checked out (or the tag on a detached head).
 * `commit`: one that the branch contains, instead of its head; the worker refuses one that it does not contain.
 * Throws (exit 2) when no commit is found.
 */
export async function resolveRef(
  root: string,
  argument: string | null,
  env: Record<string, string | undefined>,
  commit: string | null = null,
): Promise<ResolvedRef> {
  const resolved = await resolveHead(root, argument, env);
  return commit === null ? resolved : await atCommit(root, resolved.ref, commit);
}

async function atCommit(root: string, ref: ReleaseRef, commit: string): Promise<ResolvedRef> {
  if (ref.kind !== 'branch')
    throw badInput({
      what: `--commit names a commit of a branch, and ${ref.name.slice(0, 100)} is a ${ref.kind}`,
      where: '--commit',
      wayOut: 'name the branch that contains it: slipway release BRANCH --commit SHA',
      docs: 'docs/commands.md#release',
    });
  if (!isCommitId(commit)) throw noSuchRef(commit, root);
  return await describe(root, ref, commit);
}

function isCommitId(text: string): boolean {
  return /^[0-9a-f]{7,64}$/.test(text);
}

async function resolveHead(
  root: string,
  argument: string | null,
  env: Record<string, string | undefined>,
): Promise<ResolvedRef> {
  if (argument !== null) return resolveArgument(root, argument);
  const fromCi = env['GITHUB_REF'];
  if (fromCi !== undefined && fromCi !== '') return resolveCi(root, fromCi, env['GITHUB_SHA'] ?? null);
  const branch = await runGit(root, ['symbolic-ref', '--quiet', '--short', 'HEAD']);
  if (branch !== null) return describe(root, { kind: 'branch', name: branch }, 'HEAD');
  const tag = await runGit(root, ['describe', '--tags', '--exact-match', 'HEAD']);
  if (tag !== null) return describe(root, { kind: 'tag', name: tag }, 'HEAD');
  const sha = await runGit(root, ['rev-parse', 'HEAD']);
  if (sha === null) throw noSuchRef('HEAD', root);
  return describe(root, { kind: 'commit', name: sha }, sha);
}

async function resolveArgument(root: string, argument: string): Promise<ResolvedRef> {
  const name = argument.replace(/^refs\/(heads|tags)\//, '');
  const candidates: [ReleaseRef['kind'], string][] = [
    ['tag', `refs/tags/${name}`],
    ['branch', `refs/heads/${name}`],
    ['branch', `refs/remotes/origin/${name}`],
  ];
  for (const [kind, full] of candidates) {
    if (argument.startsWith('refs/heads/') && kind === 'tag') continue;
    if (argument.startsWith('refs/tags/') && kind === 'branch') continue;
    if (await exists(root, full)) return describe(root, { kind, name }, full);
  }
  if (isCommitId(argument)) {
    const sha = await runGit(root, [
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${argument}^{commit}`,
    ]);
    if (sha !== null) return describe(root, { kind: 'commit', name: sha }, sha);
  }
  throw noSuchRef(argument, root);
}

async function resolveCi(root: string, githubRef: string, sha: string | null): Promise<ResolvedRef> {
  const [, kind, name] = /^refs\/(heads|tags)\/(.+)$/.exec(githubRef) ?? [];
  if (kind === undefined || name === undefined) {
    throw badInput({
      what: `${githubRef} is neither a branch nor a tag`,
      where: 'GITHUB_REF',
      wayOut: 'release from a push of a branch or tag, or name the ref: slipway release REF',
      docs: 'docs/commands.md#release',
    });
  }
  const ref: ReleaseRef = { kind: kind === 'tags' ? 'tag' : 'branch', name };
  return describe(root, ref, sha ?? githubRef);
}

async function exists(root: string, full: string): Promise<boolean> {
  return (
    (await runGit(root, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${full}^{commit}`])) !==
    null
  );
}

async function describe(root: string, ref: ReleaseRef, at: string): Promise<ResolvedRef> {
  const sha = await runGit(root, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${at}^{commit}`]);
  if (sha === null) throw noSuchRef(at, root);
  const { commit } = await gatherGitFacts(askCheckout(root), sha, new Map());
  return { ref, commit, version: ref.kind === 'tag' ? ref.name : sha.slice(0, 7) };
}

function noSuchRef(name: string, root: string) {
  if (name === 'HEAD') {
    return badInput({
      what: 'nothing is committed here yet',
      where: root,
      wayOut: 'git commit, then again: what is released is a commit',
      docs: 'docs/commands.md#release',
    });
  }
  const parsed = parseVersion(name);
  const meant = parsed.ok || !/^v?\d/i.test(name) ? null : parsed.suggestion;
  return badInput({
    what: `no branch, tag or commit named ${name.length > 100 ? `${name.slice(0, 100)}…` : name}`,
    where: root,
    wayOut:
      meant === null
        ? 'fetch it (git fetch --tags), or check the spelling'
        : `a version tag has the form v1.2.3; did you mean ${meant}?`,
    docs: 'docs/commands.md#release',
  });
}
