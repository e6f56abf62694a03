import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startLonelyWorker } from '../../support/lonely-worker.js';
import {
  plainEnvironment,
  runProcess,
  type ProcessRequest,
} from '../../../activities/processes/run-process.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-process-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function run(argv: string[], change: Partial<ProcessRequest> = {}) {
  const signal = new AbortController().signal;
  return runProcess({ argv, cwd: folder, env: plainEnvironment(), timeoutMs: 60_000, signal, ...change });
}

const sh = (text: string): string[] => ['sh', '-c', text];

async function readPid(file: string): Promise<string> {
  return await vi.waitFor(
    async () => {
      const text = await readFile(file, 'utf8');
      expect(text).toMatch(/^\d+\n$/);
      return text.trim();
    },
    { timeout: 50_000 },
  );
}

async function isGone(pid: string): Promise<boolean> {
  return await vi.waitFor(
    () => {
      if (existsSync(`/proc/${pid}`)) throw new Error(`process ${pid} is still there`);
      return true;
    },
    { timeout: 50_000 },
  );
}

it('passes words on as they are and gives both streams', async () => {
  const odd = ["it's", '$(id)', '`id`', '"', '', 'a\nb', '--', '-n'];
  const { exitCode, stdout } = await run(['printf', '%s|', ...odd]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${odd.join('|')}|` });
  const ended = await run(sh('echo out; echo err >&2; exit 4'));
  expect(ended).toMatchObject({ exitCode: 4, stdout: 'out\n', timedOut: false, stopped: false });
  expect(ended.tail.split('\n').sort()).toEqual(['', 'err', 'out']);
});

it('says 127 for a program that is not there', async () => {
  expect((await run(['no-such-program'])).exitCode).toBe(127);
});

it('keeps only the end of much output', async () => {
  const { tail } = await run(sh('yes 0123456789 | head -c 5000000; echo the end'));
  expect(tail.length).toBeLessThanOrEqual(16 * 1024);
  expect(tail.endsWith('the end\n')).toBe(true);
});

it('lets a program end in its own way when it is stopped', async () => {
  const stopping = new AbortController();
  const ended = run(
    sh(`trap 'echo tidied; exit 9' TERM; echo $$ > ${folder}/pid; while :; do sleep 0.05; done`),
    {
      signal: stopping.signal,
    },
  );
  await readPid(`${folder}/pid`);
  stopping.abort('kill');
  const { stopped, tail } = await ended;
  expect({ stopped, tidied: tail.includes('tidied') }).toEqual({ stopped: true, tidied: true });
});

it('does not start anything for a signal that was aborted before', async () => {
  const { stopped } = await run(sh(`touch ${folder}/started`), { signal: AbortSignal.abort('detach') });
  expect(stopped).toBe(true);
  expect(existsSync(`${folder}/started`)).toBe(false);
});

it('ends what the program left behind', async () => {
  expect((await run(sh(`sleep 600 & echo $! > ${folder}/pid`))).exitCode).toBe(0);
  expect(await isGone(await readPid(`${folder}/pid`))).toBe(true);
});

it('ends with the worker that started it, even when that is killed', async () => {
  const argv = ['sh', '-c', `sleep 600 & echo $! > ${folder}/pid; wait`];
  const worker = startLonelyWorker({ argv });
  const pid = await readPid(`${folder}/pid`);
  worker.kill('SIGKILL');
  expect(await isGone(pid)).toBe(true);
}, 120_000);

it('passes on what programs need and none of the secrets', () => {
  const own = {
    PATH: '/bin',
    HOME: '/root',
    LC_ALL: 'C',
    https_proxy: 'http://proxy',
    PROD_KEY: 'x',
    SLIPWAY_X: 'y',
  };
  expect(plainEnvironment(own)).toEqual({
    PATH: '/bin',
    HOME: '/root',
    LC_ALL: 'C',
    https_proxy: 'http://proxy',
  });
});
