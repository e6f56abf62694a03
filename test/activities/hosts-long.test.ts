import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LongCommand } from '../../activities/hosts/host.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { givenHost, HOST_KINDS } from '../support/host-kinds.js';
import { fenceOf } from '../support/hosts.js';
import { plantToken } from '../support/planted.js';
import { markedSleeps, processesWith, readOrNull, until } from '../support/processes.js';
import { startSshd, type Sshd } from '../support/sshd.js';

const exec = promisify(execFile);
const { nap, endAll } = markedSleeps();

/** Lines `line 1` … `line n`, a little apart, so that there is time to break things in between. */
const counting = (lines: number): string =>
  `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo line $i; sleep 0.02; done`;
const allLines = (lines: number): string =>
  Array.from({ length: lines }, (_, index) => `line ${index + 1}\n`).join('');

describe.each(HOST_KINDS)('a long command %s', (_kind, start) => {
  const subject = givenHost(start, endAll);
  const journal = (environment: string, operation: string, file: string): string =>
    path.join(subject.home, '.slipway/journal/shop', environment, operation, file);
  const command = (environment: string, script: string, more: Partial<LongCommand> = {}): LongCommand => ({
    argv: ['sh', '-c', script],
    timeoutMs: 60_000,
    fence: fenceOf(environment, 7),
    operationId: '7-deploy',
    ...more,
  });
  const running = (environment: string): Promise<number> =>
    until('the command', async () => {
      const group = Number(await readOrNull(journal(environment, '7-deploy', 'pgid')));
      return group > 0 && group;
    });

  test('gives its exit code and its log, and is not run twice', async () => {
    const more = { env: { A: "it's" }, stdin: 'from stdin\n', cwd: '/tmp' };
    const script = `echo "$A" "$(pwd)"; echo err >&2; cat; echo ran >>"${subject.home}/ran"; exit 9`;
    const seen: number[] = [];
    const result = await subject.host.runLong(
      command('once', script, { ...more, onProgress: ({ offset }) => seen.push(offset) }),
    );
    expect(result).toMatchObject({
      exitCode: 9,
      signal: null,
      stdout: "it's /tmp\nerr\nfrom stdin\n",
      timedOut: false,
      cancelled: false,
      connectionLost: false,
    });
    expect(seen.at(-1)).toBe(Buffer.byteLength(result.stdout));
    const again = await (await subject.another()).host.runLong(command('once', script, more));
    expect(again).toMatchObject({ exitCode: 9, stdout: result.stdout });
    expect(await readFile(path.join(subject.home, 'ran'), 'utf8')).toBe('ran\n');
  });

  test('started by ten at once runs once, and all see its end', async () => {
    const file = path.join(subject.home, 'starts');
    const script = `echo start >>"${file}"; ${counting(100)}; exit 3`;
    const others = await Promise.all(Array.from({ length: 9 }, async () => (await subject.another()).host));
    const results = await Promise.all(
      [subject.host, ...others].map((host) => host.runLong(command('ten', script))),
    );
    expect(new Set(results.map((result) => `${result.exitCode} ${result.stdout}`))).toEqual(
      new Set([`3 ${allLines(100)}`]),
    );
    expect(await readFile(file, 'utf8')).toBe('start\n');
  });

  test('many different ones run side by side', async () => {
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        subject.host.runLong(command('many', `echo ${n}; exit ${n}`, { operationId: `7-step-${n}` })),
      ),
    );
    expect(results.map((result) => result.exitCode)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test('goes on while the connection is cut, and nothing of the log is lost', async () => {
    const following = subject.host.runLong(command('cut', `${counting(60)}; exit 5`));
    await until(
      'some lines',
      async () => ((await readOrNull(journal('cut', '7-deploy', 'log'))) ?? '').length > 50,
    );
    await subject.crashServer();
    await subject.startServer();
    expect(await following).toMatchObject({ exitCode: 5, stdout: allLines(60), connectionLost: false });
  });

  test('is detached from and attached to again, from where the first one was', async () => {
    const controller = new AbortController();
    const first = subject.host.runLong(
      command('detach', `${counting(60)}; exit 6`, {
        signal: controller.signal,
        onProgress: ({ offset }) => {
          if (offset > 50) controller.abort('detach');
        },
      }),
    );
    expect(await first).toMatchObject({
      exitCode: null,
      signal: null,
      cancelled: false,
      timedOut: false,
      connectionLost: false,
      stderr: expect.stringContaining('detached, 7-deploy goes on') as unknown,
    });
    const offsets: number[] = [];
    const { host } = await subject.another();
    const second = await host.runLong(
      command('detach', 'echo never', { offset: 50, onProgress: ({ offset }) => offsets.push(offset) }),
    );
    expect(offsets[0]).toBeGreaterThan(50);
    // the tail is of the whole log all the same
    expect(second).toMatchObject({ exitCode: 6, stdout: allLines(60) });
  });

  test('is killed by its group, confirmed, and stays killed', async () => {
    const controller = new AbortController();
    const following = subject.host.runLong(
      command('kill', `${nap(101)} & ${nap(101)}`, {
        signal: controller.signal,
      }),
    );
    await running('kill');
    await until('its children', async () => (await processesWith(nap(101))).length >= 2);
    controller.abort('kill');
    expect(await following).toMatchObject({ cancelled: true, exitCode: null, signal: null, timedOut: false });
    expect(await processesWith(nap(101))).toEqual([]);
    expect((await readFile(journal('kill', '7-deploy', 'rc'), 'utf8')).trim()).toBe('killed');
    expect(await subject.host.runLong(command('kill', 'echo again'))).toMatchObject({ cancelled: true });
  });

  test('is killed also when the connection is cut in that moment', async () => {
    const controller = new AbortController();
    const following = subject.host.runLong(command('cut-kill', nap(106), { signal: controller.signal }));
    await running('cut-kill');
    await subject.crashServer();
    controller.abort('kill');
    await subject.startServer();
    expect(await following).toMatchObject({ cancelled: true, connectionLost: false });
    expect(await processesWith(nap(106))).toEqual([]);
  });

  test('that runs too long is ended there', async () => {
    const result = await subject.host.runLong(command('slow', `echo begun; ${nap(102)}`, { timeoutMs: 500 }));
    expect(result).toMatchObject({ timedOut: true, exitCode: null, stdout: 'begun\n' });
    expect(await processesWith(nap(102))).toEqual([]);
    expect(await subject.host.runLong(command('slow', 'echo again'))).toMatchObject({ timedOut: true });
  });

  test('that dies without a result is an unknown outcome, and is started again when asked again', async () => {
    const script = `[ -f "${subject.home}/second" ] || { : >"${subject.home}/second"; echo one; ${nap(103)}; }; echo two`;
    const following = subject.host.runLong(command('dies', script));
    const group = await running('dies');
    await until(
      'its first line',
      async () => (await readOrNull(journal('dies', '7-deploy', 'log'))) === 'one\n',
    );
    process.kill(-group, 'SIGKILL');
    expect(await following).toMatchObject({
      exitCode: null,
      signal: null,
      cancelled: false,
      stdout: 'one\n',
      stderr: expect.stringContaining('ended without a result') as unknown,
    });
    expect(await subject.host.runLong(command('dies', script))).toMatchObject({
      exitCode: 0,
      stdout: 'one\n\n[slipway: ended without a result, started again]\ntwo\n',
    });
  });

  describe('a journal from before a reboot', () => {
    let stranger: ChildProcess;
    beforeAll(() => {
      stranger = spawn('sleep', nap(104).split(' ').slice(1), { detached: true, stdio: 'ignore' });
    });
    afterAll(async () => {
      if (!stranger.kill('SIGKILL')) return;
      await once(stranger, 'exit');
    });

    /** What a reboot leaves: no lock held, no rc, a number that now belongs to somebody else. */
    const leave = async (environment: string, bootId: string): Promise<void> => {
      await mkdir(journal(environment, '6-deploy', ''), { recursive: true });
      const files = {
        lock: '',
        log: 'old\n',
        token: '6\n',
        boot_id: bootId,
        pgid: `${stranger.pid}\n`,
        started: '1.00\n',
      };
      for (const [name, text] of Object.entries(files)) {
        await writeFile(journal(environment, '6-deploy', name), text);
      }
    };
    const sixth = { operationId: '6-deploy', fence: { pipeline: 'shop', environment: '', token: 6 } };

    test.each([
      ['another boot', async () => '00000000-0000-0000-0000-000000000000\n'],
      ['this boot, the number reused', () => readFile('/proc/sys/kernel/random/boot_id', 'utf8')],
    ])('of %s is not running: nobody is killed, and it is started again', async (name, bootId) => {
      const environment = name.startsWith('another') ? 'rebooted' : 'reused';
      await leave(environment, await bootId());
      const { host } = subject;
      expect(await host.killStale({ pipeline: 'shop', environment, token: 6 })).toEqual([]);
      const result = await host.runLong({
        ...command(environment, 'echo new'),
        ...sixth,
        fence: { ...sixth.fence, environment },
      });
      expect(result).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/^old\n[^]*new\n$/) as unknown,
      });
      await leave(environment, await bootId());
      await rm(journal(environment, '6-deploy', 'rc'));
      expect(await host.killStale({ pipeline: 'shop', environment, token: 7 })).toEqual([]);
      expect(stranger.exitCode).toBeNull();
      expect(stranger.signalCode).toBeNull();
    });
  });

  test('a daemon it leaves behind does not hold it up, and is nobody’s to kill', async () => {
    const result = await subject.host.runLong(command('daemon', `${nap(105)} & echo started`));
    expect(result).toMatchObject({ exitCode: 0, stdout: 'started\n' });
    expect(await subject.host.killStale({ pipeline: 'shop', environment: 'daemon', token: 8 })).toEqual([]);
    const left = await processesWith(nap(105));
    expect(left).toHaveLength(1);
    for (const pid of left) process.kill(pid, 'SIGKILL');
  });

  test('a flood of output is followed at its end', async () => {
    const result = await subject.host.runLong(command('flood', 'seq 1 3000000; echo the end'));
    expect(result.exitCode).toBe(0);
    expect(Buffer.byteLength(result.stdout)).toBe(64 * 1024);
    expect(result.stdout.endsWith('2999999\n3000000\nthe end\n')).toBe(true);
    const { stdout } = await exec('tail', ['-n', '1', journal('flood', '7-deploy', 'log')]);
    expect(stdout).toBe('the end\n');
  });

  test('secrets are neither shown nor stored', async () => {
    const secrets = createSecrets({ TOKEN: plantToken() });
    const value = await secrets.resolve('env:TOKEN');
    const { host } = await subject.another(secrets);
    const tails: string[] = [];
    const result = await host.runLong(
      command('secret', 'cat >/dev/null; echo "got $TOKEN" | tr a-z a-z; sleep 0.2', {
        env: { TOKEN: value },
        stdin: value,
        onProgress: ({ tail }) => tails.push(tail),
      }),
    );
    expect(result.stdout).toBe('got [env:TOKEN]\n');
    expect(tails.join('')).not.toContain(value);
    for (const name of await readdir(journal('secret', '7-deploy', ''))) {
      // what a command prints itself is in its log, readable by the ssh user only
      if (name === 'log') continue;
      expect(await readFile(journal('secret', '7-deploy', name), 'utf8')).not.toContain(value);
    }
  });
});

describe('a worker that is killed', () => {
  let sshd: Sshd;
  let folder: string;
  beforeAll(async () => {
    sshd = await startSshd();
    // beside the project's packages, so that the compiled files find them
    folder = await mkdtemp(path.resolve('node_modules/.slw-client-'));
    await exec('node', [
      path.resolve('node_modules/typescript/bin/tsc'),
      ...['--ignoreConfig', '--module', 'nodenext', '--target', 'es2023', '--skipLibCheck', '--noCheck'],
      ...['--rootDir', '.', '--outDir', folder, 'test/support/hosts.ts'],
    ]);
    await writeFile(path.join(folder, 'package.json'), '{"type": "module"}');
    await writeFile(
      path.join(folder, 'client.js'),
      `import { hostPlan, hostsKnowing, reaching } from './test/support/hosts.js';
       const sshd = JSON.parse(process.argv[2]);
       const host = await hostsKnowing(sshd.knownHostsPath).open(reaching(sshd), hostPlan(sshd.destination));
       const result = await host.runLong({
         ...JSON.parse(process.argv[3]),
         onProgress: ({ offset }) => console.log(offset),
       });
       console.log(JSON.stringify(result));
       process.exit(0);`,
    );
  });
  afterAll(async () => {
    await sshd.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('in the middle leaves the command running, and the next one attaches', async () => {
    const long: LongCommand = {
      argv: ['sh', '-c', `${counting(80)}; exit 4`],
      timeoutMs: 60_000,
      fence: { pipeline: 'shop', environment: 'prod', token: 7 },
      operationId: '7-deploy',
    };
    const { keyPath, knownHostsPath, destination } = sshd;
    const argv = [JSON.stringify({ keyPath, knownHostsPath, destination }), JSON.stringify(long)];
    const client = path.join(folder, 'client.js');
    const first = spawn('node', [client, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [chunk] = (await once(first.stdout, 'data')) as [Buffer];
    const offset = Number.parseInt(chunk.toString(), 10);
    expect(offset).toBeGreaterThan(0);
    first.kill('SIGKILL');
    await once(first, 'exit');
    const { stdout } = await exec('node', [client, argv[0] ?? '', JSON.stringify({ ...long, offset })]);
    const result: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    expect(result).toMatchObject({ exitCode: 4, stdout: allLines(80) });
  });
});
