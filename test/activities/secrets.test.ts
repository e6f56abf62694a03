/** Secret references against the real programs: age, sops, and a Vault server. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { failureOf } from '../support/failure-of.js';
import { part } from '../support/parts.js';
import { startVault, type TestVault } from '../support/vault.js';

const exec = promisify(execFile);
const PASSWORD = 'correct-horse-battery';

let folder: string;
let environment: NodeJS.ProcessEnv;
let recipient: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-secrets-'));
  const identity = path.join(folder, 'identity.txt');
  await exec(`${await part('age')}-keygen`, ['-o', identity]);
  await chmod(identity, 0o600);
  recipient = /age1\w+/.exec(await readFile(identity, 'utf8'))?.[0] ?? '';
  const programs = path.join(folder, 'bin');
  await mkdir(programs);
  await symlink(await part('sops'), path.join(programs, 'sops'));
  environment = {
    PATH: `${programs}:/usr/bin:/bin`,
    HOME: folder,
    SLIPWAY_AGE_IDENTITY: identity,
    SLIPWAY_SECRETS: folder,
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const resolve = (reference: string, more: NodeJS.ProcessEnv = {}): Promise<string> =>
  createSecrets({ ...environment, ...more }).resolve(reference);

async function failure(promise: Promise<unknown>, type: 'Refused' | 'Unreachable'): Promise<string> {
  const error = await failureOf(promise);
  expect(error).toMatchObject({ type, nonRetryable: type === 'Refused', cause: undefined });
  const shown = `${String(error)} ${JSON.stringify(error)}`;
  expect(shown).not.toContain(PASSWORD);
  return shown;
}

describe('age, made by the program age', () => {
  test('binary and armored', async () => {
    const plain = path.join(folder, 'plain.yaml');
    await writeFile(plain, `db: {password: ${PASSWORD}}\n`);
    const age = await part('age');
    await exec(age, ['-r', recipient, '-o', path.join(folder, 'binary.age'), plain]);
    await exec(age, ['-a', '-r', recipient, '-o', path.join(folder, 'armored.age'), plain]);
    expect(await resolve('age:binary.age#db.password')).toBe(PASSWORD);
    expect(await resolve('age:armored.age#db.password')).toBe(PASSWORD);
  });
});

describe('sops', () => {
  const yaml = `db:\n  password: ${PASSWORD}\n  users: [anna, oleg]\nkey: |\n  one\n  two\n`;
  const sealed = (name: string): string => path.join(folder, name);

  async function seal(name: string, plain: string): Promise<string> {
    const file = sealed(name);
    await writeFile(file, plain);
    await exec('sops', ['encrypt', '--age', recipient, '--in-place', file], { env: environment });
    expect(await readFile(file, 'utf8')).not.toContain(PASSWORD);
    return file;
  }

  test.each([
    ['a.yaml', yaml, 'db.password', PASSWORD],
    ['b.yaml', yaml, 'db.users.1', 'oleg'],
    ['c.yaml', yaml, 'key', 'one\ntwo'],
    ['d.json', JSON.stringify({ db: { password: PASSWORD } }), 'db.password', PASSWORD],
    ['e.env', `A="quoted"\nTOKEN=${PASSWORD}\n`, 'TOKEN', PASSWORD],
    ['f.env', `A="quoted"\nTOKEN=${PASSWORD}\n`, 'A', '"quoted"'],
  ])('%s, as sops itself decrypts it: %s', async (name, plain, key, value) => {
    await seal(name, plain);
    expect(await resolve(`sops:${name}#${key}`)).toBe(value);
  });

  test('an identity of its own goes before that of the worker', async () => {
    await seal('own.yaml', yaml);
    const own = { SLIPWAY_AGE_IDENTITY: '/nowhere', SOPS_AGE_KEY_FILE: environment['SLIPWAY_AGE_IDENTITY'] };
    expect(await resolve('sops:own.yaml#db.password', own)).toBe(PASSWORD);
  });

  test('what is wrong is named', async () => {
    const file = await seal('g.yaml', yaml);
    const good = await readFile(file, 'utf8');
    const ask = (): Promise<string> => resolve('sops:g.yaml#db.password');
    expect(await failure(resolve('sops:g.yaml#db.no'), 'Refused')).toMatch(/there is no entry db\.no/);
    expect(await failure(resolve('sops:g.yaml#db'), 'Refused')).toMatch(/is a section/);
    expect(await failure(resolve('sops:none.yaml#k'), 'Refused')).toMatch(/none\.yaml \(ENOENT\)/);
    expect(await failure(resolve('sops:../g.yaml#k'), 'Refused')).toMatch(/leaves the folder/);
    expect(await failure(resolve('sops:g.yaml#k', { PATH: '/nowhere' }), 'Refused')).toMatch(
      /the worker has no program sops; install sops/,
    );
    const nobody = { SLIPWAY_AGE_IDENTITY: undefined };
    expect(await failure(resolve('sops:g.yaml#db.password', nobody), 'Refused')).toMatch(
      /the worker has no key for the file; set SLIPWAY_AGE_IDENTITY.*Did not find keys/s,
    );
    // a value renamed, so that its MAC stays right but not where it stands
    await writeFile(file, good.replace('password:', 'passwort:'));
    expect(await failure(ask(), 'Refused')).toMatch(/was changed after it was encrypted/);
    // an entry taken out: every value is right, the MAC over all is not
    await writeFile(file, good.replace(/^key:.*\n/m, ''));
    expect(await failure(ask(), 'Refused')).toMatch(/was changed after it was encrypted \(its MAC/);
    await writeFile(file, good.slice(0, 200));
    expect(await failure(ask(), 'Refused')).toMatch(/not encrypted with sops, or is cut off/);
    await writeFile(file, yaml);
    expect(await failure(ask(), 'Refused')).toMatch(/not encrypted with sops/);
  });

  test('a file that stays as it is is decrypted once, for all that ask at the same time', async () => {
    const count = path.join(folder, 'count');
    const counting = path.join(folder, 'counting');
    await mkdir(counting);
    await writeFile(
      path.join(counting, 'sops'),
      `#!/bin/sh\necho >> ${count}\nexec ${await part('sops')} "$@"\n`,
    );
    await chmod(path.join(counting, 'sops'), 0o755);
    await seal('h.yaml', yaml);
    const secrets = createSecrets({ ...environment, PATH: `${counting}:/usr/bin:/bin` });
    const keys = ['db.password', 'db.users.0', 'key'];
    await Promise.all(keys.map((key) => secrets.resolve(`sops:h.yaml#${key}`)));
    await secrets.resolve('sops:h.yaml#db.password');
    expect(await readFile(count, 'utf8')).toBe('\n');
    await seal('h.yaml', yaml.replace(PASSWORD, 'another-password'));
    expect(await secrets.resolve('sops:h.yaml#db.password')).toBe('another-password');
    expect(await readFile(count, 'utf8')).toBe('\n\n');
  });

  test('a hostile name is a name', async () => {
    const marker = path.join(folder, 'reboot');
    await failure(resolve(`sops:$(touch\${IFS}${marker})#k`), 'Refused');
    await failure(resolve('sops:--help#k'), 'Refused');
    await expect(readFile(marker)).rejects.toThrow('ENOENT');
  });
});

describe('vault', () => {
  let vault: TestVault;
  let token: string;
  beforeAll(async () => {
    vault = await startVault();
    const data = { password: PASSWORD, port: 5432, nested: { 'a.b': 'deep' }, empty: '' };
    await vault.call('POST', 'secret/data/team/prod', { data });
    await vault.call('POST', 'kv1/team/prod', { password: `${PASSWORD}-1` });
    token = await vault.tokenFor(['secret/data/team/*', 'kv1/team/*', 'transit/*']);
  });
  afterAll(() => vault.stop());
  const ask = (reference: string, more: NodeJS.ProcessEnv = {}): Promise<string> =>
    resolve(reference, { VAULT_ADDR: vault.address, VAULT_TOKEN: token, ...more });

  test.each([
    ['secret/team/prod#password', PASSWORD],
    ['secret/team/prod#port', '5432'],
    ['secret/team/prod#nested.a.b', 'deep'],
    ['kv1/team/prod#password', `${PASSWORD}-1`],
  ])('%s', async (place, value) => {
    expect(await ask(`vault:${place}`)).toBe(value);
  });

  test('what is wrong is named, with a way out, and never with the token', async () => {
    const refused = async (place: string, more: NodeJS.ProcessEnv = {}): Promise<string> => {
      const shown = await failure(ask(`vault:${place}`, more), 'Refused');
      expect(shown).not.toContain(token);
      return shown;
    };
    expect(await refused('secret/team/prod#no')).toMatch(/there is no entry no; add it/);
    expect(await refused('secret/team/prod#empty')).toMatch(/is empty/);
    expect(await refused('secret/team/none#k')).toMatch(
      /has nothing at secret\/data\/team\/none; put it there/,
    );
    expect(await refused('secret/other/prod#k')).toMatch(/path \\?"secret\/data\/other\/prod\\?" \{ cap/);
    expect(await refused('nowhere/team#k')).toMatch(/denies it to the worker, or keeps nothing there/);
    expect(await refused('transit/keys#k')).toMatch(/transit is no KV engine/);
    expect(await refused('secret/team/prod#k', { VAULT_TOKEN: 'hvs.foreign' })).toMatch(
      /does not know the worker's token \(any more\); give the worker a new token/,
    );
    expect(await refused('secret/team/prod#k', { VAULT_TOKEN: undefined })).toMatch(/has no login for Vault/);
    expect(await refused('secret/team/prod#k', { VAULT_ADDR: undefined })).toMatch(/VAULT_ADDR is not set/);
    expect(await refused('secret/team/prod#k', { VAULT_ADDR: 'file:///etc' })).toMatch(
      /VAULT_ADDR is no URL/,
    );
    expect(await refused('secret/team/prod#k', { VAULT_CACERT: '/none' })).toMatch(/VAULT_CACERT=\/none/);
  });

  test('a path cannot lead to another door', async () => {
    for (const place of [
      'secret/../sys/health#version',
      'secret/./team#k',
      'secret//team#k',
      '#k',
      'secret/a',
    ])
      expect(await failure(ask(`vault:${place}`, { VAULT_TOKEN: vault.rootToken }), 'Refused')).toMatch(
        /is no path with a field/,
      );
    // encoded, so it is a name that is not there
    const odd = ask('vault:secret/%2e%2e/sys/health?x=1#version', { VAULT_TOKEN: vault.rootToken });
    expect(await failure(odd, 'Refused')).toMatch(/has nothing at/);
  });

  test('AppRole: logs in once, and again when its token is no longer known', async () => {
    await vault.call('POST', 'auth/approle/role/worker', { token_policies: ['app'], token_ttl: '1h' });
    await vault.call('PUT', 'sys/policies/acl/app', {
      policy: 'path "secret/data/team/*" { capabilities = ["read"] }',
    });
    const { data: role } = await vault.call('GET', 'auth/approle/role/worker/role-id');
    const { data: id } = await vault.call('POST', 'auth/approle/role/worker/secret-id');
    const file = path.join(folder, 'secret-id');
    const secretId = (id as { secret_id: string }).secret_id;
    await writeFile(file, `${secretId}\n`);
    const login = {
      VAULT_ADDR: vault.address,
      VAULT_ROLE_ID: (role as { role_id: string }).role_id,
      VAULT_SECRET_ID_FILE: file,
    };
    const secrets = createSecrets({ ...environment, ...login });
    const tokens = async (): Promise<number> => {
      const { data } = await vault.call('LIST', 'auth/token/accessors');
      return (data as { keys: string[] }).keys.length;
    };
    const before = await tokens();
    const both = ['vault:secret/team/prod#password', 'vault:secret/team/prod#port'];
    expect(await Promise.all(both.map((each) => secrets.resolve(each)))).toEqual([PASSWORD, '5432']);
    expect(await tokens()).toBe(before + 1);
    await vault.call('POST', 'sys/leases/revoke-prefix/auth/approle', {});
    expect(await secrets.resolve('vault:secret/team/prod#password')).toBe(PASSWORD);
    expect(secrets.scrub(`login ${secretId}`)).toBe('login [Vault secret id]');
    // denied for good: one new login, not one after another
    const denied = await failure(secrets.resolve('vault:kv1/team/prod#password'), 'Refused');
    expect(denied).not.toContain(secretId);
    await writeFile(file, 'wrong');
    const wrong = createSecrets({ ...environment, ...login }).resolve('vault:secret/team/prod#port');
    expect(await failure(wrong, 'Refused')).toMatch(/does not accept VAULT_ROLE_ID with its secret id/);
  });

  test('a token file is read each time, as an agent renews it', async () => {
    const file = path.join(folder, 'token');
    await writeFile(file, 'hvs.old');
    const more = { VAULT_ADDR: vault.address, VAULT_TOKEN_FILE: file };
    const secrets = createSecrets({ ...environment, ...more });
    await failure(secrets.resolve('vault:secret/team/prod#port'), 'Refused');
    await writeFile(file, `${token}\n`);
    expect(await secrets.resolve('vault:secret/team/prod#port')).toBe('5432');
    await rm(file);
    expect(await failure(secrets.resolve('vault:secret/team/prod#port'), 'Refused')).toMatch(
      /VAULT_TOKEN_FILE/,
    );
  });
});

describe('a Vault that is away', () => {
  let server: http.Server | null = null;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  /** Somebody in its place who answers everything like this. */
  async function answering(
    status: number,
    body: string,
    headers: http.OutgoingHttpHeaders = {},
  ): Promise<string> {
    server = http.createServer((_request, response) => void response.writeHead(status, headers).end(body));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  test.each([
    [503, '{"errors":["Vault is sealed"]}', 'Unreachable', /is sealed; unseal it/],
    [500, PASSWORD, 'Unreachable', /answers 500; see its log/],
    [429, '', 'Unreachable', /answers 429/],
    [200, `<html>${PASSWORD}</html>`, 'Refused', /is no KV engine/],
    [302, PASSWORD, 'Refused', /answers 302; set VAULT_ADDR to the active Vault itself/],
  ] as const)('that answers %i', async (status, body, type, message) => {
    const elsewhere = { location: 'http://127.0.0.1:9/v1/x' };
    const address = await answering(status, body, status === 302 ? elsewhere : {});
    const more = { VAULT_ADDR: address, VAULT_TOKEN: 'hvs.token-of-ours' };
    const shown = await failure(resolve('vault:kv/a#b', more), type);
    expect(shown).toMatch(message);
    expect(shown).not.toContain('hvs.token-of-ours');
  });

  test('has no end of an answer', async () => {
    const address = await answering(200, 'x'.repeat(3_000_000));
    const more = { VAULT_ADDR: address, VAULT_TOKEN: 't' };
    expect(await failure(resolve('vault:kv/a#b', more), 'Unreachable')).toMatch(/larger than 1 MB/);
  });

  test('is asked anew by every activity, and its last answer stands in while it is away', async () => {
    let vault = await startVault();
    const { port } = new URL(vault.address);
    try {
      const more = { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken };
      const secrets = createSecrets({ ...environment, ...more });
      const reference = 'vault:secret/app#key';
      const inActivity = (work: () => Promise<string[]>): Promise<string[]> =>
        new MockActivityEnvironment().run(work) as Promise<string[]>;
      const put = (value: string): Promise<unknown> =>
        vault.call('POST', 'secret/data/app', { data: { key: value } });

      await put('value-one');
      const seen = await inActivity(async () => {
        const first = await secrets.resolve(reference);
        await put('value-two');
        return [first, await secrets.resolve(reference)];
      });
      expect(seen).toEqual(['value-one', 'value-one']);
      expect(await inActivity(async () => [await secrets.resolve(reference)])).toEqual(['value-two']);

      await vault.stop();
      expect(await secrets.resolve(reference)).toBe('value-two');
      expect(await failure(secrets.resolve('vault:secret/other#key'), 'Unreachable')).toMatch(
        /does not answer \(ECONNREFUSED\); start Vault/,
      );

      // there again, without the secret: what is refused does not come back when it goes away once more
      vault = await startVault(Number(port));
      await failure(secrets.resolve(reference), 'Refused');
      await vault.stop();
      await failure(secrets.resolve(reference), 'Unreachable');
    } finally {
      await vault.stop();
    }
  });
});
