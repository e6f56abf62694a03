/** The compiled command as a process of its own: what it hands to the worker program, and how signals travel. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileClient } from '../support/compile-client.js';
import { searchOutput } from '../support/search-for-secrets.js';
import { until } from '../support/workflow-harness.js';

/** Says what it was given, then waits for a signal; `SLIPWAY_TEST_EXIT` ends it at once. */
const WORKER_PROGRAM = `
process.on('SIGTERM', () => { process.stdout.write('stopped gracefully\\n'); process.exit(0); });
process.stdout.write(JSON.stringify({ argv: process.argv.slice(2), profile: process.env.TEMPORAL_PROFILE, pid: process.pid }) + '\\n');
process.stderr.write(process.env.SLIPWAY_TEST_WORDS ?? '');
process.stderr.write(process.env.SLIPWAY_TEST_WORDS === undefined ? '' : '\\n');
const exit = process.env.SLIPWAY_TEST_EXIT;
if (exit !== undefined) process.exit(Number(exit));
setInterval(() => undefined, 1000);
`;

let folder: string;
let main: string;

beforeAll(async () => {
  folder = await compileClient();
  writeFileSync(path.join(folder, 'workers/main.js'), WORKER_PROGRAM);
  main = path.join(folder, 'client/main.js');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Process {
  child: ChildProcess;
  out(): string;
  ended: Promise<number | null>;
}

function start(argv: string[], env: Record<string, string> = {}): Process {
  const child = spawn(process.execPath, [main, ...argv], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  searchOutput(child, `slipway ${argv[0] ?? ''}`);
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (out += data.toString()));
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  return { child, out: () => out, ended };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the command as a process', () => {
  it('paints nothing in a pipe, also where the environment says CI', async () => {
    const run = start(['watch', 'prod'], { CI: 'true', TERM: 'xterm' });
    expect(await run.ended).toBe(2);
    expect(run.out()).toMatch(/^✗ no pipeline file here/);
  });

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const run = start(['--version']);
    expect(await run.ended).toBe(0);
    expect(run.out()).toBe(`${version}\n`);
  });

  it.each([
    [
      ['up', '--port', '7300', '--ui-port', '8300', '--data', './data', '--in-memory'],
      ['up', '--port', '7300', '--ui-port', '8300', '--data', './data', '--in-memory'],
    ],
    [
      ['worker', '--data', 'x', '--profile', 'production', '--json'],
      ['worker', '--data', 'x', '--profile', 'production', '--json'],
    ],
    [['worker', 'check'], ['check']],
  ])('%j starts the worker program with %j and its environment', async (argv, handed) => {
    const run = start(argv, { SLIPWAY_TEST_EXIT: '0', TEMPORAL_PROFILE: 'blue' });
    expect(await run.ended).toBe(0);
    expect(JSON.parse(run.out())).toMatchObject({ argv: handed, profile: 'blue' });
  });

  it.each([5, 8])('ends with the worker program’s own exit code %i', async (code) => {
    expect(await start(['worker'], { SLIPWAY_TEST_EXIT: String(code) }).ended).toBe(code);
  });

  it('under --json tells its end in one object, with the last words of the worker program', async () => {
    const failed = start(['worker', '--json'], {
      SLIPWAY_TEST_EXIT: '8',
      SLIPWAY_TEST_WORDS: 'Temporal cannot be reached',
    });
    expect(await failed.ended).toBe(8);
    const [event, complaint, end] = failed.out().trim().split('\n');
    expect(JSON.parse(event ?? '')).toMatchObject({ argv: ['worker', '--json'] });
    expect(complaint).toBe('Temporal cannot be reached');
    expect(JSON.parse(end ?? '')).toMatchObject({
      ...{ schema: 1, command: 'worker', ok: false, exit: 8, data: null },
      error: { what: 'Temporal cannot be reached', where: 'slipway worker', wayOut: expect.any(String) },
    });
    const checked = start(['worker', 'check', '--json'], { SLIPWAY_TEST_EXIT: '0' });
    expect(await checked.ended).toBe(0);
    expect(JSON.parse(checked.out())).toMatchObject({
      ...{ schema: 1, command: 'worker', ok: true, exit: 0 },
      data: { said: expect.stringContaining('check') },
    });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'hands %s on, waits for a graceful end, and exits 130',
    async (signal) => {
      const run = start(['up']);
      await until('the worker program has started', () => run.out().includes('\n'));
      const { pid } = JSON.parse(run.out()) as { pid: number };
      run.child.kill(signal);
      expect(await run.ended).toBe(130);
      expect(run.out()).toContain('stopped gracefully');
      expect(isAlive(pid)).toBe(false);
    },
  );
});
