/** Who counts for a rule: logins become people, people of groups, and whoever had a hand in the release is left out. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGithubActivities } from '../../activities/github/create-github-activities.js';
import { createSource } from '../../activities/source/source.js';
import type { PolicyStore } from '../../activities/trust/policy-store.js';
import type { ApprovalRule, EnvironmentPlan } from '../../pipeline/plan.js';
import type { GithubAnswer, GithubQuestion } from '../../workflows/activity-contract.js';
import { STILL_WAITS } from '../../workflows/failures.js';
import { failureOf } from '../support/failure-of.js';
import { givenCommit, givenRule } from '../support/given.js';
import { githubOf, givenGithub, mergedPull, runScheduled } from '../support/github/scene.js';
import { givenPolicyStore } from '../support/policies.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { givenSealedRelease, NO_POLICY, throughVouching } from '../support/sealed.js';
import { useVouchingWorker } from '../support/vouching-worker.js';

const worker = useVouchingWorker();
const seals = worker.keys;
const standIn = givenGithub();
let repository: TestRepository;
let folder: string;
let since: string;
let head: string;
let merge: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-find-approvals-'));
  repository = await createRepository();
  since = await repository.commit('live', { app: '1' });
  await repository.git('switch', '--quiet', '--create', 'cart');
  head = await repository.commit('cart', { app: '2' });
  await repository.git('switch', '--quiet', 'main');
  await repository.git('merge', '--quiet', '--no-ff', '--message=merge cart', 'cart');
  merge = await repository.git('rev-parse', 'HEAD');
  standIn.state.permissions = { bob: 'write', bob2: 'write', carol: 'write', anna: 'write', dave: 'read' };
});
afterEach(async () => {
  await repository.remove();
  await rm(folder, { recursive: true, force: true });
});

const POLICY = policyOf(`
groups: {release: [bob@example.com], platform: [carol@example.com]}
github: {bob: bob@example.com, Bob2: bob@example.com, carol: carol@example.com, anna: anna@example.com}
`);

function policyOf(head: string): PolicyStore {
  const text = `${head}\npipelines: {shop: {repositories: ['ssh://git@127.0.0.1/acme/shop.git'], environments: {prod: {hosts: [deploy@web-1, deploy@web-2]}}}}`;
  return givenPolicyStore(text);
}

const reviewOf = (overrides: Partial<ApprovalRule> = {}): ApprovalRule =>
  givenRule(1, null, { by: 'github-review', of: 'main', ...overrides });

interface Asking {
  rule?: ApprovalRule;
  known?: string[] | null;
  policy?: PolicyStore;
  requester?: string;
  plan?: Partial<EnvironmentPlan>;
  /** Who forced a gate before it was built. */
  forcedBy?: string;
}

async function questionOf({
  rule = reviewOf(),
  known = null,
  requester = 'vadim',
  plan,
  forcedBy,
}: Asking): Promise<GithubQuestion> {
  const planned = {
    approvals: [rule],
    since,
    policy: { rules: [] },
    repository: { url: standIn.repositoryUrl },
    ...plan,
  };
  // groups of reviewers are the policy's
  const release = await givenSealedRelease(seals.ours, planned, rule.group === null ? NO_POLICY : POLICY);
  const { version } = release.target;
  const mark = { gate: 'scan', by: forcedBy ?? '', reason: 'urgent', ticket: 'OPS-412' };
  const artifacts = release.target.artifacts.map((made) =>
    forcedBy === undefined ? made : { ...made, forced: [mark] },
  );
  const commit = givenCommit({ sha: merge });
  return {
    plan: release.environment,
    requestId: 'request-1',
    version,
    commit,
    artifacts,
    requester,
    rule,
    known,
  };
}

async function ask(asking: Asking = {}): Promise<GithubAnswer> {
  const real = createSource({ cacheFolder: path.join(folder, 'cache') });
  const source = {
    open: (_url: string) => real.open(repository.folder),
    fetch: (_url: string) => real.fetch(repository.folder),
    fetchCommit: (_url: string, sha: string) => real.fetchCommit(repository.folder, sha),
  };
  const { policy = POLICY } = asking;
  const { findGithubApprovals } = createGithubActivities({
    uiUrl: null,
    github: githubOf(standIn),
    source,
    policy,
    sealKeys: seals.ours,
  });
  return await runScheduled(findGithubApprovals, await questionOf(asking)).result;
}

function reviewedBy(...people: string[]): void {
  standIn.state.pulls = [
    mergedPull({
      headSha: head,
      mergeSha: merge,
      author: 'zoe',
      commits: [{ sha: head, author: 'zoe' }],
      reviews: people.map((by) => ({ by, state: 'APPROVED', commit: head })),
    }),
  ];
}

const peopleOf = ({ approvals }: GithubAnswer): (string | null)[] => approvals.map(({ by }) => by);

describe('reviews of the merged pull request', () => {
  it('are of people, with where they can be read', async () => {
    reviewedBy('bob', 'stranger', 'dave');
    standIn.state.permissions['stranger'] = 'write';
    const { approvals, note } = await ask();
    expect(approvals).toMatchObject([
      {
        kind: 'approval',
        verdict: 'approved',
        by: 'bob@example.com',
        proof: 'github-review',
        of: 'main',
        group: null,
        url: 'https://github.com/acme/shop/pull/7#pullrequestreview-1',
      },
      { by: 'stranger@github' },
    ]);
    expect(note).toContain('dave: may not write to acme/shop');
  });

  it.each([
    ['release/*', 'release/1.2', 1],
    ['release/*', 'release/1.2/fix', 0],
    ['release/*', 'main', 0],
  ])('of %s count where it was merged into %s: %i', async (of, base, count) => {
    reviewedBy('bob');
    Object.assign(standIn.state.pulls[0] ?? {}, { base });
    const { approvals } = await ask({ rule: reviewOf({ of }) });
    expect(approvals.map((item) => item.of)).toEqual(Array(count).fill(of));
  });

  it('of two accounts of one person are one', async () => {
    reviewedBy('bob', 'bob2');
    expect(peopleOf(await ask())).toEqual(['bob@example.com']);
  });

  it('count for a group only of the people in it', async () => {
    reviewedBy('carol', 'stranger', 'bob');
    standIn.state.permissions['stranger'] = 'write';
    const { approvals, note } = await ask({ rule: reviewOf({ group: 'release' }) });
    expect(approvals).toMatchObject([{ by: 'bob@example.com', group: 'release' }]);
    expect(note).toContain('carol: is not in group release');
    expect(note).toContain("stranger: the worker's policy does not say who that is");
  });

  it.each([
    ['asked for it by name', { requester: 'bob@example.com' }, 'bob'],
    ['asked for it by login', { requester: 'BOB' }, 'bob'],
    ['asked for it by another account', { requester: 'bob2' }, 'bob'],
    ['wrote a commit that is not live yet', {}, 'anna'],
  ])('do not count of who %s, unless the plan lets them', async (_what, asking, by) => {
    reviewedBy(by);
    const { approvals, note } = await ask(asking);
    expect(approvals).toEqual([]);
    expect(note).toContain(`${by}: asked for this release or wrote a commit of it`);
    expect((await ask({ ...asking, plan: { selfApproval: true } })).approvals).toHaveLength(1);
  });

  it('do not count of who forced a gate, unless the plan lets them', async () => {
    reviewedBy('bob2');
    const forcedBy = 'Bob@example.com';
    const { approvals, note } = await ask({ forcedBy });
    expect(approvals).toEqual([]);
    expect(note).toContain('bob2: forced a gate of it');
    expect((await ask({ forcedBy, plan: { selfApproval: true } })).approvals).toHaveLength(1);
  });

  it('do not count of the author’s other account', async () => {
    reviewedBy('bob2');
    const [pull] = standIn.state.pulls;
    Object.assign(pull ?? {}, { author: 'bob' });
    const { approvals, note } = await ask({ plan: { selfApproval: true } });
    expect(approvals).toEqual([]);
    expect(note).toContain('bob2: wrote some of it');
  });

  it('are of logins where no policy says who is who', async () => {
    reviewedBy('Bob');
    standIn.state.permissions['Bob'] = 'write';
    expect(peopleOf(await ask({ policy: NO_POLICY }))).toEqual(['bob@github']);
  });

  it('are held against the fewest that count, not against the fewest', async () => {
    reviewedBy('carol');
    await repository.git('switch', '--quiet', '--create', 'more');
    const more = await repository.commit('more', { other: '2' });
    await repository.git('switch', '--quiet', 'main');
    await repository.git('merge', '--quiet', '--no-ff', '--message=merge more', 'more');
    const later = await repository.git('rev-parse', 'HEAD');
    standIn.state.pulls.push(
      mergedPull({
        number: 8,
        headSha: more,
        mergeSha: later,
        author: 'zoe',
        commits: [{ sha: more, author: 'zoe' }],
        reviews: [{ by: 'bob', state: 'APPROVED', commit: more }],
      }),
    );
    merge = later;
    expect(peopleOf(await ask({ rule: reviewOf({ group: 'release' }) }))).toEqual([]);
  });
});

describe('reviews of a GitHub environment', () => {
  const rule = givenRule(1, null, { by: 'github-environment', of: 'production' });
  const run = (...reviews: { by: string; state: 'approved' | 'rejected' }[]): void => {
    standIn.state.runs = [
      {
        id: 1,
        sha: merge,
        startedBy: 'zoe',
        reviews: reviews.map((each) => ({ ...each, environments: ['production'] })),
      },
    ];
  };

  it('are of people as well, and reject in their names', async () => {
    run({ by: 'bob', state: 'approved' });
    expect((await ask({ rule })).approvals).toMatchObject([
      { by: 'bob@example.com', proof: 'github-environment', of: 'production' },
    ]);
    run({ by: 'bob', state: 'approved' }, { by: 'carol', state: 'rejected' });
    expect(await ask({ rule })).toMatchObject({ approvals: [], rejectedBy: ['carol@example.com'] });
  });

  it('do not count of who started the run, under another login', async () => {
    run({ by: 'bob2', state: 'approved' });
    const [first] = standIn.state.runs;
    Object.assign(first ?? {}, { startedBy: 'bob' });
    expect(await ask({ rule })).toMatchObject({
      approvals: [],
      note: expect.stringContaining('bob2: started the run'),
    });
  });
});

describe('while it is waited for', () => {
  it('nothing new is no failure but a reason to come again', async () => {
    reviewedBy('bob');
    expect(await failureOf(ask({ known: ['bob@example.com'] }))).toMatchObject({
      type: STILL_WAITS,
      nonRetryable: false,
      nextRetryDelay: 11_000,
      message: '#7 into main: approved by bob@example.com',
    });
    reviewedBy('bob', 'carol');
    expect(peopleOf(await ask({ known: ['bob@example.com'] }))).toEqual([
      'bob@example.com',
      'carol@example.com',
    ]);
  });

  it('a login that is refused may come back', async () => {
    standIn.state.tokens.clear();
    const refused = async (known: string[] | null) => {
      const github = githubOf(standIn);
      standIn.state.tokens.clear();
      const { findGithubApprovals } = createGithubActivities({
        uiUrl: null,
        github,
        source: createSource({ cacheFolder: folder }),
        policy: POLICY,
        sealKeys: seals.ours,
      });
      return await failureOf(runScheduled(findGithubApprovals, await questionOf({ known })).result);
    };
    expect(await refused(null)).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(await refused([])).toMatchObject({ type: 'GithubRefused', nonRetryable: false });
  });
});

describe('a question', () => {
  const asked = async (asking: Asking = {}): Promise<GithubQuestion> => ({
    ...(await questionOf(asking)),
    commit: givenCommit(),
  });

  it('is about a sealed plan and one of its rules', async () => {
    const question = await asked();
    const answer: GithubAnswer = { approvals: [], rejectedBy: [], note: '' };
    await throughVouching(seals.ours, 'findGithubApprovals', question, () => answer);
    const attacks: [Partial<GithubQuestion>, RegExp][] = [
      [{ rule: reviewOf({ of: 'anywhere' }) }, /has no such rule/],
      [{ commit: givenCommit({ sha: 'b'.repeat(40) }) }, /is of v1\.0\.0/],
      [{ plan: { ...question.plan, since: 'f'.repeat(40) } }, /changed after it was sealed/],
      [{ plan: { ...question.plan, selfApproval: true } }, /changed after it was sealed/],
    ];
    for (const [change, why] of attacks)
      expect(await worker.refusal('findGithubApprovals', { ...question, ...change }, POLICY)).toMatch(why);
  });

  it('uses the login only for repositories the policy names', async () => {
    const question = await asked({ plan: { repository: { url: 'https://github.com/evil/shop' } } });
    expect(await worker.refusal('findGithubApprovals', question, POLICY)).toMatch(/does not allow it/);
  });
});
