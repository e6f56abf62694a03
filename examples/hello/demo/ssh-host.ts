/** The demo's host: this machine over SSH, with a home folder inside the demo's own. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { userInfo } from 'node:os';
import { finished } from 'node:stream/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { makeKeyPair } from './key-pair.js';

export interface SshHost {
  /** `user@127.0.0.1:port`. */
  address: string;
  keyPath: string;
  knownHosts: string;
  /** Is it the machine's own sshd, or the stand-in of this process? */
  kind: 'sshd' | 'built-in';
  stop(): Promise<void>;
}

export async function startSshHost(folder: string, home: string, port: number): Promise<SshHost> {
  const keys = path.join(folder, 'ssh');
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  const client = makeKeyPair();
  const server = makeKeyPair();
  const keyPath = path.join(keys, 'id_ed25519');
  writeFileSync(keyPath, client.private, { mode: 0o600 });
  writeFileSync(path.join(keys, 'host_key'), server.private, { mode: 0o600 });
  writeFileSync(path.join(keys, 'authorized_keys'), `${client.public}\n`, { mode: 0o600 });
  const common = {
    address: `${userInfo().username}@127.0.0.1:${port}`,
    keyPath,
    knownHosts: `[127.0.0.1]:${port} ${server.public}\n`,
  };
  const sshd = findSshd();
  if (sshd === null)
    return {
      ...common,
      kind: 'built-in',
      stop: await serveBuiltIn(server.private, client.public, home, port),
    };
  return { ...common, kind: 'sshd', stop: await serveSshd(sshd, keys, home, port) };
}

/** Root's sshd wants a directory of the system; where that is missing we do not make one. */
function findSshd(): string | null {
  if (userInfo().uid === 0 && !existsSync('/run/sshd')) return null;
  return ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((candidate) => existsSync(candidate)) ?? null;
}

async function serveSshd(
  sshd: string,
  keys: string,
  home: string,
  port: number,
): Promise<() => Promise<void>> {
  const enter = path.join(keys, 'enter');
  writeFileSync(enter, `#!/bin/sh\nexport HOME='${home}'\ncd "$HOME"\nexec sh -c "$SSH_ORIGINAL_COMMAND"\n`);
  chmodSync(enter, 0o755);
  const configuration = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${path.join(keys, 'host_key')}`,
    `AuthorizedKeysFile ${path.join(keys, 'authorized_keys')}`,
    `PidFile ${path.join(keys, 'sshd.pid')}`,
    `ForceCommand ${enter}`,
    'Subsystem sftp internal-sftp',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'StrictModes no',
    'PermitRootLogin prohibit-password',
    'UsePAM no',
    'PrintMotd no',
    `SetEnv PATH=${process.env['PATH'] ?? '/usr/bin:/bin'}`,
  ];
  const file = path.join(keys, 'sshd_config');
  writeFileSync(file, `${configuration.join('\n')}\n`);
  // A group of its own: Ctrl-C in the terminal reaches us, and we end it when nothing needs it any more.
  const child = spawn(sshd, ['-D', '-f', file, '-E', path.join(keys, 'sshd.log')], {
    stdio: 'ignore',
    detached: true,
  });
  const ended = once(child, 'exit');
  await untilListening(
    port,
    () => child.exitCode === null,
    () => readFileSync(path.join(keys, 'sshd.log'), 'utf8'),
  );
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

/** Runs what it is told, as `sh -c`, in `home`: the same commands the real one would run. */
async function serveBuiltIn(
  hostKey: string,
  publicKey: string,
  home: string,
  port: number,
): Promise<() => Promise<void>> {
  const allowed = ssh2.utils.parseKey(publicKey);
  if (allowed instanceof Error) throw allowed;
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on('authentication', (context) => {
      if (context.method !== 'publickey' || !context.key.data.equals(allowed.getPublicSSH()))
        return context.reject(['publickey']);
      if (
        context.signature &&
        !allowed.verify(context.blob ?? Buffer.alloc(0), context.signature, context.hashAlgo)
      )
        return context.reject();
      return context.accept();
    });
    client.on('error', () => undefined);
    client.on('tcpip', (accept, _reject, { destIP, destPort }) => {
      const socket = createConnection({ host: destIP, port: destPort });
      const channel = accept();
      socket.on('error', () => channel.end());
      channel.on('error', () => socket.destroy());
      channel.on('close', () => socket.destroy());
      socket.pipe(channel).pipe(socket);
    });
    client.on('ready', () =>
      client.on('session', (acceptSession) =>
        acceptSession().on('exec', (acceptExec, _reject, { command }) => {
          const channel = acceptExec();
          const child = spawn('sh', ['-c', command], { cwd: home, env: { ...process.env, HOME: home } });
          channel.pipe(child.stdin);
          child.stdout.pipe(channel, { end: false });
          child.stderr.pipe(channel.stderr, { end: false });
          child.stdin.on('error', () => undefined);
          // As sshd: the session ends with its command, also when a child it left behind still holds the pipes.
          child.on('exit', (code, signal) => {
            const said = Promise.allSettled([finished(child.stdout), finished(child.stderr)]);
            void Promise.race([said, delay(50)]).finally(() => {
              if (signal === null) channel.exit(code ?? 255);
              else channel.exit(signal.replace('SIG', ''), false, '');
              channel.end();
            });
          });
        }),
      ),
    );
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return async () => {
    server.close();
    await delay(0);
  };
}

async function untilListening(port: number, alive: () => boolean, log: () => string): Promise<void> {
  for (;;) {
    if (!alive()) throw new Error(`sshd did not start: ${log()}`);
    const connected = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ port, host: '127.0.0.1' });
      socket.once('connect', () => (socket.destroy(), resolve(true)));
      socket.once('error', () => resolve(false));
    });
    if (connected) return;
    await delay(20);
  }
}

/** Version and commit of the repository the demo makes. */
export function git(repository: string, ...args: string[]): string {
  return execFileSync('git', ['-C', repository, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}
