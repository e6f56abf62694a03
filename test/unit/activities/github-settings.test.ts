import { describe, expect, it } from 'vitest';
import { readRepositoryName, webHost } from '../../../activities/github/repository-name.js';
import { readGithubSettings } from '../../../activities/github/settings.js';

describe('the repository an address means', () => {
  const GITHUB = 'https://api.github.com';

  it.each([
    'https://github.com/acme/shop',
    'https://github.com/acme/shop.git',
    'https://github.com/acme/shop/',
    'https://token@github.com/acme/shop.git',
    'https://GitHub.com/acme/shop',
    'ssh://git@github.com/acme/shop.git',
    'ssh://git@ssh.github.com:443/acme/shop.git',
    'git@github.com:acme/shop.git',
    'git@github.com:/acme/shop',
  ])('%s', (url) => {
    expect(readRepositoryName(url, GITHUB)).toEqual({ owner: 'acme', repo: 'shop' });
  });

  it('keeps dots and dashes of names', () => {
    const name = readRepositoryName('git@github.com:my-org/next.js.git', GITHUB);
    expect(name).toEqual({ owner: 'my-org', repo: 'next.js' });
  });

  it.each([
    'https://gitlab.com/acme/shop',
    'https://github.com.evil.example.com/acme/shop',
    'https://evil.example.com/github.com/acme/shop',
    'https://github.com@evil.example.com/acme/shop',
    'https://github.com/acme',
    'https://github.com/acme/shop/tree/main',
    'https://github.com/acme/..',
    'https://github.com/acme/$(reboot)',
    'git@github-work:acme/shop.git',
    'git@evil.example.com:github.com/acme/shop',
    '/srv/git/acme/shop',
    'file:///srv/git/acme/shop',
    '',
  ])('%s is refused with the way out', (url) => {
    expect(() => readRepositoryName(url, GITHUB)).toThrow(
      /not one of a repository on github\.com; give https:\/\/github\.com\/OWNER\/REPOSITORY or .* SLIPWAY_GITHUB_API_URL/,
    );
  });

  it('shows no password', () => {
    expect(() => readRepositoryName('https://me:s3cret@gitlab.com/a/b', GITHUB)).toThrow(
      /^https:\/\/\*\*\*@gitlab/,
    );
  });

  it.each([
    ['https://api.github.com', 'github.com'],
    ['https://ghe.example.com/api/v3', 'ghe.example.com'],
    ['https://api.acme.ghe.com', 'acme.ghe.com'],
    ['https://api.example.com/api/v3', 'api.example.com'],
  ])('%s serves %s, and nothing else', (apiUrl, host) => {
    expect(webHost(apiUrl)).toBe(host);
    expect(readRepositoryName(`git@${host}:acme/shop.git`, apiUrl)).toEqual({ owner: 'acme', repo: 'shop' });
    expect(() => readRepositoryName('git@elsewhere.example.com:acme/shop.git', apiUrl)).toThrow(host);
  });
});

describe('what the worker is told', () => {
  it.each([
    [{}, null],
    [{ GITHUB_TOKEN: 'a' }, { kind: 'token', token: 'env:GITHUB_TOKEN' }],
    [
      { GITHUB_TOKEN: 'a', SLIPWAY_GITHUB_TOKEN: 'b' },
      { kind: 'token', token: 'env:SLIPWAY_GITHUB_TOKEN' },
    ],
    [
      { GITHUB_TOKEN: 'a', SLIPWAY_GITHUB_TOKEN: ' ' },
      { kind: 'token', token: 'env:GITHUB_TOKEN' },
    ],
    [
      { GITHUB_TOKEN: 'a', SLIPWAY_GITHUB_TOKEN_FILE: '/t' },
      { kind: 'token', token: 'file:/t' },
    ],
    [
      { GITHUB_TOKEN: 'a', SLIPWAY_GITHUB_APP_ID: '1', SLIPWAY_GITHUB_APP_KEY_FILE: '/k' },
      { kind: 'app', appId: '1', privateKey: 'file:/k' },
    ],
  ])('%j', (env, login) => {
    expect(readGithubSettings(env)).toEqual({ apiUrl: 'https://api.github.com', login });
  });

  it('takes an own server, with or without a slash', () => {
    const { apiUrl } = readGithubSettings({ SLIPWAY_GITHUB_API_URL: 'https://ghe.example.com/api/v3/' });
    expect(apiUrl).toBe('https://ghe.example.com/api/v3');
    const local = { SLIPWAY_GITHUB_API_URL: 'http://127.0.0.1:4010' };
    expect(readGithubSettings(local).apiUrl).toBe('http://127.0.0.1:4010');
  });

  it.each([
    [{ SLIPWAY_GITHUB_API_URL: 'ghe.example.com' }, 'give an address such as https://HOST/api/v3'],
    [{ SLIPWAY_GITHUB_API_URL: 'file:///etc' }, 'give an address'],
    [{ SLIPWAY_GITHUB_API_URL: 'http://ghe.example.com/api/v3' }, 'give an address such as https://'],
    [{ SLIPWAY_GITHUB_API_URL: 'http://127.evil.example.com' }, 'give an address'],
    [{ SLIPWAY_GITHUB_APP_ID: '1' }, 'SLIPWAY_GITHUB_APP_KEY_FILE is missing'],
    [{ SLIPWAY_GITHUB_APP_KEY_FILE: '/k' }, 'SLIPWAY_GITHUB_APP_ID is missing'],
    [
      { SLIPWAY_GITHUB_APP_ID: '1', SLIPWAY_GITHUB_APP_KEY_FILE: '/k', SLIPWAY_GITHUB_TOKEN: 't' },
      'leave one of them out',
    ],
    [{ SLIPWAY_GITHUB_TOKEN: 'a', SLIPWAY_GITHUB_TOKEN_FILE: '/t' }, 'leave one of them out'],
  ])('%j is a mistake', (env, message) => {
    expect(() => readGithubSettings(env)).toThrow(message);
  });
});
