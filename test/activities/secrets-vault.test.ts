/** `vault:` references against a real server, and against what may stand in its place. */
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { promisify } from 'node:util';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { listen } from '../support/listen.js';
import { part } from '../support/parts.js';
import { PASSWORD, setSecretsScene, toldOf, type SecretsScene } from '../support/secrets-scene.js';
import { startVault, type TestVault } from '../support/vault.js';

const exec = promisify(execFile);

let scene: SecretsScene;
beforeAll(async () => {
  scene = await setSecretsScene();
});
afterAll(() => scene.remove());

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
    scene.resolve(reference, { VAULT_ADDR: vault.address, VAULT_TOKEN: token, ...more });

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
      const shown = await toldOf(ask(`vault:${place}`, more), 'Refused');
      expect(shown).not.toContain(token);
      return shown;
    };
    expect(await refused('secret/team/prod#no')).toMatch(/there is no entry no; add it/);
    expect(await refused('secret/team/prod#empty')).toMatch(/is empty/);
    expect(await refused('secret/team/none#k')).toMatch(
      /has nothing at secret\/data\/team\/none; put it there/,
    );
    expect(await refused('secret/other/prod#k')).toMatch(/path \\?"secret\/data\/other\/prod\\?" \{ cap/);
    expect(await refused('nowhere/team#k')).toMatch(
      /denies it to the worker, or keeps nothing there; give the worker's policy read on nowhere\/team \(KV/,
    );
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
      expect(await toldOf(ask(`vault:${place}`, { VAULT_TOKEN: vault.rootToken }), 'Refused')).toMatch(
        /is no path with a field/,
      );
    // encoded, so it is a name that is not there
    const odd = ask('vault:secret/%2e%2e/sys/health?x=1#version', { VAULT_TOKEN: vault.rootToken });
    expect(await toldOf(odd, 'Refused')).toMatch(/has nothing at/);
  });

  test('AppRole: logs in once, and again when its token is no longer known', async () => {
    await vault.call('POST', 'auth/approle/role/worker', { token_policies: ['app'], token_ttl: '1h' });
    await vault.call('PUT', 'sys/policies/acl/app', {
      policy: 'path "secret/data/team/*" { capabilities = ["read"] }',
    });
    const { data: role } = await vault.call('GET', 'auth/approle/role/worker/role-id');
    const { data: id } = await vault.call('POST', 'auth/approle/role/worker/secret-id');
    const file = path.join(scene.folder, 'secret-id');
    const secretId = (id as { secret_id: string }).secret_id;
    await writeFile(file, `${secretId}\n`);
    const login = {
      VAULT_ADDR: vault.address,
      VAULT_ROLE_ID: (role as { role_id: string }).role_id,
      VAULT_SECRET_ID_FILE: file,
    };
    const secrets = createSecrets({ ...scene.environment, ...login });
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
    const denied = await toldOf(secrets.resolve('vault:kv1/team/prod#password'), 'Refused');
    expect(denied).not.toContain(secretId);
    await writeFile(file, 'wrong');
    const wrong = createSecrets({ ...scene.environment, ...login }).resolve('vault:secret/team/prod#port');
    expect(await toldOf(wrong, 'Refused')).toMatch(/does not accept VAULT_ROLE_ID with its secret id/);
  });

  test('a token file is read each time, as an agent renews it', async () => {
    const file = path.join(scene.folder, 'token');
    await writeFile(file, 'hvs.old');
    const more = { VAULT_ADDR: vault.address, VAULT_TOKEN_FILE: file };
    const secrets = createSecrets({ ...scene.environment, ...more });
    await toldOf(secrets.resolve('vault:secret/team/prod#port'), 'Refused');
    await writeFile(file, `${token}\n`);
    expect(await secrets.resolve('vault:secret/team/prod#port')).toBe('5432');
    await rm(file);
    expect(await toldOf(secrets.resolve('vault:secret/team/prod#port'), 'Refused')).toMatch(
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

  let asked: http.IncomingHttpHeaders = {};

  /** Somebody in its place who answers everything like this; its address, without the protocol. */
  async function answering(
    status: number,
    body: string,
    headers: http.OutgoingHttpHeaders = {},
    tls: https.ServerOptions | null = null,
  ): Promise<string> {
    const answer: http.RequestListener = (request, response) => {
      asked = request.headers;
      response.writeHead(status, headers).end(body);
    };
    server = tls === null ? http.createServer(answer) : https.createServer(tls, answer);
    return `127.0.0.1:${await listen(server)}`;
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
    const more = { VAULT_ADDR: `http://${address}`, VAULT_TOKEN: 'hvs.token-of-ours' };
    const shown = await toldOf(scene.resolve('vault:kv/a#b', more), type);
    expect(shown).toMatch(message);
    expect(shown).not.toContain('hvs.token-of-ours');
  });

  test('has no end of an answer', async () => {
    const address = await answering(200, 'x'.repeat(3_000_000));
    const more = { VAULT_ADDR: `http://${address}`, VAULT_TOKEN: 't' };
    expect(await toldOf(scene.resolve('vault:kv/a#b', more), 'Unreachable')).toMatch(/larger than 1 MB/);
  });

  test('is asked over TLS with the authority that is named, and for its namespace', async () => {
    const [key, cert] = [path.join(scene.folder, 'tls.key'), path.join(scene.folder, 'tls.crt')];
    const subject = ['-subj', '/CN=vault', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const request = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '1',
      '-keyout',
      key,
      '-out',
      cert,
    ];
    await exec(await part('openssl'), [...request, ...subject]);
    const tls = { key: await readFile(key), cert: await readFile(cert) };
    const address = await answering(503, '{"errors":["Vault is sealed"]}', {}, tls);
    const more = { VAULT_ADDR: `https://${address}`, VAULT_TOKEN: 't', VAULT_NAMESPACE: 'team-a' };
    expect(await toldOf(scene.resolve('vault:kv/a#b', more), 'Refused')).toMatch(
      /is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\); start the worker with VAULT_CACERT/,
    );
    const trusted = scene.resolve('vault:kv/a#b', { ...more, VAULT_CACERT: cert });
    expect(await toldOf(trusted, 'Unreachable')).toMatch(/is sealed/);
    expect(asked).toMatchObject({ 'x-vault-namespace': 'team-a', 'x-vault-token': 't' });
  });

  test('is asked anew by every activity, and its last answer stands in while it is away', async () => {
    let vault = await startVault();
    const { port } = new URL(vault.address);
    try {
      const more = { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken };
      const secrets = createSecrets({ ...scene.environment, ...more });
      const reference = 'vault:secret/app#key';
      const inActivity = (work: () => Promise<string[]>): Promise<string[]> =>
        new MockActivityEnvironment().run<[], string[], () => Promise<string[]>>(work);
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
      expect(await toldOf(secrets.resolve('vault:secret/other#key'), 'Unreachable')).toMatch(
        /does not answer \(ECONNREFUSED\); start Vault/,
      );

      // there again, without the secret: what is refused does not come back when it goes away once more
      vault = await startVault(Number(port));
      await toldOf(secrets.resolve(reference), 'Refused');
      await vault.stop();
      await toldOf(secrets.resolve(reference), 'Unreachable');
    } finally {
      await vault.stop();
    }
  });
});
