import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadSealKeys } from '../../activities/trust/seal-keys.js';

const exec = promisify(execFile);
let folder: string;
const at = (...names: string[]): string => path.join(folder, ...names);

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-seal-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the key a worker seals with', () => {
  test('is made once, for its owner only, and found again', async () => {
    const first = await loadSealKeys(folder);
    expect((await stat(at('key.pem'))).mode & 0o777).toBe(0o600);
    const again = await loadSealKeys(folder);
    expect(again.keyId).toBe(first.keyId);
    expect(again.isGenuine(first.seal('{"a":1}'))).toBe(true);
  });

  test('is one key also for workers that start at the same moment', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => loadSealKeys(folder)));
    expect(new Set(all.map(({ keyId }) => keyId)).size).toBe(1);
    for (const one of all) for (const other of all) expect(one.isGenuine(other.seal('x'))).toBe(true);
  });

  test('may be replaced: what the old one sealed is believed while its public half is trusted', async () => {
    const old = (await loadSealKeys(folder)).seal('statement');
    // as docs/security.md says
    await rename(at('key.pub.pem'), at('trusted', '2026-11.pem'));
    await rm(at('key.pem'));
    const rotated = await loadSealKeys(folder);
    expect(rotated.keyId).not.toBe(old.keyId);
    expect(rotated.isGenuine(old)).toBe(true);
    await rm(at('trusted', '2026-11.pem'));
    expect((await loadSealKeys(folder)).isGenuine(old)).toBe(false);
  });

  test('seals text byte for byte', async () => {
    const keys = await loadSealKeys(folder);
    const seal = keys.seal('{"digest":"sha256:a"}');
    expect(keys.isGenuine(seal)).toBe(true);
    expect(keys.isGenuine({ ...seal, statement: '{"digest":"sha256:b"}' })).toBe(false);
    expect(keys.isGenuine({ ...seal, keyId: '0'.repeat(16) })).toBe(false);
    for (const signature of ['', 'AAAA', 'not base64', seal.signature.slice(4)])
      expect(keys.isGenuine({ ...seal, signature })).toBe(false);
  });

  test('that others may read is refused with the way out', async () => {
    await loadSealKeys(folder);
    await chmod(at('key.pem'), 0o640);
    await expect(loadSealKeys(folder)).rejects.toThrow(/mode 640\); chmod 600/);
  });

  test.each([
    ['nonsense', 'nonsense\n'],
    ['a key of another kind', null],
  ])('with %s is named', async (_what, text) => {
    const rsa = at('rsa.pem');
    await exec('openssl', ['genrsa', '-out', rsa, '2048']);
    await writeFile(at('key.pem'), text ?? (await readFile(rsa, 'utf8')), { mode: 0o600 });
    await expect(loadSealKeys(folder)).rejects.toThrow(/key\.pem is no ed25519 key in PEM; openssl genpkey/);
  });

  test('a private key among the trusted ones is refused', async () => {
    await loadSealKeys(folder);
    await writeFile(at('trusted', 'other.pem'), await readFile(at('key.pem'), 'utf8'));
    await expect(loadSealKeys(folder)).rejects.toThrow(/other\.pem is a private key/);
  });
});
