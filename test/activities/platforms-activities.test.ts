/** The activities around the platforms: hosts, fences, recorded states, cancellation, taking over. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Hosts } from '../../activities/hosts/host.js';
import {
  createPlatformActivities,
  type DeployActivities,
} from '../../activities/platforms/deploy-activities.js';
import { createServiceLog } from '../../activities/platforms/open-platform.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { createSource } from '../../activities/source/source.js';
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import type { PreflightFinding, UndoResult } from '../../workflows/activity-contract.js';
import { givenCommit, givenRecord, givenTarget, givenTraffic } from '../support/given.js';
import { hostsKnowing, hostPlan, reaching } from '../support/hosts.js';
import { failureOf } from '../support/failure-of.js';
import { plantToken } from '../support/planted.js';
import { createRepository } from '../support/repository.js';
import { startSshd, type Sshd } from '../support/sshd.js';
import { NO_REPOSITORY } from '../support/no-repository.js';

let machines: [Sshd, Sshd];
let hosts: Hosts;
let serving: Colour | null;
/** Of proxies that serve something else than the others, by where they answer. */
let servingAt: Record<string, Colour>;
let configured: Colour | null;
let answered: boolean;
let dependencies: PreflightFinding[];
let activities: DeployActivities;
let count = 0;

beforeAll(async () => {
  machines = [await startSshd(), await startSshd()];
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await hosts?.close();
  for (const machine of machines ?? []) await machine.stop();
});

const API_TOKEN = plantToken();

beforeEach(async () => {
  count += 1;
  serving = null;
  servingAt = {};
  configured = null;
  answered = true;
  dependencies = [];
  await hosts?.close();
  const known = path.join(machines[0].folder, 'both-known-hosts');
  const texts = await Promise.all(machines.map(({ knownHostsPath }) => readFile(knownHostsPath, 'utf8')));
  await writeFile(known, texts.join(''));
  hosts = hostsKnowing(known);
  activities = createPlatformActivities({
    hosts,
    ...NO_REPOSITORY,
    source: createSource({ cacheFolder: path.join(machines[0].folder, 'cache') }),
    secrets: createSecrets({ API_TOKEN }),
    proveTraffic: async () => 'traffic can be moved',
    whoIsServed: async ({ url }) => ({ colour: servingAt[url] ?? serving, answered }),
    configuredColour: async () => configured,
    lookAtDependencies: async () => dependencies,
  });
});

function planned(change: Partial<EnvironmentPlan> = {}): EnvironmentPlan {
  const file = `$HOME/release-${count}`;
  return {
    ...reaching(machines[0]),
    name: `prod-${count}`,
    // One user, two keys: each sshd lets in its own.
    hosts: [hostPlan(machines[0].destination, 'web-1')],
    platform: {
      kind: 'command',
      command: `echo "{tag}" > ${file}`,
      inspect: `cat ${file}`,
      restore: `echo "{previous-tag}" > ${file}`,
      retire: `rm -f ${file}`,
      on: 'host',
    },
    timeoutMs: 20_000,
    ...change,
  };
}

/** One activity, as Temporal runs it; every call is a new scheduling unless it is given an environment. */
let scheduled = 0;
function run<T>(
  work: (activities: DeployActivities) => Promise<T>,
  environment?: MockActivityEnvironment,
): Promise<T> {
  scheduled += 1;
  const around = environment ?? new MockActivityEnvironment({ activityId: String(scheduled) });
  return around.run(() => work(activities));
}

const GONE = { notFound: false, paused: false, timedOut: false, reset: false };

const release = async (): Promise<string> =>
  (await readFile(path.join(machines[0].home, `release-${count}`), 'utf8').catch(() => '')).trim();

test('preflight looks at the hosts and at what the environment depends on', async () => {
  const redis = { where: 'prod', thing: 'dependency redis', message: 'redis: refused', wayOut: null };
  dependencies = [{ ...redis, state: 'problem' }];
  const { findings } = await run(({ preflight }) => preflight({ target: givenTarget(planned()) }));
  expect(findings[0]).toMatchObject({ thing: 'restore' });
  expect(findings.at(-1)).toEqual({ ...redis, state: 'problem' });
});

describe('a change on one host', () => {
  test('claims, records, deploys and undoes', async () => {
    const first = givenTarget(planned());
    const { hosts: claimed } = await run(({ claim }) => claim({ target: first }));
    expect(claimed).toEqual([
      { host: 'web-1', hostId: expect.stringMatching(/^\S{20,}$/) as string, previousToken: 0 },
    ]);
    const wayBack = await run(({ proveWayBack }) => proveWayBack({ target: first }));
    expect(wayBack).toMatchObject({ wayBack: 'first-deploy', prior: [{ host: 'web-1', platform: null }] });
    await run(({ deploy }) => deploy({ target: first, prior: wayBack.prior }));
    expect(await release()).toBe('v2');

    const second = givenTarget(planned(), { token: 2, version: 'v3' });
    await run(({ claim }) => claim({ target: second }));
    const further = await run(({ proveWayBack }) => proveWayBack({ target: second }));
    expect(further.wayBack).toBe('proven');
    await run(({ deploy }) => deploy({ target: second, prior: further.prior }));
    expect(await release()).toBe('v3');
    expect(await run(({ undoDeploy }) => undoDeploy({ target: second, prior: further.prior }))).toMatchObject(
      {
        outcome: 'undone',
      },
    );
    expect(await release()).toBe('v2');
    await expect(run(({ deploy }) => deploy({ target: first, prior: wayBack.prior }))).rejects.toMatchObject({
      type: 'StaleFence',
    });
  });

  test('one attempt replays what an earlier attempt ran; a retry that a person asks for runs it again', async () => {
    const plan = planned();
    if (plan.platform.kind !== 'command') throw new Error('command');
    plan.platform.command = `echo run >> $HOME/release-${count}; exit 1`;
    const input = { target: givenTarget(plan), prior: [] };
    const same = { activityId: `same-${count}` };
    await expect(run(({ deploy }) => deploy(input), new MockActivityEnvironment(same))).rejects.toMatchObject(
      {
        type: 'Refused',
      },
    );
    await expect(run(({ deploy }) => deploy(input), new MockActivityEnvironment(same))).rejects.toMatchObject(
      {
        type: 'Refused',
      },
    );
    expect(await release()).toBe('run');
    await expect(run(({ deploy }) => deploy(input))).rejects.toMatchObject({ type: 'Refused' });
    expect(await release()).toBe('run\nrun');
  });

  test('a host that was reinstalled in the middle is left alone', async () => {
    const input = {
      target: givenTarget(planned()),
      prior: [{ host: 'web-1', hostId: 'another', platform: null }],
    };
    await expect(run(({ deploy }) => deploy(input))).rejects.toMatchObject({ type: 'ForeignHand' });
    await expect(run(({ undoDeploy }) => undoDeploy(input))).rejects.toMatchObject({ type: 'ForeignHand' });
    expect(await release()).toBe('');
  });

  test('undo of a host the change never reached is nothing', async () => {
    expect(
      await run(({ undoDeploy }) => undoDeploy({ target: givenTarget(planned()), prior: [] })),
    ).toMatchObject({
      outcome: 'never-ran',
    });
  });

  test('secrets reach the command; the log of the host gets a line', async () => {
    const log = path.join(machines[0].home, 'logs', `deploy-${count}.log`);
    const plan = planned({ secrets: { API_TOKEN: 'env:API_TOKEN' }, hostLog: log });
    if (plan.platform.kind !== 'command') throw new Error('command');
    plan.platform.command = `echo "$API_TOKEN" > $HOME/release-${count}`;
    await run(({ deploy }) => deploy({ target: givenTarget(plan), prior: [] }));
    expect(await release()).toBe(API_TOKEN);
    expect(await readFile(log, 'utf8')).toMatch(/^\S+Z shop prod-\d+ v2 9f2c1d0 token 1: deployed\n$/);
  });

  test('an undo is no failure because its line cannot be written into the log of the host', async () => {
    await run(({ deploy }) => deploy({ target: givenTarget(planned(), { version: 'v1' }), prior: [] }));
    const { prior } = await run(({ proveWayBack }) => proveWayBack({ target: givenTarget(planned()) }));
    const log = path.join(machines[0].home, `release-${count}`, 'deploy.log');
    const next = givenTarget(planned({ hostLog: log }));
    await expect(run(({ deploy }) => deploy({ target: next, prior }))).rejects.toMatchObject({
      message: expect.stringContaining('deploy.log cannot be written') as string,
    });
    expect(await release()).toBe('v2');
    expect(await run(({ undoDeploy }) => undoDeploy({ target: next, prior }))).toEqual({
      outcome: 'undone',
      note: expect.stringMatching(/^restored: inspect says v1; .*deploy\.log cannot be written/) as string,
    });
    expect(await release()).toBe('v1');
  });

  test('a real cancel ends what runs, and is a cancel', async () => {
    const plan = planned();
    if (plan.platform.kind !== 'command') throw new Error('command');
    plan.platform.command = `echo begun > $HOME/release-${count}; while :; do sleep 0.05; done`;
    const environment = new MockActivityEnvironment({ activityId: 'cancelled' });
    const running = run(({ deploy }) => deploy({ target: givenTarget(plan), prior: [] }), environment);
    const ended = failureOf(running);
    await expect.poll(() => release(), { timeout: 60_000 }).toBe('begun');
    environment.cancel('CANCELLED', { ...GONE, cancelRequested: true, workerShutdown: false });
    expect(await ended).toBeInstanceOf(CancelledFailure);
    expect(await run(({ takeOver }) => takeOver({ target: givenTarget(plan, { token: 2 }) }))).toEqual({
      serving: null,
      killed: [],
    });
  });

  test('an undo, and a deploy that a person retries, end what an earlier step left running', async () => {
    const plan = planned();
    if (plan.platform.kind !== 'command') throw new Error('command');
    plan.platform.command = `trap '' HUP; n=0; while [ $n -lt 1000 ]; do n=$((n+1)); echo "{tag} $n" > $HOME/release-${count}; sleep 0.02; done`;
    await run(({ deploy }) => deploy({ target: givenTarget(planned(), { version: 'v1' }), prior: [] }));
    const { prior } = await run(({ proveWayBack }) => proveWayBack({ target: givenTarget(plan) }));
    const dieWhileDeploying = async (): Promise<void> => {
      const environment = new MockActivityEnvironment({ activityId: `dying-${(scheduled += 1)}` });
      const ended = failureOf(run(({ deploy }) => deploy({ target: givenTarget(plan), prior }), environment));
      await expect.poll(() => release(), { timeout: 60_000 }).toMatch(/^v2 \d/);
      environment.cancel('WORKER_SHUTDOWN', { ...GONE, cancelRequested: false, workerShutdown: true });
      await ended;
    };
    await dieWhileDeploying();
    await run(({ deploy }) => deploy({ target: givenTarget(planned()), prior }));
    expect(await release()).toBe('v2');
    await dieWhileDeploying();
    expect(await run(({ undoDeploy }) => undoDeploy({ target: givenTarget(plan), prior }))).toMatchObject({
      outcome: 'undone',
    });
    expect(await release()).toBe('v1');
    // nothing is left that a higher token would have to end
    const { killed } = await run(({ takeOver }) => takeOver({ target: givenTarget(plan, { token: 2 }) }));
    expect(killed).toEqual([]);
    expect(await release()).toBe('v1');
  });

  test('whoever takes over ends what a dead worker left, and says what serves', async () => {
    const plan = planned();
    if (plan.platform.kind !== 'command') throw new Error('command');
    plan.platform.command = `echo begun > $HOME/release-${count}; while :; do sleep 0.05; done`;
    const environment = new MockActivityEnvironment({ activityId: 'dying' });
    const running = run(({ deploy }) => deploy({ target: givenTarget(plan), prior: [] }), environment);
    const ended = failureOf(running);
    await expect.poll(() => release(), { timeout: 60_000 }).toBe('begun');
    environment.cancel('WORKER_SHUTDOWN', { ...GONE, cancelRequested: false, workerShutdown: true });
    expect(await ended).toMatchObject({
      message: expect.stringContaining('the next attempt goes on') as string,
    });
    serving = 'green';
    const next = givenTarget({ ...plan, traffic: givenTraffic() }, { token: 2 });
    const taken = await run(({ takeOver }) => takeOver({ target: next }));
    expect(taken.serving).toBe('green');
    expect(taken.killed).toEqual([expect.stringMatching(/^web-1 1-deploy-/)]);
    await expect(run(({ deploy }) => deploy({ target: givenTarget(plan), prior: [] }))).rejects.toMatchObject(
      {
        type: 'StaleFence',
      },
    );
  });
});

describe('colours', () => {
  test('the one that has the traffic is never retired', async () => {
    const plan = planned({ traffic: givenTraffic() });
    await run(({ deploy }) => deploy({ target: givenTarget(plan, { colour: 'blue' }), prior: [] }));
    serving = 'blue';
    await expect(
      run(({ retireColour }) =>
        retireColour({ target: givenTarget(plan, { colour: 'green' }), colour: 'blue' }),
      ),
    ).rejects.toMatchObject({ type: 'Refused' });
    expect(await release()).toBe('v2');
    serving = 'green';
    const retired = await run(({ retireColour }) =>
      retireColour({ target: givenTarget(plan, { colour: 'green' }), colour: 'blue' }),
    );
    expect(retired.outcome).toBe('undone');
    expect(await release()).toBe('');
  });

  test('one is left to the host whose own proxy still leads to it, and then nothing it needs is taken away', async () => {
    const hosts = ['web-1', 'web-2'].map((name) => hostPlan(machines[0].destination, name));
    const proxies = hosts.map(({ name }) => ({ host: name, url: `http://${name}/` }));
    const plan = planned({ hosts, traffic: { ...givenTraffic(), proxies } });
    await run(({ deploy }) => deploy({ target: givenTarget(plan, { colour: 'blue' }), prior: [] }));
    serving = 'green';
    servingAt = { 'http://web-2/': 'blue' };
    const retire = (live: EnvironmentPlan): Promise<UndoResult> =>
      run(({ retireColour }) => {
        const target = givenTarget(plan, { colour: 'green', live: givenRecord(live, 'v3', 'green') });
        return retireColour({ target, colour: 'blue' });
      });
    const nothing = { migrate: null, current: null, revert: null, backup: null, restore: null, inside: null };
    const database = { ...nothing, contract: './contract' };
    await expect(retire({ ...plan, database })).rejects.toMatchObject({ type: 'Refused' });
    expect(await release()).toBe('v2');
    expect((await retire(plan)).note).toContain('web-2 still serves blue');
    expect(await release()).toBe('');
  });

  test('none is retired while nobody can say which of them has the traffic', async () => {
    const plan = planned({ traffic: givenTraffic() });
    await run(({ deploy }) => deploy({ target: givenTarget(plan, { colour: 'blue' }), prior: [] }));
    const retire = (): Promise<unknown> =>
      run(({ retireColour }) =>
        retireColour({ target: givenTarget(plan, { colour: 'green' }), colour: 'blue' }),
      );
    await expect(retire()).rejects.toMatchObject({ type: 'Refused' });
    configured = 'blue';
    await expect(retire()).rejects.toMatchObject({ type: 'Refused' });
    expect(await release()).toBe('v2');
    // the proxy does not answer, but whoever reads its file gets the other colour
    configured = 'green';
    expect(await retire()).toMatchObject({ outcome: 'undone' });
    expect(await release()).toBe('');
  });

  test('a first release claims the colour that nobody is served by', async () => {
    const first = givenTarget(planned({ traffic: givenTraffic() }), { colour: 'blue', live: null });
    serving = 'blue';
    expect(await run(({ claim }) => claim({ target: first }))).toMatchObject({ serving: 'blue' });
    serving = null;
    expect(await run(({ claim }) => claim({ target: first }))).toMatchObject({ serving: null });
    // the environment was forgotten, and the worker does not reach the proxy: its configuration is believed
    answered = false;
    configured = 'blue';
    expect(await run(({ claim }) => claim({ target: first }))).toMatchObject({ serving: 'blue' });
  });

  test('the way back includes the traffic', async () => {
    const plan = planned({ traffic: givenTraffic() });
    const { note } = await run(({ proveWayBack }) =>
      proveWayBack({ target: givenTarget(plan, { colour: 'green' }) }),
    );
    expect(note).toContain('traffic can be moved');
  });
});

test('commands on the worker need no host', async () => {
  vi.stubEnv('HOME', machines[0].home);
  const repository = await createRepository();
  onTestFinished(() => repository.remove());
  const plan = planned({ hosts: [], repository: { url: repository.folder } });
  const commit = givenCommit({ sha: await repository.commit('one', { 'README.md': 'one' }) });
  if (plan.platform.kind !== 'command') throw new Error('command');
  const file = path.join(machines[0].home, `release-${count}`);
  plan.platform = { ...plan.platform, command: `echo {tag} > ${file}`, inspect: null, on: 'worker' };
  const { hosts: claimed } = await run(({ claim }) => claim({ target: givenTarget(plan, { commit }) }));
  expect(claimed.map(({ host }) => host)).toEqual(['worker']);
  await run(({ deploy }) => deploy({ target: givenTarget(plan, { commit }), prior: [] }));
  expect(await release()).toBe('v2');
});

test('the log of an environment without one is empty', async () => {
  const log = createServiceLog({
    hosts,
    secrets: createSecrets({}),
    ...NO_REPOSITORY,
  });
  expect(await log(givenTarget(planned()), null)).toBe('');
});
