/**
 * The registry's own API (OCI distribution), for what needs no pull: what is under a tag, putting a tag on a digest,
 * reading an image's labels. Logs in as the registry asks for it: Bearer token or Basic.
 */
import { createHash } from 'node:crypto';
import { canonicalServer, isPlainHttp, parseImageName } from './image-name.js';
import { askHttp } from './ask.js';
import { platformOf } from './platform-names.js';
import { parseImageConfig, parseManifest, type ManifestJson } from './registry-documents.js';
import { explainAnswer, notARegistry, type Asked, type HttpAnswer } from './registry-failure.js';
import { fetchToken, readChallenge, type RegistryCredentials } from './registry-token.js';

export interface RegistryOptions {
  /** Sent only to its own server; null = anonymous. */
  credentials: RegistryCredentials | null;
  /** Spoken to over plain http, beside loopback: `host`, `host:port` or `10.0.0.0/8`. */
  insecureRegistries?: readonly string[];
  signal?: AbortSignal;
}

export interface Manifest {
  digest: string;
  mediaType: string;
  bytes: Buffer;
}

/**
 * Every method throws Refused for 401, 403 and other final answers, and a retryable failure for 429 (with the pause
 * the registry asks for), 5xx and no answer. `repository` is without tag.
 */
export interface Registry {
  /** The digest under a tag (or the digest itself); null when there is none. */
  findDigest(repository: string, reference: string): Promise<string | null>;
  readManifest(repository: string, reference: string): Promise<Manifest>;
  /** Puts the tags on what `digest` is, without touching layers. */
  putTags(repository: string, digest: string, tags: readonly string[]): Promise<void>;
  /**
   * Puts `annotations` beside what `digest` is, under a tag of their own: an OCI index that leads to the same images, so
   * that no registry takes it for anything else and nothing but a manifest is sent.
   */
  putAnnotations(
    repository: string,
    tag: string,
    digest: string,
    annotations: Record<string, string>,
  ): Promise<void>;
  /** null = there is no such tag. */
  readAnnotations(repository: string, tag: string): Promise<Record<string, string> | null>;
  /** Every image behind the digest: one, or one per platform; attestations are none. */
  readImages(repository: string, digest: string): Promise<RegistryImage[]>;
  /** The digest under a tag and every image behind it, in as few questions as that takes; null = there is no such tag. */
  findImages(repository: string, tag: string): Promise<{ digest: string; images: RegistryImage[] } | null>;
}

export interface RegistryImage {
  digest: string;
  /** `linux/arm64`; null = it does not say. */
  platform: string | null;
  labels: Record<string, string>;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const ACCEPT_MANIFESTS = {
  accept: [
    INDEX,
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
  ].join(', '),
};
interface Call {
  repository: string;
  method: 'GET' | 'HEAD' | 'PUT';
  /** After `/v2/<name>/`. */
  path: string;
  thing: string;
  headers?: Record<string, string>;
  body?: Buffer;
}

export function createRegistry(options: RegistryOptions): Registry {
  const authorizations = new Map<string, string>();

  async function send(call: Call, wanted: readonly number[]): Promise<HttpAnswer> {
    const name = parseImageName(call.repository);
    const plain = isPlainHttp(name.apiHost, options.insecureRegistries ?? []);
    const login = options.credentials;
    const credentials = login !== null && canonicalServer(login.server) === name.server ? login : null;
    const asked: Asked = {
      server: name.server,
      thing: call.thing,
      access: call.method === 'PUT' ? 'write' : 'read',
      username: credentials?.username ?? null,
    };
    const { signal } = options;
    const key = `${name.server} ${name.path} ${asked.access}`;
    const url = new URL(`${plain ? 'http' : 'https'}://${name.apiHost}/v2/${name.path}/${call.path}`);
    const request = async (): Promise<HttpAnswer> => {
      const authorization = authorizations.get(key);
      const headers = { ...call.headers, ...(authorization === undefined ? {} : { authorization }) };
      return await askHttp(asked, url, { method: call.method, headers, body: call.body, signal });
    };
    let answer = await request();
    if (answer.status === 401) {
      const challenge = readChallenge(answer.headers.get('www-authenticate'));
      authorizations.set(key, await fetchToken({ challenge, asked, name, credentials, plain, signal }));
      answer = await request();
    }
    if (wanted.includes(answer.status)) return answer;
    throw explainAnswer(asked, answer);
  }

  async function readManifest(repository: string, reference: string): Promise<Manifest> {
    const manifest = manifestIn(await send(manifestCall('GET', repository, reference), [200]));
    if (reference.startsWith('sha256:') && manifest.digest !== reference)
      throw unreadable(nameThing(repository, reference), `it answered with ${manifest.digest}`);
    return manifest;
  }

  async function putManifest(
    repository: string,
    tag: string,
    { mediaType, bytes: body }: Pick<Manifest, 'mediaType' | 'bytes'>,
  ): Promise<void> {
    const headers = { 'content-type': mediaType };
    await send({ ...manifestCall('PUT', repository, tag), headers, body }, [200, 201, 202]);
  }

  async function readDocument(repository: string, digest: string): Promise<ManifestJson> {
    return documentIn(repository, await readManifest(repository, digest));
  }

  async function readImage(
    repository: string,
    digest: string,
    { config: pointer }: ManifestJson,
  ): Promise<RegistryImage> {
    if (pointer === undefined) return { digest, platform: null, labels: {} };
    const thing = nameThing(repository, pointer.digest);
    const path = `blobs/${pointer.digest}`;
    const config = parseImageConfig((await send({ repository, method: 'GET', path, thing }, [200])).body);
    if (config === null) throw unreadable(thing, 'this is no image configuration');
    return { digest, platform: platformOf(config), labels: config.config?.Labels ?? {} };
  }

  async function imagesBehind(repository: string, manifest: Manifest): Promise<RegistryImage[]> {
    const top = documentIn(repository, manifest);
    if (top.manifests === undefined) return [await readImage(repository, manifest.digest, top)];
    // attestations ride in the index as images of an unknown platform
    const images = top.manifests.filter((each) => each.platform?.os !== 'unknown');
    return await Promise.all(
      images.map(async (each) => {
        const image = await readImage(repository, each.digest, await readDocument(repository, each.digest));
        // an engine takes from an index what the index says
        return each.platform === undefined ? image : { ...image, platform: platformOf(each.platform) };
      }),
    );
  }

  return {
    readManifest,

    async findDigest(repository, reference) {
      const answer = await send(manifestCall('HEAD', repository, reference), [200, 404]);
      if (answer.status === 404) return null;
      return (
        answer.headers.get('docker-content-digest') ?? (await readManifest(repository, reference)).digest
      );
    },

    async putTags(repository, digest, tags) {
      const { mediaType, bytes } = await readManifest(repository, digest);
      for (const tag of tags) await putManifest(repository, tag, { mediaType, bytes });
    },

    async putAnnotations(repository, tag, digest, annotations) {
      const { mediaType, bytes } = await readManifest(repository, digest);
      // some registries take no index of an index
      const manifests = parseManifest(bytes)?.manifests ?? [{ mediaType, digest, size: bytes.length }];
      const index = { schemaVersion: 2, mediaType: INDEX, manifests, annotations };
      await putManifest(repository, tag, { mediaType: INDEX, bytes: Buffer.from(JSON.stringify(index)) });
    },

    async readAnnotations(repository, tag) {
      const answer = await send(manifestCall('GET', repository, tag), [200, 404]);
      return answer.status === 404 ? null : (parseManifest(answer.body)?.annotations ?? {});
    },

    async readImages(repository, digest) {
      return await imagesBehind(repository, await readManifest(repository, digest));
    },

    async findImages(repository, tag) {
      const answer = await send(manifestCall('GET', repository, tag), [200, 404]);
      if (answer.status === 404) return null;
      const manifest = manifestIn(answer);
      return { digest: manifest.digest, images: await imagesBehind(repository, manifest) };
    },
  };
}

function manifestIn({ body: bytes, headers }: HttpAnswer): Manifest {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const mediaType = headers.get('content-type')?.split(';')[0]?.trim() ?? '';
  return { digest, bytes, mediaType };
}

function documentIn(repository: string, { digest, bytes }: Manifest): ManifestJson {
  const document = parseManifest(bytes);
  if (document === null) throw unreadable(nameThing(repository, digest), 'this is no image manifest');
  return document;
}

function manifestCall(method: Call['method'], repository: string, reference: string): Call {
  const thing = nameThing(repository, reference);
  return { repository, method, path: `manifests/${reference}`, thing, headers: ACCEPT_MANIFESTS };
}

function nameThing(repository: string, reference: string): string {
  return `${repository}${reference.includes(':') ? '@' : ':'}${reference}`;
}

function unreadable(thing: string, what: string): Error {
  return notARegistry({ server: parseImageName(thing).server, thing, access: 'read', username: null }, what);
}
