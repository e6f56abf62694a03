import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readable, TAIL_BYTES } from '../../../activities/hosts/command-text.js';
import { createSecrets, isReference } from '../../../activities/secrets/secrets.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-secrets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SECRET = 'p&ss wörd/+"1"';

describe('resolving', () => {
  test('env: and file:, without the final newline', async () => {
    const file = path.join(folder, 'token');
    await writeFile(file, 'abc def\n');
    const secrets = createSecrets({ TOKEN: SECRET });
    expect(await secrets.resolve('env:TOKEN')).toBe(SECRET);
    expect(await secrets.resolve(`file:${file}`)).toBe('abc def');
  });

  test.each([
    ['env:MISSING', /env:MISSING is not set .* start the worker with MISSING set/],
    ['env:EMPTY', /env:EMPTY is empty/],
    ['file:/nowhere/at/all', /file:\/nowhere\/at\/all cannot be read by the worker \(ENOENT\)/],
    ['vault:kv/app#key', /VAULT_ADDR is not set; start the worker with VAULT_ADDR=/],
    ['sops:f#k', /is relative, and the worker has no folder for it; start the worker with SLIPWAY_SECRETS/],
    ['age:/nowhere#k', /age:\/nowhere#k cannot be read: \/nowhere \(ENOENT\)/],
  ])('%s is refused by name', async (reference, message) => {
    await expect(createSecrets({ EMPTY: '' }).resolve(reference)).rejects.toThrow(message);
  });

  test('what is the worker’s own is no secret of a pipeline', async () => {
    const seal = path.join(folder, 'seal');
    const identity = path.join(folder, 'identity.txt');
    await mkdir(seal);
    await writeFile(path.join(seal, 'key.pem'), 'a key');
    await writeFile(identity, 'AGE-SECRET-KEY');
    await symlink(seal, path.join(folder, 'link'));
    await symlink(identity, path.join(folder, 'innocent'));
    const secrets = createSecrets(
      { VAULT_TOKEN: 'hvs.x', ACTIONS_RUNTIME_TOKEN: 'ey.x', SLIPWAY_AGE_IDENTITY: identity },
      seal,
    );
    for (const reference of [
      `file:${seal}/key.pem`,
      `file:${folder}/x/../seal/key.pem`,
      `file:${folder}/link/key.pem`,
      `file:${identity}`,
      `file:${folder}/innocent`,
      'file:/proc/self/environ',
      'env:VAULT_TOKEN',
      'env:ACTIONS_RUNTIME_TOKEN',
    ])
      await expect(secrets.resolve(reference)).rejects.toThrow(`${reference} is the worker’s own`);
  });

  test('a literal is refused without being repeated', async () => {
    const error: unknown = await createSecrets({})
      .resolve('hunter2-the-password')
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ type: 'BadInput', nonRetryable: true });
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(String(error)).not.toContain('hunter2');
  });

  test('tells references from addresses', () => {
    expect(
      ['env:X', 'file:/p', 'deploy@host:22', 'vault', 'host:22'].map((text) => isReference(text)),
    ).toEqual([true, true, false, false, false]);
  });
});

describe('scrubbing', () => {
  test.each([
    ['plain', SECRET],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64url', Buffer.from(SECRET).toString('base64url')],
    ['inside a base64 pair', Buffer.from(`user:${SECRET}`).toString('base64')],
    ['inside a longer base64 text', Buffer.from(`ab${SECRET}xyz`).toString('base64')],
    ['URL-encoded', encodeURIComponent(SECRET)],
    ['form-encoded', new URLSearchParams({ v: SECRET }).toString()],
    ['JSON', JSON.stringify({ v: SECRET })],
  ])('%s', async (_form, text) => {
    const secrets = createSecrets({ TOKEN: SECRET });
    expect(secrets.scrub(text)).toBe(text);
    await secrets.resolve('env:TOKEN');
    const clean = secrets.scrub(`before ${text} after`);
    expect(clean).toContain('[env:TOKEN]');
    expect(clean).toMatch(/^before .* after$/);
    expect(clean).not.toContain(text);
  });

  test('every line of a key, and the longer of two values that share text', async () => {
    const key = `-----BEGIN KEY-----\n${'A'.repeat(70)}\n${'B'.repeat(30)}\n-----END KEY-----`;
    const secrets = createSecrets({ KEY: key, SHORT: 'abcdef', LONG: 'abcdef-ghijkl' });
    for (const name of ['KEY', 'SHORT', 'LONG']) await secrets.resolve(`env:${name}`);
    expect(secrets.scrub(`got ${'B'.repeat(30)}`)).toBe('got [env:KEY]');
    expect(secrets.scrub('abcdef-ghijkl abcdef')).toBe('[env:LONG] [env:SHORT]');
  });

  test('what stands in a whole document, entry by entry', async () => {
    const file = path.join(folder, 'app.env');
    await writeFile(file, 'MODE=production\nexport TOKEN="tok-en-1234"\nDSN: postgres://u:p@h/db\n');
    const secrets = createSecrets({});
    await secrets.resolve(`file:${file}`);
    expect(secrets.scrub('sent tok-en-1234')).toBe(`sent [file:${file}]`);
    expect(secrets.scrub('to postgres://u:p@h/db')).toBe(`to [file:${file}]`);
    expect(secrets.scrub('MODE is dev')).toBe('MODE is dev');
  });

  test('leaves ordinary words: names of hosts and users, and very short values', async () => {
    const secrets = createSecrets({ USER: 'deploy', FLAG: 'true' });
    await secrets.resolve('env:USER', 'name');
    await secrets.resolve('env:FLAG');
    expect(secrets.scrub('docker stack deploy: true')).toBe('docker stack deploy: true');
  });

  test('happens before the text is cut', async () => {
    const secrets = createSecrets({ TOKEN: 'tokentokentoken' });
    await secrets.resolve('env:TOKEN');
    // the cut falls inside the value
    const text = `${'x'.repeat(100)}tokentokentoken${'y'.repeat(TAIL_BYTES - 5)}`;
    const clean = readable(Buffer.from(text), secrets.scrub);
    expect(clean).not.toContain('token');
    expect(Buffer.byteLength(clean)).toBe(TAIL_BYTES);
  });
});
