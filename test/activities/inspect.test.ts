/** What `slipway plan` and `slipway doctor` hear from the worker: what would refuse a release, before anybody starts one. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLookAtDependencies } from '../../activities/checks/dependencies-before.js';
import { createDatabaseRevision } from '../../activities/database/create-database-activities.js';
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
    databaseRevision: createDatabaseRevision({ hosts, secrets, ...NO_REPOSITORY }),
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

  test('of several are read side by side', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-meet-'));
    // the first waits for the second, 20 s at most
    const meet = `mkdir ${folder}/1 2>/dev/null || mkdir ${folder}/2
      for i in $(seq 200); do [ -d ${folder}/2 ] && echo met && exit; sleep 0.1; done`;
    const plan = await onTwo();
    const platform = { ...plan.platform, logs: meet } as EnvironmentPlan['platform'];
    const hosts = ['web-1', 'web-2'].map((name) => ({ name, address: 'local' }));
    try {
      const { log } = await ask({ what: 'logs', plan: { ...plan, hosts, platform } });
      expect(log).toEqual(['web-1', 'web-2'].map((host) => ({ host, text: 'met' })));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
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

describe('doctor asks a team’s own questions', () => {
  const COMMANDS = { kind: 'command', command: 'true', restore: 'true', retire: null, on: 'host' } as const;
  const DATABASE = { migrate: 'true', revert: null, backup: null, restore: null, inside: null } as const;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'slw-asked-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const planOf = (inspect: string | null, current: string | null = null): EnvironmentPlan => ({
    ...environmentFor(),
    hosts: [{ name: 'local', address: 'local' }],
    platform: { ...COMMANDS, inspect },
    database: current === null ? null : { ...DATABASE, current },
  });
  const about = async (asking: Omit<Asking, 'what'>, things = ['inspect', 'database']) => {
    const { findings } = await ask({ what: 'doctor', ...asking });
    return findings.filter(({ thing }) => things.includes(thing));
  };
  const asked = async (): Promise<string[]> => (await readdir(folder)).sort();
  const noting = (name: string, says: string): string => `touch ${folder}/${name}; echo ${says}`;

  test('and tells what they say', async () => {
    expect(await about({ plan: planOf('echo v1', 'echo "r7 (head)"') })).toMatchObject([
      { where: 'prod host local', thing: 'inspect', state: 'ok', message: 'says v1' },
      { where: 'prod', thing: 'database', state: 'ok', message: 'is at r7' },
    ]);
  });

  test.each(['no-such-program 1', '/etc/passwd'])(
    '%s cannot be run: a problem, with its words',
    async (not) => {
      expect(await about({ plan: planOf(not, not) })).toMatchObject([
        {
          state: 'problem',
          message: expect.stringMatching(/could not be run.* exited 12[67]: .*(not found|denied)/) as string,
          wayOut: expect.stringContaining('correct inspect') as string,
        },
        {
          state: 'problem',
          message: expect.stringMatching(/current command exited 12[67]: .*(not found|denied)/i) as string,
          wayOut: expect.stringContaining('correct what it says') as string,
        },
      ]);
    },
  );

  test('an inspect that fails finds nothing, and a current that fails is a problem', async () => {
    const no = 'echo no server >&2; exit 2';
    expect(await about({ plan: planOf(no, no) })).toMatchObject([
      { state: 'ok', message: 'nothing is there yet: it exited 2: no server' },
      { state: 'problem', message: "the database's current command exited 2: no server" },
    ]);
  });

  test('not before there is a release to ask them with', async () => {
    const needs = planOf('cat {version}', 'where {digest}');
    const onWorker: EnvironmentPlan = {
      ...planOf(null, noting('current', 'r1')),
      platform: { ...COMMANDS, inspect: noting('inspect', 'v1'), on: 'worker' },
    };
    const inside = planOf(null, noting('inside', 'r1'));
    const inContainer = { ...inside, database: { ...DATABASE, current: 'true', inside: 'shop' } };
    const nothing = 'not asked: nothing is live, so ';
    expect((await about({ plan: needs })).map(({ message }) => message)).toEqual([
      `${nothing}{version} has no value`,
      `${nothing}{digest} has no value`,
    ]);
    for (const plan of [onWorker, inContainer])
      for (const finding of await about({ plan }))
        expect(finding).toMatchObject({
          state: 'warning',
          message: expect.stringContaining(nothing) as string,
        });
    expect(await asked()).toEqual([]);
  });

  describe('where a policy protects', () => {
    const released = async (plan: EnvironmentPlan): Promise<ReleaseRecord> => {
      const { platform, database } = plan;
      const { target } = await givenSealedRelease(seals.ours, { platform, database, strategy: 'in-place' });
      return { ...target, at: '2026-11-14T10:00:00.000Z', by: 'vadim' };
    };
    const plan = (): EnvironmentPlan => planOf(noting('inspect', 'v1'), noting('current', 'r1'));

    test('none of a file that was not released, and says why and what else was seen', async () => {
      const { findings } = await ask({ what: 'doctor', plan: plan(), policy: storeOf() });
      const unasked = findings.filter(({ message }) => message.startsWith('not asked'));
      expect(unasked.map(({ thing, state }) => [thing, state])).toEqual([
        ['inspect', 'warning'],
        ['database', 'warning'],
      ]);
      expect(findings).toContainEqual(expect.objectContaining({ thing: 'restore', state: 'ok' }));
      expect(await asked()).toEqual([]);
    });

    test('those with which the live release is asked, and no other', async () => {
      const live = await released(plan());
      expect(await about({ plan: plan(), policy: storeOf(), live })).toMatchObject([
        { thing: 'inspect', state: 'ok' },
        { thing: 'database', state: 'ok' },
      ]);
      expect(await asked()).toEqual(['current', 'inspect']);
      const evil = planOf(noting('evil', 'v1'), noting('evil-too', 'r1'));
      const states = (await about({ plan: evil, policy: storeOf(), live })).map(({ state }) => state);
      expect(states).toEqual(['warning', 'warning']);
      // its own deploy is no question
      const acts = noting('acts', 'v2');
      const acting = await released({ ...plan(), platform: { ...COMMANDS, command: acts, inspect: 'true' } });
      await about({ plan: planOf(acts), policy: storeOf(), live: acting });
      expect(await asked()).toEqual(['current', 'inspect']);
    });

    test('none because the policy lists it: it may be there to deploy', async () => {
      const acts = noting('acts', 'v2');
      const live = await released({ ...plan(), platform: { ...COMMANDS, command: acts, inspect: 'true' } });
      const policy = storeOf(`commands: ${JSON.stringify([acts, 'true'])}`);
      await about({ plan: planOf(acts, acts), policy, live });
      await about({ plan: planOf(acts, acts), policy });
      expect(await asked()).toEqual([]);
    });

    test('not the proxy, if it is asked by a command', async () => {
      const traffic = { ...givenPlan().traffic, kind: 'command', currentCommand: noting('proxy', 'blue') };
      const commands = { switchCommand: 'true', testCommand: null };
      const proxied = { ...plan(), traffic: { ...traffic, ...commands } } as EnvironmentPlan;
      expect(await about({ plan: proxied, policy: storeOf() }, ['traffic'])).toMatchObject([
        { where: 'prod', state: 'warning', message: expect.stringContaining('not asked') as string },
      ]);
      expect(await asked()).toEqual([]);
    });
  });
});
