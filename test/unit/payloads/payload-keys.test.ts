/** The key file: what is accepted, and what is said of one that is not, without a key in it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parsePayloadKeys, payloadKeysOf, readPayloadKeys } from '../../../payloads/payload-keys.js';

const A = Buffer.alloc(32, 1).toString('base64');
const B = Buffer.alloc(32, 2).toString('base64');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-keys-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function given(name: string, text: string, mode = 0o600): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

it('the first key seals, all of them open', () => {
  const keys = readPayloadKeys(given('good', `# newest first\n2026-11 ${A}\n\n2026-05 ${B} # old\n`));
  expect(keys.active).toEqual({ id: '2026-11', secret: Buffer.alloc(32, 1) });
  expect([...keys.byId.keys()]).toEqual(['2026-11', '2026-05']);
  expect(keys.acceptPlaintext).toBe(false);
});

it('no variable, no encryption', () => {
  expect(payloadKeysOf({})).toBeNull();
  expect(payloadKeysOf({ SLIPWAY_PAYLOAD_KEYS: '' })).toBeNull();
});

it.each([
  ['nothing', '', 'no key in it'],
  ['only comments', '# k\naccept-plaintext\n', 'no key in it'],
  ['a key without an id', `${A}\n`, 'test:1: not "<id> <key>"'],
  ['three words', `a ${A} ${B}`, 'test:1: not "<id> <key>"'],
  ['an id with a slash', `a/b ${A}`, 'test:1: not "<id> <key>"'],
  ['a short key', `ok ${A}\na ${A.slice(0, 20)}`, 'test:2: key a is not 32 bytes'],
  ['a long key', `a ${Buffer.alloc(33).toString('base64')}`, 'key a is not 32 bytes'],
  ['hexadecimal', `a ${Buffer.alloc(32, 7).toString('hex')}`, 'key a is not 32 bytes'],
  ['the same id twice', `a ${A}\na ${B}`, 'key a is there twice'],
])('%s is refused', (_, text, message) => {
  expect(() => parsePayloadKeys(text, 'test')).toThrow(message);
  for (const secret of [A, B]) expect(() => parsePayloadKeys(text, 'test')).not.toThrow(secret);
});

it.each([0o640, 0o604, 0o620, 0o644, 0o666])('a file others may touch is refused (mode %o)', (mode) => {
  const file = given('open', `a ${A}`, mode);
  expect(() => readPayloadKeys(file)).toThrow(
    `others may read it (mode ${mode.toString(8)}); run: chmod 600 ${file}`,
  );
});

it('what is no file is refused, and a link counts as what it leads to', () => {
  const link = path.join(folder, 'link');
  symlinkSync(given('target', `a ${A}`, 0o644), link);
  expect(() => readPayloadKeys(link)).toThrow('others may read it');
  mkdirSync(path.join(folder, 'folder'), { mode: 0o700 });
  expect(() => readPayloadKeys(path.join(folder, 'folder'))).toThrow('not a file');
  expect(() => readPayloadKeys(path.join(folder, 'absent'))).toThrow('cannot be read (ENOENT)');
  expect(() => readPayloadKeys(given('huge', `#${'x'.repeat(70_000)}`))).toThrow('64 KB');
});
