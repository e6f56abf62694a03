/** An engine that goes away under its client has not answered; whatever else the client says is its answer. */
import Docker from 'dockerode';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CommandResult, LongCommand } from '../../../activities/hosts/host.js';
import { runDockerCommand } from '../../../activities/platforms/docker-command.js';
import type { PlatformContext } from '../../../activities/platforms/platform.js';
import { listen } from '../../support/listen.js';

let engine: Server;
let port: number;
let isBack: boolean;

beforeEach(async () => {
  isBack = true;
  engine = createServer((_, response) => {
    if (isBack) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    else response.destroy();
  });
  port = await listen(engine);
});
afterEach(() => {
  engine.closeAllConnections();
  engine.close();
});

/** The command ends like this, one run after the other; the last one stays. */
async function runs(...ends: [exitCode: number | null, said: string][]): Promise<{
  operations: string[];
  end: CommandResult | Error;
}> {
  const operations: string[] = [];
  const runLong = async ({ operationId }: LongCommand): Promise<CommandResult> => {
    operations.push(operationId);
    const [exitCode = 0, stdout = ''] = ends[Math.min(operations.length, ends.length) - 1] ?? [];
    const none = { signal: null, durationMs: 1, stderr: '', command: 'docker', host: 'web-1' };
    return { ...none, exitCode, stdout, timedOut: false, cancelled: false, connectionLost: false };
  };
  const host = { name: 'web-1', runLong, docker: async () => new Docker({ host: '127.0.0.1', port }) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all it is asked for
  const context = {
    host,
    registryLogin: null,
    signal: new AbortController().signal,
    operationId: (step: string) => `1-${step}`,
  } as unknown as PlatformContext;
  const command = { argv: ['docker'], env: {}, timeoutMs: 1_000, step: 'up', notes: '/notes' };
  const end = await runDockerCommand(context, command).catch((error: Error) => error);
  return { operations, end };
}

const SAID = [
  ' Container web-1  Starting\nerror during connect: Post "http://%2Fvar%2Frun%2Fdocker.sock/v1.41/containers/f/start": EOF',
  'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
  'failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct',
  'read unix @->/run/docker.sock: read: connection reset by peer',
];

test.each(SAID)('is started again, under a name of its own: %s', async (said) => {
  const { operations, end } = await runs([1, said], [0, 'Started']);
  expect(operations).toEqual(['1-up', '1-up-2']);
  expect(end).toMatchObject({ exitCode: 0, stdout: 'Started' });
});

test('while the engine is away nobody knows: an error that is tried again, and nothing is started', async () => {
  isBack = false;
  const { operations, end } = await runs([1, SAID[0] ?? '']);
  expect(end).toBeInstanceOf(Error);
  expect(end).not.toHaveProperty('nonRetryable', true);
  expect(operations).toEqual(['1-up']);
});

test('an engine that answers us and never the client is not asked for ever', async () => {
  const { operations, end } = await runs([1, SAID[1] ?? '']);
  expect(operations).toHaveLength(5);
  expect(end).toMatchObject({ exitCode: 1, stdout: SAID[1] });
});

test.each([
  [1, 'dial tcp 10.0.0.1:5000: connect: connection refused'],
  [1, 'no space left on device'],
  [null, `${SAID[0]}`],
  [0, ''],
] as [number | null, string][])('%s is an answer: %s', async (exitCode, said) => {
  const { operations, end } = await runs([exitCode, said]);
  expect(operations).toEqual(['1-up']);
  expect(end).toMatchObject({ exitCode });
});
