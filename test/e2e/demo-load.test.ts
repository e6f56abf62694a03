/** The demo's own users and proxy: what they count as lost was lost by nobody but the release. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startLoad } from '../../examples/hello/demo/load.js';
import { startImpatientServer, type ImpatientServer } from '../support/impatient-server.js';
import { until } from '../support/processes.js';
import { freePort } from '../support/sshd.js';

const PROXY = fileURLToPath(new URL('../../examples/hello/host/proxy.mjs', import.meta.url));

describe('the demo’s load', () => {
  let shop: ImpatientServer;
  let folder: string;

  beforeEach(async () => {
    shop = await startImpatientServer();
    folder = await mkdtemp(path.join(tmpdir(), 'slipway-e2e-'));
  });

  afterEach(async () => {
    shop.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('asks again where a kept connection was closed before it was asked, and counts no failure', async () => {
    const load = startLoad(`http://127.0.0.1:${shop.port}/orders`, 200);
    await until('kept connections to be lost', () => shop.lost() >= 20);
    await load.stop();
    expect(Object.fromEntries(load.failures())).toEqual({});
    expect(load.failed()).toBe(0);
  });

  test('counts what nobody answered, and says why', async () => {
    shop.stop();
    const load = startLoad(`http://127.0.0.1:${shop.port}/orders`, 200);
    await until('requests', () => load.requests() >= 20);
    await load.stop();
    expect(load.failed()).toBe(load.requests());
    expect(Object.fromEntries(load.failures())).toEqual({ ECONNREFUSED: load.requests() });
  });

  test('its proxy asks the shop again in the same way', async () => {
    const port = await freePort();
    await mkdir(path.join(folder, 'ports'));
    const files = { colour: 'blue', 'ports/blue': shop.port, 'ports/green': shop.port, 'ports/proxy': port };
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), `${text}\n`);
    const proxy = spawn(process.execPath, [PROXY, folder], { stdio: 'inherit' });
    const gone = once(proxy, 'exit');
    try {
      const url = `http://127.0.0.1:${port}`;
      await until(
        'the proxy to listen',
        async () => (await fetch(`${url}/_proxy/errors`).catch(() => null)) !== null,
      );
      const load = startLoad(`${url}/orders`, 200);
      await until('kept connections to be lost', () => shop.lost() >= 20);
      await load.stop();
      expect(Object.fromEntries(load.failures())).toEqual({});
    } finally {
      proxy.kill();
      await gone;
    }
  });
});
