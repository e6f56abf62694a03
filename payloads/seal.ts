/** One payload sealed for one place with AES-256-GCM, and opened again. Knows nothing of Temporal but a payload's shape. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload } from '@temporalio/common';
import type { PayloadKey, PayloadKeys } from './payload-keys.js';
import { METADATA, metadataOf, readPlace, SEALED, writePlace, type Place } from './place.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

/** The key is not in our file: perhaps removed too early, so nothing is concluded from it. */
export class UnknownPayloadKey extends Error {
  override readonly name = 'UnknownPayloadKey';
}

/** Not made by anyone with a key, or not for this place. The message never holds what was in it. */
export class PayloadRefused extends Error {
  override readonly name = 'PayloadRefused';
}

export function isSealed(payload: Payload): boolean {
  return metadataOf(payload, METADATA.encoding) === SEALED;
}

/** `data` is IV, ciphertext, tag; key id and place stand in the metadata and are authenticated. */
export function sealPayload(key: PayloadKey, place: Place, payload: Payload): Payload {
  const written = writePlace(place);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key.secret, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(key.id, written));
  const body = Buffer.concat([iv, cipher.update(frame(payload)), cipher.final(), cipher.getAuthTag()]);
  return {
    metadata: {
      [METADATA.encoding]: Buffer.from(SEALED),
      [METADATA.keyId]: Buffer.from(key.id),
      [METADATA.place]: Buffer.from(written),
    },
    data: body,
  };
}

export interface Opened {
  payload: Payload;
  /** Authenticated: what it was sealed for. Whether it was met there is the caller's to compare. */
  place: Place;
}

/** Throws UnknownPayloadKey or PayloadRefused. */
export function openPayload(keys: PayloadKeys, sealed: Payload): Opened {
  const keyId = metadataOf(sealed, METADATA.keyId) ?? '';
  const key = keys.byId.get(keyId);
  if (key === undefined) {
    throw new UnknownPayloadKey(
      `payload key ${JSON.stringify(keyId.slice(0, 64))} is not in the key file; put it back (docs/security-payloads.md#rotation)`,
    );
  }
  const written = metadataOf(sealed, METADATA.place) ?? '';
  const place = readPlace(written);
  const data = Buffer.from(sealed.data ?? []);
  if (place === null || data.length < IV_BYTES + TAG_BYTES) throw new PayloadRefused('not a sealed payload');
  return { payload: unframe(decipher(key, written, data)), place };
}

function decipher(key: PayloadKey, place: string, data: Buffer): Buffer {
  const opener = createDecipheriv(CIPHER, key.secret, data.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  opener.setAAD(associatedData(key.id, place));
  opener.setAuthTag(data.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([opener.update(data.subarray(IV_BYTES, -TAG_BYTES)), opener.final()]);
  } catch {
    throw new PayloadRefused('changed, or sealed for another place');
  }
}

/** No two pairs of key id and place have the same bytes: an id holds no line break. */
function associatedData(keyId: string, place: string): Buffer {
  return Buffer.from(`slipway-payload/1\n${keyId}\n${place}`);
}

/** Length of the metadata, metadata as JSON, data as it is. */
function frame(payload: Payload): Buffer {
  const metadata = Object.entries(payload.metadata ?? {}).map(([name, value]) => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  const head = Buffer.from(JSON.stringify(metadata));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, payload.data ?? Buffer.alloc(0)]);
}

/** Only of bytes that were authenticated: their shape is ours. */
function unframe(bytes: Buffer): Payload {
  const end = 4 + bytes.readUInt32BE(0);
  const head: [string, string][] = JSON.parse(bytes.subarray(4, end).toString('utf8'));
  return {
    metadata: Object.fromEntries(head.map(([name, value]) => [name, Buffer.from(value, 'base64')])),
    data: bytes.subarray(end),
  };
}
