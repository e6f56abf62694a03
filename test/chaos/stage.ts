/** Everything real that a chaos run needs, in folders of its own, and the handles by which it is hurt. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { tmpdir } from 'node:os';
import { startEmbeddedTemporal, type EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { startDockerHost, type DockerHost } from '../support/docker-host.js';
import { part } from '../support/parts.js';
import { startRegistry } from '../support/registry.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { searchTemporal } from '../support/search-temporal.js';
import { freePort, startSshd, type Sshd } from '../support/sshd.js';
import { superviseWorker, type SupervisedWorker } from '../support/supervised-worker.js';
import { createCommitter } from './committer.js';
import type { Breakable } from './places.js';
import { createProxy } from './proxy.js';
import { clearHost, createPublisher, furnishHost, type Scenery } from './shop.js';
import { createWebPublisher, furnishSwarm } from './web.js';

export interface Stage {
  folder: string;
  temporalAddress: string;
  repository: TestRepository;
  /** Commits and tags a release of a pipeline; gives the full sha. */
  publish: Record<'shop' | 'web', ReturnType<typeof createPublisher>>;
  scenery: Scenery;
  sshd: Sshd;
  /** With its own sshd and dockerd. */
  swarm: DockerHost;
  /** What the service of `swarm` ran before the first release. */
  firstImage: string;
  workers: SupervisedWorker[];
  temporal: Breakable;
  proxy: Breakable;
  /** What users of `prod` and of `stack` ask. */
  urls: { shop: string; web: string };
  /** Ends everything it started; `keep` leaves the logs. */
  strike(keep: boolean): Promise<void>;
}

export async function setStage(): Promise<Stage> {
  const ends: (() => Promise<void>)[] = [];
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-chaos-'));
  const strike = async (keep: boolean): Promise<void> => {
    const failures: unknown[] = [];
    for (let end = ends.pop(); end !== undefined; end = ends.pop())
      await end().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be ended');
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
    const swarm = await startDockerHost({ name: 'swarm-1', user: 'root' });
    ends.push(() => swarm.stop());
    const registry = await startRegistry({ address: swarm.gateway });
    ends.push(() => registry.stop());
    const proxy = await createProxy(ports, swarm.address);
    ends.push(proxy.stop);
    const web = { host: swarm, registry, folder: path.join(folder, 'images'), proxy: proxy.web };
    const firstImage = await furnishSwarm(web);
    const temporal = await createTemporal(path.join(folder, 'temporal'));
    ends.push(temporal.stop);
    const env = { SLIPWAY_INSECURE_REGISTRIES: registry.server };
    const started = await Promise.allSettled(
      ['one', 'two'].map((name) => superviseWorker(path.join(folder, name), temporal.address, env)),
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
    const scenery: Scenery = { home, destination, keyPath, knownHostsPath, ports, proxy: proxy.shop };
    const commit = createCommitter(repository);
    return {
      publish: { shop: createPublisher(commit, scenery), web: createWebPublisher(commit, web) },
      ...{ folder, repository, scenery, sshd, swarm, firstImage, workers, temporal, proxy, strike },
      temporalAddress: temporal.address,
      urls: {
        shop: `http://127.0.0.1:${proxy.shop.port}`,
        web: `http://127.0.0.1:${proxy.web.port}`,
      },
    };
  } catch (error) {
    await strike(false);
    throw error;
  }
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
    stop: async () => {
      try {
        await searchTemporal(server.address);
      } finally {
        await server.stop();
      }
    },
  };
}
