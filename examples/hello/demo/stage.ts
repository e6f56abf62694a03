/** Sets the stage: a repository with three versions, a host with a shop and a proxy, Temporal. Everything in one folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startEmbeddedTemporal } from '../../../workers/embedded-temporal.js';
import { makeKeyPair } from './key-pair.js';
import { packageFolder } from './package-folder.js';
import { git, startSshHost } from './ssh-host.js';

export interface Stage {
  repository: string;
  shopUrl: string;
  temporalAddress: string;
  uiUrl: string;
  ssh: 'sshd' | 'built-in';
  dataFolder: string;
  /** What the owner of the worker allows. */
  policyFile: string;
  /** Throwaway SSH keys of those who approve, by name. */
  keys: Record<string, string>;
  /** What the host did, one line per deploy: `v2.0.0 green`. */
  deploys(): string[];
  /** Aborted when the demo is to end: every command and wait of it ends then. */
  stopping: AbortSignal;
}

/** You, and somebody for those who try it by hand. */
const APPROVERS = ['you', 'oleg'];

const sources = path.join(packageFolder, 'examples/hello');

/** What it starts is put on `ends` at once, so that whoever stops it halfway can end all of it, last first. */
export async function setStage(
  folder: string,
  ends: (() => Promise<void>)[],
  stopping: AbortSignal,
): Promise<Stage> {
  const ports = await choosePorts();
  const home = path.join(folder, 'host');
  const temporal = await startEmbeddedTemporal({
    port: ports.temporal,
    uiPort: ports.ui,
    dataFolder: path.join(folder, 'temporal'),
    inMemory: false,
    env: process.env,
  });
  ends.push(() => temporal.stop());
  stopping.throwIfAborted();
  furnishHost(home, ports);
  ends.push(() => clearHost(home));
  const ssh = await startSshHost(folder, home, ports.ssh);
  ends.push(() => ssh.stop());
  stopping.throwIfAborted();
  ends.push(await startProxy(home));
  stopping.throwIfAborted();
  const repository = writeRepository(folder, home, ports, ssh);
  return {
    repository,
    shopUrl: `http://127.0.0.1:${ports.proxy}`,
    temporalAddress: temporal.address,
    uiUrl: temporal.uiUrl,
    ssh: ssh.kind,
    dataFolder: path.join(folder, 'worker'),
    ...writePolicy(folder, repository, ssh, ports),
    deploys: () => readFileSync(path.join(home, 'deploys'), 'utf8').trim().split('\n'),
    stopping,
  };
}

interface Ports {
  temporal: number;
  ui: number;
  proxy: number;
  blue: number;
  green: number;
  ssh: number;
}

/** The well-known ones where they are free, so that the addresses on screen are the usual ones. */
async function choosePorts(): Promise<Ports> {
  const wanted: Ports = { temporal: 7233, ui: 8233, proxy: 7000, blue: 7001, green: 7002, ssh: 2222 };
  for (const name of Object.keys(wanted) as (keyof Ports)[]) wanted[name] = await freePort(wanted[name]);
  return wanted;
}

async function freePort(preferred: number): Promise<number> {
  for (const port of [preferred, 0]) {
    const server = createServer();
    const listening = once(server.listen(port, '127.0.0.1'), 'listening');
    try {
      await listening;
      return (server.address() as AddressInfo).port;
    } catch {
      continue;
    } finally {
      server.close();
    }
  }
  throw new Error('no free port on 127.0.0.1');
}

function furnishHost(home: string, ports: Ports): void {
  cpSync(path.join(sources, 'host'), home, { recursive: true });
  mkdirSync(path.join(home, 'ports'));
  for (const name of ['proxy', 'blue', 'green'] as const)
    writeFileSync(path.join(home, 'ports', name), String(ports[name]));
  writeFileSync(path.join(home, 'colour'), 'blue\n');
}

/**
 * The shop's processes belong to the host, not to us: its own command ends them, once what a worker started there
 * and left behind has come to its end (each operation of the journal leaves its exit code in `rc`).
 */
async function clearHost(home: string): Promise<void> {
  const journal = path.join(home, '.slipway/journal');
  const givenUpAt = Date.now() + 10_000;
  while (Date.now() < givenUpAt && operationsIn(journal).some((each) => !existsSync(path.join(each, 'rc')))) {
    await delay(50);
  }
  for (const colour of ['blue', 'green']) {
    await once(
      spawn(path.join(home, 'shop'), ['retire', colour], { stdio: 'ignore', detached: true }),
      'exit',
    );
  }
}

function operationsIn(journal: string): string[] {
  if (!existsSync(journal)) return [];
  const files = readdirSync(journal, { recursive: true }).map(String);
  return files
    .filter((file) => path.basename(file) === 'log')
    .map((file) => path.join(journal, path.dirname(file)));
}

async function startProxy(home: string): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [path.join(home, 'proxy.mjs'), home], {
    stdio: 'ignore',
    detached: true,
  });
  writeFileSync(path.join(home, 'proxy.pid'), String(child.pid));
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${readFileSync(path.join(home, 'ports/proxy'), 'utf8')}/_proxy/errors`;
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await delay(20);
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

/** A file of the example, with the addresses of this stage. */
function readSource(name: string, ssh: { address: string; keyPath: string }, ports: Ports): string {
  return readFileSync(path.join(sources, name), 'utf8')
    .replace('deploy@127.0.0.1:2222', ssh.address)
    .replace('/home/you/.ssh/id_ed25519', ssh.keyPath)
    .replaceAll('127.0.0.1:7000', `127.0.0.1:${ports.proxy}`)
    .replace('127.0.0.1:7001', `127.0.0.1:${ports.blue}`)
    .replace('127.0.0.1:7002', `127.0.0.1:${ports.green}`);
}

/** On the worker's side: the repository can only be stricter. */
function writePolicy(
  folder: string,
  repository: string,
  ssh: { address: string; keyPath: string },
  ports: Ports,
): Pick<Stage, 'policyFile' | 'keys'> {
  const file = path.join(folder, 'policy.yaml');
  const text = readSource('policy.yaml', ssh, ports).replace('https://git.example.com/shop.git', repository);
  writeFileSync(file, text, { mode: 0o600 });
  const keys = Object.fromEntries(APPROVERS.map((name) => [name, writeKey(folder, name)]));
  const signers = APPROVERS.map((name) => `${name} ${readFileSync(`${keys[name]}.pub`, 'utf8')}`);
  writeFileSync(path.join(folder, 'allowed_signers'), signers.join(''), { mode: 0o600 });
  return { policyFile: file, keys };
}

function writeKey(folder: string, name: string): string {
  const file = path.join(folder, 'people', name);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const pair = makeKeyPair();
  writeFileSync(file, pair.private, { mode: 0o600 });
  writeFileSync(`${file}.pub`, `${pair.public}\n`);
  return file;
}

function writeRepository(
  folder: string,
  home: string,
  ports: Ports,
  ssh: { address: string; keyPath: string; knownHosts: string },
): string {
  const repository = path.join(folder, 'repository');
  cpSync(path.join(sources, 'shop'), path.join(repository, 'shop'), { recursive: true });
  writeFileSync(path.join(repository, 'known_hosts'), ssh.knownHosts);
  const first = readSource('slipway.yaml', ssh, ports);
  const later = first
    .replace('    # from v2.0.0 on:\n', '')
    .replace('# approvals', 'approvals')
    .replace('# bake', 'bake');
  git(folder, 'init', '--quiet', '--initial-branch', 'main', repository);
  git(repository, 'config', 'user.name', 'Anna');
  git(repository, 'config', 'user.email', 'anna@shop.example');
  for (const [version, failEvery, subject, file] of [
    ['v1.0.0', 0, 'feat: open the shop', first],
    ['v2.0.0', 0, 'feat: orders by region', later],
    ['v3.0.0', 10, 'fix: sort orders', later],
  ] as const) {
    writeFileSync(path.join(repository, 'slipway.yaml'), file);
    writeFileSync(path.join(repository, 'shop/release.json'), `${JSON.stringify({ version, failEvery })}\n`);
    git(repository, 'add', '--all');
    git(repository, 'commit', '--quiet', '--message', subject);
    git(repository, 'tag', '--annotate', version, '--message', `${version} by ${userInfo().username}`);
  }
  git(folder, 'clone', '--quiet', '--bare', repository, path.join(home, 'repository.git'));
  return repository;
}
