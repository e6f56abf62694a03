/** One phase on 50 hosts over connections that are open: Slipway's hosts, a bare pool of ssh2, and Ansible, in one run. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { connect as connectTcp } from 'node:net';
import { Client } from 'ssh2';
import type { Host } from '../../activities/hosts/host.js';
import { hostPlan, hostsKnowing, reaching } from '../support/hosts.js';
import { part } from '../support/parts.js';
import { startSshd, type Sshd } from '../support/sshd.js';
import { withEnds, type Ends } from './ends.js';
import { percentile, row, rowAgainst, type Benchmark } from './rows.js';

const HOSTS = 50;
const ROUNDS = 20;
const ANSIBLE_ROUNDS = 3;
const TIMEOUT_MS = 30_000;

const exec = promisify(execFile);

export const fleet: Benchmark = {
  name: 'fleet',
  about: `\`true\` on ${HOSTS} hosts, connections open: Slipway, ssh2 alone, Ansible`,
  run: (say) =>
    withEnds(async (ends) => {
      const sshd = await startSshd({
        address: '0.0.0.0',
        config: ['MaxStartups 200:30:400', 'MaxSessions 10'],
      });
      ends.push(() => sshd.stop());
      const addresses = Array.from({ length: HOSTS }, (_, place) => `127.0.0.${place + 1}`);
      const known = await knowAll(sshd, addresses);
      const ours = await openOurs(ends, sshd, known, addresses);
      const bare = await openBare(ends, sshd, addresses);
      say('connections are open');
      const slipwayMs: number[] = [];
      const bareMs: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        bareMs.push(await measure(() => Promise.all(bare.map(runBare))));
        slipwayMs.push(await measure(() => Promise.all(ours.map(runOurs))));
      }
      const other = { name: 'ssh2 alone, same run', value: percentile(bareMs, 0.5) };
      say(`ssh2 alone ${Math.round(other.value)} ms`);
      const ansibleMs = await measureAnsible(sshd, known, addresses);
      return [
        rowAgainst(`true on ${HOSTS} hosts: median`, percentile(slipwayMs, 0.5), 'ms', other, 1.5),
        row(`true on ${HOSTS} hosts: slowest`, Math.max(...slipwayMs), 'ms'),
        row(`Ansible, same run: best of ${ANSIBLE_ROUNDS}`, Math.min(...ansibleMs), 'ms'),
      ];
    }),
};

async function measure(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function knowAll(sshd: Sshd, addresses: string[]): Promise<string> {
  const [, type, key] = (await readFile(sshd.knownHostsPath, 'utf8')).trim().split(' ');
  const file = path.join(sshd.folder, 'all_known_hosts');
  await writeFile(file, addresses.map((address) => `[${address}]:${sshd.port} ${type} ${key}\n`).join(''));
  return file;
}

async function openOurs(ends: Ends, sshd: Sshd, known: string, addresses: string[]): Promise<Host[]> {
  const hosts = hostsKnowing(known);
  ends.push(() => hosts.close());
  const plan = reaching(sshd);
  const opened = await Promise.all(
    addresses.map((address) => hosts.open(plan, hostPlan(`${sshd.user}@${address}:${sshd.port}`, address))),
  );
  await Promise.all(opened.map(runOurs));
  return opened;
}

async function runOurs(host: Host): Promise<void> {
  const { exitCode } = await host.run({ argv: ['true'], timeoutMs: TIMEOUT_MS });
  if (exitCode !== 0) throw new Error(`${host.name}: true exited ${String(exitCode)}`);
}

async function openBare(ends: Ends, sshd: Sshd, addresses: string[]): Promise<Client[]> {
  const privateKey = await readFile(sshd.keyPath);
  const clients = await Promise.all(
    addresses.map(
      (address) =>
        new Promise<Client>((resolve, reject) => {
          const client = new Client();
          const sock = connectTcp({ host: address, port: sshd.port, noDelay: true });
          client.on('ready', () => resolve(client)).on('error', reject);
          client.connect({ sock, username: sshd.user, privateKey, hostVerifier: () => true });
        }),
    ),
  );
  ends.push(() => Promise.resolve(clients.forEach((client) => client.end())));
  await Promise.all(clients.map(runBare));
  return clients;
}

function runBare(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.exec('true', (error, channel) => {
      if (error !== undefined) return reject(error);
      channel.on('close', (code: number) =>
        code === 0 ? resolve() : reject(new Error(`true exited ${code}`)),
      );
      channel.resume();
      channel.stderr.resume();
    });
  });
}

/** With its own persistent connections, as wide as there are hosts, and no facts gathered. */
async function measureAnsible(sshd: Sshd, known: string, addresses: string[]): Promise<number[]> {
  const ansible = await part('ansible');
  const inventory = path.join(sshd.folder, 'inventory.ini');
  await writeFile(inventory, `[web]\n${addresses.join('\n')}\n`);
  const env = {
    ...process.env,
    ANSIBLE_LOCAL_TEMP: path.join(sshd.folder, 'ansible'),
    ANSIBLE_SSH_ARGS: `-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=${known}`,
    ANSIBLE_SSH_CONTROL_PATH_DIR: path.join(sshd.folder, 'cp'),
  };
  const argv = ['-i', inventory, 'web', '-m', 'raw', '-a', 'true', '-f', String(HOSTS)];
  const connection = ['-u', sshd.user, '--private-key', sshd.keyPath, '-e', `ansible_port=${sshd.port}`];
  const run = (): Promise<unknown> =>
    exec(path.join(path.dirname(ansible), 'ansible'), [...argv, ...connection], { env });
  await run();
  const took: number[] = [];
  for (let round = 0; round < ANSIBLE_ROUNDS; round += 1) took.push(await measure(run));
  return took;
}
