/** Verdicts over what GitHub says, without GitHub. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isConventionalTitle } from '../../../activities/gates/conventional-title.js';
import { judgeChecks } from '../../../activities/gates/judge-checks.js';
import {
  judgeEnvironmentReviews,
  type EnvironmentReview,
} from '../../../activities/github/environment-approvals.js';
import { explainGithub } from '../../../activities/github/github-failure.js';
import { judgeReviews, type Review } from '../../../activities/github/judge-reviews.js';
import type { CheckReport } from '../../../activities/github/read-checks.js';

describe('conventional titles', () => {
  it.each([
    'feat: a cart',
    'fix(cart): forget it',
    'feat!: drop it',
    'refactor(api/v2)!: all of it',
    'build(deps): bump x from 1 to 2',
    'chore: ünïcode',
  ])('%s', (title) => {
    expect(isConventionalTitle(title)).toBe(true);
  });

  it.each([
    'Add a cart',
    'feat',
    'feat:',
    'feat: ',
    'feat:no space',
    'feat :x',
    'feat(): x',
    'feat( ): x',
    'feat(a)(b): x',
    'fix bug: x',
    'Feat: x',
    ': x',
    ' feat: x',
    'feat(a: x',
    'feat!!: x',
    '',
  ])('not %j', (title) => {
    expect(isConventionalTitle(title)).toBe(false);
  });

  it('answers at once, whatever the title', () => {
    expect(isConventionalTitle(`feat(${' a'.repeat(100_000)}`)).toBe(false);
  });
});

describe('required checks', () => {
  const report = (state: CheckReport['state'], over: Partial<CheckReport> = {}): CheckReport => ({
    name: 'lint',
    source: 'app 1',
    state,
    word: state,
    url: null,
    ...over,
  });
  const judge = (...reports: CheckReport[]) => judgeChecks(['lint'], [{ what: 'abc', reports }]).verdict;

  it.each([
    ['green', [report('green')], 'pass'],
    ['red', [report('red')], 'fail'],
    ['still running', [report('pending')], 'wait'],
    ['absent', [], 'absent'],
    ['absent while something runs', [report('pending', { name: 'build' })], 'wait'],
    ['absent while only we wait', [report('pending', { name: 'slipway/prod' })], 'absent'],
    ['green here and red there', [report('green'), report('red', { source: 'status' })], 'fail'],
    ['green here and running there', [report('green'), report('pending', { source: 'status' })], 'wait'],
  ])('%s', (_what, reports, verdict) => {
    expect(judge(...reports)).toBe(verdict);
  });

  it('never pass unless every name is green at every commit', () => {
    const states = fc.constantFrom('green', 'red', 'pending', 'absent');
    fc.assert(
      fc.property(fc.array(states, { minLength: 1 }), fc.array(states, { minLength: 1 }), (own, head) => {
        const names = Array.from({ length: Math.max(own.length, head.length) }, (_, n) => `job ${n}`);
        const reportsOf = (all: string[]): CheckReport[] =>
          all.flatMap((state, n) => {
            const known = (['green', 'red', 'pending'] as const).find((each) => each === state);
            return known === undefined ? [] : [report(known, { name: `job ${n}` })];
          });
        const commits = [own, head].map((all) => ({ what: 'abc', reports: reportsOf(all) }));
        const allGreen = [own, head].every((all) => names.every((_, n) => all[n] === 'green'));
        expect(judgeChecks(names, commits).verdict === 'pass').toBe(allGreen);
      }),
    );
  });

  it('names each with its word, and nothing a terminal obeys', () => {
    const reports = [
      report('green', { word: 'success' }),
      report('red', { name: 'a\u001b[31m', word: 'failure' }),
    ];
    const { note } = judgeChecks(['lint', 'a\u001b[31m', 'gone'], [{ what: 'abc', reports }]);
    expect(note).toBe('abc: lint success, a\ufffd[31m failure, gone absent');
  });
});

describe('reviews', () => {
  const review = (by: string | null, state: string, at: number, over: Partial<Review> = {}): Review => ({
    by,
    isBot: false,
    state,
    commit: 'head',
    at: `2026-01-01T00:00:0${at}Z`,
    url: '',
    ...over,
  });
  const pull = { headSha: 'head', author: 'anna' };
  const counted = (reviews: Review[], authors: (string | null)[] = []) =>
    judgeReviews(pull, authors, reviews).counted.map(({ by }) => by);

  it('the latest word of a person counts, in whatever order GitHub gives them', () => {
    const reviews = [review('bob', 'CHANGES_REQUESTED', 2), review('bob', 'APPROVED', 1)];
    expect(counted(reviews)).toEqual([]);
    expect(counted(reviews.toReversed())).toEqual([]);
    expect(counted([...reviews, review('bob', 'APPROVED', 3)])).toEqual(['bob']);
  });

  it('a login is one person however it is written', () => {
    expect(counted([review('bob', 'APPROVED', 1), review('Bob', 'APPROVED', 2)])).toEqual(['Bob']);
    expect(counted([review('bob', 'APPROVED', 1)], ['BOB'])).toEqual([]);
    expect(counted([review('Anna', 'APPROVED', 1)])).toEqual([]);
  });

  it('nobody counts whose account or commit is gone', () => {
    expect(judgeReviews(pull, [null], [review(null, 'APPROVED', 1)])).toEqual({
      counted: [],
      ignored: ['a review of an account that is gone'],
    });
    expect(judgeReviews(pull, [], [review('bob', 'APPROVED', 1, { commit: null })]).ignored).toEqual([
      'bob: approved a commit that is gone, but head was merged',
    ]);
  });

  it('an unknown word approves nothing', () => {
    expect(counted([review('bob', 'approved', 1), review('bob', 'PENDING', 2)])).toEqual([]);
  });
});

describe('reviews of an environment', () => {
  const review = (over: Partial<EnvironmentReview>): EnvironmentReview => ({
    by: 'bob',
    isBot: false,
    state: 'approved',
    environments: ['prod'],
    startedBy: ['anna'],
    at: '',
    url: '',
    ...over,
  });
  const anybody = { personOf: (login: string) => login, whyNot: () => null };
  const judge = (...reviews: EnvironmentReview[]) =>
    judgeEnvironmentReviews({ commit: 'abc', environment: 'prod', runs: 1 }, reviews, anybody);

  it.each([
    ['another environment', { environments: ['prod-eu'] }],
    ['who started it, however written', { startedBy: [null, 'Bob'] }],
    ['a bot', { isBot: true }],
    ['a lost account', { by: null }],
    ['what is still pending', { state: 'pending' }],
  ])('does not count %s', (_what, over) => {
    expect(judge(review(over)).given).toEqual([]);
  });

  it('hears a rejection of a lost account too', () => {
    expect(judge(review({}), review({ by: null, state: 'rejected' }))).toMatchObject({
      given: [],
      rejectedBy: ['a lost account'],
    });
  });
});

describe('limits and refusals', () => {
  const asked = { where: 'acme/shop on github.com', what: 'look', login: 'token' } as const;
  const answer = (status: number, headers: Record<string, string>, message = '') => ({
    status,
    response: { headers, data: { message } },
  });

  it.each([
    [
      'a secondary one that only says so',
      answer(403, {}, 'You have exceeded a secondary rate limit'),
      60_000,
    ],
    ['one that is over', answer(429, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '900' }), 1000],
    ['one of a day', answer(429, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '90000' }), 3_600_000],
  ])('%s', (_what, error, nextRetryDelay) => {
    expect(explainGithub(asked, error, 1_000_000)).toMatchObject({ nonRetryable: false, nextRetryDelay });
  });

  it('a refusal with requests left is no limit', () => {
    expect(explainGithub(asked, answer(403, { 'x-ratelimit-remaining': '17' }))).toMatchObject({
      type: 'Refused',
    });
  });

  it('says that a fine-grained token cannot read check runs', () => {
    const headers = { 'x-accepted-github-permissions': 'checks=read' };
    expect(explainGithub(asked, answer(403, headers)).message).toContain(
      'use a GitHub App, or a classic token',
    );
    expect(explainGithub({ ...asked, login: 'app' }, answer(403, headers)).message).toContain(
      'install the App on this repository with the rights it needs checks=read',
    );
  });

  it('repeats nothing a terminal obeys', () => {
    expect(explainGithub(asked, answer(422, {}, 'no\u001b[2J')).message).toContain('no\ufffd[2J');
  });
});
