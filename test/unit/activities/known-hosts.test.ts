import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  fingerprint,
  judgeHostKey,
  knownHostsName,
  knownKeyTypes,
  matchesHost,
  parseKnownHosts,
} from '../../../activities/ssh/known-hosts.js';
import { part } from '../../support/parts.js';

const exec = promisify(execFile);
let folder: string;
/** `type base64` of three keys. */
let own: string;
let other: string;
let rsa: string;

async function publicKey(name: string, args: string[]): Promise<string> {
  const file = path.join(folder, name);
  await exec('ssh-keygen', ['-q', '-N', '', '-C', 'x', '-f', file, ...args]);
  const [type, key] = (await readFile(`${file}.pub`, 'utf8')).split(' ');
  return `${type} ${key}`;
}

const blob = (key: string): Buffer => Buffer.from(key.split(' ')[1] ?? '', 'base64');
const judge = (text: string, host: string, port: number, key: string): string =>
  judgeHostKey(parseKnownHosts(text, 'known_hosts'), host, port, blob(key)).verdict;

beforeAll(async () => {
  // ssh-keygen comes with sshd
  await part('sshd');
  folder = await mkdtemp(path.join(tmpdir(), 'slw-known-'));
  own = await publicKey('own', ['-t', 'ed25519']);
  other = await publicKey('other', ['-t', 'ed25519']);
  rsa = await publicKey('rsa', ['-t', 'rsa', '-b', '2048']);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('against ssh-keygen -F', () => {
  const NAMES = [
    'web-1',
    'web-1,10.0.0.5',
    'WEB-1.Example.COM',
    '*.example.com',
    '*.example.com,!secret.example.com',
    '!web-1,*',
    '10.0.0.?',
    '[web-1]:2222',
    '[*.example.com]:2222',
    'web-*-eu,web-1',
    '*',
    '::1',
    '[::1]:2222',
  ];
  const ASKED: [string, number][] = [
    ['web-1', 22],
    ['Web-1', 22],
    ['web-1', 2222],
    ['web-1.example.com', 22],
    ['secret.example.com', 22],
    ['secret.example.com', 2222],
    ['10.0.0.5', 22],
    ['10.0.0.55', 22],
    ['web-3-eu', 22],
    ['::1', 22],
    ['::1', 2222],
  ];

  test.each([false, true])('the same hosts are found, hashed: %s', async (hashed) => {
    const file = path.join(folder, `agree-${hashed}`);
    for (const names of NAMES) {
      await writeFile(file, `${names} ${own}\n`);
      // ssh-keygen leaves globs and lists with negation in clear text
      if (hashed) await exec('ssh-keygen', ['-q', '-H', '-f', file]).catch(() => undefined);
      const lines = parseKnownHosts(await readFile(file, 'utf8'), file);
      for (const [host, port] of ASKED) {
        const name = knownHostsName(host, port);
        const found = await exec('ssh-keygen', ['-F', name, '-f', file]).then(
          ({ stdout }) => stdout.includes('found'),
          () => false,
        );
        expect([names, name, lines.some((line) => matchesHost(line.names, name))]).toEqual([
          names,
          name,
          found,
        ]);
      }
    }
  });

  test('a hashed file really is hashed, and found', async () => {
    const file = path.join(folder, 'hashed');
    await writeFile(file, `[web-1]:2222 ${own}\n`);
    await exec('ssh-keygen', ['-q', '-H', '-f', file]);
    const text = await readFile(file, 'utf8');
    expect(text).toMatch(/^\|1\|/);
    expect(judge(text, 'web-1', 2222, own)).toBe('trusted');
    expect(judge(text, 'web-1', 22, own)).toBe('unknown');
  });

  test('fingerprints read as ssh-keygen prints them', async () => {
    const { stdout } = await exec('ssh-keygen', ['-lf', path.join(folder, 'own.pub')]);
    expect(stdout.split(' ')[1]).toBe(fingerprint(blob(own)));
  });
});

describe('the verdict', () => {
  test.each([
    ['the key is listed', () => `web-1 ${own}\n`, 'trusted'],
    ['one of several is', () => `web-1 ${other}\nweb-1 ${own}\n`, 'trusted'],
    ['another of its type is', () => `web-1 ${other}\n`, 'changed'],
    ['another type is', () => `web-1 ${rsa}\n`, 'changed'],
    ['nothing is', () => `web-2 ${own}\n`, 'unknown'],
    ['the file is empty', () => '', 'unknown'],
    ['it is revoked', () => `@revoked * ${own}\n`, 'revoked'],
    ['it is listed and revoked', () => `web-1 ${own}\n@revoked web-1 ${own}\n`, 'revoked'],
    ['another one is revoked', () => `@revoked * ${other}\nweb-1 ${own}\n`, 'trusted'],
    ['only an authority is', () => `@cert-authority * ${own}\n`, 'certificate-authority'],
    ['an authority and the key are', () => `@cert-authority * ${other}\nweb-1 ${own}\n`, 'trusted'],
    ['a line with an unknown marker is', () => `@trusted web-1 ${own}\n`, 'unknown'],
    ['it is commented out', () => `# web-1 ${own}\n`, 'unknown'],
    ['its type is written wrong', () => `web-1 ssh-rsa ${own.split(' ')[1]}\n`, 'unknown'],
    ['it has a comment and CRLF', () => `web-1 ${own} root@web-1\r\n`, 'trusted'],
    ['it is excluded', () => `*,!web-1 ${own}\n`, 'unknown'],
    ['the line is garbage', () => `\0\u0001 |1|x web-1\n|1|a|b ${own}\n`, 'unknown'],
  ])('when %s', (_when, text, verdict) => {
    expect(judge(text(), 'web-1', 22, own)).toBe(verdict);
  });

  test('says which line, and which types to ask the server for', () => {
    const lines = parseKnownHosts(`# mine\n\nweb-1 ${rsa}\nweb-1 ${other}\n`, '/etc/known');
    expect(judgeHostKey(lines, 'web-1', 22, blob(own))).toMatchObject({
      verdict: 'changed',
      expected: { place: '/etc/known:4' },
    });
    expect(knownKeyTypes(lines, 'web-1', 22)).toEqual(['ssh-rsa', 'ssh-ed25519']);
  });

  test('a glob made to backtrack is matched at once', () => {
    expect(matchesHost(`${'*a'.repeat(40)}b`, 'a'.repeat(2000))).toBe(false);
  });
});
