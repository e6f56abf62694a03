/** What a release writes to GitHub: deployments, commit statuses and one comment; each of them once. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { GithubActivities } from '../../activities/github/create-github-activities.js';
import type { CommitStatus, DeploymentRecord } from '../../workflows/activity-contract.js';
import { failureOf } from '../support/failure-of.js';
import {
  activitiesOf,
  githubOf,
  givenGithub,
  mergedPull,
  runScheduled,
  sha,
  TOKEN,
} from '../support/github/scene.js';

const standIn = givenGithub();
let activities: GithubActivities;

beforeEach(() => {
  activities = activitiesOf(githubOf(standIn));
});

const writes = (): string[] => standIn.questions.filter((question) => !question.startsWith('GET '));

describe('a deployment', () => {
  const record = (over: Partial<DeploymentRecord> = {}) => {
    const input: DeploymentRecord = {
      repositoryUrl: standIn.repositoryUrl,
      commit: sha('a'),
      pipeline: 'shop',
      environment: 'prod',
      production: true,
      version: 'v1.4.0',
      planHash: 'hash-1',
      state: 'in_progress',
      description: 'blue is being deployed',
      environmentUrl: 'https://shop.example.com',
      logUrl: 'https://temporal.example.com/runs/1',
      ...over,
    };
    return runScheduled(activities.recordDeployment, input).result;
  };

  it('is made without asking for contexts, without merging, and says that it is production', async () => {
    const { deploymentId, adopted } = await record();
    expect(adopted).toBe(false);
    expect(standIn.state.deployments).toMatchObject([
      {
        id: deploymentId,
        body: {
          ref: sha('a'),
          task: 'deploy',
          auto_merge: false,
          required_contexts: [],
          environment: 'prod',
          production_environment: true,
          description: 'shop v1.4.0',
          payload: { slipway: { pipeline: 'shop', planHash: 'hash-1', version: 'v1.4.0' } },
        },
        statuses: [
          {
            state: 'in_progress',
            description: 'blue is being deployed',
            environment_url: 'https://shop.example.com',
            log_url: 'https://temporal.example.com/runs/1',
            auto_inactive: false,
          },
        ],
      },
    ]);
  });

  it('done twice is there once', async () => {
    const first = await record();
    expect(await record()).toEqual({ ...first, adopted: true });
    expect(writes()).toHaveLength(2);
    await record({ state: 'success' });
    expect(standIn.state.deployments).toHaveLength(1);
    expect(standIn.state.deployments[0]?.statuses.map(({ state }) => state)).toEqual([
      'in_progress',
      'success',
    ]);
  });

  it('a lost reply makes no second one', async () => {
    standIn.fail({ status: 502, when: /POST .*statuses/ });
    expect(await failureOf(record())).toMatchObject({ nonRetryable: false });
    standIn.heal();
    expect(await record()).toMatchObject({ adopted: true });
    expect(standIn.state.deployments).toHaveLength(1);
  });

  it('that is live makes the earlier ones of the pipeline inactive, and no others', async () => {
    const before = await record({ commit: sha('1'), planHash: 'hash-0', state: 'success' });
    const stuck = await record({ commit: sha('2'), planHash: 'hash-0', state: 'in_progress' });
    await record({ commit: sha('3'), planHash: 'hash-0', state: 'failure' });
    await record({ commit: sha('4'), planHash: 'hash-0', state: 'success', environment: 'stage' });
    await record({ commit: sha('5'), planHash: 'hash-0', state: 'success', pipeline: 'docs' });
    standIn.state.deployments.push({
      id: 9,
      sha: sha('6'),
      body: { ref: sha('6'), environment: 'prod', task: 'deploy', payload: 'by hand' },
      statuses: [{ state: 'success' }],
    });
    const { inactivated } = await record({ state: 'success' });
    expect(inactivated).toEqual([stuck.deploymentId, before.deploymentId]);
    const states = standIn.state.deployments.map(({ statuses }) => statuses.at(-1)?.['state']);
    expect(states).toEqual(['inactive', 'inactive', 'failure', 'success', 'success', 'success', 'success']);
    expect(await record({ state: 'success' })).toMatchObject({ inactivated: [] });
  });

  it('another plan of the same commit is another one', async () => {
    await record();
    await record({ planHash: 'hash-2' });
    expect(standIn.state.deployments).toHaveLength(2);
  });

  it('has a short description on one line', async () => {
    await record({ description: `${'long '.repeat(100)}\n\u001b[31mred` });
    const [status] = standIn.state.deployments[0]?.statuses ?? [];
    expect(status?.['description']).toMatch(/^(long ){27}long…$/);
  });
});

describe('a commit status', () => {
  const set = (over: Partial<CommitStatus> = {}) => {
    const input: CommitStatus = {
      repositoryUrl: standIn.repositoryUrl,
      commit: sha('a'),
      environment: 'prod',
      state: 'pending',
      description: 'waits for 1 approval',
      targetUrl: 'https://temporal.example.com/runs/1',
      ...over,
    };
    return runScheduled(activities.setCommitStatus, input).result;
  };

  it('is written when it says something new', async () => {
    expect(await set()).toEqual({ context: 'slipway/prod', written: true });
    expect(await set()).toEqual({ context: 'slipway/prod', written: false });
    expect(await set({ state: 'success', description: 'v1 is live' })).toMatchObject({ written: true });
    expect(await set({ environment: 'stage' })).toMatchObject({ context: 'slipway/stage', written: true });
    expect(standIn.state.statuses).toMatchObject([
      { context: 'slipway/prod', state: 'pending', targetUrl: 'https://temporal.example.com/runs/1' },
      { context: 'slipway/prod', state: 'success', description: 'v1 is live' },
      { context: 'slipway/stage', state: 'pending' },
    ]);
  });
});

describe('the report on the pull request', () => {
  const comment = (markdown: string, over: { environment?: string; commit?: string } = {}) => {
    const input = {
      repositoryUrl: standIn.repositoryUrl,
      commit: sha('f'),
      pipeline: 'shop',
      environment: 'prod',
      markdown,
      ...over,
    };
    return runScheduled(activities.commentOnPullRequest, input).result;
  };

  it('is one comment per environment, edited', async () => {
    standIn.state.pulls = [mergedPull()];
    const first = await comment('v1 waits');
    expect(first.commentUrl).toBe('https://github.com/acme/shop/pull/7#issuecomment-1001');
    expect(await comment('v1 is **live**')).toEqual(first);
    await comment('v1 is **live**');
    await comment('v1 waits', { environment: 'stage' });
    expect(standIn.state.comments).toMatchObject([
      { issue: 7, by: 'slipway-bot', body: '<!-- slipway shop prod -->\nv1 is **live**' },
      { issue: 7, by: 'slipway-bot', body: '<!-- slipway shop stage -->\nv1 waits' },
    ]);
    expect(writes()).toHaveLength(3);
  });

  it("never edits another hand's comment, whatever mark it has", async () => {
    standIn.state.pulls = [mergedPull()];
    const body = '<!-- slipway shop prod -->\nv0 is live, believe me';
    standIn.state.comments = [{ id: 5, issue: 7, by: 'mallory', appId: null, body }];
    await comment('v1 is live');
    expect(standIn.state.comments).toMatchObject([{ by: 'mallory', body }, { by: 'slipway-bot' }]);
  });

  it('calls nobody and hides nothing', async () => {
    standIn.state.pulls = [mergedPull()];
    await comment('fix by @everyone <anna@example.com> <!-- gone');
    expect(standIn.state.comments[0]?.body).toBe(
      '<!-- slipway shop prod -->\nfix by @\u200beveryone <anna@example.com> &lt;!-- gone',
    );
  });

  it('fits into what GitHub takes', async () => {
    standIn.state.pulls = [mergedPull()];
    await comment('x'.repeat(100_000));
    expect(standIn.state.comments[0]?.body.length).toBeLessThan(65_536);
  });

  it('has nowhere to go without a pull request', async () => {
    expect(await comment('v1 is live')).toEqual({ commentUrl: null });
    expect(writes()).toEqual([]);
  });
});

describe("GitHub's own description", () => {
  it.each([
    ['a question without what it needs', 'POST', 'deployments', { environment: 'prod' }],
    ['a word GitHub does not know', 'POST', `statuses/${sha('a')}`, { state: 'green' }],
    ['a question it has no route for', 'DELETE', 'deployments/1', {}],
  ])('catches %s', async (_what, method, route, body) => {
    await fetch(`${standIn.apiUrl}/repos/acme/shop/${route}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(() => standIn.expectNoViolations()).toThrow(`${method} /repos/acme/shop/${route}`);
    standIn.reset();
  });

  it('catches an answer that GitHub would not give', async () => {
    githubOf(standIn);
    standIn.state.statuses = [{ sha: sha('a'), context: 'lint', state: 'success', targetUrl: 'no address' }];
    await fetch(`${standIn.apiUrl}/repos/acme/shop/commits/${sha('a')}/status`, {
      headers: { authorization: `token ${TOKEN}` },
    });
    expect(() => standIn.expectNoViolations()).toThrow('target_url');
    standIn.reset();
  });
});
