/** What of a kubeconfig is followed, and what is refused. */
import { describe, expect, test } from 'vitest';
import { readKubeconfig } from '../../../activities/kubernetes/kubeconfig.js';
import { plantToken } from '../../support/planted.js';

const TOKEN = plantToken();

function config(user: object, cluster: object = {}, change: object = {}): string {
  return JSON.stringify({
    'current-context': 'prod',
    contexts: [{ name: 'prod', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    ...change,
  });
}

function jwt(claims: object): string {
  return `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
}

test('a token, the server and its certificate', () => {
  const authority = Buffer.from('-----BEGIN CERTIFICATE-----').toString('base64');
  const text = config({ token: TOKEN }, { 'certificate-authority-data': authority });
  expect(readKubeconfig(text, 'env:K')).toMatchObject({
    identity: { kind: 'token', token: TOKEN },
    authority: '-----BEGIN CERTIFICATE-----',
    expiresAt: null,
  });
});

test('a token that says when it ends is heard', () => {
  const { expiresAt } = readKubeconfig(config({ token: jwt({ exp: 1_700_000_000 }) }), 'env:K');
  expect(expiresAt?.toISOString()).toBe('2023-11-14T22:13:20.000Z');
});

describe('refused by name', () => {
  test.each<[string, object, object, RegExp]>([
    ['a program', { exec: { command: 'aws' } }, {}, /has exec, which would run a program/],
    ['a login plugin', { 'auth-provider': { name: 'gcp' } }, {}, /has auth-provider/],
    ['a file of the worker', { tokenFile: '/etc/shadow' }, {}, /has tokenFile, which names a file/],
    ['a certificate file', { 'client-certificate': '/a' }, {}, /has client-certificate/],
    ['a password', { username: 'a', password: 'b' }, {}, /has username/],
    ['somebody else', { token: 't', as: 'root' }, {}, /acts as somebody else/],
    ['any server', { token: 't' }, { 'insecure-skip-tls-verify': true }, /would trust any server/],
    ['an authority file', { token: 't' }, { 'certificate-authority': '/ca' }, /has certificate-authority/],
    ['a proxy', { token: 't' }, { 'proxy-url': 'http://p' }, /has proxy-url/],
    ['a server without TLS', { token: 't' }, { server: 'http://10.0.0.1' }, /not reached over https/],
    ['nobody', {}, {}, /neither a token nor/],
  ])('%s', (_what, user, cluster, message) => {
    expect(() => readKubeconfig(config(user, cluster), 'env:K')).toThrow(message);
  });

  test.each([
    ['no YAML', '{', /is not YAML/],
    ['another document', '{}', /current-context names no context/],
    ['an empty one', '', /no kubeconfig/],
    ['a user it does not have', config({}, {}, { users: [] }), /cluster or user that it does not have/],
  ])('%s', (_what, text, message) => {
    expect(() => readKubeconfig(text, 'env:K')).toThrow(message);
  });
});

test('no message shows what the text holds', () => {
  const broken = `${config({ token: TOKEN })}\n: [${TOKEN}`;
  expect(() => readKubeconfig(broken, 'env:K')).toThrow(/env:K: (?!.*planted)/);
  try {
    readKubeconfig(broken, 'env:K');
  } catch (error) {
    expect(JSON.stringify(error)).not.toContain(TOKEN);
  }
});
