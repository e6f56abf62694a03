import type { GatePlan } from '../../pipeline/plan.js';
import type { GateSubject } from '../../workflows/activity-contract.js';
import { refused } from '../failure.js';
import type { Github, GithubRepository } from '../github/connect.js';
import { readChecks } from '../github/read-checks.js';
import { checkCommitId } from '../source/git-names.js';
import type { GateAnswer } from './gate-answer.js';
import { askUntilDecided, type Look } from './github-gate.js';
import { judgeChecks, type CheckedCommit } from './judge-checks.js';

type ChecksGate = Extract<GatePlan, { kind: 'github-checks' }>;

/**
 * `{github-checks: [lint, test], of: dev}`: each name is green for the commit, and with `of` for the head of that
 * branch too. Absent is red; what still runs is waited for within the gate's time.
 */
export async function askGithubChecks(
  github: Github,
  gate: ChecksGate,
  subject: GateSubject,
  signal: AbortSignal,
): Promise<GateAnswer> {
  return await askUntilDecided(gate, signal, async (): Promise<Look> => {
    const repository = await github.open(subject.repositoryUrl, signal);
    const commits = await readCommits(repository, gate, checkCommitId(subject.commit.sha));
    const { verdict, note } = judgeChecks(gate.checks, commits);
    switch (verdict) {
      case 'pass':
      case 'fail':
        return { state: 'decided', answer: { verdict, note } };
      case 'wait':
        return { state: 'wait', answer: { verdict: 'fail', note } };
      case 'absent':
        return { state: 'early', answer: { verdict: 'fail', note: `${note}; ${whereItMayBe(gate)}` } };
    }
  });
}

async function readCommits(
  repository: GithubRepository,
  gate: ChecksGate,
  sha: string,
): Promise<CheckedCommit[]> {
  const own = { what: sha.slice(0, 7), reports: await readChecks(repository, sha) };
  if (gate.of === null) return [own];
  const head = await headOf(repository, gate, gate.of);
  const what = `${gate.of} at ${head.slice(0, 7)}`;
  return head === sha ? [{ ...own, what }] : [own, { what, reports: await readChecks(repository, head) }];
}

async function headOf(repository: GithubRepository, gate: ChecksGate, branch: string): Promise<string> {
  const found = await repository.find(`read branch ${branch}`, (octokit, at) =>
    octokit.request('GET /repos/{owner}/{repo}/branches/{branch}', { ...at, branch }),
  );
  if (found !== null) return found.commit.sha;
  throw refused({
    what: `there is no branch ${branch}, or the worker's login may not see it`,
    where: repository.name,
    why: null,
    wayOut: `push it, or correct gates.${gate.name}.of`,
  });
}

function whereItMayBe(gate: ChecksGate): string {
  return `a name must be written as GitHub shows it, and CI must run for this commit${gate.of === null ? '' : ` and on ${gate.of}`}: correct gates.${gate.name}, or run CI and release again`;
}
