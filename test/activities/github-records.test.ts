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
  UI_URL,
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
      requestId: 'request-1',
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
      logUrl: '/namespaces/default/workflows/lane%2Fshop%2Fprod',
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
          payload: {
            slipway: { pipeline: 'shop', planHash: 'hash-1', version: 'v1.4.0', requestId: 'request-1' },
          },
        },
        statuses: [
          {
            state: 'in_progress',
            description: 'blue is being deployed',
            environment_url: 'https://shop.example.com',
            log_url: `${UI_URL}/namespaces/default/workflows/lane%2Fshop%2Fprod`,
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

  /** The last state of each, the oldest first. */
  const states = (): unknown[] => standIn.state.deployments.map(({ statuses }) => statuses.at(-1)?.['state']);

  it('that is live makes inactive what was before, and nothing else', async () => {
    const before = await record({ requestId: 'r-1', state: 'success' });
    const stuck = await record({ requestId: 'r-2', state: 'in_progress' });
    await record({ requestId: 'r-3', state: 'failure' });
    await record({ requestId: 'r-4', state: 'success', environment: 'stage' });
    await record({ requestId: 'r-5', state: 'success', pipeline: 'docs' });
    standIn.state.deployments.push({
      id: 9,
      sha: sha('6'),
      body: { ref: sha('6'), environment: 'prod', task: 'deploy', payload: 'by hand' },
      statuses: [{ state: 'success' }],
    });
    await record();
    const { inactivated } = await record({ state: 'success' });
    expect(inactivated).toEqual([stuck.deploymentId, before.deploymentId]);
    expect(states()).toEqual(['inactive', 'inactive', 'failure', 'success', 'success', 'success', 'success']);
    expect(await record({ state: 'success' })).toMatchObject({ inactivated: [] });
    expect(writes()).toHaveLength(5 * 2 + 2 + 1 + 2);
  });

  it('leaves alone what waits to go in, also when it has waited for longer', async () => {
    await record({ requestId: 'patient', state: 'pending' });
    await record({ requestId: 'quick' });
    await record({ requestId: 'quick', state: 'success' });
    expect(states()).toEqual(['pending', 'success']);
    await record({ requestId: 'patient' });
    await record({ requestId: 'patient', state: 'success' });
    expect(states()).toEqual(['success', 'inactive']);
  });

  it('of a rollback is a new one, and the newer version is inactive', async () => {
    await record({ requestId: 'v1', commit: sha('1'), state: 'success' });
    await record({ requestId: 'v2', commit: sha('2') });
    await record({ requestId: 'v2', commit: sha('2'), state: 'success' });
    await record({ requestId: 'next', commit: sha('3') });
    await record({ requestId: 'back', commit: sha('1'), state: 'success' });
    expect(states()).toEqual(['inactive', 'inactive', 'in_progress', 'success']);
    expect(standIn.state.deployments.map((each) => each.sha)).toEqual(['1', '2', '3', '1'].map(sha));
  });

  it('whose last word comes late is not the one that serves', async () => {
    await record({ requestId: 'slow' });
    await record({ requestId: 'next' });
    await record({ requestId: 'next', state: 'success' });
    expect(await record({ requestId: 'slow', state: 'success' })).toMatchObject({ inactivated: [] });
    expect(states()).toEqual(['inactive', 'success']);
  });

  it('asked for again is another one', async () => {
    await record();
    await record({ requestId: 'request-2' });
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

  it('leads to the UI', async () => {
    standIn.state.pulls = [mergedPull()];
    await comment('[release](/namespaces/default/workflows/release%2Fshop) · [diff](https://example.com/d)');
    expect(standIn.state.comments[0]?.body).toBe(
      `<!-- slipway shop prod -->\n[release](${UI_URL}/namespaces/default/workflows/release%2Fshop) · [diff](https://example.com/d)`,
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
