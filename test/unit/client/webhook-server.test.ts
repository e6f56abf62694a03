/** What reaches the receiver and what does not, without Temporal. */
import { once } from 'node:events';
import { request as httpRequest, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSignatureCheck } from '../../../client/webhooks/check-signature.js';
import { createBodyReader } from '../../../client/read-body.js';
import { answer, type Delivery } from '../../../client/webhooks/receive-delivery.js';
import { createWebhookServer, type DeliveryRecord } from '../../../client/webhooks/webhook-server.js';
import { listen } from '../../support/listen.js';
import { plantToken } from '../../support/planted.js';
import { until } from '../../support/workflow-harness.js';
import { deliver, payloadsOf, SECRET, sign } from '../../support/webhooks.js';

const OLD_SECRET = plantToken();
/** Said here once more: a limit that is raised must be seen. */
const LARGEST_BODY_BYTES = 25 * 1024 * 1024;
const [ping] = payloadsOf('ping');

let server: Server;
let url: string;
let port: number;
let received: Delivery[];
let logged: DeliveryRecord[];
let trouble: string | null;
let onReceive: () => Promise<void>;

beforeEach(async () => {
  received = [];
  logged = [];
  trouble = null;
  onReceive = () => Promise.resolve();
  server = createWebhookServer({
    isSigned: createSignatureCheck([SECRET, OLD_SECRET]),
    receive: async (delivery) => {
      received.push(delivery);
      await onReceive();
      return answer(202, 'started', null);
    },
    findTrouble: () => Promise.resolve(trouble),
    log: (record) => logged.push(record),
  });
  port = await listen(server);
  url = `http://127.0.0.1:${port}/webhooks/github`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

describe('a signature', () => {
  it.each([
    ['the one of now', SECRET],
    ['the one from before', OLD_SECRET],
  ])('of a secret that is known passes: %s', async (_which, secret) => {
    expect(await deliver(url, 'ping', ping, { secret, id: 'd-1' })).toMatchObject({ status: 202 });
    expect(received).toEqual([{ id: 'd-1', event: 'ping', body: ping }]);
    expect(logged).toMatchObject([{ status: 202, outcome: 'started', delivery: 'd-1', githubEvent: 'ping' }]);
  });

  it.each([
    ['of another secret', { 'x-hub-signature-256': sign(JSON.stringify(ping), 'guess') }],
    ['of another body', { 'x-hub-signature-256': sign('{}') }],
    ['with sha1', { 'x-hub-signature-256': `sha1=${'0'.repeat(40)}` }],
    ['too short', { 'x-hub-signature-256': 'sha256=00' }],
    ['empty', { 'x-hub-signature-256': '' }],
    ['only in the old header', { 'x-hub-signature-256': '', 'x-hub-signature': sign(JSON.stringify(ping)) }],
  ])('%s is 401, and nothing is received', async (_, headers: Record<string, string>) => {
    expect(await deliver(url, 'ping', ping, { headers })).toMatchObject({ status: 401 });
    expect(received).toEqual([]);
    expect(logged).toMatchObject([{ status: 401, outcome: 'refused' }]);
  });

  it('is of the bytes, not of what they would be read as', async () => {
    const signed = '{"zen":"\ufffd"}';
    const body = Buffer.concat([Buffer.from('{"zen":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(body.toString()).toBe(signed);
    const headers = {
      ...{ 'content-type': 'application/json; charset=utf-16', 'x-github-event': 'ping' },
      ...{ 'x-github-delivery': 'd-1', 'x-hub-signature-256': sign(signed) },
    };
    const post = async (sent: Buffer | string) =>
      (await fetch(url, { method: 'POST', headers, body: sent })).status;
    expect([await post(body), received]).toEqual([400, []]);
    expect([await post(signed), received.length]).toEqual([202, 1]);
  });

  it('of nothing at all is 401', async () => {
    expect(await deliver(url, 'ping', '')).toMatchObject({ status: 401 });
  });
});

describe('what is no delivery', () => {
  it.each([
    ['POST', '/', 404],
    ['POST', '/webhooks/github/x', 404],
    ['GET', '/webhooks/github', 405],
    ['PUT', '/webhooks/github', 405],
    ['POST', '/healthz', 405],
  ])('%s %s is %i', async (method, path, status) => {
    const answered = await fetch(new URL(path, url), { method });
    expect(answered.status).toBe(status);
    expect(answered.headers.get('allow') === null).toBe(status !== 405);
    expect(logged).toEqual([]);
  });

  it('in a form is 415 with the way out', async () => {
    const answered = await deliver(url, 'ping', 'payload=%7B%7D', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answered).toMatchObject({
      status: 415,
      body: { why: expect.stringContaining('application/json') },
    });
  });

  it.each(['{', '"', '', 'nonsense', '{"a":1}}'])('signed and no JSON (%j) is refused', async (body) => {
    expect((await deliver(url, 'push', body)).status).toBe(body === '' ? 401 : 400);
    expect(received).toEqual([]);
  });

  it.each([
    ['x-github-delivery', 'a b'],
    ['x-github-delivery', 'x'.repeat(65)],
    ['x-github-delivery', '$(reboot)'],
    ['x-github-event', 'Push!'],
    ['x-github-event', ''],
  ])('with %s %j is 400 and is not shown anywhere', async (name, value) => {
    expect((await deliver(url, 'push', {}, { headers: { [name]: value } })).status).toBe(400);
    expect(received).toEqual([]);
    const [record] = logged;
    expect(record?.[name === 'x-github-event' ? 'githubEvent' : 'delivery']).toBe(null);
  });
});

describe('a body that is too large', () => {
  it('is 413 by its announced length, before it is sent', async () => {
    const request = httpRequest(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': LARGEST_BODY_BYTES + 1 },
    });
    request.flushHeaders();
    const [response] = (await once(request, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
    request.on('error', () => undefined);
    request.destroy();
    expect(received).toEqual([]);
  });

  it('is 413 while it is read, when it announces nothing, and is not kept', async () => {
    const request = httpRequest(url, { method: 'POST', headers: { 'content-type': 'application/json' } });
    const answered = once(request, 'response');
    request.on('error', () => undefined);
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    for (let sent = 0; sent <= LARGEST_BODY_BYTES; sent += chunk.length)
      if (!request.write(chunk)) await once(request, 'drain');
    const [response] = (await answered) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
    request.destroy();
    expect(received).toEqual([]);
    expect(logged).toMatchObject([{ status: 413 }]);
  });

  it('of exactly what GitHub may send is read whole', async () => {
    const body = JSON.stringify('x'.repeat(LARGEST_BODY_BYTES - 2));
    expect(await deliver(url, 'push', body)).toMatchObject({ status: 202 });
    expect(received[0]?.body).toHaveLength(LARGEST_BODY_BYTES - 2);
  });

  it('together with others is 503: come again', async () => {
    const read = createBodyReader({ one: 100, all: 150 });
    const bodies: unknown[] = [];
    const small = createWebhookServer({
      isSigned: () => Promise.resolve(true),
      receive: () => Promise.resolve(answer(202, 'started', null)),
      findTrouble: () => Promise.resolve(null),
      log: () => undefined,
    });
    small.removeAllListeners('request');
    small.on('request', (request, response) => {
      void read(request).then((body) => {
        bodies.push(body);
        response.end();
      });
    });
    const smallPort = await listen(small);
    const halves = [1, 2].map(() => {
      const one = httpRequest({ port: smallPort, method: 'POST' });
      one.write('x'.repeat(80));
      return one;
    });
    await until('one of two is refused', () => bodies.length > 0);
    expect(bodies).toEqual([{ kind: 'too-much-at-once' }]);
    for (const one of halves) one.end();
    await until('the other is read', () => bodies.length === 2);
    expect(bodies[1]).toEqual({ kind: 'whole', text: 'x'.repeat(80) });
    small.closeAllConnections();
    small.close();
  });
});

describe('a sender that goes away', () => {
  it('in the middle leaves a line, and nothing is received', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST /webhooks/github HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a"',
    );
    await until('the server has the connection', async () => (await countConnections()) === 1);
    socket.destroy();
    await until('it is logged', () => logged.length === 1);
    expect(logged).toMatchObject([{ status: 400, why: expect.stringContaining('went away') }]);
    expect(received).toEqual([]);
  });

  function countConnections(): Promise<number> {
    return new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  }
});

it('a bug is 500 for GitHub and told in the log, and the next delivery is received', async () => {
  onReceive = () => Promise.reject(new Error('a bug'));
  expect(await deliver(url, 'push', {})).toMatchObject({ status: 500, body: { outcome: 'failed' } });
  expect(logged).toMatchObject([{ status: 500, bug: new Error('a bug') }]);
  onReceive = () => Promise.resolve();
  expect(await deliver(url, 'push', {})).toMatchObject({ status: 202 });
});

it('closing lets a delivery in progress end, and takes no other', async () => {
  let goOn: () => void = () => undefined;
  onReceive = () =>
    new Promise((resolve) => {
      goOn = resolve;
    });
  const inProgress = deliver(url, 'push', {});
  await until('it is received', () => received.length === 1);
  const closed = once(server, 'close');
  server.close();
  await expect(fetch(url)).rejects.toThrow();
  goOn();
  expect(await inProgress).toMatchObject({ status: 202 });
  await closed;
  server.listen(0);
});

it('/healthz says what is wrong', async () => {
  const health = new URL('/healthz', url);
  const well = await fetch(health);
  expect([well.status, await well.json()]).toEqual([200, { ok: true, why: null }]);
  trouble = 'Temporal does not answer';
  const ill = await fetch(health);
  expect([ill.status, await ill.json()]).toEqual([503, { ok: false, why: trouble }]);
});
