/** What a person does once in the cluster of examples/web-template: its file, the nodes' login, a token for Slipway. */
import { parseAllDocuments } from 'yaml';
import type { RegistryLogin } from './base-image.js';
import type { TestCluster } from './kubernetes.js';
import { edited } from './team-repository.js';

interface Document {
  kind: string;
  metadata: { name: string; namespace?: string };
}

const COLLECTIONS: Record<string, string> = {
  Deployment: '/apis/apps/v1/namespaces/web/deployments',
  Service: '/api/v1/namespaces/web/services',
  ServiceAccount: '/api/v1/namespaces/web/serviceaccounts',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/web/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/web/rolebindings',
};

function documentsOf(text: string): Document[] {
  return parseAllDocuments(text).map((each) => each.toJS() as Document);
}

/** All but the deployment, whose image is built by the first release. */
export async function applyRights(cluster: TestCluster, text: string): Promise<void> {
  for (const document of documentsOf(text))
    if (!['Namespace', 'Deployment'].includes(document.kind))
      await cluster.call('POST', COLLECTIONS[document.kind] ?? '', document);
}

/** `first` = the tag in its place. */
export async function applyDeployment(cluster: TestCluster, text: string, first: string): Promise<void> {
  const found = documentsOf(edited(text, [[':first', `:${first}`]]));
  const deployment = found.find(({ kind }) => kind === 'Deployment');
  await cluster.call('POST', COLLECTIONS['Deployment'] ?? '', deployment);
}

export async function setPullSecret(
  cluster: TestCluster,
  server: string,
  { username, password }: RegistryLogin,
): Promise<void> {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const config = JSON.stringify({ auths: { [server]: { auth } } });
  const secrets = '/api/v1/namespaces/web/secrets';
  await cluster.call('DELETE', `${secrets}/ghcr`);
  await cluster.call('POST', secrets, {
    ...{
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'ghcr' },
      type: 'kubernetes.io/dockerconfigjson',
    },
    data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
  });
}

/** `kubectl create token slipway --namespace web --duration 2160h` */
export async function tokenOf(cluster: TestCluster): Promise<string> {
  const answer = await cluster.call('POST', '/api/v1/namespaces/web/serviceaccounts/slipway/token', {
    ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
    spec: { expirationSeconds: 2_160 * 3_600 },
  });
  return (answer as { status: { token: string } }).status.token;
}
