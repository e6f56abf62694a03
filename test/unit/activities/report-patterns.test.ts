/** Which packages and paths an exception names. */
import { describe, expect, it } from 'vitest';
import { matchesPath } from '../../../activities/gates/reports/match-path.js';
import { matchesPurl } from '../../../activities/gates/reports/purl.js';

describe('package URLs', () => {
  it.each([
    ['pkg:npm/ws', 'pkg:npm/ws@8.0.0', true],
    ['pkg:npm/ws@8.0.0', 'pkg:npm/ws@8.0.0', true],
    ['pkg:npm/%40acme/ws', 'pkg:npm/@acme/ws@1', false],
    ['pkg:npm/%40acme/ws', 'pkg:npm/%40acme/ws@1', true],
    ['pkg:npm/ws@8.0.1', 'pkg:npm/ws@8.0.0', false],
    ['pkg:npm/w', 'pkg:npm/ws', false],
    ['pkg:pypi/ws', 'pkg:npm/ws', false],
    ['pkg:PyPI/Some.Tool', 'pkg:pypi/some_tool@1', true],
    ['pkg:apk/a/b?arch=x86', 'pkg:apk/a/b@1?arch=x86&distro=3', true],
    ['pkg:apk/a/b?arch=arm', 'pkg:apk/a/b@1?arch=x86', false],
    ['pkg:apk/a/b?arch=arm', 'pkg:apk/a/b@1', false],
    ['ws', 'ws', false],
    ['pkg:npm/%', 'pkg:npm/%', false],
  ])('%s names %s: %s', (pattern, purl, matches) => {
    expect(matchesPurl(pattern, purl)).toBe(matches);
  });
});

describe('paths', () => {
  it.each([
    ['a/b.txt', 'a/b.txt', true],
    ['a/*.txt', 'a/b.txt', true],
    ['*', 'a/b', false],
    ['**', 'a/b/c', true],
    ['**/package.json', 'package.json', true],
    ['**/ws/package.json', 'app/node_modules/ws/package.json', true],
    ['app/**', 'app', true],
    ['app/**', 'application/a', false],
    ['a/**/c/**/e', 'a/b/c/d/c/e', true],
    ['a/?.txt', 'a/b.txt', true],
    ['a/[id].ts', 'a/[id].ts', true],
    ['a/[id].ts', 'a/i.ts', false],
    ['', 'a', false],
    ['a+', 'aa', false],
  ])('%s names %s: %s', (pattern, path, matches) => {
    expect(matchesPath(pattern, path)).toBe(matches);
  });

  it('are matched without going through all the ways there are', () => {
    expect(matchesPath(`${'*a'.repeat(400)}b`, 'a'.repeat(20_000))).toBe(false);
    expect(matchesPath(`${'**/a/'.repeat(150)}b`, 'a/'.repeat(5_000))).toBe(false);
  });
});
