/** A provider of tokens whose key is the test's own: says whatever Vault would not say. */
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { listen } from './listen.js';

export interface TokenProvider {
  /** Its issuer. */
  url: string;
  /** With `iss`, and good for five minutes. */
  sign(claims: Record<string, unknown>): Promise<string>;
  stop(): Promise<void>;
}

const KEYS = '/keys';

/** `discovery` = what its discovery says instead, or beside the rest; then it has no keys to give. */
export async function startTokenProvider({ discovery }: { discovery?: object } = {}): Promise<TokenProvider> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'own', alg: 'ES256' }];
  let url = '';
  const server = createServer(({ url: path }, response) => {
    if (path !== KEYS) response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}${KEYS}`, ...discovery }));
    else if (discovery === undefined) response.end(JSON.stringify({ keys }));
    else response.writeHead(503).end();
  });
  url = `http://127.0.0.1:${await listen(server)}`;
  return {
    url,
    sign: (claims) =>
      new SignJWT({ ...claims, iss: url })
        .setProtectedHeader({ alg: 'ES256', kid: 'own' })
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
