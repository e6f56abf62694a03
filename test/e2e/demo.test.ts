/** `npm start`, as a newcomer types it: the story holds, and nothing is left of it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { part } from '../support/parts.js';
import { until, untilGone } from '../support/processes.js';
import { searchOutput } from '../support/search-for-secrets.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slipway-e2e-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Demo {
  child: ChildProcess;
  out(): string;
  err(): string;
  ended: Promise<number | null>;
}

/** `inside`: a command that runs the words after it. Nobody is there to be asked, with `--yes` and without. */
function startDemo(flags: string[] = ['--yes'], inside: string[] = ['env']): Demo {
  const [program, ...words] = [...inside, 'npm', 'start', '--silent', '--'];
  const child = spawn(program, [...words, ...flags], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  searchOutput(child, 'the demo');
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, out: () => out, err: () => err, ended };
}

/** Fails with what the demo said when it ends before. */
async function untilSeen(demo: Demo, what: string, isSeen: (said: string) => boolean): Promise<void> {
  await until(
    what,
    () => {
      const { exitCode, signalCode } = demo.child;
      if (exitCode !== null || signalCode !== null)
        throw new Error(`npm start ended before ${what}:\n${demo.err()}`);
      return isSeen(demo.err());
    },
    240_000,
  );
}

/** Everything the demo starts names its folder on its command line or was started by something that does. */
async function expectNothingLeft(): Promise<void> {
  await untilGone(folder);
  expect(await readdir(folder)).toEqual([]);
}

describe('npm start', () => {
  test('releases, survives a killed worker, undoes a bad release, and ends in one line of JSON', async () => {
    const demo = startDemo();
    const code = await demo.ended;
    const lines = demo.out().trim().split('\n');
    expect(lines, demo.err()).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? ''), demo.err()).toEqual({
      ok: true,
      released: ['v1.0.0', 'v2.0.0'],
      undone: ['v3.0.0'],
      workerKills: 1,
      requests: expect.any(Number),
      failedRequests: 0,
      applicationErrors: expect.any(Number),
      switchMs: expect.any(Number),
      backMs: expect.any(Number),
    });
    expect(code).toBe(0);
    expect(demo.err()).toContain('deployed once');
    await expectNothingLeft();
  }, 300_000);

  test('tells the same story on the newest Node, where there is no sshd, narrow and in ASCII', async () => {
    const node = await part('node24');
    const { stdout: version } = await promisify(execFile)(node, ['--version']);
    expect(version).toMatch(/^v24\./);
    // npm's own compile cache lies in the temporary folder and is no trace of ours
    const env = [`PATH=${path.dirname(node)}:${process.env['PATH'] ?? ''}`, 'NODE_DISABLE_COMPILE_CACHE=1'];
    // sshd wants /run/sshd: in a mount namespace of its own the demo finds none.
    const hidden = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /run && exec "$@"', 'sh'];
    const demo = startDemo(['--ascii'], [...hidden, 'env', ...env, 'COLUMNS=60']);
    expect(await demo.ended, demo.err()).toBe(0);
    expect(demo.err()).toContain('over built-in');
    const lines = demo.err().split('\n');
    expect(lines.filter((line) => line.length > 60)).toEqual([]);
    // oxlint-disable-next-line no-control-regex
    expect(demo.err()).toMatch(/^[\n\x20-\x7e]*$/);
    expect(demo.err()).toContain('ok v2.0.0 live, deployed once');
    expect(JSON.parse(demo.out()), demo.err()).toMatchObject({
      ok: true,
      undone: ['v3.0.0'],
      failedRequests: 0,
    });
    await expectNothingLeft();
  }, 300_000);

  test.each([
    ['while the stage is set', /^/],
    ['while a person is waited for', /waits for you/],
    ['in the middle of the bake, the worker killed', /No worker\. The shop answers/],
  ])(
    'Ctrl-C %s leaves no process and no file',
    async (_when, sight) => {
      const demo = startDemo();
      await untilSeen(demo, 'the moment for Ctrl-C', (said) => sight.test(said));
      // A terminal sends it to the whole foreground group.
      process.kill(-(demo.child.pid ?? 0), 'SIGINT');
      expect(await demo.ended).not.toBe(0);
      await expectNothingLeft();
    },
    300_000,
  );

  test('a second Ctrl-C waits for nothing, and still nothing is left', async () => {
    const demo = startDemo();
    await untilSeen(demo, 'the moment for Ctrl-C', (said) => said.includes('No worker. The shop answers'));
    process.kill(-(demo.child.pid ?? 0), 'SIGINT');
    await untilSeen(demo, 'the first to be noticed', (said) => said.includes('Ctrl-C again ends it at once'));
    process.kill(-(demo.child.pid ?? 0), 'SIGINT');
    expect(await demo.ended).not.toBe(0);
    expect(demo.err()).toContain('ended at once');
    await expectNothingLeft();
  }, 300_000);

  test('says which flags there are', async () => {
    const demo = startDemo(['--fast']);
    expect(await demo.ended).toBe(2);
    expect(demo.err()).toContain('npm start knows no --fast; there is -- --yes and -- --ascii');
    await expectNothingLeft();
  });
});
