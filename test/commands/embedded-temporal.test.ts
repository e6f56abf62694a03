/** `slipway up` and its server: one of them per data folder, and what a killed worker left is ended. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePort } from '../support/sshd.js';
import { startEmbeddedTemporal, type EmbeddedTemporal } from '../../workers/embedded-temporal.js';

let dataFolder: string;
const servers: EmbeddedTemporal[] = [];

beforeEach(() => {
  dataFolder = mkdtempSync(path.join(tmpdir(), 'slipway-embedded-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  rmSync(dataFolder, { recursive: true, force: true });
});

async function start(): Promise<EmbeddedTemporal> {
  const [port, uiPort] = [await freePort(), await freePort()];
  const server = await startEmbeddedTemporal({ port, uiPort, dataFolder, inMemory: false, env: process.env });
  servers.push(server);
  return server;
}

async function answers({ address }: EmbeddedTemporal): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 2000 });
  await connection.close();
  return true;
}

it('a second one in the same folder is refused, and the first goes on', async () => {
  const first = await start();
  await expect(start()).rejects.toThrow(/slipway up.*runs already/);
  expect(await answers(first)).toBe(true);
});

it('one that a killed worker left is ended first', async () => {
  const left = await start();
  // as if it had another parent, which is gone
  writeFileSync(path.join(dataFolder, 'worker.pid'), '999999999');
  const next = await start();
  await left.ended;
  expect(await answers(next)).toBe(true);
  expect(readFileSync(path.join(dataFolder, 'worker.pid'), 'utf8')).toBe(String(process.pid));
});

it('one that ends at once says why, in its own words', async () => {
  writeFileSync(path.join(dataFolder, 'temporal.log'), 'of an earlier start\n');
  writeFileSync(
    path.join(dataFolder, 'temporal.db'),
    'no database at all, and longer than its header would be',
  );
  await expect(start()).rejects.toThrow(
    /did not come up: it ended with 1; its last words: .*not a database.*; its log: .*temporal\.log$/s,
  );
});
