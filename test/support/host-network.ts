/** The bridge that the hosts of this process share, and what dead test processes have left of theirs. */
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

interface Bridge {
  name: string;
  /** First three numbers: `10.77.3`. */
  prefix: string;
  next: number;
  hosts: number;
}

let bridge: Promise<Bridge> | null = null;

/** Gives the host its address; the first one creates the bridge. */
export async function joinBridge(): Promise<{ address: string; gateway: string; bridgeName: string }> {
  bridge ??= createBridge();
  const shared = await bridge;
  shared.hosts += 1;
  shared.next += 1;
  return {
    address: `${shared.prefix}.${shared.next}`,
    gateway: `${shared.prefix}.1`,
    bridgeName: shared.name,
  };
}

async function createBridge(): Promise<Bridge> {
  await sweepDeadHosts();
  const name = `slw-${process.pid}`;
  const { stdout: taken } = await exec('ip', ['-4', '-o', 'address', 'show']);
  let prefix: string;
  do prefix = `10.${randomInt(64, 250)}.${randomInt(1, 250)}`;
  while (taken.includes(`${prefix}.`));
  await exec('ip', ['link', 'add', name, 'type', 'bridge']);
  await exec('ip', ['address', 'add', `${prefix}.1/24`, 'dev', name]);
  await exec('ip', ['link', 'set', name, 'up']);
  // A dockerd in the main namespace sets the FORWARD policy to DROP, also for bridged packets between hosts.
  await exec('iptables', ['-w', '-I', 'FORWARD', '-i', name, '-o', name, '-j', 'ACCEPT']);
  return { name, prefix, next: 1, hosts: 0 };
}

export async function leaveBridge(): Promise<void> {
  const shared = await bridge;
  if (shared === null) return;
  shared.hosts -= 1;
  if (shared.hosts > 0) return;
  bridge = null;
  await removeBridge(shared.name);
}

async function removeBridge(name: string): Promise<void> {
  await exec('iptables', ['-w', '-D', 'FORWARD', '-i', name, '-o', name, '-j', 'ACCEPT']).catch(() => null);
  await exec('ip', ['link', 'delete', name]).catch(() => null);
}

/** What a test process that was killed could not take away: bridges, folders and empty cgroups. */
async function sweepDeadHosts(): Promise<void> {
  const { stdout } = await exec('ip', ['-o', 'link', 'show', 'type', 'bridge']);
  for (const match of stdout.matchAll(/ slw-(\d+):/g)) {
    if (isDead(match[1])) await removeBridge(`slw-${match[1]}`);
  }
  for (const entry of readdirSync(tmpdir())) {
    const owner = /^slw-(\d+)-/.exec(entry)?.[1];
    if (!isDead(owner)) continue;
    removeCgroups(entry);
    rmSync(path.join(tmpdir(), entry), { recursive: true, force: true });
  }
}

function isDead(pid: string | undefined): boolean {
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}

/** The bridge that should be gone; null while hosts are on it, or when it is. */
export function findDeadBridge(): string | null {
  const name = `slw-${process.pid}`;
  return bridge === null && existsSync(`/sys/class/net/${name}`) ? name : null;
}

/** Places of a host's cgroups that are still there. */
export function findCgroups(name: string): string[] {
  return ['/sys/fs/cgroup', ...subfolders('/sys/fs/cgroup')]
    .map((root) => path.join(root, name))
    .filter((folder) => existsSync(folder));
}

export function removeCgroups(name: string): void {
  for (const folder of findCgroups(name)) removeEmptyCgroup(folder);
}

function removeEmptyCgroup(folder: string): void {
  for (const inner of subfolders(folder)) removeEmptyCgroup(inner);
  try {
    rmdirSync(folder);
  } catch {
    // still in use: the next start sweeps it
  }
}

function subfolders(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(folder, entry.name));
}
