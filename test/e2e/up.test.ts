/** `slipway up` on a file: stopped and killed in the middle, it goes on where it was. Also the worker's own manners. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { environmentId, TASK_QUEUE, UPDATE, WORKFLOW } from '../../workflows/names.js';
import type { EnvironmentInput, EnvironmentStatus } from '../../workflows/messages.js';
import { part } from '../support/parts.js';
import { killProcessesWith, processesWith, until } from '../support/processes.js';
import { searchOutput } from '../support/search-for-secrets.js';
import { searchTemporal } from '../support/search-temporal.js';
import { startTemporal } from '../support/slipway-processes.js';
import { freePort } from '../support/sshd.js';

interface Ready {
  address: string;
  uiUrl: string;
  pid: number;
  replayed: number;
}

let folder: string;
let env: NodeJS.ProcessEnv;
let ports: { temporal: number; ui: number; metrics: number; health: number };
const children = new Set<ChildProcess>();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slipway-up-'));
  ports = {
    temporal: await freePort(),
    ui: await freePort(),
    metrics: await freePort(),
    health: await freePort(),
  };
  env = {
    ...process.env,
    TEMPORAL_CLI_PATH: await part('temporal'),
    SLIPWAY_METRICS_ADDRESS: `127.0.0.1:${ports.metrics}`,
    SLIPWAY_HEALTH_ADDRESS: `127.0.0.1:${ports.health}`,
  };
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await killProcessesWith(path.join(folder, 'data'));
  children.clear();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const WORKER = 'dist/workers/main.js';
const COMMAND = 'dist/client/main.js';

function run(...argv: string[]): Running {
  return runProgram(WORKER, argv);
}

interface Running {
  child: ChildProcess;
  exit: Promise<number | null>;
  err: () => string;
  out: () => string;
  line: Promise<string>;
}

function runProgram(program: string, argv: string[]): Running {
  const child = spawn(process.execPath, [program, ...argv], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  searchOutput(child, `slipway ${argv[0] ?? ''}`);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const line = Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]) => String(text)),
    exit.then((code) => Promise.reject(new Error(`ended with ${code}: ${err}`))),
  ]);
  line.catch(() => undefined);
  return { child, exit, err: () => err, out: () => out, line };
}

async function startUp(program = WORKER): Promise<Ready & Omit<Running, 'line'>> {
  const places = ['--data', path.join(folder, 'data'), '--port', `${ports.temporal}`];
  const { line, ...running } = runProgram(program, ['up', '--json', ...places, '--ui-port', `${ports.ui}`]);
  return { ...running, ...(JSON.parse(await line) as Ready) };
}

async function withClient<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

/** A worker of another version of ours, for as long as `work` takes. */
async function withOtherWorker(address: string, work: () => Promise<void>): Promise<void> {
  const connection = await NativeConnection.connect({ address });
  try {
    const workflowsPath = path.resolve('test/support/fixtures/another-inspect.ts');
    const worker = await Worker.create({ connection, taskQueue: TASK_QUEUE, workflowsPath });
    await worker.runUntil(work);
  } finally {
    await connection.close();
  }
}

async function freezeProd(address: string): Promise<void> {
  const input: EnvironmentInput = { pipeline: 'shop', environment: 'prod', carried: null };
  const freeze = {
    ...{
      decisionId: 'freeze-1',
      by: 'irina',
      proof: 'unverified',
      reason: 'holidays',
      planHash: null,
      digest: null,
    },
    ...{ group: null, host: null, until: null },
  };
  await withClient(address, (client) =>
    client.workflow.signalWithStart(WORKFLOW.environment, {
      workflowId: environmentId('shop', 'prod'),
      taskQueue: TASK_QUEUE,
      args: [input],
      signal: UPDATE.freeze,
      signalArgs: [freeze],
    }),
  );
}

function frozenBy(address: string): Promise<string | undefined> {
  return withClient(address, async (client) => {
    const status = await client.workflow
      .getHandle(environmentId('shop', 'prod'))
      .query<EnvironmentStatus>('status');
    return status.freeze?.by;
  });
}

describe('slipway up', () => {
  test('keeps everything through a stop, and through a kill that left its server behind', async () => {
    const first = await startUp();
    await freezeProd(first.address);
    expect(await frozenBy(first.address)).toBe('irina');
    first.child.kill('SIGTERM');
    expect(await first.exit).toBe(130);
    expect(await processesWith(path.join(folder, 'data'))).toEqual([]);

    const second = await startUp();
    expect(second.replayed).toBe(1);
    expect(await frozenBy(second.address)).toBe('irina');
    second.child.kill('SIGKILL');
    await second.exit;

    const third = await startUp();
    expect(await frozenBy(third.address)).toBe('irina');
    await searchTemporal(third.address);
    third.child.kill('SIGTERM');
    expect(await third.exit).toBe(130);
  });

  test('says that its worker was killed, and has lost nothing', async () => {
    const killed = await startUp(COMMAND);
    await freezeProd(killed.address);
    const { pid } = killed.child;
    const [worker] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').map(Number);
    if (worker === undefined) throw new Error('there is no worker');
    process.kill(worker, 'SIGKILL');
    expect(await killed.exit).toBe(8);
    expect(killed.out()).toMatch(/its process was ended from outside, with SIGKILL[^]*start it again/);

    const again = await startUp();
    expect(await frozenBy(again.address)).toBe('irina');
    again.child.kill('SIGTERM');
    expect(await again.exit).toBe(130);
  });

  test('says that it is healthy, counts, and names a port that is taken', async () => {
    const { child, exit } = await startUp();
    const health = await fetch(`http://127.0.0.1:${ports.health}/healthz`);
    expect(await health.json()).toEqual({
      ok: true,
      workers: { slipway: 'RUNNING', 'slipway-urgent': 'RUNNING' },
    });
    const metrics = await until('metrics of the worker', async () => {
      const text = await (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text();
      return text.includes('temporal_worker_task_slots_available') ? text : null;
    });
    expect(metrics).toContain('task_queue="slipway-urgent"');

    const other = run(
      'up',
      '--data',
      path.join(folder, 'other'),
      '--port',
      `${ports.temporal}`,
      '--ui-port',
      `${ports.ui}`,
    );
    expect(await other.exit).toBe(2);
    expect(other.err()).toContain(`127.0.0.1:${ports.metrics} is taken by another program`);
    child.kill('SIGTERM');
    expect(await exit).toBe(130);
  });

  test('a taken Temporal port is named with the flag that changes it', async () => {
    const { child, exit } = await startUp();
    const { SLIPWAY_METRICS_ADDRESS: _m, SLIPWAY_HEALTH_ADDRESS: _h, ...plain } = env;
    env = { ...plain, SLIPWAY_METRICS_ADDRESS: 'off', SLIPWAY_HEALTH_ADDRESS: 'off' };
    const other = run('up', '--data', path.join(folder, 'other'), '--port', `${ports.temporal}`);
    expect(await other.exit).toBe(8);
    expect(other.err()).toContain(`port ${ports.temporal} is taken by another program`);
    expect(other.err()).toContain('--port');
    child.kill('SIGTERM');
    await exit;
  });
});

describe('slipway worker', () => {
  test('does not start as one that cannot do what its policy says, and says when nothing protects its key', async () => {
    const server = await startTemporal(folder);
    const policy = path.join(folder, 'policy.yaml');
    const pipelines =
      'pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {production: true, hosts: [web-1]}}}}\n';
    env = {
      ...env,
      TEMPORAL_ADDRESS: server.address,
      SLIPWAY_POLICY: policy,
      SLIPWAY_METRICS_ADDRESS: 'off',
      SLIPWAY_HEALTH_ADDRESS: 'off',
    };
    try {
      await writeFile(policy, `run-as: {user: no-such-user}\n${pipelines}`);
      const refused = run('worker', '--data', path.join(folder, 'run-as'));
      expect(await refused.exit).toBe(2);
      expect(refused.err()).toContain('there is no user no-such-user on this machine; useradd --system');
      await writeFile(policy, `allowed-signers: allowed_signers\n${pipelines}`);
      const blind = run('worker', '--data', path.join(folder, 'run-as'));
      expect(await blind.exit).toBe(2);
      expect(blind.err()).toContain('policy.yaml:1:18: allowed-signers: there is no file');
      await writeFile(path.join(folder, 'allowed_signers'), '');
      const signing = 'allowed-signers: allowed_signers\ngroups: {leads: [irina@example.com]}\n';
      const freezing = pipelines.replace('hosts:', 'may: {freeze: [leads]}, hosts:');
      for (const [text, says] of [
        [`${signing}${freezing}`, true],
        [`run-as: {user: nobody}\n${pipelines}`, false],
      ] as const) {
        await writeFile(policy, text);
        const worker = run('worker', '--data', path.join(folder, 'run-as'));
        await worker.line;
        expect(worker.err().split('NOT SEPARATED').length - 1).toBe(says ? 1 : 0);
        expect(worker.err().includes('irina@example.com of group leads cannot sign')).toBe(says);
        worker.child.kill('SIGTERM');
        await worker.exit;
      }
    } finally {
      const { SLIPWAY_POLICY: _, ...plain } = env;
      env = plain;
      await server.stop();
    }
  });

  test('without a Temporal ends with 8 and the way out', async () => {
    env = { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` };
    const worker = run('worker', '--data', path.join(folder, 'alone'));
    expect(await worker.exit).toBe(8);
    expect(worker.err()).toContain('cannot be reached');
    expect(worker.err()).toContain('slipway up');
    expect(worker.err()).not.toContain('    at ');
  });

  test('does not start on a history it cannot replay, and names the run', async () => {
    const server = await startTemporal(folder);
    env = { ...env, TEMPORAL_ADDRESS: server.address, SLIPWAY_METRICS_ADDRESS: 'off' };
    try {
      await withOtherWorker(server.address, () =>
        withClient(server.address, async (client) => {
          const handle = await client.workflow.start('inspect', {
            workflowId: 'inspect/shop/old',
            taskQueue: TASK_QUEUE,
          });
          await until('its timer', async () => {
            const { events } = await handle.fetchHistory();
            return (events ?? []).some((event) => event.timerStartedEventAttributes != null);
          });
        }),
      );
      const check = run('check', '--data', path.join(folder, 'check'));
      expect(await check.exit).toBe(5);
      expect(check.err()).toContain('inspect/shop/old');
      const worker = run('worker', '--data', path.join(folder, 'check'));
      expect(await worker.exit).toBe(5);
    } finally {
      await server.stop();
    }
  });
});
