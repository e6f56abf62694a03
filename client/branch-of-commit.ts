/** Screens call a release of a branch by its short commit id: said again with `--to`, it means that branch. */
import { takesRef } from '../pipeline/match-ref.js';
import type { Takes } from '../pipeline/schema-environment.js';
import { runGit } from './git.js';
import type { ResolvedRef } from './repository.js';

/**
 * A commit, as the one branch that contains it and that all of `to` take. Anything else, and a commit for which there is no
 * such branch or more than one, comes back as it is.
 */
export async function onItsBranch(
  root: string,
  resolved: ResolvedRef,
  environments: ReadonlyMap<string, { from: readonly Takes[] }>,
  to: readonly string[],
): Promise<ResolvedRef> {
  if (resolved.ref.kind !== 'commit' || to.length === 0) return resolved;
  const branches = await branchesWith(root, resolved.commit.sha);
  const [branch, ...others] = branches.filter((name) =>
    to.every((environment) =>
      environments.get(environment)?.from.some((takes) => takesRef(takes, { kind: 'branch', name })),
    ),
  );
  if (branch === undefined || others.length > 0) return resolved;
  return { ...resolved, ref: { kind: 'branch', name: branch } };
}

/** Here and at origin, each once. */
async function branchesWith(root: string, sha: string): Promise<string[]> {
  const places = ['refs/heads', 'refs/remotes/origin'];
  const listed = await runGit(root, ['for-each-ref', '--format=%(refname)', `--contains=${sha}`, ...places]);
  const names = (listed ?? '')
    .split('\n')
    .map((line) => line.replace(/^refs\/(heads|remotes\/origin)\//, ''));
  return [...new Set(names)].filter((name) => name !== '' && name !== 'HEAD');
}
