/**
 * The key a worker seals with, and those whose seals it believes: its own, and what lies in `trusted/`. Made on the
 * first start. Temporal never sees the private half, so nobody who can only write there can seal.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Seal } from '../../pipeline/plan.js';
import { openToOthers } from '../../pipeline/who-may-write.js';

export interface SealKeys {
  /** Of the key that seals now. */
  keyId: string;
  /** Signs this text. */
  seal(statement: string): Seal;
  /** false = sealed by a key that is not trusted here, or not sealed by the key it names. */
  isGenuine(seal: Seal): boolean;
}

const PRIVATE = 'key.pem';
const PUBLIC = 'key.pub.pem';
const TRUSTED = 'trusted';

/** Genuine seals are remembered, so that a change asks for each signature once. */
const MOST_REMEMBERED = 2000;

/**
 * `folder` holds `key.pem` (0600), `key.pub.pem` and `trusted/*.pem`, public keys of other workers and of earlier days.
 * Throws an Error for the user when the key may be read by others or a file is no ed25519 key.
 */
export async function loadSealKeys(folder: string): Promise<SealKeys> {
  await mkdir(path.join(folder, TRUSTED), { recursive: true, mode: 0o700 });
  const file = path.join(folder, PRIVATE);
  const own = await readOrCreate(file);
  const ownPublic = createPublicKey(own);
  await writeFile(path.join(folder, PUBLIC), ownPublic.export({ type: 'spki', format: 'pem' }));
  const keyId = keyIdOf(ownPublic);
  const known = new Map([[keyId, ownPublic], ...(await readTrusted(path.join(folder, TRUSTED)))]);
  const genuine = new Set<string>();
  return {
    keyId,
    seal: (statement) => ({
      statement,
      keyId,
      signature: sign(null, Buffer.from(statement), own).toString('base64'),
    }),
    isGenuine: ({ statement, keyId: by, signature }) => {
      const name = `${by} ${signature} ${createHash('sha256').update(statement).digest('base64')}`;
      if (genuine.has(name)) return true;
      const key = known.get(by);
      if (key === undefined) return false;
      if (!verify(null, Buffer.from(statement), key, Buffer.from(signature, 'base64'))) return false;
      if (genuine.size >= MOST_REMEMBERED) genuine.clear();
      genuine.add(name);
      return true;
    },
  };
}

async function readOrCreate(file: string): Promise<KeyObject> {
  if (!existsSync(file)) {
    const made = `${file}.${randomUUID()}`;
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(made, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    // whole or not at all: of two workers that start at once the first one's is there
    await link(made, file).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
    await rm(made);
  }
  const open = openToOthers((await stat(file)).mode);
  if (open !== null)
    throw new Error(
      `${file} may be read or written by others (mode ${open}); chmod 600 ${file}, and make a new one if somebody may have read it (docs/security.md#rotation)`,
    );
  return readKey(file, await readFile(file, 'utf8'), createPrivateKey);
}

async function readTrusted(folder: string): Promise<[string, KeyObject][]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.pem')).sort();
  return await Promise.all(
    names.map(async (name): Promise<[string, KeyObject]> => {
      const file = path.join(folder, name);
      const text = await readFile(file, 'utf8');
      if (text.includes('PRIVATE KEY'))
        throw new Error(`${file} is a private key; only public keys belong there (openssl pkey -pubout)`);
      const key = readKey(file, text, createPublicKey);
      return [keyIdOf(key), key];
    }),
  );
}

function readKey(file: string, text: string, read: (text: string) => KeyObject): KeyObject {
  const key = attempt(() => read(text));
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new Error(`${file} is no ed25519 key in PEM; openssl genpkey -algorithm ed25519 makes one`);
}

function attempt(read: () => KeyObject): KeyObject | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function keyIdOf(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}
