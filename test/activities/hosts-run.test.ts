import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { givenHost, HOST_KINDS } from '../support/host-kinds.js';
import { environmentFor, fenceOf, hostPlan, hostsKnowing, reaching } from '../support/hosts.js';
import { plantToken } from '../support/planted.js';
import { markedSleeps, processesWith } from '../support/processes.js';
import { startSshd } from '../support/sshd.js';

const exec = promisify(execFile);
const { nap, endAll } = markedSleeps();

describe.each(HOST_KINDS)('a host %s', (_kind, start) => {
  const subject = givenHost(start, endAll);

  describe('run', () => {
    test('hands over words, environment, folder and stdin as they are', async () => {
      const result = await subject.host.run({
        argv: ['sh', '-c', 'printf "%s|" "$A" "$1" "$(pwd)"; cat', 'sh', `it's $HOME "x"\n;`],
        env: { A: "multi\nline 'quoted' $HOME" },
        cwd: '/tmp',
        stdin: 'from stdin: é\n',
        timeoutMs: 10_000,
      });
      expect(result).toMatchObject({
        host: expect.any(String) as unknown,
        exitCode: 0,
        signal: null,
        stdout: `multi\nline 'quoted' $HOME|it's $HOME "x"\n;|/tmp|from stdin: é\n`,
        stderr: '',
        timedOut: false,
        cancelled: false,
        connectionLost: false,
      });
    });

    test('tells exit codes and signals apart', async () => {
      const failing = await subject.host.run({
        argv: ['sh', '-c', 'echo no >&2; exit 42'],
        timeoutMs: 10_000,
      });
      expect(failing).toMatchObject({ exitCode: 42, signal: null, stderr: 'no\n' });
      const killed = await subject.host.run({ argv: ['sh', '-c', 'kill -KILL $$'], timeoutMs: 10_000 });
      expect(killed).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
      const missing = await subject.host.run({ argv: ['no-such-program'], timeoutMs: 10_000 });
      expect(missing).toMatchObject({ exitCode: 127 });
      const nowhere = await subject.host.run({ argv: ['true'], cwd: '/no/such/folder', timeoutMs: 10_000 });
      expect(nowhere.exitCode).not.toBe(0);
    });

    test('keeps the last 64 KB', async () => {
      const { stdout } = await subject.host.run({ argv: ['seq', '1', '200000'], timeoutMs: 20_000 });
      expect(Buffer.byteLength(stdout)).toBe(64 * 1024);
      expect(stdout.endsWith('\n199999\n200000\n')).toBe(true);
    });

    test('shows no secret: not in the output, not in the command, not in a process list', async () => {
      const secrets = createSecrets({ TOKEN: plantToken() });
      const value = await secrets.resolve('env:TOKEN');
      const { host } = await subject.another(secrets);
      const seen = await host.run({
        argv: ['sh', '-c', 'echo "$SECRET"; echo "$1" >&2', 'sh', value],
        env: { SECRET: value },
        timeoutMs: 10_000,
      });
      expect(seen).toMatchObject({
        command: `sh -c 'echo "$SECRET"; echo "$1" >&2' sh [env:TOKEN]`,
        stdout: '[env:TOKEN]\n',
        stderr: '[env:TOKEN]\n',
      });
      // this one does not know the value, so it would show it
      const listed = await subject.host.run({
        argv: [
          'sh',
          '-c',
          'cat /proc/$PPID/cmdline /proc/$$/cmdline; cat /proc/[0-9]*/cmdline; test -n "$SECRET"',
        ],
        env: { SECRET: value },
        timeoutMs: 10_000,
      });
      expect(listed.stdout).toContain('SECRET');
      expect(listed.stdout).not.toContain(value);
    });

    test('a timeout ends the whole group there', async () => {
      const result = await subject.host.run({
        argv: ['sh', '-c', `${nap(1)} & ${nap(1)}; echo never`],
        timeoutMs: 300,
      });
      expect(result).toMatchObject({ timedOut: true, exitCode: null, signal: null });
      expect(await processesWith(nap(1))).toEqual([]);
    });

    test('a timeout ends one that ignores SIGTERM as well', async () => {
      const result = await subject.host.run({
        argv: ['sh', '-c', `trap '' TERM; ${nap(2)} & while :; do sleep 0.1; done`],
        timeoutMs: 300,
      });
      expect(result).toMatchObject({ timedOut: true, stderr: '' });
      expect(await processesWith(nap(2))).toEqual([]);
    });

    test('too long a command is refused before it is sent', async () => {
      await expect(
        subject.host.run({ argv: ['echo', 'x'.repeat(150_000)], timeoutMs: 10_000 }),
      ).rejects.toMatchObject({ type: 'BadInput' });
    });
  });

  describe('files', () => {
    test('are read whole, or null', async () => {
      const file = path.join(subject.home, 'big file');
      const text = `${'é'.repeat(300_000)}\n`;
      await writeFile(file, text);
      expect(await subject.host.readFile(file)).toBe(text);
      expect(await subject.host.readFile(path.join(subject.home, 'no file'))).toBeNull();
      await writeFile(file, '');
      expect(await subject.host.readFile(file)).toBe('');
    });

    test('are replaced whole, with their mode, through links', async () => {
      const file = path.join(subject.home, "it's a file");
      const link = path.join(subject.home, 'link');
      await symlink(file, link);
      await subject.host.writeFile(file, 'one\n', { mode: 0o600 });
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      await subject.host.writeFile(link, 'two', { fence: fenceOf('files', 1) });
      expect(await readFile(file, 'utf8')).toBe('two');
      expect((await stat(file)).mode & 0o777).toBe(0o644);
      expect((await readdir(subject.home)).filter((name) => name.includes('slipway.'))).toEqual([]);
    });

    test('that cannot be written say why', async () => {
      await expect(subject.host.writeFile('/no/such/folder/file', 'x')).rejects.toMatchObject({
        type: 'Refused',
        message: expect.stringMatching(
          /(nonexistent|No such file).*; correct the path, or create the folder there/i,
        ) as unknown,
      });
      const huge = path.join(subject.home, 'huge');
      await exec('truncate', ['-s', '33M', huge]);
      await expect(subject.host.readFile(huge)).rejects.toThrow(/larger than can be read/);
      await rm(huge);
      await mkdir(path.join(subject.home, 'folder'));
      await expect(subject.host.readFile(path.join(subject.home, 'folder'))).rejects.toMatchObject({
        type: 'Refused',
      });
    });
  });

  test('connectFrom is a connection as the host sees it', async () => {
    const server = net.createServer((socket) => socket.end('hello'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const stream = await subject.host.connectFrom('127.0.0.1', address.port, 5000);
    let said = '';
    for await (const chunk of stream) said += String(chunk);
    expect(said).toBe('hello');
    server.close();
    await once(server, 'close');
    await expect(subject.host.connectFrom('127.0.0.1', address.port, 5000)).rejects.toThrow();
  });
});

describe('over ssh only', () => {
  test('a login shell that prints and one that cannot log in', async () => {
    const sshd = await startSshd({
      config: ['ForceCommand echo Welcome; echo careful >&2; eval "$SSH_ORIGINAL_COMMAND"'],
    });
    const hosts = hostsKnowing(sshd.knownHostsPath);
    try {
      const host = await hosts.open(reaching(sshd), hostPlan(sshd.destination));
      expect(await host.run({ argv: ['echo', 'mine'], timeoutMs: 10_000 })).toMatchObject({
        stdout: 'mine\n',
        stderr: '',
      });
      await sshd.crash();
      const config = path.join(sshd.folder, 'sshd_config');
      const text = (await readFile(config, 'utf8')).replace(
        /ForceCommand .*/,
        'ForceCommand echo This account is currently not available.; exit 1',
      );
      await writeFile(config, text);
      await sshd.start();
      await expect(host.claim(fenceOf('nologin', 1))).rejects.toThrow(
        /This account is currently not available/,
      );
      expect(await host.run({ argv: ['true'], timeoutMs: 10_000 })).toMatchObject({
        exitCode: 1,
        stdout: 'This account is currently not available.\n',
      });
    } finally {
      await hosts.close();
      await sshd.stop();
    }
  });

  test('a look goes to the login shell as it stands, once that has said that it reads sh', async () => {
    const sshd = await startSshd();
    const hosts = hostsKnowing(sshd.knownHostsPath);
    const said = path.join(sshd.folder, 'said');
    await writeFile(path.join(sshd.home, '.bashrc'), `echo "\${BASH_EXECUTION_STRING%% *}" >>${said}\n`);
    try {
      const host = await hosts.open(reaching(sshd), hostPlan(sshd.destination));
      await host.run({ argv: ['true'], timeoutMs: 10_000 });
      const words = await host.run({
        argv: [
          'sh',
          '-c',
          'printf "%s|" "$@"; cat; echo "$SHELL" >&2; exit 7',
          'sh',
          `it's $HOME`,
          '\\',
          '!!',
          '*',
        ],
        stdin: 'in\n',
        timeoutMs: 10_000,
      });
      expect(words).toMatchObject({ exitCode: 7, stdout: `it's $HOME|\\|!!|*|in\n`, stderr: `/bin/bash\n` });
      const hung = await host.run({ argv: ['sh', '-c', 'sleep 600 & wait'], timeoutMs: 300 });
      expect(hung).toMatchObject({ timedOut: true, exitCode: null, stderr: '' });
      const inFolder = await host.run({ argv: ['pwd'], cwd: '/tmp', timeoutMs: 10_000 });
      expect(inFolder).toMatchObject({ exitCode: 0, stdout: '/tmp\n' });
      // first wrapped; then two looks; ending the one that hung, and the folder, are more than one command
      expect(await readFile(said, 'utf8')).toBe('exec\necho\necho\nexec\nexec\n');
    } finally {
      await hosts.close();
      await sshd.stop();
    }
  });

  test('a login shell that is another than it says still gets a line that it can read', async () => {
    const sshd = await startSshd();
    const hosts = hostsKnowing(sshd.knownHostsPath);
    try {
      const said = path.join(sshd.folder, 'said');
      const unread = `case $BASH_EXECUTION_STRING in "exec sh -c "*);; *) echo '$$ is not the pid' >&2; exit 127;; esac`;
      await writeFile(path.join(sshd.home, '.bashrc'), `echo asked >>${said}\n${unread}\n`);
      const host = await hosts.open(reaching(sshd), hostPlan(sshd.destination));
      for (const word of ['first', 'second', 'third']) {
        expect(await host.run({ argv: ['echo', word], timeoutMs: 10_000 })).toMatchObject({
          exitCode: 0,
          stdout: `${word}\n`,
          stderr: '',
        });
      }
      // the second was sent twice, and from then on none is tried
      expect(await readFile(said, 'utf8')).toBe('asked\n'.repeat(4));
    } finally {
      await hosts.close();
      await sshd.stop();
    }
  });

  test('a full disk, a host without flock and a home that cannot be written are named', async () => {
    const sshd = await startSshd();
    const hosts = hostsKnowing(sshd.knownHostsPath);
    const fence = fenceOf('full', 2);
    try {
      const host = await hosts.open(reaching(sshd), hostPlan(sshd.destination));
      await exec('mount', ['-t', 'tmpfs', '-o', 'size=64k,nr_inodes=64', 'tmpfs', sshd.home]);
      try {
        await host.claim({ ...fence, token: 1 });
        await exec('sh', ['-c', `cat /dev/zero >"$1/filler" 2>/dev/null; true`, 'sh', sshd.home]);
        const full = {
          type: 'Refused',
          message: expect.stringMatching(
            /^prod host web-1: no space left on the disk there; free some/,
          ) as unknown,
        };
        await expect(host.claim(fence)).rejects.toMatchObject(full);
        await expect(host.run({ argv: ['true'], timeoutMs: 10_000, fence })).rejects.toMatchObject(full);
        await expect(
          host.runLong({ argv: ['true'], timeoutMs: 10_000, fence, operationId: '2-deploy' }),
        ).rejects.toMatchObject(full);
        await expect(host.writeFile(path.join(sshd.home, 'x'), 'x'.repeat(10_000))).rejects.toMatchObject(
          full,
        );
        // the way back is not kept up by it, and still shuts the door behind it
        const known = { ...fence, token: 1 };
        await host.claim({ ...known, way: 'back' }, '');
        await expect(host.claim({ ...known, way: 'forward' })).rejects.toThrow(
          /undo of this change has begun/,
        );
        // a command that fills the disk itself still leaves its result
        await rm(path.join(sshd.home, 'filler'));
        const result = await host.runLong({
          argv: ['sh', '-c', 'cat /dev/zero >"$HOME/filler"; exit 7'],
          timeoutMs: 10_000,
          fence,
          operationId: '2-fills',
        });
        expect(result.exitCode).toBe(7);
      } finally {
        await exec('umount', [sshd.home]);
      }
    } finally {
      await hosts.close();
      await sshd.stop();
    }

    const bare = await startSshd();
    const programs = path.join(bare.folder, 'bin');
    await mkdir(programs);
    await symlink('/bin/sh', path.join(programs, 'sh'));
    const config = path.join(bare.folder, 'sshd_config');
    await bare.crash();
    await writeFile(config, (await readFile(config, 'utf8')).replace('SetEnv ', `SetEnv PATH=${programs} `));
    await bare.start();
    const own = hostsKnowing(bare.knownHostsPath);
    try {
      const host = await own.open(reaching(bare), hostPlan(bare.destination));
      await expect(host.claim(fence)).rejects.toThrow(
        /flock and setsid are not on the PATH there; install util-linux/,
      );
    } finally {
      await own.close();
      await bare.stop();
    }
  });
});

test('a local command sees none of the worker’s variables', async () => {
  const hosts = hostsKnowing('/dev/null');
  process.env['WORKER_ONLY'] = 'secret of the worker';
  try {
    const host = await hosts.open(environmentFor(), hostPlan('local'));
    const { stdout } = await host.run({ argv: ['env'], timeoutMs: 10_000 });
    expect(stdout).toContain('PATH=');
    expect(stdout).not.toContain('WORKER_ONLY');
  } finally {
    delete process.env['WORKER_ONLY'];
    await hosts.close();
  }
});
