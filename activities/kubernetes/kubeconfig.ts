/**
 * Who we are to which cluster, out of a kubeconfig. Read strictly: what would run a program on the worker, read one of
 * its files or trust any server is refused by name, never passed over.
 */
import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import { z } from 'zod';
import { refused } from '../failure.js';

export type Identity =
  { kind: 'token'; token: string } | { kind: 'certificate'; certificate: string; key: string };

export interface ClusterAccess {
  /** `https://10.0.0.1:6443`, with a path where a proxy stands before it. */
  server: URL;
  /** PEM; null = the certificates the worker trusts anyway. */
  authority: string | null;
  /** Name in the server's certificate, where it is another than that of the address. */
  serverName: string | null;
  identity: Identity;
  /** When it ends, as far as it says so itself. */
  expiresAt: Date | null;
}

const clusterSchema = z.looseObject({
  server: z.string(),
  'certificate-authority-data': z.string().optional(),
  'tls-server-name': z.string().optional(),
});
const userSchema = z.looseObject({
  token: z.string().optional(),
  'client-certificate-data': z.string().optional(),
  'client-key-data': z.string().optional(),
});
const configSchema = z.looseObject({
  'current-context': z.string().optional(),
  contexts: z
    .array(
      z.looseObject({ name: z.string(), context: z.looseObject({ cluster: z.string(), user: z.string() }) }),
    )
    .nullish(),
  clusters: z.array(z.looseObject({ name: z.string(), cluster: clusterSchema })).nullish(),
  users: z.array(z.looseObject({ name: z.string(), user: userSchema.nullish() })).nullish(),
});

type Cluster = z.infer<typeof clusterSchema>;
type User = z.infer<typeof userSchema>;

/** What would leave the text, with why it is not followed. */
const REFUSED_OF_CLUSTER: Record<string, string> = {
  'certificate-authority': 'names a file of the worker',
  'insecure-skip-tls-verify': 'would trust any server',
  'proxy-url': 'is not supported',
};
const REFUSED_OF_USER: Record<string, string> = {
  exec: 'would run a program on the worker',
  'auth-provider': 'would run a login on the worker',
  'client-certificate': 'names a file of the worker',
  'client-key': 'names a file of the worker',
  tokenFile: 'names a file of the worker',
  username: 'is a password, which no API server takes any more',
  as: 'acts as somebody else, which is not supported',
};

/** `where` is what messages call it: the reference. Throws Refused. */
export function readKubeconfig(text: string, where: string): ClusterAccess {
  const { cluster, user } = currentContext(text, where);
  refuseKeys(cluster, REFUSED_OF_CLUSTER, 'cluster', where);
  refuseKeys(user, REFUSED_OF_USER, 'user', where);
  const server = readServer(cluster.server, where);
  const authority = cluster['certificate-authority-data'];
  const identity = readIdentity(user, where);
  return {
    server,
    authority: authority === undefined ? null : fromBase64(authority),
    serverName: cluster['tls-server-name'] ?? null,
    identity,
    expiresAt: expiryOf(identity),
  };
}

function currentContext(text: string, where: string): { cluster: Cluster; user: User } {
  let parsed: z.ZodSafeParseResult<z.infer<typeof configSchema>>;
  try {
    parsed = configSchema.safeParse(parse(text));
  } catch {
    // a parser's message would show the text
    throw unreadable(where, 'it is not YAML');
  }
  if (!parsed.success) {
    const at = parsed.error.issues[0]?.path.join('.') ?? '';
    throw unreadable(where, at === '' ? 'it is no kubeconfig' : `${at} is missing or wrong`);
  }
  const { contexts, clusters, users } = parsed.data;
  const wanted = parsed.data['current-context'] ?? '';
  const context = contexts?.find(({ name }) => name === wanted)?.context;
  if (context === undefined) throw unreadable(where, 'its current-context names no context of it');
  const cluster = clusters?.find(({ name }) => name === context.cluster)?.cluster;
  const user = users?.find(({ name }) => name === context.user)?.user;
  if (cluster === undefined || user == null)
    throw unreadable(where, 'its current context names a cluster or user that it does not have');
  return { cluster, user };
}

function refuseKeys(
  of: Record<string, unknown>,
  reasons: Record<string, string>,
  thing: string,
  where: string,
): void {
  for (const [key, reason] of Object.entries(reasons)) {
    if (of[key] === undefined || of[key] === false || of[key] === '' || of[key] === null) continue;
    throw refused({
      what: `the ${thing} of this kubeconfig has ${key}, which ${reason}`,
      where,
      why: null,
      wayOut:
        'use one that holds a service account’s token and the cluster’s certificate themselves (docs/kubernetes.md#kubeconfig)',
    });
  }
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

function readServer(text: string, where: string): URL {
  const server = URL.canParse(text) ? new URL(text) : null;
  if (server === null) throw unreadable(where, 'its server is no URL');
  const isSafe =
    server.protocol === 'https:' || (server.protocol === 'http:' && LOOPBACK.test(server.hostname));
  if (!isSafe) throw unreadable(where, 'its server is not reached over https');
  return server;
}

function readIdentity(user: User, where: string): Identity {
  const { token } = user;
  if (token !== undefined && token !== '') return { kind: 'token', token };
  const certificate = user['client-certificate-data'];
  const key = user['client-key-data'];
  if (certificate !== undefined && key !== undefined)
    return { kind: 'certificate', certificate: fromBase64(certificate), key: fromBase64(key) };
  throw unreadable(where, 'its user has neither a token nor client-certificate-data with client-key-data');
}

/** A token that is a JWT and a certificate say when they end; the server alone judges whether it has come. */
function expiryOf(identity: Identity): Date | null {
  try {
    if (identity.kind === 'certificate') return new Date(new X509Certificate(identity.certificate).validTo);
    const claims: unknown = JSON.parse(
      Buffer.from(identity.token.split('.')[1] ?? '', 'base64url').toString(),
    );
    const { exp } = z.object({ exp: z.number() }).parse(claims);
    return new Date(exp * 1000);
  } catch {
    return null;
  }
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString();
}

function unreadable(where: string, why: string): Error {
  return refused({
    what: `the kubeconfig cannot be used: ${why}`,
    where,
    why: null,
    wayOut:
      'put the text there that kubectl config view --raw --flatten --minify prints (docs/kubernetes.md#kubeconfig)',
  });
}
