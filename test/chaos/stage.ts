/** Everything real that a chaos run needs, in folders of its own, and the handles by which it is hurt. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { tmpdir } from 'node:os';
import { startEmbeddedTemporal, type EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { part } from '../support/parts.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { searchTemporal } from '../support/search-temporal.js';
import { freePort } from '../support/sshd.js';
import { superviseWorker, type SupervisedWorker } from '../support/supervised-worker.js';
import { createCommitter } from './committer.js';
import type { Breakable, Ground, SetGround } from './ground.js';

export interface Stage extends Ground {
  folder: string;
  temporalAddress: string;
  repository: TestRepository;
  workers: SupervisedWorker[];
  temporal: Breakable;
  /** Ends everything it started; `keep` leaves the logs. */
  strike(keep: boolean): Promise<void>;
}

export async function setStage(setGround: SetGround): Promise<Stage> {
  const ends: (() => Promise<unknown>)[] = [];
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
    const ground = await setGround({
      ...{ folder, repository, commit: createCommitter(repository) },
      later: (cleanUp) => void ends.push(cleanUp),
      keep: (thing) => {
        ends.push(() => thing.stop());
        return thing;
      },
    });
    const temporal = await createTemporal(path.join(folder, 'temporal'));
    ends.push(temporal.stop);
    const started = await Promise.allSettled(
      ['one', 'two'].map((name) =>
        superviseWorker(path.join(folder, name), temporal.address, ground.workerEnv),
      ),
    );
    const workers: SupervisedWorker[] = [];
    for (const result of started) {
      if (result.status === 'fulfilled') workers.push(result.value);
    }
    for (const worker of workers) ends.push(worker.stop);
    for (const result of started) {
      if (result.status === 'rejected') throw result.reason;
    }
    return { ...ground, folder, repository, workers, temporal, temporalAddress: temporal.address, strike };
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
