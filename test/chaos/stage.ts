/** Everything real that a chaos run needs, in folders of its own, and the handles by which it is hurt. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tmpdir } from 'node:os';
import { startEmbeddedTemporal, type EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { createHaproxy } from '../support/haproxy.js';
import { part } from '../support/parts.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { freePort, startSshd, type Sshd } from '../support/sshd.js';
import { clearHost, createPublisher, furnishHost, type Scenery } from './shop.js';
import { superviseWorker, type SupervisedWorker } from '../support/supervised-worker.js';

/** Something that can be taken away and given back. */
export interface Breakable {
  break(): Promise<void>;
  mend(): Promise<void>;
}

export interface Stage {
  folder: string;
  temporalAddress: string;
  repository: TestRepository;
  /** Commits and tags a release; gives the full sha. */
  publish: ReturnType<typeof createPublisher>;
  scenery: Scenery;
  sshd: Sshd;
  workers: SupervisedWorker[];
  temporal: Breakable;
  proxy: Breakable;
  proxyUrl: string;
  /** Ends everything it started; `keep` leaves the logs. */
  strike(keep: boolean): Promise<void>;
}

export async function setStage(): Promise<Stage> {
  const ends: (() => Promise<void>)[] = [];
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-chaos-'));
  const strike = async (keep: boolean): Promise<void> => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end();
    if (!keep) await rm(folder, { recursive: true, force: true });
  };
  try {
    const repository = await createRepository();
    ends.push(() => repository.remove());
    const ports = { blue: await freePort(), green: await freePort(), stage: await freePort() };
    const sshd = await startSshd({ config: ['MaxStartups 100'] });
    ends.push(() => sshd.stop());
    await furnishHost(sshd.home, repository.folder, ports);
    ends.push(() => clearHost(sshd.home));
    const proxyPort = await freePort();
    const proxy = await createProxy(proxyPort, ports);
    ends.push(proxy.stop);
    const temporal = await createTemporal(path.join(folder, 'temporal'));
    ends.push(temporal.stop);
    const started = await Promise.allSettled(
      ['one', 'two'].map((name) => superviseWorker(path.join(folder, name), temporal.address)),
    );
    const workers: SupervisedWorker[] = [];
    for (const result of started) {
      if (result.status === 'fulfilled') workers.push(result.value);
    }
    for (const worker of workers) ends.push(worker.stop);
    for (const result of started) {
      if (result.status === 'rejected') throw result.reason;
    }
    const { home, destination, keyPath, knownHostsPath } = sshd;
    const scenery: Scenery = {
      ...{ home, destination, keyPath, knownHostsPath, proxyPort, ports },
      ...{ socket: proxy.socket, map: proxy.map },
    };
    return {
      publish: createPublisher(repository, scenery),
      scenery,
      ...{ folder, repository, sshd, workers, temporal, proxy, strike },
      temporalAddress: temporal.address,
      proxyUrl: `http://127.0.0.1:${proxyPort}`,
    };
  } catch (error) {
    await strike(false);
    throw error;
  }
}

async function createProxy(
  port: number,
  ports: Scenery['ports'],
): Promise<Breakable & { socket: string; map: string; stop: () => Promise<void> }> {
  const haproxy = await createHaproxy();
  const socket = path.join(haproxy.folder, 'slipway.sock');
  const maps = path.join(haproxy.folder, 'slipway');
  const map = path.join(maps, 'shop.map');
  await mkdir(maps);
  await writeFile(map, 'shop shop_blue\n');
  await writeFile(
    haproxy.configuration,
    `global
    stats socket ${socket} mode 600 level admin
    hard-stop-after 5s
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
frontend web
    bind 127.0.0.1:${port}
    use_backend %[str(shop),map(${map})]
backend shop_blue
    server blue 127.0.0.1:${ports.blue}
backend shop_green
    server green 127.0.0.1:${ports.green}
`,
  );
  await haproxy.start(socket);
  return { socket, map, break: haproxy.crash, mend: () => haproxy.start(socket), stop: haproxy.stop };
}

async function createTemporal(
  dataFolder: string,
): Promise<Breakable & { address: string; stop: () => Promise<void> }> {
  const options = {
    port: await freePort(),
    uiPort: await freePort(),
    dataFolder,
    inMemory: false,
    env: { ...process.env, TEMPORAL_CLI_PATH: await part('temporal') },
  };
  let server: EmbeddedTemporal = await startEmbeddedTemporal(options);
  return {
    address: server.address,
    break: async () => {
      process.kill(Number(await readFile(path.join(dataFolder, 'temporal.pid'), 'utf8')), 'SIGKILL');
      await server.ended;
    },
    mend: async () => {
      server = await startEmbeddedTemporal(options);
    },
    stop: () => server.stop(),
  };
}
