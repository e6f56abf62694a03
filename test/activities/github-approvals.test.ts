/** Approvals given on GitHub: reviews of the merged pull request, and of an environment. */
import { describe, expect, it } from 'vitest';
import { readEnvironmentReviews } from '../../activities/github/environment-approvals.js';
import { readReviews } from '../../activities/github/read-reviews.js';
import type { Reviews } from '../../activities/github/reviewer.js';
import { failureOf } from '../support/failure-of.js';
import { ANYBODY, CLEAN_HISTORY, githubOf, givenGithub, mergedPull, sha } from '../support/github/scene.js';
import type { FakePull, FakeReview, FakeRun } from '../support/github/state.js';

const standIn = givenGithub();

const HEAD = sha('e');
const MERGED = sha('f');

async function reviewsFor(branch: string | null = 'main', commit = MERGED): Promise<Reviews> {
  const repository = await githubOf(standIn).open(standIn.repositoryUrl);
  const sources = { repository, history: CLEAN_HISTORY, reviewers: ANYBODY };
  return await readReviews(sources, { commit, branch, since: null });
}

async function readEnvironment(environment = 'production', commit = MERGED): Promise<Reviews> {
  const repository = await githubOf(standIn).open(standIn.repositoryUrl);
  return await readEnvironmentReviews({ repository, reviewers: ANYBODY }, { commit, environment });
}

const approved = (by: string, over: Partial<FakeReview> = {}): FakeReview => ({
  by,
  state: 'APPROVED',
  commit: HEAD,
  ...over,
});

function given(reviews: FakeReview[], over: Partial<FakePull> = {}): void {
  standIn.state.pulls = [mergedPull({ reviews, ...over })];
  standIn.state.permissions = { bob: 'write', carol: 'admin', dave: 'read', anna: 'write' };
}

describe('reviews of the merged pull request', () => {
  it('gives each approval with who, when, where and of what', async () => {
    given([
      approved('bob', { at: '2026-01-01T10:00:00Z' }),
      approved('carol', { at: '2026-01-01T11:00:00Z' }),
    ]);
    expect(await reviewsFor()).toEqual({
      given: [
        {
          by: 'bob',
          at: '2026-01-01T10:00:00Z',
          url: 'https://github.com/acme/shop/pull/7#pullrequestreview-1',
        },
        {
          by: 'carol',
          at: '2026-01-01T11:00:00Z',
          url: 'https://github.com/acme/shop/pull/7#pullrequestreview-2',
        },
      ],
      rejectedBy: [],
      note: '#7 into main: approved by bob, carol',
    });
  });

  it.each([
    [
      'asked for changes later',
      [approved('bob'), approved('bob', { state: 'CHANGES_REQUESTED' })],
      'asked for changes',
    ],
    ['was dismissed', [approved('bob', { state: 'DISMISSED' })], 'the approval was dismissed'],
    [
      'saw an older commit',
      [approved('bob', { commit: sha('d') })],
      'approved ddddddd, but eeeeeee was merged',
    ],
    ['may only read', [approved('dave')], 'may not write to acme/shop'],
    ['is a stranger', [approved('mallory')], 'may not write to acme/shop'],
    ['wrote it', [approved('anna')], 'wrote some of it'],
    ['is a bot', [approved('renovate[bot]', { type: 'Bot' })], 'is a bot'],
    ['only commented', [approved('bob', { state: 'COMMENTED' })], 'approved by nobody'],
  ])('does not count who %s', async (_what, reviews, why) => {
    given(reviews);
    const { given: counted, note } = await reviewsFor();
    expect(counted).toEqual([]);
    expect(note).toContain(why);
  });

  it('does not count the author of a single commit in it', async () => {
    given([approved('bob'), approved('carol')], {
      commits: [
        { sha: HEAD, author: 'anna' },
        { sha: sha('c'), author: 'Bob' },
        { sha: sha('d'), author: null },
      ],
    });
    const { given: counted, note } = await reviewsFor();
    expect(counted.map(({ by }) => by)).toEqual(['carol']);
    expect(note).toBe(
      '#7 into main: approved by carol (not counted: bob: wrote some of it, some commits are by people GitHub does not know)',
    );
  });

  it('counts an approval after asked changes, and one with a comment after it', async () => {
    given([
      approved('bob', { state: 'CHANGES_REQUESTED' }),
      approved('bob'),
      approved('bob', { state: 'COMMENTED' }),
    ]);
    expect((await reviewsFor()).given.map(({ by }) => by)).toEqual(['bob']);
  });

  it('reads every page of reviews', async () => {
    const others = Array.from({ length: 120 }, (_, n) => approved(`user${n}`, { state: 'COMMENTED' }));
    given([...others, approved('carol', { at: '2026-01-02T00:00:00Z' })]);
    expect((await reviewsFor()).given.map(({ by }) => by)).toEqual(['carol']);
  });

  it('finds who reviewed what a merge brought: dev behind stage', async () => {
    standIn.state.permissions = { bob: 'write', carol: 'write' };
    standIn.state.pulls = [
      mergedPull({
        number: 1,
        base: 'dev',
        headSha: sha('1'),
        mergeSha: sha('2'),
        reviews: [approved('bob', { commit: sha('1') })],
      }),
      mergedPull({
        number: 2,
        base: 'stage',
        headSha: sha('2'),
        mergeSha: MERGED,
        reviews: [approved('carol', { commit: sha('2') })],
      }),
    ];
    expect(await reviewsFor('dev')).toMatchObject({ given: [{ by: 'bob' }] });
    expect(await reviewsFor('stage')).toMatchObject({ given: [{ by: 'carol' }] });
    expect(await reviewsFor('main')).toMatchObject({
      given: [],
      note: expect.stringContaining(
        'fffffff is neither the merge nor the head of a pull request that was merged into main in acme/shop',
      ),
    });
  });

  it('counts nothing on a pull request that is open or of another repository', async () => {
    given([approved('bob')], { merged: false });
    expect((await reviewsFor('main', HEAD)).given).toEqual([]);
    given([approved('bob')], { repository: 'mallory/shop' });
    expect((await reviewsFor()).given).toEqual([]);
  });

  it('takes the merge itself before others that have the commit', async () => {
    standIn.state.permissions = { bob: 'write', carol: 'write' };
    standIn.state.pulls = [
      mergedPull({ number: 1, headSha: MERGED, mergeSha: sha('9'), reviews: [approved('bob')] }),
      mergedPull({ number: 2, reviews: [approved('carol')] }),
    ];
    expect((await reviewsFor(null)).note).toBe('#2 into main: approved by carol');
  });

  it('counts for the head as it was reviewed, and for nothing in the middle of it', async () => {
    const middle = sha('c');
    given([approved('bob')], {
      commits: [
        { sha: middle, author: 'anna' },
        { sha: HEAD, author: 'anna' },
      ],
    });
    expect((await reviewsFor('main', HEAD)).given.map(({ by }) => by)).toEqual(['bob']);
    expect((await reviewsFor('main', middle)).given).toEqual([]);
  });

  it.each(['main', '../user', 'HEAD'])('wants a full commit id, not %s', async (commit) => {
    expect(await failureOf(reviewsFor('main', commit))).toMatchObject({ type: 'BadInput' });
    expect(standIn.questions).toEqual([]);
  });
});

describe('reviews of an environment', () => {
  it('counts each person once over the runs of the commit', async () => {
    standIn.state.runs = [
      {
        id: 1,
        sha: MERGED,
        startedBy: 'anna',
        reviews: [
          { by: 'bob', state: 'approved', environments: ['staging', 'Production'] },
          { by: 'anna', state: 'approved', environments: ['production'] },
          { by: 'gate[bot]', type: 'Bot', state: 'approved', environments: ['production'] },
        ],
      },
      {
        id: 2,
        sha: MERGED,
        startedBy: 'anna',
        reviews: [{ by: 'bob', state: 'approved', environments: ['production'] }],
      },
      {
        id: 3,
        sha: sha('1'),
        startedBy: 'anna',
        reviews: [{ by: 'carol', state: 'approved', environments: ['production'] }],
      },
    ];
    const { given: counted, rejectedBy, note } = await readEnvironment();
    expect(counted).toEqual([
      {
        by: 'bob',
        at: expect.any(String),
        url: 'https://github.com/acme/shop/actions/runs/2',
      },
    ]);
    expect(rejectedBy).toEqual([]);
    expect(note).toBe(
      'environment production, 2 runs of fffffff: approved by bob; not counted: anna: started the run, gate[bot]: is a bot',
    );
    expect((await readEnvironment('test')).given).toEqual([]);
  });

  it('a rejection voids every approval', async () => {
    standIn.state.runs = [
      {
        id: 1,
        sha: MERGED,
        startedBy: 'anna',
        reviews: [
          { by: 'bob', state: 'approved', environments: ['production'] },
          { by: 'carol', state: 'rejected', environments: ['production'] },
        ],
      },
    ];
    expect(await readEnvironment()).toMatchObject({ given: [], rejectedBy: ['carol'] });
  });

  const runsOf = (count: number, run: Partial<FakeRun>): FakeRun[] =>
    Array.from({ length: count }, (_, index) => ({
      ...{ id: 100 + index, sha: MERGED, startedBy: 'mallory', reviews: [] },
      ...run,
    }));
  const letIn: FakeRun['reviews'][number] = { by: 'bob', state: 'approved', environments: ['production'] };

  it('a rejection cannot be hidden behind newer runs', async () => {
    const rejected = { ...letIn, by: 'carol', state: 'rejected' as const };
    const last = { id: 1, sha: MERGED, startedBy: 'anna', reviews: [rejected] };
    const first = { ...last, id: 2, reviews: [letIn] };
    standIn.state.runs = [first, ...runsOf(40, {}), last];
    expect(await readEnvironment()).toMatchObject({ given: [], rejectedBy: ['carol'] });
    standIn.state.runs = [first, ...runsOf(100, {}), last];
    expect(await readEnvironment()).toEqual({
      ...{ given: [], rejectedBy: [] },
      note: '102 workflow runs of fffffff are too many to read, and one of them may be rejected; release a commit with fewer',
    });
  });

  it('runs that anybody can start neither count nor keep others from counting', async () => {
    const own = { id: 1, sha: MERGED, startedBy: 'anna', reviews: [letIn] };
    standIn.state.runs = [...runsOf(120, { event: 'issue_comment' }), own];
    expect((await readEnvironment()).given).toMatchObject([{ by: 'bob' }]);
    standIn.state.runs = [{ ...own, event: 'schedule' }];
    expect((await readEnvironment()).given).toEqual([]);
  });

  it('without a run nobody has approved', async () => {
    expect(await readEnvironment()).toMatchObject({
      given: [],
      note: 'environment production, 0 runs of fffffff: approved by nobody',
    });
  });
});
