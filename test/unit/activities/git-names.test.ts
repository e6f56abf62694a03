import { describe, expect, it } from 'vitest';
import {
  checkPathInRepository,
  checkRepositoryUrl,
  redactUrls,
} from '../../../activities/source/git-names.js';
import { isCommitId } from '../../../pipeline/commit-id.js';
import { isRefName } from '../../../pipeline/ref-names.js';

describe('names git may see', () => {
  it.each(['main', 'release/1.2', 'v1.0.0', 'feat/ünïcode', "it's-$(fine)"])('ref %s', (name) => {
    expect(isRefName(name)).toBe(true);
  });

  it.each([
    '',
    '-x',
    '--help',
    'a..b',
    'a b',
    'a~1',
    'a^{}',
    'a:b',
    'a\\b',
    '@',
    'a@{1}',
    '/a',
    'a/',
    'a//b',
    '.a',
    'a/.b',
    'a.lock',
    'a.',
    'a\u0000b',
    'a\nb',
    'a*',
  ])('no ref %j', (name) => {
    expect(isRefName(name)).toBe(false);
  });

  it.each([
    'https://example.com/a.git',
    'ssh://git@host:22/a',
    'git@github.com:acme/a.git',
    '/srv/git/a.git',
    'file:///srv/a',
  ])('repository %s', (url) => {
    expect(checkRepositoryUrl(url)).toBe(url);
  });

  it.each([
    '',
    'a',
    '../a',
    '-a',
    '--upload-pack=x',
    'ext::sh -c id',
    'fd::17',
    'ssh://-oProxyCommand=id/x',
    'ssh://me@-oProxyCommand=id/x',
    '-x@host:a',
    'git@host:-x',
    'git@host::ext',
    'https://a b',
    '/a\nb',
  ])('no repository %j', (url) => {
    expect(() => checkRepositoryUrl(url)).toThrow('may fetch from');
  });

  it('keeps a password out of the refusal', () => {
    expect(() => checkRepositoryUrl('https://me:s3cret@host/x')).toThrow(
      /^https:\/\/\*\*\*@host\/x: .*password/,
    );
    expect(redactUrls('fatal: https://me:s3cret@host/x not found')).toBe(
      'fatal: https://***@host/x not found',
    );
  });

  it.each([
    ['./deploy/stack.yml', 'deploy/stack.yml'],
    ['a/b/', 'a/b'],
    ['.', '.'],
    ['./', '.'],
    ['a;$(id).yml', 'a;$(id).yml'],
  ])('path %s', (given, clean) => {
    expect(checkPathInRepository(given)).toBe(clean);
  });

  it.each(['', '/etc/passwd', '../x', 'a/../../x', '-x', ':(glob)**', '.git/config', 'a/.git/x', 'a\u0000b'])(
    'no path %j',
    (given) => {
      expect(() => checkPathInRepository(given)).toThrow('not a path inside');
    },
  );

  it('knows a full commit id', () => {
    expect(isCommitId('ab'.repeat(20))).toBe(true);
    expect(isCommitId('ab'.repeat(32))).toBe(true);
    for (const text of ['HEAD', 'abc1234', 'AB'.repeat(20), `${'ab'.repeat(20)}\n`])
      expect(isCommitId(text)).toBe(false);
  });
});
