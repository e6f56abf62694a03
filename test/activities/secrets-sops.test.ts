/** `age:` and `sops:` references against the real programs; a key that a server keeps is a real Vault's. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { part } from '../support/parts.js';
import { PASSWORD, setSecretsScene, toldOf, type SecretsScene } from '../support/secrets-scene.js';
import { startVault } from '../support/vault.js';

const exec = promisify(execFile);

let scene: SecretsScene;
beforeAll(async () => {
  scene = await setSecretsScene();
});
afterAll(() => scene.remove());

describe('age, made by the program age', () => {
  test('binary and armored', async () => {
    const plain = path.join(scene.folder, 'plain.yaml');
    await writeFile(plain, `db: {password: ${PASSWORD}}\n`);
    const age = await part('age');
    await exec(age, ['-r', scene.recipient, '-o', path.join(scene.folder, 'binary.age'), plain]);
    await exec(age, ['-a', '-r', scene.recipient, '-o', path.join(scene.folder, 'armored.age'), plain]);
    expect(await scene.resolve('age:binary.age#db.password')).toBe(PASSWORD);
    expect(await scene.resolve('age:armored.age#db.password')).toBe(PASSWORD);
  });
});

describe('sops', () => {
  const yaml = `db:\n  password: ${PASSWORD}\n  users: [anna, oleg]\nkey: |\n  one\n  two\n`;
  const sealed = (name: string): string => path.join(scene.folder, name);

  async function seal(name: string, plain: string): Promise<string> {
    const file = sealed(name);
    await writeFile(file, plain);
    await exec('sops', ['encrypt', '--age', scene.recipient, '--in-place', file], { env: scene.environment });
    expect(await readFile(file, 'utf8')).not.toContain(PASSWORD);
    return file;
  }

  test.each([
    ['a.yaml', yaml, 'db.password', PASSWORD],
    ['b.yaml', yaml, 'db.users.1', 'oleg'],
    ['c.yaml', yaml, 'key', 'one\ntwo'],
    ['d.json', JSON.stringify({ db: { password: PASSWORD } }), 'db.password', PASSWORD],
    ['e.env', `A="quoted"\nTOKEN=${PASSWORD}\n`, 'TOKEN', PASSWORD],
    ['i.ini', `[db]\npassword = ${PASSWORD}\n`, 'db.password', PASSWORD],
    ['f.env', `A="quoted"\nTOKEN=${PASSWORD}\n`, 'A', '"quoted"'],
  ])('an entry of %s', async (name, plain, key, value) => {
    await seal(name, plain);
    expect(await scene.resolve(`sops:${name}#${key}`)).toBe(value);
  });

  test('an identity of its own goes before that of the worker', async () => {
    await seal('own.yaml', yaml);
    const own = {
      SLIPWAY_AGE_IDENTITY: '/nowhere',
      SOPS_AGE_KEY_FILE: scene.environment['SLIPWAY_AGE_IDENTITY'],
    };
    expect(await scene.resolve('sops:own.yaml#db.password', own)).toBe(PASSWORD);
  });

  test('what is wrong is named', async () => {
    const file = await seal('g.yaml', yaml);
    const good = await readFile(file, 'utf8');
    const ask = (): Promise<string> => scene.resolve('sops:g.yaml#db.password');
    expect(await toldOf(scene.resolve('sops:g.yaml#db.no'), 'Refused')).toMatch(/there is no entry db\.no/);
    expect(await toldOf(scene.resolve('sops:g.yaml#db'), 'Refused')).toMatch(/is a section/);
    expect(await toldOf(scene.resolve('sops:none.yaml#k'), 'Refused')).toMatch(/none\.yaml \(ENOENT\)/);
    expect(await toldOf(scene.resolve('sops:../g.yaml#k'), 'Refused')).toMatch(/leaves the folder/);
    expect(await toldOf(scene.resolve('sops:g.yaml#k', { PATH: '/nowhere' }), 'Refused')).toMatch(
      /the worker has no program sops; install sops/,
    );
    const nobody = { SLIPWAY_AGE_IDENTITY: undefined };
    expect(await toldOf(scene.resolve('sops:g.yaml#db.password', nobody), 'Refused')).toMatch(
      /the worker has no key for the file; set SLIPWAY_AGE_IDENTITY.*Did not find keys/s,
    );
    // a value renamed, so that its MAC stays right but not where it stands
    await writeFile(file, good.replace('password:', 'passwort:'));
    expect(await toldOf(ask(), 'Refused')).toMatch(/was changed after it was encrypted/);
    // an entry taken out: every value is right, the MAC over all is not
    await writeFile(file, good.replace(/^key:.*\n/m, ''));
    expect(await toldOf(ask(), 'Refused')).toMatch(/was changed after it was encrypted \(its MAC/);
    await writeFile(file, good.slice(0, 200));
    expect(await toldOf(ask(), 'Refused')).toMatch(/not encrypted with sops, or is cut off/);
    await writeFile(file, yaml);
    expect(await toldOf(ask(), 'Refused')).toMatch(/not encrypted with sops/);
  });

  test('a file that stays as it is is decrypted once, for all that ask at the same time', async () => {
    const count = path.join(scene.folder, 'count');
    const counting = path.join(scene.folder, 'counting');
    await mkdir(counting);
    await writeFile(
      path.join(counting, 'sops'),
      `#!/bin/sh\necho >> ${count}\nexec ${await part('sops')} "$@"\n`,
    );
    await chmod(path.join(counting, 'sops'), 0o755);
    await seal('h.yaml', yaml);
    const secrets = createSecrets({ ...scene.environment, PATH: `${counting}:/usr/bin:/bin` });
    const keys = ['db.password', 'db.users.0', 'key'];
    await Promise.all(keys.map((key) => secrets.resolve(`sops:h.yaml#${key}`)));
    await secrets.resolve('sops:h.yaml#db.password');
    expect(await readFile(count, 'utf8')).toBe('\n');
    await seal('h.yaml', yaml.replace(PASSWORD, 'another-password'));
    expect(await secrets.resolve('sops:h.yaml#db.password')).toBe('another-password');
    expect(await readFile(count, 'utf8')).toBe('\n\n');
  });

  test('a key that a server keeps: with its login, and asked again when it is away', async () => {
    const vault = await startVault();
    try {
      await vault.call('POST', 'transit/keys/sops', {});
      const login = { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken };
      const file = sealed('kms.yaml');
      await writeFile(file, yaml);
      const key = `${vault.address}/v1/transit/keys/sops`;
      await exec('sops', ['encrypt', '--hc-vault-transit', key, '--in-place', file], {
        env: { ...scene.environment, ...login },
      });
      expect(await scene.resolve('sops:kms.yaml#db.password', login)).toBe(PASSWORD);
      const denied = scene.resolve('sops:kms.yaml#db.password', { ...login, VAULT_TOKEN: 'hvs.foreign' });
      const shown = await toldOf(denied, 'Refused');
      expect(shown).toMatch(/the worker has no key for the file.*permission denied/s);
      expect(shown).not.toContain('hvs.foreign');
      await vault.stop();
      const away = scene.resolve('sops:kms.yaml#db.password', login);
      expect(await toldOf(away, 'Unreachable')).toMatch(/the key service did not answer/);
    } finally {
      await vault.stop();
    }
  });

  test('a hostile name is a name', async () => {
    const marker = path.join(scene.folder, 'reboot');
    await toldOf(scene.resolve(`sops:$(touch\${IFS}${marker})#k`), 'Refused');
    await toldOf(scene.resolve('sops:--help#k'), 'Refused');
    await expect(readFile(marker)).rejects.toThrow('ENOENT');
  });
});
