/** The codec server over real HTTP: who is let in, what is opened, what is too much. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCodecServer, MAX_BODY_BYTES } from '../../../client/codec-server.js';
import { createPayloadCodec } from '../../../payloads/payload-codec.js';
import { parsePayloadKeys } from '../../../payloads/payload-keys.js';
import { changeByte } from '../../support/change-byte.js';
import { listen } from '../../support/listen.js';
import { slipway } from '../../support/slipway-command.js';

const KEY_LINE = `a ${Buffer.alloc(32, 1).toString('base64')}`;
const TOKEN = 'a-token-nobody-guesses';
const ORIGIN = 'https://temporal.example.com';
const keys = parsePayloadKeys(KEY_LINE, 'test');
const context = { type: 'workflow', namespace: 'prod', workflowId: 'w' } as const;
const said = { text: 'all is well' };

let server: Server;
let url: string;
beforeAll(async () => {
  server = createCodecServer({ keys, token: TOKEN, origin: ORIGIN });
  url = `http://127.0.0.1:${await listen(server)}`;
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

interface Ask {
  path?: string;
  body?: string;
  method?: string;
  headers?: Record<string, string>;
}

/** As the UI asks, with what is given instead. */
async function ask({ path: at = '/decode', body = '{"payloads":[]}', method = 'POST', headers = {} }: Ask) {
  const usual = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` };
  return fetch(`${url}${at}`, {
    method,
    headers: { ...usual, ...headers },
    ...(method === 'POST' ? { body } : {}),
  });
}

function write(payloads: Payload[]): string {
  const encoded = payloads.map(({ metadata, data }) => ({
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
    ),
    data: Buffer.from(data ?? []).toString('base64'),
  }));
  return JSON.stringify({ payloads: encoded });
}

/** The values in an answer. */
async function read(response: Response): Promise<unknown[]> {
  const { payloads } = (await response.json()) as {
    payloads: { metadata: Record<string, string>; data: string }[];
  };
  return payloads.map(({ data }) => JSON.parse(Buffer.from(data, 'base64').toString()) as unknown);
}

async function sealed(): Promise<Payload[]> {
  const codec = createPayloadCodec({ keys, namespace: 'prod', refusals: 'throw' });
  return codec.encode([defaultPayloadConverter.toPayload(said)], context);
}

it('opens what is sealed, and leaves what is not', async () => {
  const body = write([...(await sealed()), defaultPayloadConverter.toPayload('plain')]);
  const response = await ask({ body, headers: { 'x-namespace': 'prod' } });
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await read(response)).toEqual([said, 'plain']);
});

it('shows nothing of another namespace, of other keys, or changed', async () => {
  const payloads = await sealed();
  expect((await ask({ body: write(payloads), headers: { 'x-namespace': 'stage' } })).status).toBe(400);
  const [first] = payloads;
  const other = { ...first, metadata: { ...first?.metadata, 'encryption-key-id': Buffer.from('b') } };
  const unknown = await ask({ body: write([other]) });
  expect(unknown.status).toBe(400);
  expect(await unknown.text()).toContain('is not in the key file');
  const changed = { ...first, data: changeByte(first?.data ?? Buffer.of(), 20) };
  expect(await (await ask({ body: write([changed]) })).text()).toContain('changed');
});

it('seals what the command line sends, so that a workflow takes it and an activity does not', async () => {
  const plain = defaultPayloadConverter.toPayload(said);
  expect((await ask({ path: '/encode', body: write([plain]) })).status).toBe(400);
  const response = await ask({ path: '/encode', body: write([plain]), headers: { 'x-namespace': 'prod' } });
  const { payloads } = (await response.json()) as {
    payloads: { metadata: Record<string, string>; data: string }[];
  };
  const [one] = payloads.map(({ metadata, data }) => ({
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
    ),
    data: Buffer.from(data, 'base64'),
  }));
  if (one === undefined) throw new Error('nothing encoded');
  expect(one.data.toString('latin1')).not.toContain('well');
  const codec = createPayloadCodec({ keys, namespace: 'prod', refusals: 'throw' });
  expect(await codec.decode([one], context)).toMatchObject([{ data: Buffer.from(plain.data ?? []) }]);
  const activity = { ...context, type: 'activity', activityId: '1', isLocal: false } as const;
  await expect(codec.decode([one], activity)).rejects.toThrow('another place');
  const elsewhere = createPayloadCodec({ keys, namespace: 'stage', refusals: 'throw' });
  await expect(elsewhere.decode([one], { ...context, namespace: 'stage' })).rejects.toThrow('another place');
});

it.each([
  ['no token', { authorization: '' }],
  ['another token', { authorization: 'Bearer another' }],
  ['the token as a password', { authorization: `Basic ${TOKEN}` }],
  ['the beginning of the token', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
])('%s is 401', async (_, headers) => {
  const response = await ask({ headers });
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
});

it('lets in the UI of its origin, and no other page', async () => {
  const preflight = await ask({ method: 'OPTIONS', headers: { origin: ORIGIN, authorization: '' } });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe(ORIGIN);
  expect(preflight.headers.get('access-control-allow-headers')).toBe(
    'authorization, content-type, x-namespace',
  );
  expect((await ask({ headers: { origin: ORIGIN } })).headers.get('access-control-allow-origin')).toBe(
    ORIGIN,
  );
  for (const origin of [
    'https://evil.example.com',
    `${ORIGIN}.evil.com`,
    'null',
    'http://temporal.example.com',
  ]) {
    for (const method of ['OPTIONS', 'POST']) {
      const response = await ask({ method, headers: { origin } });
      expect(response.status).toBe(403);
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  }
});

it.each([
  ['another path', { path: '/' }, 404],
  ['another method', { method: 'GET' }, 405],
  ['a form', { headers: { 'content-type': 'text/plain' } }, 415],
  ['no JSON', { body: '{' }, 400],
  ['a list', { body: '[]' }, 400],
  ['payloads that are none', { body: '{"payloads":[1]}' }, 400],
  ['metadata that is no text', { body: '{"payloads":[{"metadata":{"a":1}}]}' }, 400],
  ['data that is no text', { body: '{"payloads":[{"data":{}}]}' }, 400],
] as const)('%s is refused', async (_, given, status) => {
  expect((await ask(given)).status).toBe(status);
});

it.each([
  ['says so', { 'content-length': String(MAX_BODY_BYTES + 1) }],
  ['does not say so', { 'transfer-encoding': 'chunked' }],
])('a body that is too long is 413 when it %s', async (_, headers) => {
  const asking = request(`${url}/decode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...headers },
  });
  asking.on('error', () => undefined);
  // also while we still write
  const answered = once(asking, 'response');
  const piece = Buffer.alloc(1024 * 1024, ' ');
  for (let sent = 0; sent <= MAX_BODY_BYTES; sent += piece.length)
    if (!asking.write(piece)) await Promise.race([once(asking, 'drain'), answered]);
  const [response] = (await answered) as [{ statusCode?: number; resume(): void }];
  expect(response.statusCode).toBe(413);
  response.resume();
  asking.destroy();
});

it('is a command: it needs keys and a token, says where it is, and ends with Ctrl-C', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-codec-'));
  const [keyFile, tokenFile] = [path.join(folder, 'keys'), path.join(folder, 'token')];
  writeFileSync(keyFile, KEY_LINE, { mode: 0o600 });
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  const env = { SLIPWAY_PAYLOAD_KEYS: keyFile };
  const run = (argv: string[], given = {}) =>
    slipway(['codec-server', '--address', '127.0.0.1:0', ...argv], {
      cwd: folder,
      env: { ...env, ...given },
    });

  expect(await run([])).toMatchObject({ exit: 2, err: expect.stringContaining('--token-file') });
  expect(await run(['--token-file', tokenFile], { SLIPWAY_PAYLOAD_KEYS: '' })).toMatchObject({ exit: 2 });
  expect(await run(['--token-file', keyFile])).toMatchObject({ exit: 2 });
  expect(await run(['--token-file', tokenFile, '--origin', 'temporal'])).toMatchObject({ exit: 2 });
  expect(await run(['--token-file', tokenFile, '--origin', `${ORIGIN}/ui`])).toMatchObject({ exit: 2 });

  const interrupt = new AbortController();
  const answers: Promise<number>[] = [];
  const { exit, out } = await slipway(
    ['codec-server', '--address', '127.0.0.1:0', '--token-file', tokenFile, '--json'],
    {
      cwd: folder,
      env,
      interrupted: interrupt.signal,
      onOutput: (text) => {
        const ready = JSON.parse(text) as { url: string };
        const answer = fetch(`${ready.url}/decode`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
          body: '{}',
        })
          .then(({ status }) => status)
          .finally(() => interrupt.abort());
        answers.push(answer);
      },
    },
  );
  expect(exit).toBe(130);
  expect(JSON.parse(out)).toMatchObject({ schema: 1, event: 'ready' });
  expect(await Promise.all(answers)).toEqual([200]);
  rmSync(folder, { recursive: true, force: true });
});
