/** `age:FILE#KEY`: a document encrypted with age, binary or armored, for the identity of the worker. */
import { armor, Decrypter } from 'age-encryption';
import type { SecretReference } from '../../pipeline/secret-references.js';
import { entryOf } from './document-entry.js';
import type { KeptFiles } from './kept-files.js';
import { noSecret } from './secret-failure.js';
import { locateFile, readSecretFile, splitPlace, type ReadSecret } from './secret-file.js';

export function createAge(environment: NodeJS.ProcessEnv, kept: KeptFiles): ReadSecret {
  return async (reference, place) => {
    const { file, key } = splitPlace(place);
    const found = locateFile(reference, file, environment);
    const sealed = await readSecretFile(reference, found, { shown: found, onlyOwner: false });
    const text = await kept.text(`age ${found}`, sealed, async () =>
      decrypt(reference, sealed, await readIdentities(reference, environment)),
    );
    return key === null ? text : entryOf(reference, text, key);
  };
}

async function decrypt(
  reference: SecretReference,
  sealed: Uint8Array,
  identities: string[],
): Promise<string> {
  // messages of the library are not passed on: they quote the file, which may be plain text by mistake
  let file: Uint8Array;
  const decrypter = new Decrypter();
  try {
    const text = Buffer.from(sealed).toString('latin1');
    file = text.trimStart().startsWith('-----BEGIN AGE') ? armor.decode(text) : sealed;
  } catch {
    throw damaged(reference);
  }
  try {
    for (const identity of identities) decrypter.addIdentity(identity);
  } catch {
    throw noSecret(
      reference,
      'cannot be decrypted: SLIPWAY_AGE_IDENTITY holds what is no age identity',
      'a line of it is AGE-SECRET-KEY-1… as age-keygen writes it; SSH keys, plugins and passphrases are not read',
    );
  }
  let bytes: Uint8Array;
  try {
    bytes = await decrypter.decrypt(file);
  } catch (error) {
    const isForOthers = error instanceof Error && error.message.startsWith('no identity matched');
    throw isForOthers ? forOthers(reference, file) : damaged(reference);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw noSecret(reference, 'is not text', 'encrypt text, or base64 of what is not');
  }
}

function damaged(reference: SecretReference): Error {
  return noSecret(
    reference,
    'cannot be decrypted: the file is no age file, or it was damaged',
    'encrypt it again with age -r RECIPIENT, and put the new file there',
  );
}

function forOthers(reference: SecretReference, file: Uint8Array): Error {
  const header = Buffer.from(file.subarray(0, 4096)).toString('latin1').split('\n---')[0] ?? '';
  const kinds = [...header.matchAll(/^-> (\S+)/gm)].map(([, kind]) => kind);
  if (kinds.includes('scrypt')) {
    const wayOut = 'encrypt it for the recipient of the worker: age -r age1…';
    return noSecret(reference, 'cannot be decrypted: the file asks for a passphrase', wayOut);
  }
  return noSecret(
    reference,
    "cannot be decrypted: the file is for other recipients than the worker's identity",
    'encrypt it again with age -r and what age-keygen -y says of SLIPWAY_AGE_IDENTITY',
  );
}

async function readIdentities(reference: SecretReference, environment: NodeJS.ProcessEnv): Promise<string[]> {
  const file = environment['SLIPWAY_AGE_IDENTITY'] ?? '';
  if (file === '') {
    const wayOut = 'start the worker with SLIPWAY_AGE_IDENTITY=/path/of/identity.txt (age-keygen makes one)';
    throw noSecret(reference, 'cannot be decrypted: the worker has no identity', wayOut);
  }
  const content = await readSecretFile(reference, file, {
    shown: `SLIPWAY_AGE_IDENTITY=${file}`,
    onlyOwner: true,
  });
  const lines = content
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length > 0) return lines;
  throw noSecret(reference, `cannot be decrypted: ${file} holds no identity`, 'age-keygen makes one');
}
