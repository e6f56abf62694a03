import type { GatePlan } from '../../pipeline/plan.js';
import type { GateSubject } from '../../workflows/activity-contract.js';
import { withObjects } from '../source/git-objects.js';
import { isAncestor, readRef } from '../source/history.js';
import type { Source } from '../source/source.js';
import type { GateAnswer } from './gate-answer.js';

/** `{merged-into: [main, develop]}`: every branch contains the commit now, so a hotfix is lost nowhere. */
export async function askMergedInto(
  source: Source,
  gate: Extract<GatePlan, { kind: 'merged-into' }>,
  subject: GateSubject,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const mirror = await source.fetch(subject.repositoryUrl, signal);
  const { sha } = subject.commit;
  await source.fetchCommit(subject.repositoryUrl, sha, signal);
  const missing: string[] = [];
  const absent: string[] = [];
  await withObjects(mirror, async (objects) => {
    for (const branch of gate.branches) {
      const head = await readRef(objects, { kind: 'branch', name: branch });
      if (head === null) absent.push(branch);
      else if (head !== sha && !(await isAncestor(mirror, sha, head))) missing.push(branch);
    }
  });
  if (absent.length > 0) {
    const note = `there is no branch ${absent.join(' and no branch ')} in ${mirror.name}; push it, or correct gates.${gate.name}`;
    return { verdict: 'fail', note };
  }
  if (missing.length === 0) return { verdict: 'pass', note: `in ${gate.branches.join(' and ')}` };
  const merges = missing.map((branch) => `git switch ${branch} && git merge ${sha.slice(0, 12)} && git push`);
  const note = `${sha.slice(0, 12)} is not yet in ${missing.join(' and ')}; merge it there and release again: ${merges.join('; ')}`;
  return { verdict: 'fail', note };
}
