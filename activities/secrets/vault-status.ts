/** What Vault's statuses mean. Its words are looked at, never passed on: what answers there may not be Vault at all. */
import type { SecretReference } from '../../pipeline/secret-references.js';
import { noAnswer, noSecret } from './secret-failure.js';
import type { VaultAnswer, VaultServer } from './vault-server.js';

/** Below it the server says what engine a path belongs to. */
export const MOUNTS = 'sys/internal/ui/mounts/';

/** For any answer that is no success; `path` is what was asked for, below `/v1/`. */
export function explainStatus(
  reference: SecretReference,
  server: VaultServer,
  { status, body }: VaultAnswer,
  path: string,
): Error {
  const { origin } = server.address;
  if (status === 403 && /invalid token/.test(body)) {
    const wayOut = 'give the worker a new token (VAULT_TOKEN_FILE, VAULT_TOKEN), or an AppRole';
    return noSecret(
      reference,
      `may not be read: ${origin} does not know the worker's token (any more)`,
      wayOut,
    );
  }
  if (status === 403) {
    return noSecret(
      reference,
      `may not be read: ${origin} denies it to the worker, or keeps nothing there`,
      wayIn(path),
    );
  }
  if (status === 404) {
    const wayOut = 'put it there (vault kv put), or correct the path; it is written as for vault kv get';
    return noSecret(reference, `cannot be found: ${origin} has nothing at ${path}`, wayOut);
  }
  if (status === 503 && /sealed/.test(body)) {
    return noAnswer(reference, `cannot be read: ${origin} is sealed`, 'unseal it: vault operator unseal');
  }
  if (status === 429 || status === 412 || status >= 500) {
    const wayOut = 'see its log; it is asked again';
    return noAnswer(reference, `cannot be read: ${origin} answers ${status}`, wayOut);
  }
  const wayOut = 'set VAULT_ADDR to the active Vault itself, without a page of a proxy before it';
  return noSecret(reference, `cannot be read: ${origin} answers ${status}`, wayOut);
}

/** The server is asked for the mount first; when that is denied, the version of the engine is not known yet. */
function wayIn(path: string): string {
  if (!path.startsWith(MOUNTS)) return `give the worker's policy: path "${path}" { capabilities = ["read"] }`;
  const secret = path.slice(MOUNTS.length);
  return `give the worker's policy read on ${secret} (KV version 2: with data/ after the mount), or correct the path`;
}
