/** What git knows about commits and refs. Every function takes full commit ids. */
import type { AskGit } from '../../pipeline/index.js';
import type { ReleaseRef } from '../../pipeline/plan.js';
import { typedWord } from '../../pipeline/typed-word.js';
import { badInput } from '../failure.js';
import { checkCommitId, fullRefName } from './git-names.js';
import type { GitObjects } from './git-objects.js';
import { gitFailed, readGit, runGit } from './run-git.js';
import type { Mirror } from './source.js';

/** The mirror, for the questions a plan asks of git. */
export function askMirror(mirror: Mirror): AskGit {
  return (args) => readGit({ repository: mirror.folder, args });
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

/** The commit a branch or tag points to (annotated tags peeled), or null when there is none; a commit is no ref. */
export async function readRef(objects: GitObjects, ref: ReleaseRef): Promise<string | null> {
  if (ref.kind === 'commit') return null;
  return (await objects.read(`${fullRefName(ref)}^{commit}`))?.id ?? null;
}

/**
 * Throws BadInput unless the ref really holds the commit: a tag must point at it, a branch must contain it
 * (a newer push may already be on top).
 */
export async function checkRefHolds(objects: GitObjects, ref: ReleaseRef, commit: string): Promise<void> {
  const { mirror } = objects;
  if (ref.kind === 'commit') {
    if (ref.name === commit) return;
    throw badInput({
      what: `the request names commit ${ref.name} but carries ${commit}`,
      where: mirror.name,
      why: null,
      wayOut: 'start the release again',
    });
  }
  const head = await readRef(objects, ref);
  const where = `${mirror.name}, ${ref.kind} ${ref.name}`;
  if (head === null) {
    throw badInput({
      what: `there is no ${ref.kind} ${ref.name}`,
      where,
      why: null,
      wayOut: `push it first: git push origin ${ref.kind === 'tag' ? 'tag ' : ''}${typedWord(ref.name)}`,
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
