import http from 'node:http';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry, type Registry } from '../../activities/registry/registry-client.js';
import { tagImages } from '../../activities/registry/tag-artifacts.js';
import { FAILURE } from '../../workflows/failures.js';
import { plantToken } from '../support/planted.js';
import { portOf, startRegistry, type TestRegistry } from '../support/registry.js';

const refused = { type: FAILURE.refused, nonRetryable: true };
const login = { username: 'ci', password: plantToken('pass:with/odd?characters-') };

describe.each([
  { kind: 'no login', options: {} },
  { kind: 'a token login', options: { login: { ...login, scheme: 'token' } } },
  { kind: 'a basic login', options: { login: { ...login, scheme: 'basic' } } },
] as const)('a registry with $kind', ({ options }) => {
  let server: TestRegistry;
  let registry: Registry;

  beforeAll(async () => {
    server = await startRegistry(options);
    const credentials = 'login' in options ? { server: server.server, ...login } : null;
    registry = createRegistry({ credentials });
  });
  afterEach(() => server.heal());
  afterAll(() => server.stop());

  it('finds digests, puts tags without a pull, and reads labels', async () => {
    const repository = `${server.server}/team/app`;
    const digest = await server.putImage('team/app', 'sha-1', { 'org.opencontainers.image.revision': 'abc' });
    expect(await registry.findDigest(repository, 'sha-1')).toBe(digest);
    expect(await registry.findDigest(repository, 'v1')).toBeNull();
    server.requests.length = 0;
    await registry.putTags(repository, digest, ['v1']);
    expect(await server.digestOf('team/app', 'v1')).toBe(digest);
    expect(server.requests.filter((line) => line.includes('/blobs/'))).toEqual([]);
    expect(await registry.readImages(repository, digest)).toEqual([
      { digest, platform: 'linux/amd64', labels: { 'org.opencontainers.image.revision': 'abc' } },
    ]);
  });

  it('keeps annotations beside an image or an index, and sends no blobs for them', async () => {
    const repository = `${server.server}/team/annotated`;
    const digest = await server.putImage('team/annotated', 'sha-1', {});
    const said = { 'dev.example': '{"a": "ü"}' };
    expect(await registry.readAnnotations(repository, 'beside')).toBeNull();
    expect(await registry.readAnnotations(repository, 'sha-1')).toEqual({});
    server.requests.length = 0;
    await registry.putAnnotations(repository, 'beside', digest, said);
    expect(server.requests.filter((line) => line.includes('/blobs/'))).toEqual([]);
    expect(await registry.readAnnotations(repository, 'beside')).toEqual(said);
    const index = await registry.readManifest(repository, 'beside');
    await registry.putAnnotations(repository, 'again', index.digest, { other: '1' });
    const manifests = async (tag: string): Promise<unknown> =>
      (JSON.parse((await registry.readManifest(repository, tag)).bytes.toString()) as { manifests: unknown })
        .manifests;
    expect(await manifests('again')).toEqual(await manifests('beside'));
    expect(await manifests('beside')).toMatchObject([{ digest }]);
    expect(await server.digestOf('team/annotated', 'sha-1')).toBe(digest);
  });

  it('puts every tag of an environment, moves those that may move, and never those that may not', async () => {
    const repository = `${server.server}/team/tagged`;
    const first = await server.putImage('team/tagged', 'sha-1', { release: '1' });
    const second = await server.putImage('team/tagged', 'sha-2', { release: '2' });
    const target = (digest: string, tags: string[], fixedTags: string[]) =>
      ({
        tags,
        fixedTags,
        artifacts: [
          { name: 'app', kind: 'image', repository, digest },
          { name: 'site', kind: 'folder', repository: 'site', digest },
        ],
      }) as const;

    await tagImages(registry, target(first, ['v1.0.0', 'latest'], ['v1.0.0']));
    await tagImages(registry, target(first, ['v1.0.0', 'latest'], ['v1.0.0']));
    expect(await server.digestOf('team/tagged', 'v1.0.0')).toBe(first);

    const again = tagImages(registry, target(second, ['latest', 'v1.0.0'], ['v1.0.0']));
    await expect(again).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('never moves'),
    });
    expect(await server.digestOf('team/tagged', 'latest')).toBe(first);

    const { tags } = await tagImages(registry, target(second, ['v2.0.0', 'latest'], ['v2.0.0']));
    expect(tags).toEqual([`${repository}:v2.0.0`, `${repository}:latest`]);
    expect(await server.digestOf('team/tagged', 'latest')).toBe(second);
    expect(await server.digestOf('team/tagged', 'v1.0.0')).toBe(first);
  });

  it.each([
    { status: 403, failure: refused, says: 'may not' },
    { status: 429, failure: { nonRetryable: false, nextRetryDelay: 7000 }, says: 'too many requests' },
    { status: 500, failure: { nonRetryable: false }, says: 'answered 500' },
    { status: 503, failure: { nonRetryable: false }, says: 'answered 503' },
  ])('explains $status', async ({ status, failure, says }) => {
    const repository = `${server.server}/team/app`;
    server.fail({ status, headers: { 'retry-after': '7' } });
    const asked = registry.readManifest(repository, 'v1');
    await expect(asked).rejects.toMatchObject({ ...failure, message: expect.stringContaining(says) });
  });

  it('does not find what is not there', async () => {
    const asked = registry.readManifest(`${server.server}/no/such`, 'v1');
    await expect(asked).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('does not know it'),
    });
  });
});

describe.each(['token', 'basic'] as const)('a wrong %s login', (scheme) => {
  let server: TestRegistry;
  beforeAll(async () => {
    server = await startRegistry({ login: { ...login, scheme } });
  });
  afterAll(() => server.stop());

  it('is refused by name, without the password', async () => {
    const password = plantToken('wrong-');
    const credentials = { server: server.server, username: 'ci', password };
    const asked = createRegistry({ credentials }).findDigest(`${server.server}/team/app`, 'v1');
    await expect(asked).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(/refused the login of ci.*registry\.password/),
    });
    await expect(asked).rejects.not.toMatchObject({ message: expect.stringContaining(password) });
  });

  it('is refused when there is none at all', async () => {
    const asked = createRegistry({ credentials: null }).findDigest(`${server.server}/team/app`, 'v1');
    await expect(asked).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('wants a login'),
    });
  });

  it('is never sent to another server', async () => {
    const credentials = { server: 'cr.example.com', ...login };
    const asked = createRegistry({ credentials }).findDigest(`${server.server}/team/app`, 'v1');
    await expect(asked).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('wants a login'),
    });
  });
});

describe('no registry at all', () => {
  async function serve(listener: http.RequestListener): Promise<{ server: string; stop: () => void }> {
    const fake = http.createServer(listener).listen(0, '127.0.0.1');
    await once(fake, 'listening');
    return { server: `127.0.0.1:${portOf(fake)}`, stop: () => fake.close() };
  }

  it('retries when nothing answers', async () => {
    const { server, stop } = await serve(() => undefined);
    stop();
    const asked = createRegistry({ credentials: null }).findDigest(`${server}/a`, 'v1');
    await expect(asked).rejects.toMatchObject({
      nonRetryable: false,
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('stops when it is cancelled', async () => {
    const { server, stop } = await serve(() => undefined);
    const stopping = new AbortController();
    const registry = createRegistry({ credentials: null, signal: stopping.signal });
    const asked = registry.findDigest(`${server}/a`, 'v1');
    stopping.abort('detach');
    await expect(asked).rejects.toBe('detach');
    stop();
  });

  it.each([
    ['an endless answer', (response: http.ServerResponse) => response.end(Buffer.alloc(9 * 1024 * 1024, 32))],
    ['a 401 that does not say how', (response: http.ServerResponse) => response.writeHead(401).end()],
    [
      'a token server without TLS elsewhere',
      (response: http.ServerResponse) =>
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="ftp://elsewhere/"' }).end(),
    ],
  ])('refuses %s', async (_, reply) => {
    const { server, stop } = await serve((_request, response) => void reply(response));
    const asked = createRegistry({ credentials: null }).readManifest(`${server}/a`, 'v1');
    await expect(asked).rejects.toMatchObject({ type: FAILURE.badInput });
    stop();
  });

  it('refuses a manifest that is not the digest asked for', async () => {
    const { server, stop } = await serve((_request, response) => void response.end('{}'));
    const asked = createRegistry({ credentials: null }).readManifest(
      `${server}/a`,
      `sha256:${'0'.repeat(64)}`,
    );
    await expect(asked).rejects.toMatchObject({ type: FAILURE.badInput });
    stop();
  });
});
