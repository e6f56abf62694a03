/** The token for Vault: given, in a file that an agent renews, or had for an AppRole and kept while it is good. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { SecretReference } from '../../pipeline/secret-references.js';
import { noSecret } from './secret-failure.js';
import { explainStatus } from './vault-status.js';
import { askVault, type VaultServer } from './vault-server.js';

export interface VaultLogin {
  token: (reference: SecretReference, server: VaultServer, signal: AbortSignal) => Promise<string>;
  /** The server did not accept it. True when another one can be had by asking again. */
  forget: (token: string) => boolean;
}

/** A token is used until this part of its life is over. */
const USED_UNTIL = 0.8;

/** `hide`: called with everything that must not be read in a log. */
export function createVaultLogin(
  environment: NodeJS.ProcessEnv,
  hide: (value: string, name: string) => void,
): VaultLogin {
  let leased: { token: string; until: number } | null = null;
  let underWay: Promise<string> | null = null;

  const logIn = async (reference: SecretReference, server: VaultServer, signal: AbortSignal) => {
    const body = await roleOf(reference, environment, hide);
    const path = 'auth/approle/login';
    const answer = await askVault(server, { reference, method: 'POST', path, token: null, body, signal });
    if (answer.status === 400 || answer.status === 403) {
      throw noSecret(
        reference,
        'cannot be asked for: Vault does not accept VAULT_ROLE_ID with its secret id',
        'give the worker a new secret id (vault write -f auth/approle/role/NAME/secret-id)',
      );
    }
    if (answer.status !== 200) throw explainStatus(reference, server, answer, path);
    const { token, leaseMs } = readLogin(reference, answer.body);
    hide(token, 'Vault token');
    leased = { token, until: leaseMs === 0 ? Infinity : Date.now() + leaseMs * USED_UNTIL };
    return token;
  };

  return {
    token: async (reference, server, signal) => {
      const given = await givenToken(reference, environment);
      if (given !== null) {
        hide(given, 'Vault token');
        return given;
      }
      if (leased !== null && leased.until > Date.now()) return leased.token;
      underWay ??= logIn(reference, server, signal).finally(() => (underWay = null));
      return underWay;
    },
    forget: (token) => {
      if (leased?.token !== token) return false;
      leased = null;
      return true;
    },
  };
}

async function givenToken(
  reference: SecretReference,
  environment: NodeJS.ProcessEnv,
): Promise<string | null> {
  const token = environment['VAULT_TOKEN'] ?? '';
  if (token !== '') return token;
  const file = environment['VAULT_TOKEN_FILE'] ?? '';
  return file === '' ? null : readLine(reference, 'VAULT_TOKEN_FILE', file);
}

/** Body of the login. */
async function roleOf(
  reference: SecretReference,
  environment: NodeJS.ProcessEnv,
  hide: (value: string, name: string) => void,
): Promise<string> {
  const role = environment['VAULT_ROLE_ID'] ?? '';
  const file = environment['VAULT_SECRET_ID_FILE'] ?? '';
  const secret =
    file === ''
      ? (environment['VAULT_SECRET_ID'] ?? '')
      : await readLine(reference, 'VAULT_SECRET_ID_FILE', file);
  if (role === '' || secret === '') {
    throw noSecret(
      reference,
      'cannot be asked for: the worker has no login for Vault',
      'start it with VAULT_TOKEN_FILE, VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID_FILE',
    );
  }
  hide(secret, 'Vault secret id');
  return JSON.stringify({ role_id: role, secret_id: secret });
}

async function readLine(reference: SecretReference, name: string, file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text.trim() !== '') return text.trim();
  const wayOut = "put it there, readable by the worker's user";
  throw noSecret(reference, `cannot be asked for: ${name}=${file} is empty or not readable`, wayOut);
}

const loginAnswer = z.object({
  auth: z.object({ client_token: z.string().min(1), lease_duration: z.number() }),
});

function readLogin(reference: SecretReference, body: string): { token: string; leaseMs: number } {
  try {
    const { auth } = loginAnswer.parse(JSON.parse(body));
    return { token: auth.client_token, leaseMs: auth.lease_duration * 1000 };
  } catch {
    // its own words may hold a token
    const wayOut = 'correct VAULT_ADDR';
    throw noSecret(reference, 'cannot be asked for: the login was answered without a token', wayOut);
  }
}
