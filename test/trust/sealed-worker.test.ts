/** The worker program and the command with payload keys: what they carry on, and what they say of keys that do not fit. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { connectToTemporal } from '../../client/connect.js';
import { UserError } from '../../client/user-error.js';
import { environmentId, QUERY, UPDATE, WORKFLOW } from '../../workflows/names.js';
import type { EnvironmentInput, EnvironmentStatus } from '../../workflows/messages.js';
import { compileClient } from '../support/compile-client.js';
import { givenKey, readable } from '../support/sealed-scene.js';
import { searchOutput } from '../support/search-for-secrets.js';
import { slipway } from '../support/slipway-command.js';
import { until } from '../support/workflow-harness.js';

const SECRET = 'the-reason-7fJ2kQ9xW4';
const pipeline = `shop-${randomUUID()}`;
const workflowId = environmentId(pipeline, 'prod');
let program: string;
let folder: string;
let env: Record<string, string | undefined>;
beforeAll(async () => {
  program = await compileClient();
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-sealed-'));
  env = {
    ...process.env,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    SLIPWAY_TASK_QUEUE: `sealed-${randomUUID()}`,
    SLIPWAY_METRICS_ADDRESS: 'off',
    SLIPWAY_HEALTH_ADDRESS: 'off',
    SLIPWAY_PAYLOAD_KEYS: '',
  };
});
afterAll(() => {
  for (const each of [program, folder]) rmSync(each, { recursive: true, force: true });
});

function givenKeyFile(name: string, text: string): Record<string, string | undefined> {
  const file = path.join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return { ...env, SLIPWAY_PAYLOAD_KEYS: file };
}

/** `ready` is its first line, or rejects with what it has complained of. */
function startWorker(mode: 'worker' | 'check', itsEnv: Record<string, string | undefined>) {
  const argv = [path.join(program, 'workers/main.js'), mode, '--json', '--data', path.join(folder, 'data')];
  const child = spawn(process.execPath, argv, { env: itsEnv, stdio: ['ignore', 'pipe', 'pipe'] });
  searchOutput(child, `the ${mode}`);
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const exit = once(child, 'close').then(([code]) => ({ code: code as number | null, complaint }));
  const ready = Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line)),
    exit.then((end) => Promise.reject(new Error(end.complaint))),
  ]);
  ready.catch(() => undefined);
  return {
    ready,
    exit,
    stop: async () => {
      child.kill('SIGTERM');
      return exit;
    },
  };
}

async function freeze(itsEnv: Record<string, string | undefined>): Promise<void> {
  const input: EnvironmentInput = { pipeline, environment: 'prod', carried: null };
  const told = { decisionId: 'freeze-1', by: 'irina', proof: 'unverified', reason: SECRET };
  const nothing = { planHash: null, digest: null, group: null, host: null, until: null };
  const link = await connectToTemporal({ env: itsEnv });
  await link.client.workflow.signalWithStart(WORKFLOW.environment, {
    workflowId,
    taskQueue: link.taskQueue,
    args: [input],
    signal: UPDATE.freeze,
    signalArgs: [{ ...told, ...nothing }],
  });
  await link.close();
}

async function frozenWhy(itsEnv: Record<string, string | undefined>): Promise<string | undefined> {
  const link = await connectToTemporal({ env: itsEnv });
  try {
    const handle = link.client.workflow.getHandle(workflowId);
    const status = await link.ask(() => handle.query<EnvironmentStatus>(QUERY.status));
    return status.freeze?.reason ?? undefined;
  } finally {
    await link.close();
  }
}

it('goes on with its keys and with newer ones, and does not start with others or none', async () => {
  const ours = givenKey('ours');
  const keyed = givenKeyFile('ours', ours);
  const first = startWorker('worker', keyed);
  await first.ready;
  await freeze(keyed);
  expect(await frozenWhy(keyed)).toBe(SECRET);
  const unreadable = await frozenWhy(env).catch((error: unknown) => error);
  expect(unreadable).toBeInstanceOf(UserError);
  expect(unreadable).toMatchObject({ exit: 2, where: 'SLIPWAY_PAYLOAD_KEYS is not set' });
  expect(await first.stop()).toMatchObject({ code: 130 });

  const link = await connectToTemporal({ env: keyed });
  const history = await link.client.workflow.getHandle(workflowId).fetchHistory();
  expect(readable(history)).not.toContain(SECRET);
  for (const others of [env, givenKeyFile('others', givenKey('others'))]) {
    const { code, complaint } = await startWorker('check', others).exit;
    expect(code).toBe(5);
    expect(complaint).toContain(workflowId);
    expect(complaint).toContain('docs/security-payloads.md#keys');
  }

  const status = await until('the run is listed', async () => {
    const run = await slipway(['status', '--pipeline', pipeline, '--json'], { cwd: folder, env });
    return run.exit === 0 ? null : run;
  });
  expect(status.exit).toBe(2);
  expect(status.out).toContain('docs/security-payloads.md#keys');

  const rotated = givenKeyFile('rotated', givenKey('newer') + ours);
  const second = startWorker('worker', rotated);
  expect(JSON.parse(await second.ready)).toMatchObject({ replayed: 1 });
  expect(await frozenWhy(rotated)).toBe(SECRET);
  await link.client.workflow.getHandle(workflowId).terminate('test');
  await link.close();
  await second.stop();
});

it('refuses a key file that others may read, worker and command alike', async () => {
  const open = path.join(folder, 'open');
  writeFileSync(open, givenKey('open'), { mode: 0o644 });
  const itsEnv = { ...env, SLIPWAY_PAYLOAD_KEYS: open };
  const { code, complaint } = await startWorker('worker', itsEnv).exit;
  expect(code).toBe(2);
  expect(complaint).toContain(`chmod 600 ${open}`);
  await expect(connectToTemporal({ env: itsEnv })).rejects.toMatchObject({
    exit: 2,
    what: expect.stringContaining(`chmod 600 ${open}`),
  });
});
