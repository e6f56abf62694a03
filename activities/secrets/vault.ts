/** `vault:PATH#FIELD`: a field of a secret that HashiCorp Vault or OpenBao keeps in a KV engine, version 1 or 2. */
import { z } from 'zod';
import type { SecretReference } from '../../pipeline/secret-references.js';
import { entryOf } from './document-entry.js';
import { KeptAnswers } from './kept-answers.js';
import { noSecret } from './secret-failure.js';
import { splitPlace, type ReadSecret } from './secret-file.js';
import { createVaultLogin, type VaultLogin } from './vault-login.js';
import { askVault, findServer, type VaultServer } from './vault-server.js';
import { explainStatus, MOUNTS } from './vault-status.js';

/** The server's answer, and where in it the fields are. */
interface Fields {
  body: string;
  within: string[];
}

interface Conversation {
  reference: SecretReference;
  server: VaultServer;
  login: VaultLogin;
  signal: AbortSignal;
}

/** `hide`: called with everything that must not be read in a log. */
export function createVault(
  environment: NodeJS.ProcessEnv,
  hide: (value: string, name: string) => void,
): ReadSecret {
  const login = createVaultLogin(environment, hide);
  const answers = new KeptAnswers<Fields>();
  return async (reference, place) => {
    const { file, key } = splitPlace(place);
    const path = file.replace(/^\//, '');
    if (key === null || !path.split('/').every(isName)) {
      throw noSecret(reference, 'is no path with a field', 'write vault:kv/path#field');
    }
    const server = await findServer(reference, environment);
    const { body, within } = await answers.get(path, (waitMs) =>
      readSecret({ reference, server, login, signal: AbortSignal.timeout(waitMs) }, path),
    );
    return entryOf(reference, body, key, within);
  };
}

/** `..` would lead to another door of the same server. */
function isName(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..';
}

async function readSecret(conversation: Conversation, path: string): Promise<Fields> {
  const { reference } = conversation;
  const mount = readMount(await ask(conversation, `${MOUNTS}${path}`));
  if (mount === null || mount.type !== 'kv') {
    const wayOut = 'name a secret of a KV engine';
    throw noSecret(
      reference,
      `cannot be read: ${mount?.type ?? 'what answers there'} is no KV engine`,
      wayOut,
    );
  }
  if (mount.version === 1) return { body: await ask(conversation, path), within: ['data'] };
  const inside = path.slice(mount.path.length);
  const body = await ask(conversation, `${mount.path}data/${inside}`);
  return { body, within: ['data', 'data'] };
}

/** Body of a successful answer. A token of our own that is no longer known is replaced once. */
async function ask(conversation: Conversation, path: string, again = true): Promise<string> {
  const { reference, server, login, signal } = conversation;
  const token = await login.token(reference, server, signal);
  const answer = await askVault(server, { reference, method: 'GET', path, token, signal });
  if (answer.status === 200) return answer.body;
  if (answer.status === 403 && again && login.forget(token)) return ask(conversation, path, false);
  throw explainStatus(reference, server, answer, path);
}

const mountAnswer = z.object({
  data: z.object({
    path: z.string(),
    type: z.string(),
    options: z.object({ version: z.string().optional() }).nullish(),
  }),
});

function readMount(body: string): { path: string; type: string; version: 1 | 2 } | null {
  try {
    const { data } = mountAnswer.parse(JSON.parse(body));
    return { path: data.path, type: data.type, version: data.options?.version === '2' ? 2 : 1 };
  } catch {
    return null;
  }
}
