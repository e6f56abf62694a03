/** Which credentials a plan's cluster is reached with: those the pipeline names, else the worker's own. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { SecretReference } from '../../pipeline/secret-references.js';
import { refused } from '../failure.js';
import type { Secrets } from '../secrets/secrets.js';
import { openCluster, type Cluster } from './cluster.js';
import { readKubeconfig, type ClusterAccess } from './kubeconfig.js';

/** Where a pod finds who it is. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** `reference` null = the worker's own. Throws Refused for what is missing or cannot be used. */
async function reachCluster(secrets: Secrets, reference: SecretReference | null): Promise<Cluster> {
  const access = reference === null ? await ownAccess() : await namedAccess(secrets, reference);
  const { identity } = access;
  secrets.conceal(
    identity.kind === 'token' ? identity.token : identity.key,
    `${reference ?? 'the worker’s own kubeconfig'} credentials`,
  );
  return openCluster(access);
}

/** The cluster that a platform or a proxy names, reached when it is first asked for. */
export function clusterOf(
  environment: string,
  of: { kind: string; kubeconfig?: SecretReference | null },
  secrets: Secrets,
): () => Promise<Cluster> {
  let cluster: Promise<Cluster> | null = null;
  return async () => {
    const { kubeconfig } = of;
    if (kubeconfig === undefined) throw new Error(`${environment}: ${of.kind} has no cluster`);
    cluster ??= reachCluster(secrets, kubeconfig);
    return await cluster;
  };
}

/** The text itself or, as with ssh keys, the absolute path of a file on the worker that holds it. */
async function namedAccess(secrets: Secrets, reference: SecretReference): Promise<ClusterAccess> {
  const value = await secrets.resolve(reference);
  const file = value.trim().replace(/^~(?=\/)/, homedir());
  if (value.trim().includes('\n') || !path.isAbsolute(file)) return readKubeconfig(value, reference);
  // the path is the value of a secret: an answer that holds it is withheld as a whole
  return readKubeconfig(await readText(file, `the file that ${reference} names`), reference);
}

/** As kubectl looks for it: KUBECONFIG, ~/.kube/config, then the pod's service account. */
async function ownAccess(): Promise<ClusterAccess> {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  const file =
    KUBECONFIG === undefined || KUBECONFIG === '' ? path.join(homedir(), '.kube', 'config') : KUBECONFIG;
  try {
    return readKubeconfig(await readFile(file, 'utf8'), file);
  } catch (error) {
    if (!isMissingFile(error) || host === undefined) throw isMissingFile(error) ? noKubeconfig(file) : error;
  }
  const token = (await readText(`${SERVICE_ACCOUNT}/token`, 'the pod’s service account')).trim();
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port ?? '443'}`),
    authority: await readText(`${SERVICE_ACCOUNT}/ca.crt`, 'the pod’s service account'),
    serverName: null,
    identity: { kind: 'token', token },
    expiresAt: null,
  };
}

async function readText(file: string, shown: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw refused({
      what: `${shown} cannot be read by the worker (${code})`,
      where: 'kubeconfig',
      why: null,
      wayOut: `put the kubeconfig there, readable by the worker's user only (docs/kubernetes.md#kubeconfig)`,
    });
  }
}

function isMissingFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function noKubeconfig(file: string): Error {
  return refused({
    what: `the platform names no kubeconfig, and the worker has none of its own (${file})`,
    where: 'platform.kubeconfig',
    why: null,
    wayOut: 'name one: kubeconfig: env:NAME (docs/kubernetes.md#kubeconfig)',
  });
}
