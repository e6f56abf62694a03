/**
 * A real docker-registry behind a small front of our own: the front asks for a login the way real registries do
 * (a Bearer token from a token server whose key the registry trusts, or Basic), and fails on demand.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash, createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { part } from './parts.js';
import { freePort } from './sshd.js';

const exec = promisify(execFile);

export interface RegistryOptions {
  login?: { username: string; password: string; scheme: 'token' | 'basic' };
  /** Address the front listens on; default 127.0.0.1. */
  address?: string;
}

export interface Fault {
  status: number;
  headers?: Record<string, string>;
  /** How many requests get it; default: until `heal()`. */
  times?: number;
  /** Which requests get it; default all. */
  when?: (request: { method: string; path: string }) => boolean;
}

export interface ImageContent {
  command: string[];
  /** For a command that, as the first process of its container, never hears of a SIGTERM. */
  stopSignal: string;
  /** Tar archives, lowest first. */
  layers: Buffer[];
}

export interface TestRegistry {
  /** `127.0.0.1:PORT`, as in an image name. */
  readonly server: string;
  /** `METHOD /path` of everything asked so far. */
  readonly requests: string[];
  fail(fault: Fault): void;
  heal(): void;
  /** Puts an image under `repository:tag`, behind the front; gives its digest. Without content it has no layers. */
  putImage(
    name: string,
    tag: string,
    labels: Record<string, string>,
    content?: ImageContent,
  ): Promise<string>;
  /** The digest under a tag, asked behind the front; null when there is none. */
  digestOf(name: string, reference: string): Promise<string | null>;
  /** What an index holds, as `linux/amd64`; attestations are `unknown/unknown`. */
  platformsOf(name: string, reference: string): Promise<string[]>;
  stop(): Promise<void>;
}

const SERVICE = 'slipway-test-registry';
const ISSUER = 'slipway-test-tokens';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const MANIFESTS = `${MANIFEST}, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json`;

export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const program = await part('registry');
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-registry-'));
  const address = options.address ?? '127.0.0.1';
  const faults: Fault[] = [];
  const requests: string[] = [];
  let backend = '';
  let issue: TokenIssuer | null = null;

  const front = http.createServer((request, response) => {
    const { method = '', url = '' } = request;
    requests.push(`${method} ${url}`);
    const fault = faults.find((each) => each.when?.({ method, path: url }) ?? true);
    if (fault !== undefined) {
      if (fault.times !== undefined && --fault.times === 0) faults.splice(faults.indexOf(fault), 1);
      request.resume();
      response
        .writeHead(fault.status, fault.headers)
        .end(`{"errors":[{"message":"planted ${fault.status}"}]}`);
      return;
    }
    if (issue !== null && url.startsWith('/token')) {
      issue(request, response);
      return;
    }
    if (options.login?.scheme === 'basic' && !isLogin(request, options.login)) {
      request.resume();
      response.writeHead(401, { 'www-authenticate': `Basic realm="${SERVICE}"` }).end();
      return;
    }
    forward(backend, request, response);
  });
  // a starved test process must not find its kept connection closed
  front.keepAliveTimeout = 10 * 60_000;
  front.listen(0, address);
  await once(front, 'listening');
  const server = `${address}:${portOf(front)}`;

  const lines = [
    'version: 0.1',
    'log: {level: warn}',
    `storage: {filesystem: {rootdirectory: ${path.join(folder, 'data')}}, delete: {enabled: true}}`,
  ];
  if (options.login?.scheme === 'token') {
    issue = await createTokenIssuer(folder, options.login);
    const token = `realm: "http://${server}/token", service: ${SERVICE}, issuer: ${ISSUER}`;
    lines.push(`auth: {token: {${token}, rootcertbundle: ${path.join(folder, 'token.crt')}}}`);
  }
  backend = `127.0.0.1:${await freePort()}`;
  lines.push(`http: {addr: "${backend}", secret: ${randomUUID()}}`);
  await writeFile(path.join(folder, 'config.yml'), `${lines.join('\n')}\n`);
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, 'serve', path.join(folder, 'config.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told = (told + chunk.toString()).slice(-4000)));

  async function stop(): Promise<void> {
    front.closeAllConnections();
    front.close();
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await untilAnswers(`http://${backend}/v2/`, child);
  } catch (error) {
    await stop();
    throw new Error(`docker-registry did not start: ${told}`, { cause: error });
  }

  /** Straight to the registry, with a token of our own where it wants one. */
  async function ask(
    method: string,
    url: string,
    body?: Buffer,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const name = /\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(url)?.[1] ?? '';
    const token = issue?.token([{ type: 'repository', name, actions: ['pull', 'push'] }]);
    return await fetch(new URL(url, `http://${backend}`), {
      method,
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
  }

  async function putBlob(name: string, bytes: Buffer): Promise<string> {
    const started = await ask('POST', `/v2/${name}/blobs/uploads/`);
    const digest = digestOfBytes(bytes);
    const place = new URL(started.headers.get('location') ?? '', `http://${backend}`);
    place.searchParams.set('digest', digest);
    const put = await ask('PUT', place.href, bytes, { 'content-type': 'application/octet-stream' });
    if (put.status !== 201) throw new Error(`blob upload answered ${put.status}`);
    return digest;
  }

  return {
    server,
    requests,
    fail: (fault) => void faults.push({ ...fault }),
    heal: () => void faults.splice(0),
    async putImage(name, tag, labels, content = { command: [], stopSignal: 'SIGTERM', layers: [] }) {
      const { command, stopSignal, layers } = content;
      const packed = layers.map((layer) => gzipSync(layer));
      const config = Buffer.from(
        JSON.stringify({
          architecture: 'amd64',
          os: 'linux',
          config: { Labels: labels, Cmd: command, Env: ['PATH=/bin'], StopSignal: stopSignal },
          rootfs: { type: 'layers', diff_ids: layers.map(digestOfBytes) },
        }),
      );
      for (const bytes of packed) await putBlob(name, bytes);
      const digest = await putBlob(name, config);
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: MANIFEST,
          config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: config.length },
          layers: packed.map((bytes) => ({
            mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
            digest: digestOfBytes(bytes),
            size: bytes.length,
          })),
        }),
      );
      const put = await ask('PUT', `/v2/${name}/manifests/${tag}`, manifest, { 'content-type': MANIFEST });
      if (put.status !== 201) throw new Error(`manifest upload answered ${put.status}: ${await put.text()}`);
      return put.headers.get('docker-content-digest') ?? '';
    },
    async digestOf(name, reference) {
      const found = await ask('HEAD', `/v2/${name}/manifests/${reference}`, undefined, { accept: MANIFESTS });
      return found.status === 200 ? found.headers.get('docker-content-digest') : null;
    },
    async platformsOf(name, reference) {
      const found = await ask('GET', `/v2/${name}/manifests/${reference}`, undefined, { accept: MANIFESTS });
      const { manifests = [] } = (await found.json()) as {
        manifests?: { platform: { os: string; architecture: string } }[];
      };
      return manifests.map(({ platform: { os, architecture } }) => `${os}/${architecture}`);
    },
    stop,
  };
}

function digestOfBytes(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function forward(backend: string, request: http.IncomingMessage, response: http.ServerResponse): void {
  const [host = '', port = ''] = backend.split(':');
  const onward = http.request(
    // the Host header stays the front's, so upload locations lead back through it
    { host, port, method: request.method ?? 'GET', path: request.url ?? '/', headers: request.headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on('error', () => response.destroy());
  request.on('error', () => onward.destroy());
  request.pipe(onward);
}

function isLogin(request: http.IncomingMessage, login: { username: string; password: string }): boolean {
  const wanted = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  return request.headers.authorization === wanted;
}

interface Access {
  type: string;
  name: string;
  actions: string[];
}

interface TokenIssuer {
  (request: http.IncomingMessage, response: http.ServerResponse): void;
  token(access: Access[]): string;
}

/** GET with Basic (docker, buildx) or POST with a password grant (newer clients), as the two token specs say. */
async function createTokenIssuer(
  folder: string,
  login: { username: string; password: string },
): Promise<TokenIssuer> {
  const [keyFile, certificateFile] = [path.join(folder, 'token.key'), path.join(folder, 'token.crt')];
  const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=slipway-test-tokens'.split(' ');
  await exec(await part('openssl'), [...request, '-keyout', keyFile, '-out', certificateFile]);
  const key = createPrivateKey(await readFile(keyFile));
  const certificate = new X509Certificate(await readFile(certificateFile)).raw.toString('base64');
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  function token(access: Access[]): string {
    const now = Math.floor(Date.now() / 1000);
    const head = encode({ typ: 'JWT', alg: 'RS256', x5c: [certificate] });
    const claims = {
      iss: ISSUER,
      sub: login.username,
      aud: SERVICE,
      nbf: now - 60,
      iat: now,
      exp: now + 300,
    };
    const text = `${head}.${encode({ ...claims, jti: randomUUID(), access })}`;
    return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
  }

  function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const byForm = form.get('username') === login.username && form.get('password') === login.password;
      if (!byForm && !isLogin(request, login)) {
        response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED","message":"incorrect login"}]}');
        return;
      }
      const asked = new URL(request.url ?? '', 'http://front').searchParams;
      const scopes = [...asked.getAll('scope'), ...(form.get('scope')?.split(' ') ?? [])];
      const access = scopes.map((scope) => {
        const [type = '', name = '', actions = ''] = scope.split(':');
        return { type, name, actions: actions.split(',') };
      });
      const issued = token(access);
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ token: issued, access_token: issued, expires_in: 300 }));
    });
  }
  return Object.assign(answer, { token });
}

async function untilAnswers(url: string, child: ChildProcess): Promise<void> {
  for (;;) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      if (child.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export function portOf(server: net.Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the server does not listen on a port');
  return address.port;
}
