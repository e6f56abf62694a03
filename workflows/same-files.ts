/** `after:` asks for the same commit. Where a merge changed nothing, the commit that was good is on the branch as well. */
import type { CommitFacts, ReleaseRef } from '../pipeline/plan.js';

interface NotGood {
  commit: Pick<CommitFacts, 'sameFilesAs'>;
  ref: ReleaseRef;
  version: string;
  /** Where it was to go, and where it was not good. */
  to: string;
  earlier: string;
  /** Was this commit good there? */
  isGood: (sha: string) => boolean;
}

/** What to do about a release that was not good on an earlier environment. */
export function wayToBeGood({ commit, ref, version, to, earlier, isGood }: NotGood): string {
  const tested = ref.kind === 'branch' ? commit.sameFilesAs?.find(isGood) : undefined;
  if (tested === undefined) return `slipway release ${version} --to ${earlier} first`;
  const sha = tested.slice(0, 12);
  // people may type it as it stands, and a branch may be called anything
  const branch = /^\w[\w./-]*$/.test(ref.name) ? ref.name : 'BRANCH';
  return `${version} only merges ${sha}, which was good on ${earlier} and has the same files: slipway release ${branch} --commit ${sha} --to ${to}`;
}
