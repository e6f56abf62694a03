/** A worker process that bakes for real and fakes everything else; killed by a test. Says `ready` when it polls. */
import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { createCheckActivities } from '../../activities/checks/create-check-activities.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { createSource } from '../../activities/source/source.js';
import { createFakeActivities } from '../support/fake-activities.js';
import { openWorldFile } from '../support/fake-world.js';
import { hostsKnowing } from '../support/hosts.js';
import { quiet, startWorkers } from '../support/workers.js';

const [address, taskQueue, bundleFile, worldFile, cacheFolder] = process.argv.slice(2);
if (address === undefined || taskQueue === undefined || bundleFile === undefined || worldFile === undefined)
  throw new Error('bake-worker ADDRESS TASK-QUEUE BUNDLE-FILE WORLD-FILE CACHE-FOLDER');

quiet();
const connection = await NativeConnection.connect({ address });
const client = new Client({ connection: await Connection.connect({ address }) });
const fakes = createFakeActivities({ world: openWorldFile(worldFile), client, taskQueue });
const { bake } = createCheckActivities({
  hosts: hostsKnowing('/dev/null'),
  secrets: createSecrets({}),
  source: createSource({ cacheFolder: cacheFolder ?? '' }),
  jobUserOf: () => Promise.resolve(null),
  serviceLog: () => Promise.resolve(''),
  newLogs: () => Promise.resolve([]),
  databaseRevision: () => Promise.reject(new Error('no database')),
});
await startWorkers(connection, taskQueue, readFileSync(bundleFile, 'utf8'), { ...fakes, bake });
process.stdout.write('ready\n');
