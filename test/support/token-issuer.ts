/** A real Vault that gives tokens: to jobs, for the audience they ask for, and to people who log in at a client. */
import { createServer } from 'node:http';
import { listen } from './listen.js';
import { startVault } from './vault.js';

export interface TokenIssuer {
  /** Of tokens with an audience of their own. */
  issuer: string;
  /** Of tokens that a person logged in for, at this client. */
  loginIssuer: string;
  clientId: string;
  /** As a job gets one, with these claims. */
  tokenFor(audience: string, claims?: object): Promise<string>;
  /** As a client gets one after a login with this nonce. */
  logIn(nonce: string): Promise<string>;
  /** As GitHub Actions gives it to a job: answers `&audience=` with a token of these claims. */
  actions: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

interface Asked {
  method?: string;
  body?: URLSearchParams;
  headers?: Record<string, string>;
}

const CALLBACK = 'http://127.0.0.1/callback';

export async function startTokenIssuer(claims: object): Promise<TokenIssuer> {
  const vault = await startVault();
  const rights = `path "identity/oidc/*" { capabilities = ["create", "read", "update"] }`;
  await vault.call('PUT', 'sys/policies/acl/tokens', { policy: rights });
  await vault.call('POST', 'auth/approle/role/job', { token_policies: ['tokens'] });
  const { role_id: roleId } = dataOf(await vault.call('GET', 'auth/approle/role/job/role-id'));
  const { secret_id: secretId } = dataOf(await vault.call('POST', 'auth/approle/role/job/secret-id'));
  const login = await vault.call('POST', 'auth/approle/login', { role_id: roleId, secret_id: secretId });
  const { client_token: own } = login['auth'] as Record<string, string>;
  await vault.call('POST', 'identity/oidc/config', { issuer: vault.address });
  await vault.call('POST', 'identity/oidc/key/job', { allowed_client_ids: '*', algorithm: 'ES256' });
  await vault.call('POST', 'identity/oidc/client/portal', {
    ...{ redirect_uris: [CALLBACK], assignments: ['allow_all'], key: 'default' },
  });
  const { client_id: clientId = '', client_secret: secret = '' } = dataOf(
    await vault.call('GET', 'identity/oidc/client/portal'),
  );
  const asked = async (path: string, init: Asked = {}): Promise<Record<string, unknown>> => {
    const headers = { 'x-vault-token': own ?? '', ...init.headers };
    const response = await fetch(`${vault.address}/v1/${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
  let count = 0;
  const tokenFor: TokenIssuer['tokenFor'] = async (audience, said = claims) => {
    const role = `job-${(count += 1)}`;
    const template = JSON.stringify(said);
    await vault.call('POST', `identity/oidc/role/${role}`, { key: 'job', client_id: audience, template });
    return dataOf(await asked(`identity/oidc/token/${role}`))['token'] ?? '';
  };
  const server = createServer((request, response) => {
    const audience = new URL(request.url ?? '', 'http://here').searchParams.get('audience') ?? '';
    const isJob = request.headers.authorization === 'bearer of-the-job';
    tokenFor(audience).then(
      (value) => response.writeHead(isJob ? 200 : 401).end(JSON.stringify(isJob ? { value } : {})),
      () => response.writeHead(500).end(),
    );
  });
  const port = await listen(server);
  return {
    issuer: `${vault.address}/v1/identity/oidc`,
    loginIssuer: `${vault.address}/v1/identity/oidc/provider/default`,
    clientId,
    tokenFor,
    logIn: async (nonce) => {
      const query = { scope: 'openid', response_type: 'code', client_id: clientId, redirect_uri: CALLBACK };
      const words = new URLSearchParams({ ...query, state: 'state', nonce });
      const { code } = await asked(`identity/oidc/provider/default/authorize?${words.toString()}`);
      const grant = { grant_type: 'authorization_code', code: String(code), redirect_uri: CALLBACK };
      const authorization = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;
      const given = await asked('identity/oidc/provider/default/token', {
        ...{ method: 'POST', body: new URLSearchParams(grant), headers: { authorization } },
      });
      return String(given['id_token']);
    },
    actions: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job',
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await vault.stop();
    },
  };
}

function dataOf(answer: Record<string, unknown>): Record<string, string> {
  return answer['data'] as Record<string, string>;
}
