/** Which keys a connection offers: the one the environment names, else the agent's, else the defaults in ~/.ssh. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import ssh2, { type AnyAuthMethod } from 'ssh2';
import { openToOthers } from '../../pipeline/who-may-write.js';
import { ConnectionProblem } from './connection-problem.js';
import { fingerprint } from './known-hosts.js';

export interface OfferedKeys {
  methods: AnyAuthMethod[];
  /** For messages: fingerprints and places, never the keys. */
  names: string[];
}

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const DOCS = '(docs/hosts.md#keys)';

/**
 * `reference` is what the environment names (its text or the path of a file), resolved by `resolve`.
 * Throws a refusal for a key that others can read, an encrypted one, or one in a form that cannot be used.
 */
export async function offerKeys(
  user: string,
  reference: string | null,
  resolve: (reference: string) => Promise<string>,
): Promise<OfferedKeys> {
  if (reference !== null) {
    const { text, place } = await namedKey(reference, await resolve(reference));
    return offer(user, [parseKey(text, place)]);
  }
  const offered = offer(user, await defaultKeys());
  const agent = process.env['SSH_AUTH_SOCK'];
  if (agent !== undefined && agent !== '' && existsSync(agent)) {
    offered.methods.unshift({ type: 'agent', username: user, agent });
    offered.names.unshift('the keys of the SSH agent');
  }
  if (offered.methods.length === 0) {
    throw new ConnectionProblem(
      'the worker has no SSH key to offer: no ssh.key, no agent, no ~/.ssh/id_*',
      `name one in the environment, such as ssh: {key: env:DEPLOY_SSH_KEY} ${DOCS}`,
      'refusal',
    );
  }
  return offered;
}

interface NamedKey {
  key: ssh2.ParsedKey;
  place: string;
}

function offer(user: string, keys: NamedKey[]): OfferedKeys {
  return {
    methods: keys.map(({ key }) => ({ type: 'publickey', username: user, key })),
    names: keys.map(({ key, place }) => `${key.type} ${fingerprint(key.getPublicSSH())} from ${place}`),
  };
}

async function namedKey(reference: string, value: string): Promise<{ text: string; place: string }> {
  if (value.includes('-----BEGIN')) {
    if (reference.startsWith('file:'))
      await refuseOpenPermissions(reference.slice('file:'.length), reference);
    // CI systems hand over multi-line variables with the line breaks escaped
    const text = value.includes('\n') ? value : value.replaceAll(String.raw`\n`, '\n');
    return { text: `${text.trimEnd()}\n`, place: reference };
  }
  const file = value.trim().replace(/^~(?=\/)/, homedir());
  if (!path.isAbsolute(file)) {
    throw new ConnectionProblem(
      `${reference} holds neither a private key nor the absolute path of one`,
      `put the key's text there, from -----BEGIN to the end of -----END ${DOCS}`,
      'refusal',
    );
  }
  // where the file is, is the secret's value: no message has it
  await refuseOpenPermissions(file, reference, `the file that ${reference} names`);
  return { text: await readFile(file, 'utf8'), place: reference };
}

async function defaultKeys(): Promise<NamedKey[]> {
  const found: NamedKey[] = [];
  for (const name of DEFAULT_KEYS) {
    const file = path.join(homedir(), '.ssh', name);
    if (!existsSync(file)) continue;
    await refuseOpenPermissions(file, file);
    try {
      found.push(parseKey(await readFile(file, 'utf8'), file));
    } catch (error) {
      // an encrypted default key is the agent's business, as with ssh itself
      if (!(error instanceof ConnectionProblem)) throw error;
    }
  }
  return found;
}

/** As ssh does: a private key that others can read is not private. */
async function refuseOpenPermissions(file: string, shown: string, named = file): Promise<void> {
  let mode: number;
  try {
    mode = (await stat(file)).mode;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConnectionProblem(
      `the key ${shown} cannot be read by the worker (${code})`,
      `put it there, readable by the worker's user only: chmod 600 ${named} ${DOCS}`,
      'refusal',
    );
  }
  const open = openToOthers(mode);
  if (open === null) return;
  throw new ConnectionProblem(
    `the key ${shown} has mode ${open}: others can read it`,
    `chmod 600 ${named} ${DOCS}`,
    'refusal',
  );
}

function parseKey(text: string, place: string): NamedKey {
  const parsed: unknown = ssh2.utils.parseKey(text);
  // an OpenSSH file may hold several keys
  const key: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error || !isKey(key)) throw unusableKey(text, place, key);
  if (!key.isPrivateKey()) {
    throw new ConnectionProblem(`${place} is a public key`, `name the private one ${DOCS}`, 'refusal');
  }
  return { key, place };
}

function isKey(value: unknown): value is ssh2.ParsedKey {
  return typeof value === 'object' && value !== null && 'getPublicSSH' in value;
}

function unusableKey(text: string, place: string, error: unknown): ConnectionProblem {
  const said = error instanceof Error ? error.message : '';
  if (/encrypted/i.test(said) || text.includes('ENCRYPTED')) {
    return new ConnectionProblem(
      `the key ${place} is protected by a passphrase, which an unattended worker cannot type`,
      `load it into an SSH agent, or take the passphrase off a copy: ssh-keygen -p -N '' -f KEY ${DOCS}`,
      'refusal',
    );
  }
  if (text.includes('-----BEGIN PRIVATE KEY-----')) {
    return new ConnectionProblem(
      `the key ${place} is in PKCS8 form`,
      `rewrite it in OpenSSH's own: ssh-keygen -p -N '' -f KEY ${DOCS}`,
      'refusal',
    );
  }
  return new ConnectionProblem(
    `the key ${place} cannot be read${said === '' ? '' : `: ${said}`}`,
    `make a new one: ssh-keygen -t ed25519 ${DOCS}`,
    'refusal',
  );
}
