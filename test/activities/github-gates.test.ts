/** Gates that ask GitHub, against a stand-in that GitHub's own description polices on both sides. */
import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { describe, expect, it, vi } from 'vitest';
import { createRunGate } from '../../activities/gates/run-gate.js';
import type { Github } from '../../activities/github/connect.js';
import type { GatePlan } from '../../pipeline/plan.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { failureOf } from '../support/failure-of.js';
import { givenGateDependencies, subjectOf } from '../support/gate-scene.js';
import { githubOf, givenGithub, mergedPull, runScheduled, sha } from '../support/github/scene.js';
import type { FakeCheckRun } from '../support/github/state.js';

const standIn = givenGithub();

const COMMIT = sha('a');
const HOUR_MS = 3_600_000;

type ChecksGate = Extract<GatePlan, { kind: 'github-checks' }>;
const checksGate = (over: Partial<ChecksGate> = {}): ChecksGate => ({
  name: 'ci',
  kind: 'github-checks',
  checks: ['lint', 'test'],
  of: null,
  timeoutMs: HOUR_MS,
  ...over,
});
const titleGate: GatePlan = {
  name: 'title',
  kind: 'pull-request',
  title: 'conventional',
  timeoutMs: HOUR_MS,
};

function start(gate: GatePlan, options: { commit?: string; waitedMs?: number; github?: Github } = {}) {
  const { commit = COMMIT, waitedMs = 2 * HOUR_MS, github = githubOf(standIn) } = options;
  const runGate = createRunGate(givenGateDependencies({ github }));
  const plan = subjectOf(standIn.repositoryUrl, commit);
  return runScheduled(runGate, { gate, plan }, waitedMs);
}

const ask = (gate: GatePlan, options?: Parameters<typeof start>[1]): Promise<EvidenceItem> =>
  start(gate, options).result;

const done = (name: string, conclusion: string, over: Partial<FakeCheckRun> = {}): FakeCheckRun => ({
  sha: COMMIT,
  name,
  status: 'completed',
  conclusion,
  ...over,
});

describe('github-checks', () => {
  it('passes when each name is green, as a check run or as a status', async () => {
    standIn.state.checkRuns = [done('lint', 'success'), done('docs', 'failure')];
    standIn.state.statuses = [{ sha: COMMIT, context: 'test', state: 'success' }];
    expect(await ask(checksGate())).toMatchObject({
      kind: 'gate',
      name: 'ci',
      verdict: 'pass',
      by: null,
      note: 'aaaaaaa: lint success, test success',
    });
  });

  it('takes neutral and skipped for green, as GitHub does', async () => {
    standIn.state.checkRuns = [done('lint', 'neutral'), done('test', 'skipped')];
    expect(await ask(checksGate())).toMatchObject({
      verdict: 'pass',
      note: 'aaaaaaa: lint neutral, test skipped',
    });
  });

  it.each(['failure', 'cancelled', 'timed_out', 'action_required'])(
    'fails at once when a name is %s, whatever still runs',
    async (conclusion) => {
      standIn.state.checkRuns = [
        done('lint', conclusion),
        { sha: COMMIT, name: 'test', status: 'in_progress', conclusion: null },
      ];
      const item = await ask(checksGate(), { waitedMs: 0 });
      expect(item.verdict).toBe('fail');
      expect(item.note).toBe(
        `aaaaaaa: lint ${conclusion} https://github.com/acme/shop/runs/1, test still running (in_progress)`,
      );
    },
  );

  it('fails on a name that nobody reported', async () => {
    standIn.state.checkRuns = [done('lint', 'success'), done('Test', 'success')];
    const item = await ask(checksGate());
    expect(item.verdict).toBe('fail');
    expect(item.note).toMatch(/^aaaaaaa: lint success, test absent; .*correct gates\.ci/);
  });

  it('counts the newest run of a name per App, and every App that reported it', async () => {
    standIn.state.checkRuns = [
      done('lint', 'failure'),
      done('lint', 'success'),
      done('test', 'success'),
      done('test', 'failure', { app: 42 }),
    ];
    expect(await ask(checksGate({ checks: ['lint'] }))).toMatchObject({ verdict: 'pass' });
    expect(await ask(checksGate({ checks: ['test'] }))).toMatchObject({ verdict: 'fail' });
  });

  it('counts a status of the same name as well, and its newest state', async () => {
    standIn.state.checkRuns = [done('lint', 'success')];
    standIn.state.statuses = [
      { sha: COMMIT, context: 'lint', state: 'success' },
      { sha: COMMIT, context: 'lint', state: 'error' },
    ];
    expect(await ask(checksGate({ checks: ['lint'] }))).toMatchObject({ verdict: 'fail' });
  });

  it('reads every page', async () => {
    standIn.state.checkRuns = Array.from({ length: 150 }, (_, n) => done(`job ${n}`, 'success'));
    standIn.state.statuses = Array.from({ length: 150 }, (_, n) => ({
      sha: COMMIT,
      context: `context ${n}`,
      state: n === 149 ? 'failure' : 'success',
    }));
    expect(await ask(checksGate({ checks: ['job 0', 'job 149', 'context 0'] }))).toMatchObject({
      verdict: 'pass',
    });
    expect(await ask(checksGate({ checks: ['context 149'] }))).toMatchObject({ verdict: 'fail' });
  });

  it('waits for what still runs, and for what may come after it', async () => {
    standIn.state.checkRuns = [{ sha: COMMIT, name: 'lint', status: 'queued', conclusion: null }];
    const { result } = start(checksGate(), { waitedMs: 0 });
    await vi.waitFor(() => expect(standIn.questions).toHaveLength(2), { timeout: 50_000 });
    standIn.state.checkRuns = [done('lint', 'success'), done('test', 'success')];
    expect(await result).toMatchObject({ verdict: 'pass' });
    expect(standIn.questions).toHaveLength(4);
  });

  it('waits a little for CI that has not begun', async () => {
    const { result } = start(checksGate(), { waitedMs: 0 });
    await vi.waitFor(() => expect(standIn.questions).toHaveLength(2), { timeout: 50_000 });
    standIn.state.checkRuns = [done('lint', 'success'), done('test', 'success')];
    expect(await result).toMatchObject({ verdict: 'pass' });
  });

  it('fails what still runs when its time is over, also the time of earlier attempts', async () => {
    standIn.state.checkRuns = [
      done('lint', 'success'),
      { sha: COMMIT, name: 'test', status: 'in_progress', conclusion: null },
    ];
    expect(await ask(checksGate())).toMatchObject({
      verdict: 'fail',
      note: 'aaaaaaa: lint success, test still running (in_progress)',
    });
  });

  it('does not wait for a status of its own', async () => {
    standIn.state.statuses = [{ sha: COMMIT, context: 'slipway/prod', state: 'pending' }];
    const item = await ask(checksGate(), { waitedMs: 3 * 60_000 });
    expect(item).toMatchObject({ verdict: 'fail', note: expect.stringContaining('lint absent') });
  });

  it('ends with the release that waits', async () => {
    standIn.state.checkRuns = [{ sha: COMMIT, name: 'lint', status: 'queued', conclusion: null }];
    const { result, environment } = start(checksGate(), { waitedMs: 0 });
    const ended = failureOf(result);
    await vi.waitFor(() => expect(standIn.questions).toHaveLength(2), { timeout: 50_000 });
    environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    expect(await ended).toBeInstanceOf(CancelledFailure);
  });

  describe('of a branch', () => {
    const head = sha('b');
    const gate = checksGate({ checks: ['lint'], of: 'team/dev' });

    it('wants the head of the branch green as well', async () => {
      standIn.state.branches = { 'team/dev': head };
      standIn.state.checkRuns = [done('lint', 'success'), done('lint', 'failure', { sha: head })];
      expect(await ask(gate)).toMatchObject({
        verdict: 'fail',
        note: 'aaaaaaa: lint success; team/dev at bbbbbbb: lint failure https://github.com/acme/shop/runs/2',
      });
      standIn.state.checkRuns = [done('lint', 'success'), done('lint', 'success', { sha: head })];
      expect(await ask(gate)).toMatchObject({ verdict: 'pass' });
    });

    it('wants the commit green as well', async () => {
      standIn.state.branches = { 'team/dev': head };
      standIn.state.checkRuns = [done('lint', 'failure'), done('lint', 'success', { sha: head })];
      expect(await ask(gate)).toMatchObject({ verdict: 'fail' });
    });

    it('asks once when the commit is the head', async () => {
      standIn.state.branches = { 'team/dev': COMMIT };
      standIn.state.checkRuns = [done('lint', 'success')];
      expect(await ask(gate)).toMatchObject({ verdict: 'pass', note: 'team/dev at aaaaaaa: lint success' });
      expect(standIn.questions).toHaveLength(3);
    });

    it.each(['gone', '$(reboot)', '../../../user'])('is an error without branch %s', async (of) => {
      const item = await ask(checksGate({ of }));
      expect(item).toMatchObject({
        verdict: 'error',
        note: expect.stringContaining(`there is no branch ${of}`),
      });
    });
  });
});

describe('pull-request', () => {
  const commit = sha('f');

  it('passes conventional titles', async () => {
    standIn.state.pulls = [mergedPull()];
    expect(await ask(titleGate, { commit })).toMatchObject({
      verdict: 'pass',
      note: '#7 feat(cart): remember it',
    });
  });

  it('names every other title', async () => {
    standIn.state.pulls = [
      mergedPull({ title: 'Remember the cart' }),
      mergedPull({ number: 8, title: 'fix: it' }),
      mergedPull({ number: 9, title: 'fix : it' }),
    ];
    const item = await ask(titleGate, { commit });
    expect(item.verdict).toBe('fail');
    expect(item.note).toMatch(
      /^#7 Remember the cart, #9 fix : it: not conventional titles; edit them on GitHub/,
    );
  });

  it('fails without a merged pull request of this repository', async () => {
    standIn.state.pulls = [mergedPull({ repository: 'mallory/shop' })];
    expect(await ask(titleGate, { commit })).toMatchObject({
      verdict: 'fail',
      note: expect.stringContaining('no pull request has this commit; merge it through a pull request'),
    });
    standIn.state.pulls = [mergedPull({ merged: false })];
    expect(await ask(titleGate, { commit: sha('e') })).toMatchObject({
      verdict: 'fail',
      note: expect.stringContaining('#7 is not merged'),
    });
  });

  it('waits until GitHub knows the pull request of a fresh merge', async () => {
    const { result } = start(titleGate, { commit, waitedMs: 0 });
    await vi.waitFor(() => expect(standIn.questions).toHaveLength(1), { timeout: 50_000 });
    standIn.state.pulls = [mergedPull()];
    expect(await result).toMatchObject({ verdict: 'pass' });
  });
});

describe('GitHub that cannot be asked', () => {
  it('is asked again within the time of the gate, and then an error', async () => {
    standIn.fail({ status: 502 });
    expect(await failureOf(ask(titleGate, { waitedMs: 0 }))).toMatchObject({
      type: 'GithubUnavailable',
      nonRetryable: false,
      message: expect.stringContaining(
        'acme/shop on 127.0.0.1: GitHub answered 502 to read the pull requests',
      ),
    });
    expect(await ask(titleGate)).toMatchObject({
      verdict: 'error',
      note: expect.stringContaining('answered 502'),
    });
  });

  it('is an error at once when its limit outlasts the gate', async () => {
    const reset = String(Math.ceil(Date.now() / 1000) + 1800);
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset };
    standIn.fail({ status: 403, headers });
    const short = checksGate({ timeoutMs: 60_000 });
    expect(await ask(short, { waitedMs: 0 })).toMatchObject({
      verdict: 'error',
      note: expect.stringContaining('rate limit'),
    });
    expect(await failureOf(ask(checksGate(), { waitedMs: 0 }))).toMatchObject({ nonRetryable: false });
  });

  it('is an error when it refuses', async () => {
    const github = githubOf(standIn, 'token', 'ghp_of_somebody_else');
    expect(await ask(titleGate, { github, waitedMs: 0 })).toMatchObject({
      verdict: 'error',
      note: expect.stringContaining('GitHub refused the login'),
    });
  });
});
