import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Hosts } from '../../activities/hosts/host.js';
import { ConnectionPool } from '../../activities/ssh/connection-pool.js';
import type { SshTarget } from '../../activities/ssh/connect.js';
import type { SshPlan } from '../../pipeline/plan-platform.js';
import { environmentFor, hostPlan, hostsKnowing, reaching, silent } from '../support/hosts.js';
import { until } from '../support/processes.js';
import { freePort, makeKey, startSshd, type Sshd } from '../support/sshd.js';

const TRUE = { argv: ['true'], timeoutMs: 20_000 };
const opened: Hosts[] = [];
let sshd: Sshd;
let folder: string;

function hostsFor(server: Sshd, variables: NodeJS.ProcessEnv = {}): Hosts {
  const hosts = hostsKnowing(server.knownHostsPath, variables);
  opened.push(hosts);
  return hosts;
}

/** What a first command on this host says no with. */
async function refusal(
  server: Sshd,
  ssh: Partial<SshPlan> = {},
  variables: NodeJS.ProcessEnv = {},
): Promise<unknown> {
  const host = await hostsFor(server, variables).open(reaching(server, ssh), hostPlan(server.destination));
  return host.run(TRUE).then(
    () => 'it went through',
    (error: unknown) => error,
  );
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-ssh-'));
  sshd = await startSshd();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((hosts) => hosts.close()));
});
afterAll(async () => {
  await sshd.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('one connection', () => {
  test('is shared by fifty commands at once, and made once', async () => {
    const before = await sshd.countConnections();
    const host = await hostsFor(sshd).open(reaching(sshd), hostPlan(sshd.destination));
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, n) => host.run({ argv: ['echo', String(n)], timeoutMs: 30_000 })),
    );
    expect(results.map((result) => result.stdout)).toEqual(Array.from({ length: 50 }, (_, n) => `${n}\n`));
    expect(await sshd.countConnections()).toBe(before + 1);
  });

  test('is shared by environments and names that lead to the same place', async () => {
    const before = await sshd.countConnections();
    const hosts = hostsFor(sshd);
    const one = await hosts.open(reaching(sshd), hostPlan(sshd.destination, 'one'));
    const two = await hosts.open(
      reaching(sshd, { user: sshd.user, port: sshd.port }),
      hostPlan(sshd.address, 'two'),
    );
    expect([(await one.run(TRUE)).host, (await two.run(TRUE)).host]).toEqual(['one', 'two']);
    expect(await sshd.countConnections()).toBe(before + 1);
  });

  test('that died is replaced', async () => {
    const host = await hostsFor(sshd).open(reaching(sshd), hostPlan(sshd.destination));
    await host.run(TRUE);
    const before = await sshd.countConnections();
    await sshd.dropConnections();
    const after = await until('the replaced connection', async () => {
      const result = await host.run(TRUE);
      return result.exitCode === 0;
    });
    expect(after).toBe(true);
    expect(await sshd.countConnections()).toBe(before + 1);
  });

  test('lost under a command leaves its outcome unknown', async () => {
    const host = await hostsFor(sshd).open(reaching(sshd), hostPlan(sshd.destination));
    const begun = path.join(folder, 'begun');
    const running = host.run({ argv: ['sh', '-c', `: >${begun}; exec sleep 30`], timeoutMs: 60_000 });
    await until('the command', () =>
      readFile(begun).then(
        () => true,
        () => false,
      ),
    );
    await sshd.dropConnections();
    expect(await running).toMatchObject({
      connectionLost: true,
      exitCode: null,
      signal: null,
      timedOut: false,
    });
  });

  test('to a server that allows two sessions waits for its turn', async () => {
    const small = await startSshd({ config: ['MaxSessions 2'] });
    try {
      const host = await hostsFor(small).open(reaching(small), hostPlan(small.destination));
      const results = await Promise.all(Array.from({ length: 12 }, () => host.run(TRUE)));
      expect(results.map((result) => result.exitCode)).toEqual(Array.from({ length: 12 }, () => 0));
      expect(await small.countConnections()).toBe(1);
    } finally {
      await small.stop();
    }
  });

  test('a hundred different ones to a server that drops the eleventh handshake all get through', async () => {
    const busy = await startSshd({ config: ['MaxStartups 10:100:10'] });
    const pool = new ConnectionPool(
      {
        resolveSecret: (key) => readFile(key.split('#')[0] ?? '', 'utf8'),
        knownHostsFiles: [busy.knownHostsPath],
      },
      silent,
    );
    try {
      const targets = Array.from({ length: 100 }, (_, n): SshTarget => ({
        address: busy.address,
        host: busy.address,
        port: busy.port,
        user: busy.user,
        shownHost: busy.address,
        shownUser: busy.user,
        key: `${busy.keyPath}#${n}`,
        knownHosts: null,
        via: null,
      }));
      await Promise.all(targets.map((target) => pool.get(target)));
      expect(await busy.countConnections()).toBe(100);
    } finally {
      await pool.close();
      await busy.stop();
    }
  });

  test('through a jump host', async () => {
    const inner = await startSshd();
    try {
      await writeFile(
        path.join(folder, 'both'),
        (await readFile(sshd.knownHostsPath, 'utf8')) + (await readFile(inner.knownHostsPath, 'utf8')),
      );
      // one key for both, as ssh.key says
      await writeFile(
        path.join(inner.folder, 'authorized_keys'),
        await readFile(`${sshd.keyPath}.pub`, 'utf8'),
      );
      const hosts = hostsKnowing(path.join(folder, 'both'));
      opened.push(hosts);
      const before = await sshd.countConnections();
      const host = await hosts.open(
        reaching(sshd, { jump: [sshd.destination] }),
        hostPlan(inner.destination, 'behind'),
      );
      const results = await Promise.all([host.run(TRUE), host.run(TRUE)]);
      expect(results.map((result) => result.exitCode)).toEqual([0, 0]);
      expect(await inner.countConnections()).toBe(1);
      expect(await sshd.countConnections()).toBe(before + 1);
      // the address inner sees is the jump host's own connection, and when that dies both are made again
      await sshd.dropConnections();
      await until('the way through', async () => (await host.run(TRUE)).exitCode === 0);
      expect(await inner.countConnections()).toBe(2);

      const nowhere = await hosts.open(
        reaching(sshd, { jump: [sshd.destination] }),
        hostPlan(`${inner.user}@127.0.0.1:${await freePort()}`, 'nowhere'),
      );
      await expect(nowhere.run(TRUE)).rejects.toThrow(/jump host .* could not reach .*#jump-hosts/);
    } finally {
      await inner.stop();
    }
  });
});

describe('keys', () => {
  test('text of a key, also with escaped line breaks, and the path of one', async () => {
    const text = await readFile(sshd.keyPath, 'utf8');
    const variables = {
      TEXT: text,
      ESCAPED: text.trim().replaceAll('\n', String.raw`\n`),
      FILE: sshd.keyPath,
    };
    for (const name of Object.keys(variables)) {
      expect(await refusal(sshd, { key: `env:${name}` }, variables)).toBe('it went through');
    }
  });

  test('the agent, when the environment names no key', async () => {
    const socket = path.join(folder, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    const before = process.env['SSH_AUTH_SOCK'];
    try {
      await until('the agent', () =>
        readFile(socket).then(
          () => true,
          (error: NodeJS.ErrnoException) => error.code === 'ENXIO',
        ),
      );
      const add = spawn('ssh-add', ['-q', sshd.keyPath], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      expect(await once(add, 'exit')).toEqual([0, null]);
      process.env['SSH_AUTH_SOCK'] = socket;
      expect(await refusal(sshd, { key: null })).toBe('it went through');
    } finally {
      if (before === undefined) delete process.env['SSH_AUTH_SOCK'];
      else process.env['SSH_AUTH_SOCK'] = before;
      agent.kill();
      await once(agent, 'exit');
    }
  });

  test('an RSA key and a server known by its RSA key only', async () => {
    const key = path.join(folder, 'rsa');
    await makeKey(key, ['-t', 'rsa', '-b', '2048', '-N', '']);
    const server = await startSshd();
    try {
      await writeFile(path.join(server.folder, 'authorized_keys'), await readFile(`${key}.pub`, 'utf8'));
      const host = path.join(server.folder, 'second_host_key');
      await makeKey(host, ['-t', 'rsa', '-b', '2048', '-N', '']);
      await server.crash();
      const config = path.join(server.folder, 'sshd_config');
      await writeFile(config, `HostKey ${host}\n${await readFile(config, 'utf8')}`);
      const [type, blob] = (await readFile(`${host}.pub`, 'utf8')).split(' ');
      await writeFile(server.knownHostsPath, `[${server.address}]:${server.port} ${type} ${blob}\n`);
      await server.start();
      expect(await refusal(server, { key: `file:${key}` })).toBe('it went through');
    } finally {
      await server.stop();
    }
  });

  test.each([
    [
      'that others can read',
      [],
      0o644,
      /has mode 644: others can read it; chmod 600 (\/|the file that env:KEY names)/,
    ],
    [
      'with a passphrase',
      ['-t', 'ed25519', '-N', 'secret'],
      0o600,
      /protected by a passphrase.*ssh-keygen -p/,
    ],
    ['in PKCS8 form', ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8', '-N', ''], 0o600, /in PKCS8 form; rewrite/],
  ])('one %s is refused', async (name, args, mode, message) => {
    const key = path.join(folder, name.replaceAll(' ', '-'));
    await makeKey(key, args.length === 0 ? undefined : args);
    await chmod(key, mode);
    const byReference = await refusal(sshd, { key: `file:${key}` });
    expect(byReference).toMatchObject({
      type: 'Refused',
      message: expect.stringMatching(message) as unknown,
    });
    const byPath = await refusal(sshd, { key: 'env:KEY' }, { KEY: key });
    expect(byPath).toMatchObject({ type: 'Refused', message: expect.stringMatching(message) as unknown });
    // the path is the secret's value: a message that has it would be withheld
    expect(`${String(byPath)} ${JSON.stringify(byPath)}`).not.toContain(key);
  });

  test.each([
    ['garbage', /holds neither a private key nor the absolute path of one/],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n', /cannot be read/],
    ['/no/such/key', /cannot be read by the worker \(ENOENT\)/],
  ])('%j is refused without being shown', async (value, message) => {
    expect(await refusal(sshd, { key: 'env:KEY' }, { KEY: value })).toMatchObject({
      type: 'Refused',
      message: expect.stringMatching(message) as unknown,
    });
  });
});

describe('no connection: what, where and the way out', () => {
  test('a changed host key', async () => {
    const server = await startSshd();
    try {
      await server.changeHostKey();
      expect(await refusal(server)).toMatchObject({
        type: 'Refused',
        nonRetryable: true,
        message: expect.stringMatching(
          /^prod host web-1: the host key of .* changed: it offers ssh-ed25519 SHA256:.*known_hosts:1 has.*docs\/hosts\.md#host-keys/,
        ) as unknown,
      });
    } finally {
      await server.stop();
    }
  });

  test.each([
    ['unknown', () => '', /is unknown: it offers .* ssh-keyscan -p \d+ 127\.0\.0\.1 >>/],
    ['revoked', (line: string) => `${line}@revoked ${line}`, /is revoked in .*known_hosts:2/],
    [
      'known through an authority only',
      (line: string) => `@cert-authority * ${line.split(' ').slice(1).join(' ')}`,
      /only through a certificate authority .* not supported; add the host's own key/,
    ],
    ['garbage', () => '\0\0 not a known_hosts file', /is unknown/],
  ])('a host key that is %s', async (_kind, text, message) => {
    const line = await readFile(sshd.knownHostsPath, 'utf8');
    expect(await refusal(sshd, { knownHosts: text(line) })).toMatchObject({
      type: 'Refused',
      message: expect.stringMatching(message) as unknown,
    });
  });

  test('refused keys are named by fingerprint', async () => {
    const server = await startSshd();
    try {
      await server.refuseKeys();
      expect(await refusal(server)).toMatchObject({
        type: 'Refused',
        message: expect.stringMatching(
          /refused user .*; offered: ssh-ed25519 SHA256:\S+ from file:.*authorized_keys there/,
        ) as unknown,
      });
    } finally {
      await server.stop();
    }
  });

  test('a closed port may open again', async () => {
    const server = await startSshd();
    try {
      await server.crash();
      expect(await refusal(server)).toMatchObject({
        type: 'Unreachable',
        nonRetryable: false,
        message: expect.stringMatching(
          /refused the connection; start sshd there or correct the port/,
        ) as unknown,
      });
    } finally {
      await server.stop();
    }
  });

  test('a restart of sshd is waited for', async () => {
    const server = await startSshd();
    try {
      await server.crash();
      const host = await hostsFor(server).open(reaching(server), hostPlan(server.destination));
      const running = host.run(TRUE);
      await server.start();
      expect(await running).toMatchObject({ exitCode: 0 });
    } finally {
      await server.stop();
    }
  });

  test('a name that does not exist', async () => {
    const host = await hostsFor(sshd).open(reaching(sshd), hostPlan('deploy@no-such-host.invalid'));
    await expect(host.run(TRUE)).rejects.toMatchObject({
      type: 'Unreachable',
      message: expect.stringMatching(/the name .*no-such-host\.invalid cannot be resolved/) as unknown,
    });
  });

  test('a server that is no sshd', async () => {
    const server = net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    try {
      if (address === null || typeof address === 'string') throw new Error('no port');
      const host = await hostsFor(sshd).open(reaching(sshd), hostPlan(`x@127.0.0.1:${address.port}`));
      await expect(host.run(TRUE)).rejects.toMatchObject({
        type: 'Unreachable',
        message: expect.stringMatching(/ended the connection before it was ready/) as unknown,
      });
    } finally {
      server.close();
    }
  });

  test('an address from a reference stays unnamed', async () => {
    const hosts = hostsFor(sshd, { PROD_HOST: 'deploy@no-such-host.invalid' });
    const host = await hosts.open(environmentFor({ key: `file:${sshd.keyPath}` }), {
      name: 'env:PROD_HOST',
      address: 'env:PROD_HOST',
    });
    const error: unknown = await host.run(TRUE).catch((caught: unknown) => caught);
    expect(String(error)).toContain('the name env:PROD_HOST cannot be resolved');
    expect(JSON.stringify(error)).not.toContain('no-such-host');
    const known = hostsFor(sshd, { HERE: sshd.destination });
    const unknown = await known.open(reaching(sshd, { knownHosts: '' }), hostPlan('env:HERE'));
    const refusedHere: unknown = await unknown.run(TRUE).catch((caught: unknown) => caught);
    expect(String(refusedHere)).toMatch(/the host key of env:HERE is unknown.*ssh-keyscan -p \d+ HOST/);
    expect(JSON.stringify(refusedHere)).not.toContain(sshd.address);
    await expect(hosts.open(environmentFor(), hostPlan('env:NOT_SET'))).rejects.toThrow(
      /env:NOT_SET is not set/,
    );
  });
});
