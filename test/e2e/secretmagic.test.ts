/** examples/secretmagic as its team uses it, whole, on real parts, driven by the commands people type. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ProgressStatus, SlipwayClient } from '../../client/index.js';
import { laneId, releaseId } from '../../workflows/names.js';
import { part } from '../support/parts.js';
import { processesWith, until } from '../support/processes.js';
import { playExample } from '../support/play-example.js';
import { startSecretmagicWorld, type SecretmagicWorld } from '../support/secretmagic-world.js';
import type { CommandEnd } from '../support/slipway-processes.js';

const REQUESTER = 'vera';
const STATUS = z.object({
  environments: z.tuple([
    z.object({ live: z.object({ version: z.string(), colour: z.string().nullable() }).nullable() }),
  ]),
});

let world: SecretmagicWorld;
let library: SlipwayClient;

const slipway = playExample({
  pipeline: 'secretmagic',
  start: startSecretmagicWorld,
  entered: (...there) => {
    [world, library] = there;
  },
});

const code = (name: string): Record<string, string> => ({
  'src/release.js': `export const RELEASE = '${name}';\n`,
});
const devUrl = (): string => `http://${world.hosts.dev.address}:8080`;
const stageUrl = (): string => `http://${world.hosts.stage.address}:8080`;
const short = (commit: string): string => commit.slice(0, 7);

async function liveIn(environment: string): Promise<unknown> {
  const { data } = await slipway(0, ['status', environment]);
  return STATUS.parse(data).environments[0].live;
}

/** What the tests wait for is asked through the library: a process per look would be most of the work. */
function untilSeen(what: string, look: (library: SlipwayClient) => Promise<boolean>): Promise<boolean> {
  return until(what, () => look(library).catch(() => false), 100_000);
}

function untilApprovalIsWaitedFor(version: string): Promise<boolean> {
  return untilSeen(`${version} to wait for approval`, async (asked) => {
    const { workflowId } = await asked.findWaiting('prod', version, 'approve');
    return /approval/.test((await asked.progress(workflowId))?.waitingFor ?? '');
  });
}

function untilLane(what: string, seen: (progress: ProgressStatus) => boolean): Promise<boolean> {
  return untilSeen(`prod to ${what}`, async (asked) => {
    const progress = await asked.progress(laneId('secretmagic', 'prod'));
    return progress !== null && seen(progress);
  });
}

/** What a release serves and in which colour, asked as users do. */
async function served(url: string): Promise<{ release: string; colour: string | null } | null> {
  const answer = await fetch(url).catch(() => null);
  if (answer === null || !answer.ok) return null;
  const { release } = z.object({ release: z.string() }).parse(await answer.json());
  return { release, colour: answer.headers.get('x-colour') };
}

/** A commit of main that is good on stage, tagged. */
async function tagged(version: string, files: Record<string, string>): Promise<string> {
  const commit = await world.push('main', `feat: ${version}`, files);
  await world.repository.git('tag', version);
  await world.repository.git('push', '--quiet', 'origin', version);
  await slipway(0, ['release', 'main']);
  return commit;
}

async function mergeIntoDevelop(): Promise<void> {
  await world.repository.git('switch', '--quiet', 'develop');
  await world.repository.git('merge', '--quiet', '--no-edit', '-X', 'theirs', 'main');
  await world.repository.git('push', '--quiet', 'origin', 'develop');
}

/** Starts the release of a tag by hand and gives both approvals; `ended` is its command, still following. */
async function startedInProd(version: string): Promise<{ ended: Promise<CommandEnd> }> {
  const ended = world.slipway(['release', version, '--to', 'prod'], REQUESTER);
  await untilApprovalIsWaitedFor(version);
  await slipway(0, ['approve', 'prod', '--group', 'platform', '--yes'], 'oleg');
  await slipway(0, ['approve', 'prod', '--group', 'backend', '--yes'], 'irina');
  return { ended };
}

function untilSwitchIsWaitedFor(wanted: string): Promise<boolean> {
  return untilLane(
    `wait for the switch to ${wanted}`,
    ({ version, waitingFor }) => version === wanted && /switch/.test(waitingFor ?? ''),
  );
}

describe('dev and stage', () => {
  let digest: string | null;

  test('a push to develop is built and runs on dev', async () => {
    const commit = await world.push('develop', 'feat: one', code('one'));
    await slipway(0, ['release', 'develop']);
    expect(await served(devUrl())).toEqual({ release: 'one', colour: null });
    digest = await world.digestOf(`dev-${short(commit)}`);
    expect(digest).toMatch(/^sha256:/);
  });

  test('a push that changes only documents starts nothing', async () => {
    await world.push('develop', 'docs: words', { 'docs/words.md': 'words', 'NOTES.md': 'notes' });
    const { data } = await slipway(0, ['release', 'develop']);
    expect(data).toMatchObject({ promotions: [], skipped: [{ environment: 'dev' }] });
  });

  test('the login that stage lacks is found before anything is touched, with the host and the way out', async () => {
    await world.repository.git('switch', '--quiet', 'main');
    await world.repository.git('merge', '--quiet', '--ff-only', 'develop~1');
    await world.repository.git('push', '--quiet', 'origin', 'main');
    const { text, error } = await slipway(5, ['release', 'main']);
    expect(error, text).toMatchObject({
      what: expect.stringContaining(`no credentials for ${world.registry.server} for user deploy`),
      where: 'stage host env:STAGE_SWARM_HOST',
      wayOut: expect.stringContaining(`docker login ${world.registry.server} -u token --password-stdin`),
    });
    const services = await world.hosts.stage.docker(['service', 'ls', '--quiet']);
    expect(services.stdout).toBe('');
  });

  test('main goes to stage with the image that dev had', async () => {
    await world.logIn(world.hosts.stage);
    await slipway(0, ['release', 'main']);
    expect(await served(stageUrl())).toEqual({ release: 'one', colour: null });
    const commit = await world.repository.git('rev-parse', 'main');
    expect(await world.digestOf(`stage-${short(commit)}`)).toBe(digest);
  });
});

describe('prod', () => {
  test('v1.0.0 is approved by two others, switched by a person, watched, and is the image stage built', async () => {
    await world.repository.git('tag', 'v1.0.0', 'main');
    await world.repository.git('push', '--quiet', 'origin', 'v1.0.0');
    const commit = short(await world.repository.git('rev-parse', 'v1.0.0^{commit}'));
    world.registry.requests.length = 0;
    const ended = world.slipway(['release', 'v1.0.0', '--to', 'prod'], REQUESTER);
    await untilApprovalIsWaitedFor('v1.0.0');
    await slipway(5, ['approve', 'prod', '--group', 'platform', '--yes'], REQUESTER);
    await slipway(5, ['approve', 'prod', '--group', 'platform', '--yes'], 'anna@example.com');
    await slipway(0, ['approve', 'prod', '--group', 'platform', '--yes'], 'oleg');
    await slipway(5, ['approve', 'prod', '--group', 'backend', '--yes'], 'oleg');
    await slipway(0, ['approve', 'prod', '--group', 'backend', '--yes'], 'irina');
    await untilSwitchIsWaitedFor('v1.0.0');
    expect(await served(world.prodUrl)).toBeNull();
    await slipway(0, ['switch', 'prod'], 'oleg');
    const { exit, text } = await ended;
    expect(exit, text).toBe(0);
    expect(await served(world.prodUrl)).toEqual({ release: 'one', colour: 'blue' });
    const digest = await world.digestOf(`stage-${commit}`);
    expect(await world.digestOf('v1.0.0')).toBe(digest);
    expect(await world.digestOf(`prod-${commit}`)).toBe(digest);
    expect(world.registry.requests.filter((line) => /uploads/.test(line))).toEqual([]);
  });

  test('a hotfix that is not yet in develop is refused', async () => {
    await tagged('v1.1.0', code('two'));
    const { error, text } = await slipway(5, ['release', 'v1.1.0', '--to', 'prod']);
    expect(JSON.stringify(error), text).toMatch(/not yet in develop/);
    expect(await served(world.prodUrl)).toEqual({ release: 'one', colour: 'blue' });
  });

  test('a worker killed in the middle of the deploy: the next one goes on', async () => {
    await mergeIntoDevelop();
    const { ended } = await startedInProd('v1.1.0');
    await untilLane('deploy', ({ version, steps }) =>
      steps.some(({ name, state }) => version === 'v1.1.0' && name === 'deploy' && state === 'running'),
    );
    const gone = once(world.worker(), 'exit');
    world.worker().kill('SIGKILL');
    await gone;
    await world.startWorker();
    await untilSwitchIsWaitedFor('v1.1.0');
    await slipway(0, ['switch', 'prod'], 'oleg');
    const { exit, text } = await ended;
    expect(exit, text).toBe(0);
    expect(await served(world.prodUrl)).toEqual({ release: 'two', colour: 'green' });
  });

  test('rollback sends traffic back to the warm colour', async () => {
    await slipway(0, ['rollback', 'prod', '--yes', '--reason', 'orders are slow'], 'oleg');
    expect(await served(world.prodUrl)).toEqual({ release: 'one', colour: 'blue' });
    expect(await liveIn('prod')).toEqual({ version: 'v1.0.0', colour: 'blue' });
  });

  test('a version whose /health fails never gets traffic, and its log is in the report', async () => {
    await tagged('v1.2.0', {
      ...code('unwell'),
      'src/health.js':
        "export function checkHealth() {\n  if (process.env.COLOUR) throw new Error('column orders.region does not exist');\n  return { live: true };\n}\n",
    });
    await mergeIntoDevelop();
    const { ended } = await startedInProd('v1.2.0');
    const { exit, text, error } = await ended;
    expect(exit, text).toBe(3);
    expect(error?.['why'], text).toContain('column orders.region does not exist');
    await expectBack();
  });

  test('a version that errs under traffic is taken back in the bake', async () => {
    await tagged('v1.3.0', {
      ...code('erring'),
      'src/health.js': 'export function checkHealth() {\n  return { live: true };\n}\n',
      'src/orders.js':
        "export function listOrders() {\n  if (process.env.COLOUR) throw new Error('relation orders does not exist');\n  return { orders: [] };\n}\n",
    });
    await mergeIntoDevelop();
    const { ended } = await startedInProd('v1.3.0');
    await untilSwitchIsWaitedFor('v1.3.0');
    const users = askForever(`${world.prodUrl}/orders`);
    await slipway(0, ['switch', 'prod'], 'oleg');
    const { exit, text, error } = await ended;
    expect(users.stop().get(500)).toBeGreaterThan(0);
    expect(exit, text).toBe(3);
    expect(error?.['what'], text).toMatch(/errors/);
    await expectBack();
  });

  test('abort undoes what waits for its switch', async () => {
    await tagged('v1.4.0', {
      ...code('good'),
      'src/orders.js': 'export const listOrders = () => ({ orders: [] });\n',
    });
    await mergeIntoDevelop();
    const { ended } = await startedInProd('v1.4.0');
    await untilSwitchIsWaitedFor('v1.4.0');
    await slipway(0, ['abort', 'prod', '--yes', '--reason', 'not today'], 'oleg');
    const { exit, text } = await ended;
    expect(exit, text).toBe(7);
    await expectBack();
  });

  test('Request Cancellation of the lane undoes as well', async () => {
    const { ended } = await startedInProd('v1.4.0');
    await untilSwitchIsWaitedFor('v1.4.0');
    await withTemporal((client) => client.workflow.getHandle(laneId('secretmagic', 'prod')).cancel());
    const { exit, text } = await ended;
    expect(exit, text).toBe(7);
    await expectBack();
  });

  test('a terminated lane is recovered by the environment', async () => {
    const { ended } = await startedInProd('v1.4.0');
    await untilSwitchIsWaitedFor('v1.4.0');
    await withTemporal((client) =>
      client.workflow.getHandle(laneId('secretmagic', 'prod')).terminate('stuck'),
    );
    const { exit, text } = await ended;
    expect([3, 7], text).toContain(exit);
    await untilSeen('prod to have recovered', async (asked) => {
      const status = await asked.status('prod');
      return status !== null && status.inFlight === null && status.needsPerson === null;
    });
    await expectBack();
  });

  /** v1.0.0 on blue as before; green is what it was, v1.1.0. */
  async function expectBack(): Promise<void> {
    expect(await served(world.prodUrl)).toEqual({ release: 'one', colour: 'blue' });
    expect(await served(`http://${world.hosts.prod.address}:8082`)).toEqual({
      release: 'two',
      colour: 'green',
    });
    expect(await liveIn('prod')).toEqual({ version: 'v1.0.0', colour: 'blue' });
  }
});

test('a newer push replaces an older one that has no lane yet', async () => {
  const older = await world.push('develop', 'feat: older', code('older'));
  const replaced = world.slipway(['release', 'develop']);
  await withTemporal(async ({ workflow }) => {
    const handle = workflow.getHandle(releaseId('secretmagic', short(older)));
    await until('the older release to run', () =>
      handle.describe().then(
        () => true,
        () => false,
      ),
    );
  });
  await world.push('develop', 'feat: newer', code('newer'));
  await slipway(0, ['release', 'develop']);
  const { exit, text, data } = await replaced;
  expect(data['commit'], text).toBe(older);
  expect(exit, text).toBe(7);
  expect(await served(devUrl())).toEqual({ release: 'newer', colour: null });
});

test('nothing is left: no process, namespace, port or file', async () => {
  const { folder, temporal, hosts } = world;
  expect(await world.leftovers()).toEqual([]);
  await world.stop();
  expect(await processesWith(folder)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  expect(await processesWith(`slw-${process.pid}-`)).toEqual([]);
  expect(await isServed(temporal.address)).toBe(false);
  // with its address every port of the registry and the hosts is gone
  const { stdout } = await execa(await part('ip'), ['-o', 'address', 'show']);
  expect(stdout).not.toContain(hosts.prod.gateway);
});

function isServed(address: string): Promise<boolean> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: 500 });
    const answer = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket
      .once('connect', () => answer(true))
      .once('timeout', () => answer(false))
      .once('error', () => answer(false));
  });
}

async function withTemporal(work: (client: Client) => Promise<unknown>): Promise<void> {
  const connection = await Connection.connect({ address: world.temporal.address });
  try {
    await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

/** Users who ask one after the other; `stop` gives how many answers had which status. */
function askForever(url: string): { stop: () => Map<number, number> } {
  const seen = new Map<number, number>();
  let stopped = false;
  const ask = async (): Promise<void> => {
    const answer = await fetch(url).catch(() => null);
    const status = answer?.status ?? 0;
    await answer?.body?.cancel();
    seen.set(status, (seen.get(status) ?? 0) + 1);
    if (!stopped) setTimeout(() => void ask(), 20);
  };
  void ask();
  return {
    stop: () => {
      stopped = true;
      return seen;
    },
  };
}
