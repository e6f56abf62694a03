/** `age:` references, with files of the library's own making; those of the program age: test/activities/secrets-sops.test.ts. */
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { armor, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSecrets } from '../../../activities/secrets/secrets.js';
import { changeByte } from '../../support/change-byte.js';
import { failureOf } from '../../support/failure-of.js';

const PASSWORD = 'correct-horse-battery';
let folder: string;
let identity: string;
let recipient: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-age-'));
  identity = await generateIdentity();
  recipient = await identityToRecipient(identity);
  const file = path.join(folder, 'identity.txt');
  await writeFile(file, `# the worker's\n\n${await generateIdentity()}\n${identity}\n`, { mode: 0o600 });
  environment = { SLIPWAY_AGE_IDENTITY: file, SLIPWAY_SECRETS: folder };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function seal(text: string | Uint8Array, to = recipient): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(to);
  return encrypter.encrypt(text);
}

/** Resolves `age:NAME` after writing it. */
async function resolve(name: string, content: Uint8Array | string, key = ''): Promise<string> {
  await writeFile(path.join(folder, name), content);
  return createSecrets(environment).resolve(`age:${name}${key}`);
}

/** The failure as everything that might be shown of it. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const failure = await failureOf(promise);
  expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true, cause: undefined });
  const all = `${String(failure)} ${JSON.stringify(failure)}`;
  expect(all).not.toContain(PASSWORD);
  expect(all).not.toContain(identity);
  return String(failure);
}

describe('an entry of', () => {
  const yaml = `db: {password: ${PASSWORD}, pin: 007, on: true, none: null}\nlist: [a, {b: c}]\nregistry.example.com: {user.name: u}\nalias: &x deep\nsame: *x\nkey: |\n  one\n  two\n8080: port\n`;
  test.each([
    ['db.password', PASSWORD],
    ['db.pin', '007'],
    ['db.on', 'true'],
    ['list.0', 'a'],
    ['list.1.b', 'c'],
    ['registry.example.com.user.name', 'u'],
    ['same', 'deep'],
    ['key', 'one\ntwo'],
    ['8080', 'port'],
  ])('YAML: %s', async (key, value) => {
    expect(await resolve('a.yaml.age', await seal(yaml), `#${key}`)).toBe(value);
  });

  test.each([
    ['YAML', 'list', /is a section, not a value; name an entry below list/],
    ['YAML', 'db.passwort', /there is no entry db\.passwort; add it/],
    ['YAML', 'db.password.x', /there is no entry/],
    ['YAML', 'list.7', /there is no entry/],
    ['YAML', 'constructor', /there is no entry constructor/],
    ['YAML', 'db.none', /is empty/],
  ])('%s that is none: %s', async (_kind, key, message) => {
    expect(await refusal(resolve('b.yaml.age', await seal(yaml), `#${key}`))).toMatch(message);
  });

  test('JSON', async () => {
    const json = JSON.stringify({ a: { b: `quo"te ${PASSWORD}` }, n: 1.5 });
    expect(await resolve('c.age', await seal(json), '#a.b')).toBe(`quo"te ${PASSWORD}`);
    expect(await resolve('c.age', await seal(json), '#n')).toBe('1.5');
  });

  test('dotenv', async () => {
    const text = `# mine\n\nexport A="b c"\nTOKEN=${PASSWORD}\nKEY="one\ntwo"\n`;
    expect(await resolve('d.env.age', await seal(text), '#A')).toBe('b c');
    expect(await resolve('d.env.age', await seal(text), '#TOKEN')).toBe(PASSWORD);
    expect(await resolve('d.env.age', await seal(text), '#KEY')).toBe('one\ntwo');
    expect(await refusal(resolve('d.env.age', await seal(text), '#B'))).toMatch(/there is no entry B/);
  });

  test.each([
    ['broken YAML', `a: [${PASSWORD}`],
    ['text', `${PASSWORD} and more\nof it`],
    ['a list', `- ${PASSWORD}`],
    ['an unknown tag', `!!js/function ${PASSWORD}`],
    ['nothing', ' '],
  ])('%s is refused without a word of it', async (_what, text) => {
    expect(await refusal(resolve('e.age', await seal(text), '#a'))).toMatch(/no YAML, JSON or dotenv/);
  });
});

describe('a file', () => {
  test('binary and armored, whole, without its last newline', async () => {
    expect(await resolve('f.age', await seal('one\ntwo\n'))).toBe('one\ntwo');
    expect(await resolve('g.age', armor.encode(await seal(PASSWORD)))).toBe(PASSWORD);
  });

  test('that changes is read anew by the same worker; one that does not is not decrypted again', async () => {
    const secrets = createSecrets(environment);
    const file = path.join(folder, 'rotated.age');
    await writeFile(file, await seal('first-value'));
    const three = ['', '', ''].map(() => secrets.resolve('age:rotated.age'));
    expect(await Promise.all(three)).toEqual(['first-value', 'first-value', 'first-value']);
    await writeFile(file, await seal('second-value'));
    expect(await secrets.resolve('age:rotated.age')).toBe('second-value');
    await writeFile(file, await seal('third-value', await identityToRecipient(await generateIdentity())));
    await refusal(secrets.resolve('age:rotated.age'));
  });

  test('that is not age, is cut off, changed, for others, or asks for a passphrase', async () => {
    const good = Buffer.from(await seal(PASSWORD));
    const changed = changeByte(good, -1);
    const damaged = /no age file, or it was damaged; encrypt it again/;
    // plain text by mistake: the library's own message would quote its first line
    expect(await refusal(resolve('h', `${PASSWORD}\n`))).toMatch(damaged);
    expect(await refusal(resolve('h', ''))).toMatch(damaged);
    expect(await refusal(resolve('h', good.subarray(0, -20)))).toMatch(damaged);
    expect(await refusal(resolve('h', good.subarray(0, 60)))).toMatch(damaged);
    expect(await refusal(resolve('h', changed))).toMatch(damaged);
    expect(await refusal(resolve('h', `-----BEGIN AGE ENCRYPTED FILE-----\n${PASSWORD}`))).toMatch(damaged);
    const others = await seal(PASSWORD, await identityToRecipient(await generateIdentity()));
    expect(await refusal(resolve('h', others))).toMatch(/for other recipients than the worker's identity/);
    const encrypter = new Encrypter();
    encrypter.setPassphrase('words');
    encrypter.setScryptWorkFactor(10);
    expect(await refusal(resolve('h', await encrypter.encrypt(PASSWORD)))).toMatch(/asks for a passphrase/);
    expect(await refusal(resolve('h', await seal(Buffer.from([0xff, 0xfe, 0]))))).toMatch(/is not text/);
  });

  test('in the folder of the worker, or by its absolute path, and nowhere else', async () => {
    await resolve('in.age', await seal('inside-value'));
    const secrets = createSecrets(environment);
    expect(await secrets.resolve(`age:${folder}/in.age`)).toBe('inside-value');
    expect(await refusal(secrets.resolve('age:../in.age'))).toMatch(/leaves the folder SLIPWAY_SECRETS/);
    expect(await refusal(secrets.resolve('age:x/../../in.age'))).toMatch(/leaves the folder/);
    expect(await refusal(secrets.resolve(`age:${folder}`))).toMatch(/is no file of at most 1 MB/);
    expect(await refusal(secrets.resolve('age:missing.age'))).toMatch(
      /missing\.age \(ENOENT\); put it there/,
    );
    await symlink('/dev/zero', path.join(folder, 'endless'));
    expect(await refusal(secrets.resolve('age:endless'))).toMatch(/is no file of at most 1 MB/);
    const nowhere = createSecrets({ ...environment, SLIPWAY_SECRETS: '' });
    expect(await refusal(nowhere.resolve('age:in.age'))).toMatch(/has no folder for it; start the worker/);
  });
});

describe('the identity', () => {
  test.each([
    ['is missing', undefined, 0o600, /has no identity; start the worker with SLIPWAY_AGE_IDENTITY/],
    ['can be read by others', 'GOOD', 0o640, /has mode 0640; chmod 600/],
    ['can be written by others', 'GOOD', 0o602, /has mode 0602; chmod 600/],
    ['is empty', '# nothing\n', 0o600, /holds no identity/],
    ['is an SSH key', '-----BEGIN OPENSSH PRIVATE KEY-----', 0o600, /holds what is no age identity/],
    ['is cut off', 'AGE-SECRET-KEY-1QQQ', 0o600, /holds what is no age identity/],
  ])('%s', async (_what, content, mode, message) => {
    await resolve('i.age', await seal(PASSWORD));
    const file = path.join(folder, 'other-identity.txt');
    await writeFile(file, content === 'GOOD' ? identity : (content ?? ''));
    await chmod(file, mode);
    const own = content === undefined ? {} : { SLIPWAY_AGE_IDENTITY: file };
    const secrets = createSecrets({ SLIPWAY_SECRETS: folder, ...own });
    expect(await refusal(secrets.resolve('age:i.age'))).toMatch(message);
  });
});
