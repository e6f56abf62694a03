/** What the worker would know of the commits, as far as this clone knows it; where that may differ, it is said. */
import { gatherGitFacts, type GitFacts } from '../pipeline/index.js';
import { askCheckout, runGit } from './git.js';
import type { RepositoryPlace, ResolvedRef } from './repository.js';

export interface LocalFacts {
  facts: GitFacts;
  /** Commits an environment does not serve yet, by its name. */
  commitsSince: Map<string, number>;
  /** Why the worker's plan may be another one. */
  uncertain: string[];
}

/** `live`: sha of what each environment serves, by name. */
export async function gatherLocally(
  place: RepositoryPlace,
  { ref, commit }: ResolvedRef,
  live: ReadonlyMap<string, string>,
): Promise<LocalFacts> {
  const { root } = place;
  const facts = await gatherGitFacts(askCheckout(root), commit.sha, live);
  const commitsSince = new Map<string, number>();
  const uncertain: string[] = [];
  for (const [environment, sha] of live) {
    if (!facts.changedPaths.has(environment)) {
      uncertain.push(`${environment} serves ${sha.slice(0, 7)}, which this clone has not got: git fetch`);
      continue;
    }
    const count = await runGit(root, ['rev-list', '--count', commit.sha, `^${sha}`]);
    if (count !== null) commitsSince.set(environment, Number(count));
  }
  if ((await runGit(root, ['rev-parse', '--is-shallow-repository'])) === 'true')
    uncertain.push('this clone is shallow, so authors may be missing: git fetch --unshallow');
  if (place.isOrigin && ref.kind === 'branch' && !(await isPushed(root, ref.name, commit.sha)))
    uncertain.push(
      `${commit.sha.slice(0, 7)} is not on origin's ${ref.name}, as far as this clone knows: git push`,
    );
  return { facts, commitsSince, uncertain };
}

async function isPushed(root: string, branch: string, sha: string): Promise<boolean> {
  const remote = `refs/remotes/origin/${branch}`;
  return (await runGit(root, ['merge-base', '--is-ancestor', sha, remote])) !== null;
}
