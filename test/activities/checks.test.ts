/** Checks against real servers, hosts and processes: what is a no, and what is no answer. */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { askCheck } from '../../activities/checks/ask-check.js';
import {
  CHECK_SECRETS,
  givenCheckScene,
  httpCheck,
  runCheck,
  tcpCheck,
  type CheckScene,
} from '../support/check-scene.js';
import { startHttpBackend } from '../support/http-backend.js';
import { startImpatientServer } from '../support/impatient-server.js';
import { untilGone } from '../support/processes.js';
import { freePort } from '../support/sshd.js';

let scene: CheckScene;

beforeAll(async () => {
  scene = await givenCheckScene();
});

afterEach(async () => {
  await scene.blue.set({ status: 200, delayMs: 0, errorShare: 0 });
  await scene.green.set({ status: 200, delayMs: 0, errorShare: 0 });
});

afterAll(async () => {
  await scene.stop();
});

describe('http', () => {
  const ask = (check: Parameters<typeof httpCheck>[0], change = {}) =>
    askCheck(httpCheck(check), scene.context({ at: 'traffic', ...change }));

  it('passes with the one good status', async () => {
    const found = await ask({ url: `${scene.blue.url}/health` });
    expect(found).toMatchObject({ check: 'check', verdict: 'passed' });
    expect(found.detail).toMatch(/^\/health 200 in \d+ms$/);
  });

  it('fails with another, showing the body', async () => {
    await scene.blue.set({ status: 503 });
    const found = await ask({ url: `${scene.blue.url}/health` });
    expect(found.verdict).toBe('failed');
    expect(found.detail).toMatch(/\/health 503 in \d+ms, expected 200: blue/);
    expect(await ask({ url: `${scene.blue.url}/health`, status: 503 })).toMatchObject({ verdict: 'passed' });
  });

  it('asks the idle colour past the proxy, from the proxy’s host, as users name it', async () => {
    const found = await ask({ url: `${scene.blue.url}/health` }, { at: 'colour' });
    expect(found.verdict).toBe('passed');
    await scene.green.set({ status: 500 });
    const sick = await ask({ url: `${scene.blue.url}/health` }, { at: 'colour' });
    expect(sick).toMatchObject({ verdict: 'failed', detail: expect.stringContaining('500') as string });
  });

  it('fails when the idle colour does not listen', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const target = scene.target();
    if (target.plan.traffic !== null)
      target.plan.traffic.colourUrls = { blue: scene.blue.url, green: nobody };
    const found = await ask({ url: `${scene.blue.url}/health` }, { at: 'colour', target });
    expect(found).toMatchObject({ verdict: 'failed', detail: expect.stringMatching(/refused/i) as string });
  });

  it('is inconclusive when the host that would ask cannot be reached', async () => {
    const target = scene.target({ hosts: [{ name: 'gone', address: `root@127.0.0.1:${await freePort()}` }] });
    const openHost = () =>
      scene.dependencies.hosts.open(target.plan, target.plan.hosts[0] ?? { name: '', address: '' });
    const found = await ask({ url: `${scene.blue.url}/health` }, { at: 'colour', target, openHost });
    expect(found.verdict).toBe('inconclusive');
  });

  it('fails in time when there is no answer', async () => {
    await scene.blue.set({ delayMs: 5_000 });
    const found = await ask({ url: scene.blue.url, timeoutMs: 100 });
    expect(found).toMatchObject({
      verdict: 'failed',
      detail: expect.stringContaining('no answer within 0.1s') as string,
    });
  });

  it('fails when nobody listens, and is inconclusive when the name is unknown', async () => {
    const refused = await ask({ url: `http://127.0.0.1:${await freePort()}/` });
    expect(refused).toMatchObject({
      verdict: 'failed',
      detail: expect.stringContaining('ECONNREFUSED') as string,
    });
    const unknown = await ask({ url: 'http://no-such-host.invalid/' });
    expect(unknown.verdict).toBe('inconclusive');
  });

  it('survives a server that restarted between two questions on a kept connection', async () => {
    const first = await startHttpBackend('blue');
    expect(await ask({ url: first.url })).toMatchObject({ verdict: 'passed' });
    await first.stop();
    const second = await startHttpBackend('blue', first.port);
    expect(await ask({ url: second.url })).toMatchObject({ verdict: 'passed' });
    await second.stop();
  });

  it('asks anew on a connection of its own where several kept ones are closed in the moment they are used', async () => {
    const server = await startImpatientServer();
    const url = `http://127.0.0.1:${server.port}`;
    // more than there are connections for: some queue for one that others have used
    const atOnce = await Promise.all(Array.from({ length: 12 }, () => ask({ url })));
    expect(atOnce.map(({ verdict }) => verdict)).toEqual(Array(12).fill('passed'));
    const queued = server.lost();
    expect(queued).toBeGreaterThan(0);
    expect(await ask({ url })).toMatchObject({ verdict: 'passed' });
    expect(server.lost()).toBe(queued + 1);
    server.stop();
  });

  describe('with a server that looks at requests', () => {
    let server: http.Server;
    let url: string;
    let seen: http.IncomingHttpHeaders;

    beforeAll(async () => {
      server = http.createServer((request, response) => {
        seen = request.headers;
        if (request.url === '/login') response.writeHead(302, { location: 'https://sso.example.com/' });
        else response.statusCode = request.headers.authorization === undefined ? 401 : 200;
        response.end(`you sent ${request.headers.authorization ?? 'nothing'}`);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });

    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    it('sends the login and the headers, and never shows the secret', async () => {
      expect(await ask({ url })).toMatchObject({ verdict: 'failed' });
      const found = await ask({ url, basicAuth: 'env:LOGIN', header: { 'X-Probe': 'slipway' }, status: 418 });
      expect(seen['x-probe']).toBe('slipway');
      expect(seen.authorization).toBe(`Basic ${Buffer.from(CHECK_SECRETS.LOGIN).toString('base64')}`);
      expect(found.detail).toContain('[env:LOGIN]');
      expect(found.detail).not.toContain(Buffer.from(CHECK_SECRETS.LOGIN).toString('base64'));
    });

    it('does not follow a redirect: a login page answers 200 as well', async () => {
      const found = await ask({ url: `${url}/login` });
      expect(found).toMatchObject({
        verdict: 'failed',
        detail: expect.stringContaining('302') as string,
      });
      expect(found.detail).toContain('to https://sso.example.com/');
    });

    it('refuses a missing secret instead of asking without it', async () => {
      await expect(ask({ url, basicAuth: 'env:NOT_SET' })).rejects.toThrow(/env:NOT_SET/);
    });
  });
});

describe('tcp', () => {
  it('passes with a connection, fails without one', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await askCheck(tcpCheck({ port }), scene.context())).toMatchObject({ verdict: 'passed' });
    server.close();
    await once(server, 'close');
    expect(await askCheck(tcpCheck({ port }), scene.context())).toMatchObject({ verdict: 'failed' });
  });

  it('is inconclusive when the name is unknown', async () => {
    const found = await askCheck(tcpCheck({ host: 'no-such-host.invalid', port: 1 }), scene.context());
    expect(found.verdict).toBe('inconclusive');
  });
});

describe('run', () => {
  const ask = (check: Parameters<typeof runCheck>[0], change = {}) =>
    askCheck(runCheck(check), scene.context(change));

  it.each(['worker', 'host'] as const)('on the %s is judged by its exit code', async (on) => {
    expect(await ask({ on, command: 'test {colour} = green' })).toMatchObject({ verdict: 'passed' });
    expect(await ask({ on, command: 'echo broken >&2; exit 3' })).toMatchObject({
      verdict: 'failed',
      detail: expect.stringMatching(/exit 3: broken/) as string,
    });
    expect(await ask({ on, command: 'no-such-program' })).toMatchObject({ verdict: 'inconclusive' });
  });

  it('gets the address of the colour, its environment, and not the worker’s own', async () => {
    process.env['SLIPWAY_TEST_PRIVATE'] = 'private';
    const found = await ask(
      { command: 'echo "$SLIPWAY_COLOUR_URL $TOLD ${SLIPWAY_TEST_PRIVATE-unset}"; exit 1' },
      { env: { TOLD: 'so' } },
    );
    delete process.env['SLIPWAY_TEST_PRIVATE'];
    expect(found.detail).toContain(`${scene.green.url} so unset`);
  });

  it.each(['worker', 'host'] as const)('on the %s ends what it started when the time is over', async (on) => {
    const mark = `60.${process.pid}${on === 'host' ? 1 : 2}`;
    const found = await ask({ on, command: `sleep ${mark} & sleep ${mark}`, timeoutMs: 300 });
    expect(found).toMatchObject({
      verdict: 'failed',
      detail: expect.stringContaining('not done within 0.3s') as string,
    });
    await untilGone(`sleep ${mark}`);
  });

  it('leaves nothing behind when it was good', async () => {
    const mark = `61.${process.pid}`;
    expect(await ask({ command: `sleep ${mark} & exit 0` })).toMatchObject({ verdict: 'passed' });
    await untilGone(`sleep ${mark}`);
  });

  it('is inconclusive when the host cannot be reached', async () => {
    const openHost = () => Promise.reject(new Error('ssh: no route'));
    expect(await ask({ on: 'host', command: 'true' }, { openHost })).toMatchObject({
      verdict: 'inconclusive',
      detail: expect.stringContaining('no route') as string,
    });
  });

  it('refuses a value the shell could read', async () => {
    const target = { ...scene.target(), version: 'v1;reboot' };
    await expect(ask({ command: 'echo {version}' }, { target })).rejects.toThrow(/version/);
  });
});
