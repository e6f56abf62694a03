/** What is the worker's alone: a pipeline file that names it as a secret would hand it to its commands. */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { SecretReference } from '../../pipeline/secret-references.js';
import { noSecret } from './secret-failure.js';

const VARIABLES = [
  'VAULT_TOKEN',
  'VAULT_SECRET_ID',
  'TEMPORAL_API_KEY',
  'SOPS_AGE_KEY',
  'ACTIONS_RUNTIME_TOKEN',
];

/** Variables that name a file which is. */
const FILES = [
  'SLIPWAY_PAYLOAD_KEYS',
  'SLIPWAY_AGE_IDENTITY',
  'SOPS_AGE_KEY_FILE',
  'VAULT_TOKEN_FILE',
  'VAULT_SECRET_ID_FILE',
  'TEMPORAL_TLS_CLIENT_KEY_PATH',
];

const WAY_OUT = 'give the pipeline a secret of its own (docs/secrets.md)';

/** Throws Refused for a variable that lets the worker in elsewhere. */
export function refuseOwnVariable(reference: SecretReference, name: string): void {
  if (VARIABLES.includes(name)) throw noSecret(reference, 'is the worker’s own', WAY_OUT);
}

/** Throws Refused for the seal folder and other keys of the worker, also behind links, and for what the kernel shows. */
export async function refuseOwnFile(
  reference: SecretReference,
  file: string,
  { environment, sealFolder }: { environment: NodeJS.ProcessEnv; sealFolder: string | null },
): Promise<void> {
  const found = await realOf(file);
  const own = FILES.map((name) => environment[name] ?? '').filter((each) => each !== '');
  const places = ['/proc', ...(sealFolder === null ? [] : [sealFolder]), ...own];
  for (const place of await Promise.all(places.map(realOf)))
    if (found === place || found.startsWith(`${place}/`))
      throw noSecret(reference, 'is the worker’s own', WAY_OUT);
}

/** What is not there is where it says. */
async function realOf(file: string): Promise<string> {
  return await realpath(file).catch(() => path.resolve(file));
}
