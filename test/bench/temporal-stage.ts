/** Temporal as `slipway up` brings it, in memory, and workers beside it as processes of their own, built and started. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SlipwayClient } from '../../client/index.js';
import { startEmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { superviseWorker, type SupervisedWorker } from '../support/supervised-worker.js';
import { part } from '../support/parts.js';
import { freePort } from '../support/sshd.js';
import type { Ends } from './ends.js';

export interface TemporalStage {
  folder: string;
  workers: SupervisedWorker[];
  client: SlipwayClient;
}

export async function startTemporalStage(
  ends: Ends,
  options: { pipeline: string; workers: number; env?: NodeJS.ProcessEnv },
): Promise<TemporalStage> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-bench-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const temporal = await startEmbeddedTemporal({
    port: await freePort(),
    uiPort: await freePort(),
    dataFolder: path.join(folder, 'temporal'),
    inMemory: true,
    env: { ...process.env, TEMPORAL_CLI_PATH: await part('temporal') },
  });
  ends.push(() => temporal.stop());
  const workers: SupervisedWorker[] = [];
  for (let index = 1; index <= options.workers; index += 1) {
    const dataFolder = path.join(folder, `worker-${index}`);
    const worker = await superviseWorker(dataFolder, temporal.address, options.env);
    ends.push(() => worker.stop());
    workers.push(worker);
  }
  const client = await SlipwayClient.connect({
    pipeline: options.pipeline,
    by: 'bench',
    env: { TEMPORAL_ADDRESS: temporal.address },
  });
  ends.push(() => client.close());
  return { folder, workers, client };
}
