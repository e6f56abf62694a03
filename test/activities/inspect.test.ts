/** What `slipway plan` and `slipway doctor` hear from the worker: what would refuse a release, before anybody starts one. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLookAtDependencies } from '../../activities/checks/dependencies-before.js';
import { createInspectEnvironment } from '../../activities/inspect/inspect-environment.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { createFindLive } from '../../activities/environment/live-release.js';
import { proveTraffic } from '../../activities/traffic/prove-traffic.js';
import { whoIsServed } from '../../activities/traffic/who-is-served.js';
import { Judge } from '../../activities/trust/judge.js';
import type { PolicyStore } from '../../activities/trust/policy-store.js';
import { hashPlan } from '../../pipeline/hash-plan.js';
import type { CheckPlan, EnvironmentPlan } from '../../pipeline/plan.js';
import type { InspectResult, PolicyAnswer, PreflightFinding } from '../../workflows/activity-contract.js';
import type { ReleaseRecord } from '../../workflows/result.js';
import { httpCheck, runCheck, tcpCheck } from '../support/check-scene.js';
import { givenPlan, givenRule } from '../support/given.js';
import { environmentFor, hostsKnowing } from '../support/hosts.js';
import { startHttpBackend, type HttpBackend } from '../support/http-backend.js';
import { policyWith } from '../support/policies.js';
import { givenSealedRelease, NO_POLICY, useSealKeys } from '../support/sealed.js';
import { freePort } from '../support/sshd.js';
import { NO_REPOSITORY } from '../support/no-repository.js';

const seals = useSealKeys();
const hosts = hostsKnowing('/nowhere');
const secrets = createSecrets({});
let backend: HttpBackend;

beforeAll(async () => {
  backend = await startHttpBackend('blue');
});
afterAll(async () => {
  await hosts.close();
  await backend.stop();
});

function storeOf(...lines: string[]): PolicyStore {
  const policy = { content: policyWith(...lines), allowedSigners: null, revokedKeys: null, hash: '' };
  return { read: async () => policy, isDemo: false };
}

interface Asking {
  what: 'doctor' | 'policy' | 'logs';
  plan: EnvironmentPlan;
  policy?: PolicyStore;
  live?: ReleaseRecord | null;
}

async function ask({ what, plan, policy = NO_POLICY, live = null }: Asking): Promise<InspectResult> {
  const inspect = createInspectEnvironment({
    ...{ hosts, secrets, policy, whoIsServed },
    ...NO_REPOSITORY,
    proveTraffic: (target, signal) => proveTraffic({ hosts, secrets }, target, signal),
    lookAtDependencies: createLookAtDependencies({
      ...{ hosts, secrets },
      ...NO_REPOSITORY,
      serviceLog: async () => '',
      newLogs: async () => [],
      databaseRevision: () => Promise.reject(new Error('no database')),
    }),
    findLive: createFindLive({
      askEnvironment: async () => ({ result: null, live, knows: false, goodCommits: [], underway: [] }),
      policy,
      judge: new Judge(seals.ours, policy),
    }),
  });
  const ref = { kind: 'tag', name: 'v1.0.0' } as const;
  const origin = { ref, repository: '/srv/shop.git', file: 'slipway.yaml' };
  const question = { what, plan, origin, step: null, host: null, lines: 10, live };
  return await new MockActivityEnvironment().run(inspect, question);
}

describe('what the policy makes of reviews', () => {
  const OWNERS = 'b'.repeat(40);
  const approvals = [givenRule(1, null, { by: 'github-review', of: 'main' })];
  const hostsOf = ['web-1', 'web-2'].map((name) => ({ name, address: `deploy@${name}` }));

  async function answered(lines: string[], more: Partial<Asking> = {}): Promise<PolicyAnswer> {
    const plan = givenPlan({ name: 'prod', hosts: hostsOf, approvals });
    const { policy } = await ask({ what: 'policy', plan, policy: storeOf(...lines), ...more });
    if (policy === undefined) throw new Error('there is no answer');
    return policy;
  }

  test('is refused where nobody vouches for their beginning, with what is to be written', async () => {
    const { problems } = await answered([]);
    expect(problems).toMatchObject([
      {
        what: expect.stringContaining('up to which commit prod needs no reviews is not known'),
        wayOut: expect.stringContaining('reviewed: COMMIT'),
      },
    ]);
  });

  test('begins where the owner says, as the plan of the worker will', async () => {
    const { plan, problems } = await answered([`reviewed: ${OWNERS}`]);
    expect([problems, plan.since, plan.planHash]).toEqual([[], OWNERS, hashPlan(plan)]);
  });

  test('begins at what is live, if seals show that it was let in', async () => {
    const { target } = await givenSealedRelease(seals.ours);
    const live = { ...target, at: '2026-11-14T10:00:00.000Z', by: 'vadim' };
    const { plan, problems } = await answered([], { live });
    expect([problems, plan.since]).toEqual([[], live.commit.sha]);
    const forged = { ...live, commit: { ...live.commit, sha: 'f'.repeat(40) } };
    expect((await answered([], { live: forged })).problems).toHaveLength(1);
  });

  test('nothing, where no rule asks for them', async () => {
    const plan = givenPlan({ name: 'prod', hosts: hostsOf, approvals: [givenRule(1, null, { by: 'ssh' })] });
    const { plan: stricter, problems } = await answered([], { plan });
    expect(problems).toEqual([]);
    expect(stricter).not.toHaveProperty('since');
  });
});

describe('logs', () => {
  const onTwo = async (): Promise<EnvironmentPlan> => ({
    ...environmentFor({ key: '/nowhere/key' }),
    hosts: [
      { name: 'web-1', address: `deploy@127.0.0.1:${await freePort()}` },
      { name: 'web-2', address: 'local' },
    ],
    platform: {
      ...{ kind: 'command', command: 'true', inspect: null, restore: null, retire: null },
      ...{ logs: 'echo hello', on: 'host' },
    },
  });

  test('of a host that cannot be reached say so, and hide no other', async () => {
    expect(await ask({ what: 'logs', plan: await onTwo() })).toMatchObject({
      log: [
        { host: 'web-1', text: expect.stringMatching(/^\[slipway: cannot be read: .+\]$/) as string },
        { host: 'web-2', text: 'hello' },
      ],
    });
  });

  test('of one that is asked alone are asked for again', async () => {
    const plan = await onTwo();
    await expect(ask({ what: 'logs', plan: { ...plan, hosts: plan.hosts.slice(0, 1) } })).rejects.toThrow();
  });
});

describe('doctor', () => {
  const planOf = (dependencies: CheckPlan[]): EnvironmentPlan => ({
    ...environmentFor(),
    hosts: [{ name: 'local', address: 'local' }],
    dependencies,
  });

  test('asks what the environment depends on', async () => {
    const port = await freePort();
    const { findings } = await ask({
      what: 'doctor',
      plan: planOf([
        { ...httpCheck({ url: backend.url }), name: 'orders' },
        { ...tcpCheck({ port }), name: 'redis' },
      ]),
    });
    expect(findings.filter(({ thing }) => thing.startsWith('dependency'))).toMatchObject([
      { where: 'prod', thing: 'dependency orders', state: 'ok' },
      {
        thing: 'dependency redis',
        state: 'problem',
        wayOut: expect.stringContaining('see that redis is up'),
      },
    ]);
  });

  test('runs no command of the repository where nothing is live, and says so', async () => {
    const smoke = { ...runCheck({ command: 'exit 7' }), name: 'smoke' };
    const { findings } = await ask({ what: 'doctor', plan: planOf([smoke]) });
    expect(findings).toContainEqual({
      ...{ where: 'prod', thing: 'dependency smoke', state: 'warning', wayOut: null },
      message: 'not asked: nothing is live, so there is no commit to run it in',
    });
  });

  test('asks nobody for a file that was not released, where a policy protects', async () => {
    const orders = { ...httpCheck({ url: backend.url }), name: 'orders' };
    const stranger = { ...httpCheck({ url: `${backend.url}/metadata` }), name: 'stranger' };
    const policy = storeOf();
    const plan = planOf([orders, stranger]);
    const { target } = await givenSealedRelease(seals.ours, {
      platform: plan.platform,
      dependencies: [orders],
    });
    const live = { ...target, at: '2026-11-14T10:00:00.000Z', by: 'vadim' };
    const about = (findings: PreflightFinding[]) =>
      findings.flatMap(({ thing, state }) => (thing.startsWith('dependency') ? [`${thing} ${state}`] : []));
    const first = await ask({ what: 'doctor', plan, policy });
    expect(about(first.findings)).toEqual(['dependency orders warning', 'dependency stranger warning']);
    const later = await ask({ what: 'doctor', plan, policy, live });
    expect(about(later.findings)).toEqual(['dependency orders ok', 'dependency stranger warning']);
  });
});
