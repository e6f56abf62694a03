import { printable } from '../../pipeline/file-error.js';
import type { GatePlan } from '../../pipeline/plan.js';
import type { GateSubject } from '../../workflows/activity-contract.js';
import type { Github } from '../github/connect.js';
import { readPullRequests } from '../github/pull-requests.js';
import { checkCommitId } from '../source/git-names.js';
import { isConventionalTitle } from './conventional-title.js';
import type { GateAnswer } from './gate-answer.js';
import { askUntilDecided, type Look } from './github-gate.js';

/** `{pull-request: {title: conventional}}`: the merged pull requests with the commit have Conventional titles. */
export async function askPullRequest(
  github: Github,
  gate: Extract<GatePlan, { kind: 'pull-request' }>,
  subject: GateSubject,
  signal: AbortSignal,
): Promise<GateAnswer> {
  return await askUntilDecided(gate, signal, async (): Promise<Look> => {
    const repository = await github.open(subject.repositoryUrl, signal);
    const sha = checkCommitId(subject.commit.sha);
    const all = await readPullRequests(repository, sha);
    const merged = all.filter((pull) => pull.mergedAt !== null);
    if (merged.length === 0) {
      const open = all.map((pull) => `#${pull.number} is not merged`).join(', ');
      const found = open === '' ? 'no pull request has this commit' : open;
      const note = `${sha.slice(0, 12)}: ${found}; merge it through a pull request, or leave ${gate.name} out of gates`;
      // right after a merge GitHub may not yet know the pull request of the commit
      return { state: 'early', answer: { verdict: 'fail', note } };
    }
    const bad = merged.filter((pull) => !isConventionalTitle(pull.title));
    const titles = (bad.length === 0 ? merged : bad).map((pull) =>
      printable(`#${pull.number} ${pull.title.slice(0, 200)}`),
    );
    const note = bad.length === 0 ? titles.join(', ') : `${titles.join(', ')}: ${wayOut(bad.length)}`;
    return { state: 'decided', answer: { verdict: bad.length === 0 ? 'pass' : 'fail', note } };
  });
}

function wayOut(count: number): string {
  return `not ${count === 1 ? 'a conventional title' : 'conventional titles'}; edit ${count === 1 ? 'it' : 'them'} on GitHub to read like “feat(cart): remember it”, then release again`;
}
