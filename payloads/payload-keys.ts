/** The key file: `<id> <32 bytes in base64>` per line, the newest first. Whoever can read it can read every payload. */
import { readPrivateFile } from './private-file.js';

export interface PayloadKey {
  id: string;
  /** 32 bytes. */
  secret: Buffer;
}

export interface PayloadKeys {
  /** Seals what is written from now on. */
  active: PayloadKey;
  /** Opens what was sealed before, the active one included. */
  byId: ReadonlyMap<string, PayloadKey>;
  /** While an installation changes over: what is not sealed is taken from everywhere. */
  acceptPlaintext: boolean;
}

const KEY_BYTES = 32;
const ACCEPT_PLAINTEXT = 'accept-plaintext';
const DOCS = 'docs/security-payloads.md#keys';

/** The keys `SLIPWAY_PAYLOAD_KEYS` names, or null when it is not set: then nothing is encrypted. Throws as readPayloadKeys. */
export function payloadKeysOf(env: Record<string, string | undefined>): PayloadKeys | null {
  const file = env['SLIPWAY_PAYLOAD_KEYS'];
  return file === undefined || file === '' ? null : readPayloadKeys(file);
}

/** Throws `Error` with file, line and way out; never with a key in it. */
export function readPayloadKeys(file: string): PayloadKeys {
  return parsePayloadKeys(readPrivateFile('payload keys', file), file);
}

/** `file` is for messages only. */
export function parsePayloadKeys(text: string, file: string): PayloadKeys {
  const byId = new Map<string, PayloadKey>();
  let acceptPlaintext = false;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*/, '').trim();
    if (line === ACCEPT_PLAINTEXT) acceptPlaintext = true;
    else if (line !== '') {
      const key = parseKey(line, `payload keys ${file}:${String(index + 1)}`);
      if (byId.has(key.id)) throw new Error(`payload keys ${file}: key ${key.id} is there twice; keep one`);
      byId.set(key.id, key);
    }
  }
  const [active] = byId.values();
  if (active === undefined) {
    throw new Error(
      `payload keys ${file}: no key in it; add a line "<id> $(openssl rand -base64 32)" (${DOCS})`,
    );
  }
  return { active, byId, acceptPlaintext };
}

function parseKey(line: string, where: string): PayloadKey {
  const [id = '', encoded = '', ...rest] = line.split(/\s+/);
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(id) || rest.length > 0) {
    throw new Error(
      `${where}: not "<id> <key>"; an id is letters, digits, dot, dash and underscore (${DOCS})`,
    );
  }
  const secret = Buffer.from(encoded, 'base64');
  if (secret.length !== KEY_BYTES || secret.toString('base64') !== encoded) {
    throw new Error(`${where}: key ${id} is not 32 bytes in base64; make one with: openssl rand -base64 32`);
  }
  return { id, secret };
}
