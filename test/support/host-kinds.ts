/** The two kinds of host, each with a home of its own, for tests that must hold on both. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Host, Hosts } from '../../activities/hosts/host.js';
import type { Secrets } from '../../activities/secrets/secrets.js';
import { environmentFor, hostPlan, hostsKnowing, reaching } from './hosts.js';
import { startSshd } from './sshd.js';

export interface HostUnderTest {
  host: Host;
  /** Another worker's view of the same host: own connections, nothing shared in memory. */
  another(secrets?: Secrets): Promise<{ host: Host; hosts: Hosts }>;
  /** `.slipway` is in here. */
  home: string;
  /** The server side of every connection dies, and comes back; nothing to do for a local host. */
  crashServer(): Promise<void>;
  startServer(): Promise<void>;
  stop(): Promise<void>;
}

export const HOST_KINDS: [string, () => Promise<HostUnderTest>][] = [
  ['over ssh', overSsh],
  ['local', onThisMachine],
];

/** One host for all tests of a block; `endAll` ends what they left running on it. */
export function givenHost(start: () => Promise<HostUnderTest>, endAll: () => Promise<void>): HostUnderTest {
  const subject = {} as HostUnderTest;
  beforeAll(async () => {
    Object.assign(subject, await start());
  });
  afterAll(async () => {
    await endAll();
    await subject.stop();
  });
  return subject;
}

async function overSsh(): Promise<HostUnderTest> {
  const sshd = await startSshd();
  const opened: Hosts[] = [];
  const another: HostUnderTest['another'] = async (secrets) => {
    const hosts = hostsKnowing(sshd.knownHostsPath, {}, secrets);
    opened.push(hosts);
    return { hosts, host: await hosts.open(reaching(sshd), hostPlan(sshd.destination)) };
  };
  return {
    host: (await another()).host,
    another,
    home: sshd.home,
    crashServer: () => sshd.crash(),
    startServer: () => sshd.start(),
    stop: async () => {
      await Promise.all(opened.map((hosts) => hosts.close()));
      await sshd.stop();
    },
  };
}

async function onThisMachine(): Promise<HostUnderTest> {
  const home = await mkdtemp(path.join(tmpdir(), 'slw-local-'));
  const before = process.env['HOME'];
  process.env['HOME'] = home;
  const another: HostUnderTest['another'] = async (secrets) => {
    const hosts = hostsKnowing('/dev/null', {}, secrets);
    return { hosts, host: await hosts.open(environmentFor(), hostPlan('local')) };
  };
  return {
    host: (await another()).host,
    another,
    home,
    crashServer: async () => undefined,
    startServer: async () => undefined,
    stop: async () => {
      if (before === undefined) delete process.env['HOME'];
      else process.env['HOME'] = before;
      await rm(home, { recursive: true, force: true });
    },
  };
}
