/**
 * Records the replay corpus: `node scripts/run-typescript.mjs test/replay/record.ts [NAME …]`. Without names only paths
 * that have no history yet are recorded: a history stays as the release that wrote it left it.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { part } from '../support/parts.js';
import { startTemporal } from '../support/temporal-setup.js';
import { startReleaseHarness } from '../support/release-scene.js';
import { quiet } from '../support/workers.js';
import { PATHS } from './paths.js';
import { github, PLANS } from './paths-of-release.js';

const exec = promisify(execFile);
const folder = path.resolve('test/replay/histories');

async function record(names: string[]): Promise<void> {
  quiet();
  mkdirSync(folder, { recursive: true });
  const temporal = await part('temporal');
  const { address, bundle, stop } = await startTemporal();
  const harness = await startReleaseHarness(PLANS, { reviews: github, elsewhere: { address, bundle } });
  for (const [name, carryOut] of Object.entries(PATHS)) {
    const file = path.join(folder, `${name}.json`);
    if (names.length === 0 ? existsSync(file) : !names.includes(name)) continue;
    const workflowId = await carryOut(harness);
    const show = ['workflow', 'show', '--workflow-id', workflowId, '--output', 'json', '--address', address];
    const { stdout } = await exec(temporal, show, { maxBuffer: 64 * 1024 * 1024 });
    // stack traces name where the project lies
    writeFileSync(file, stdout.replaceAll(`${path.resolve()}/`, ''));
    process.stdout.write(`${name}\n`);
  }
  await harness.close();
  await stop();
}

await record(process.argv.slice(2));
