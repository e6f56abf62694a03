/** What a rule asks for, as it was given on GitHub: by whom, whether they count, and where it can be read. */
import type { ApplicationFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import type { Policy } from '../../pipeline/policy-file.js';
import type { Activities, GithubAnswer, GithubQuestion } from '../../workflows/activity-contract.js';
import { isAmong } from '../../workflows/decisions.js';
import { STILL_WAITS } from '../../workflows/failures.js';
import { githubProof } from '../../workflows/missing-approvals.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { badInput, isRefusal } from '../failure.js';
import { stoppable } from '../processes/stop.js';
import { later } from '../retry-after.js';
import type { Source } from '../source/source.js';
import type { PolicyStore } from '../trust/policy-store.js';
import type { SealKeys } from '../trust/seal-keys.js';
import { forcersOf } from '../trust/gate-words.js';
import { openSeal } from '../trust/statements.js';
import { isOwnWork, nameOfLogin, namesOf, personOf } from '../trust/who.js';
import { createBranchHistory } from './branch-history.js';
import type { Github } from './connect.js';
import { readEnvironmentReviews } from './environment-approvals.js';
import type { Reviewers } from './reviewer.js';
import { readReviews } from './read-reviews.js';

export interface GithubApprovalDependencies {
  github: Github;
  source: Source;
  policy: PolicyStore;
  sealKeys: SealKeys;
}

/** GitHub allows 5,000 questions an hour, and one try is about ten. */
const AGAIN_MS = { first: 10_000, each: 1000, most: 60_000 };

export function createFindGithubApprovals(
  deps: GithubApprovalDependencies,
): Activities['findGithubApprovals'] {
  return async (question) =>
    await stoppable('asking for approvals on GitHub', async (signal) => {
      const answer = await find(deps, question, signal).catch((error: unknown) => {
        throw question.known === null ? error : lastingFailure(error);
      });
      if (isNews(question, answer)) return answer;
      throw again(answer.note);
    });
}

async function find(
  deps: GithubApprovalDependencies,
  question: GithubQuestion,
  signal: AbortSignal,
): Promise<GithubAnswer> {
  const { plan, commit, rule } = question;
  const policy = (await deps.policy.read())?.content ?? null;
  const authors = openSeal(deps.sealKeys, plan.seal, 'plan')?.authors ?? [];
  const forcers = forcersOf(deps.sealKeys, question);
  const reviewers = reviewersOf(question, policy, { authors, forcers });
  const { url } = plan.repository;
  const repository = await deps.github.open(url, signal);
  const proof = githubProof(rule.by);
  if (proof === null) throw notOnGithub(question);
  const read =
    proof === 'github-review'
      ? await readReviews(
          { repository, history: createBranchHistory(deps.source, url, signal), reviewers },
          { commit: commit.sha, branch: rule.of, since: plan.since ?? null },
        )
      : await readEnvironmentReviews(
          { repository, reviewers },
          { commit: commit.sha, environment: rule.of ?? plan.name },
        );
  return {
    approvals: read.given.map(({ by, at, url: where }): EvidenceItem => {
      const name = rule.group === null ? 'approval' : `approval of ${rule.group}`;
      const common = { kind: 'approval', name, verdict: 'approved', by, at } as const;
      return { ...common, note: where, proof, group: rule.group, of: rule.of, url: where };
    }),
    rejectedBy: read.rejectedBy.map(reviewers.personOf),
    note: read.note,
  };
}

function reviewersOf(
  { plan, requester, rule: { group } }: GithubQuestion,
  policy: Policy | null,
  { authors, forcers }: { authors: readonly string[]; forcers: readonly string[] },
): Reviewers {
  const nameOf = (login: string): string => personOf(login, policy) ?? nameOfLogin(login);
  return {
    personOf: nameOf,
    whyNot: (login) => {
      const names = [login, nameOfLogin(login), ...namesOf(nameOf(login), policy)];
      if (!plan.selfApproval && isOwnWork(names, requester, authors))
        return 'asked for this release or wrote a commit of it';
      if (!plan.selfApproval && names.some((name) => isAmong(name, forcers))) return 'forced a gate of it';
      if (group === null) return null;
      const person = personOf(login, policy);
      if (person === null) return "the worker's policy does not say who that is";
      return policy?.groups?.get(group)?.includes(person) === true ? null : `is not in group ${group}`;
    },
  };
}

function isNews({ known }: GithubQuestion, { approvals, rejectedBy }: GithubAnswer): boolean {
  if (known === null || rejectedBy.length > 0) return true;
  return approvals.some(({ by }) => by !== null && !isAmong(by, known));
}

function again(note: string): ApplicationFailure {
  const { first, each, most } = AGAIN_MS;
  return later(STILL_WAITS, note, Math.min(most, first + each * Context.current().info.attempt));
}

/** While it is waited for, a login that was taken away may come back. */
function lastingFailure(error: unknown): unknown {
  if (!isRefusal(error)) return error;
  return later('GithubRefused', error.message, AGAIN_MS.most);
}

function notOnGithub({ plan, rule }: GithubQuestion): Error {
  return badInput({
    what: `approvals by ${rule.by} are not given on GitHub`,
    where: `${plan.pipeline} ${plan.name}`,
    why: null,
    wayOut: 'release it again',
  });
}
