/** A worker process for tests that kill it: both queues, fake activities on a world in a file. Says `ready` when it polls. */
import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { olderThan } from '../support/environment-scene.js';
import { createFakeActivities } from '../support/fake-activities.js';
import { openWorldFile } from '../support/fake-world.js';
import { quiet, startWorkers } from '../support/workers.js';

const [address, taskQueue, bundleFile, worldFile] = process.argv.slice(2);
if (address === undefined || taskQueue === undefined || bundleFile === undefined || worldFile === undefined)
  throw new Error('killable-worker ADDRESS TASK-QUEUE BUNDLE-FILE WORLD-FILE');

quiet();
const connection = await NativeConnection.connect({ address });
const client = new Client({ connection: await Connection.connect({ address }) });
const world = openWorldFile(worldFile);
const activities = createFakeActivities({ world, client, taskQueue, ancestors: olderThan });
await startWorkers(connection, taskQueue, readFileSync(bundleFile, 'utf8'), activities);
process.stdout.write('ready\n');
