import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selectEnvironments } from '../../../pipeline/match-ref.js';
import type { ReleaseRef } from '../../../pipeline/plan.js';
import { SMALL, branch, loadGood, readTeamFile, tag } from './given.js';

const secretmagic = loadGood(readTeamFile('secretmagic')).content;

describe('which environments a ref selects', () => {
  it.each([
    [branch('develop'), ['dev']],
    [branch('main'), ['stage']],
  ])('%o', (ref, environments) => {
    expect(selectEnvironments(secretmagic, ref)).toEqual({ environments, skipped: [] });
  });

  it('leaves out what is started by hand, and says how', () => {
    expect(selectEnvironments(secretmagic, tag('v1.4.0'))).toEqual({
      environments: [],
      skipped: [{ environment: 'prod', why: 'is started by hand: slipway release v1.4.0 --to prod' }],
    });
    expect(selectEnvironments(secretmagic, tag('v1.4.0'), ['prod']).environments).toEqual(['prod']);
  });

  it('passes several in the order of after, whatever the order in the file', () => {
    const environment = (name: string, after: string): string =>
      `  ${name}: {from: {tag: "v*"}, ${after}hosts: [h], platform: {swarm: w}, url: "https://h", checks: [/h]}\n`;
    const file = loadGood(
      `pipeline: p\nimage: ghcr.io/a/b\nenvironments:\n${environment('a-prod', 'after: [stage, eu], ')}${environment('stage', 'after: test, ')}${environment('eu', 'after: test, ')}${environment('test', '')}`,
    );
    expect(selectEnvironments(file.content, tag('v1')).environments).toEqual([
      'test',
      'eu',
      'stage',
      'a-prod',
    ]);
    expect(selectEnvironments(file.content, tag('v1'), ['a-prod', 'test']).environments).toEqual([
      'test',
      'a-prod',
    ]);
  });

  it.each([
    ['v*', 'v1', true],
    ['v*', 'release', false],
    ['release/*', 'release/1.2', true],
    ['release/*', 'release/1.2/fix', false],
    ['release/*', 'release', false],
    ['*', 'anything', true],
    ['*', 'a/b', false],
    ['a*a', 'a', false],
    ['a*b*c', 'axxbyyc', true],
    ['a*b*c', 'acb', false],
    ['main', 'main2', false],
    ['a.c', 'abc', false],
  ])('branch pattern %s and %s: %s', (pattern, name, takes) => {
    const { content } = loadGood(SMALL.replace('{branch: main}', `{branch: "${pattern}"}`));
    const answer = (): string => {
      try {
        return selectEnvironments(content, branch(name)).environments.join(' ');
      } catch (error) {
        return String(error);
      }
    };
    expect(answer()).toMatch(takes ? /^prod$/ : /no environment takes branch/);
  });

  it('matches any text between the stars', () => {
    const word = fc.stringMatching(/^[a-z0-9-]{0,8}$/);
    fc.assert(
      fc.property(word, word, (first, second) => {
        const { content } = loadGood(SMALL.replace('{branch: main}', '{branch: "x*y*z"}'));
        expect(selectEnvironments(content, branch(`x${first}y${second}z`)).environments).toEqual(['prod']);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a push that nobody asked to be released', () => {
  const select = (ref: ReleaseRef) => selectEnvironments(secretmagic, ref, [], true);

  it('of a ref that no environment takes is nothing to do', () => {
    for (const ref of [branch('feature/x'), tag('nightly'), tag('release-7')])
      expect(select(ref)).toEqual({
        environments: [],
        skipped: ['dev', 'stage', 'prod'].map((environment) => ({
          environment,
          why: `does not take ${ref.kind} ${ref.name}`,
        })),
      });
  });

  it('of any other is what it always is', () => {
    expect(select(branch('main'))).toEqual(selectEnvironments(secretmagic, branch('main')));
    expect(select(tag('v1.4.0'))).toEqual(selectEnvironments(secretmagic, tag('v1.4.0')));
  });

  it('of a tag that was meant as a version says the form it should have', () => {
    expect(() => select(tag('v1.2'))).toThrow('did you mean v1.2.0?');
    expect(() => select(tag('-x'))).toThrow('no tag can have this name');
  });
});

describe('refs that are refused', () => {
  it('says what each environment takes', () => {
    expect(() => selectEnvironments(secretmagic, branch('feature/x'))).toThrow(
      'secretmagic: no environment takes branch feature/x; dev takes branch develop, stage takes branch main, prod takes tag v*.*.*',
    );
  });

  it('refuses the wrong ref also by hand', () => {
    expect(() => selectEnvironments(secretmagic, branch('main'), ['prod'])).toThrow(
      'prod does not take branch main',
    );
    expect(() => selectEnvironments(secretmagic, branch('develop'), ['prod', 'dev', 'stage'])).toThrow(
      'stage and prod do not take branch develop',
    );
  });

  it.each([
    ['v1.2', 'did you mean v1.2.0?'],
    ['v1.2.x', 'vMAJOR.MINOR.PATCH'],
    ['v1.2.3.4', 'did you mean v1.2.3?'],
    ['1.4', 'did you mean v1.4.0?'],
  ])('a malformed tag %s: the form it should have', (name, says) => {
    expect(() => selectEnvironments(secretmagic, tag(name))).toThrow(says);
    expect(() => selectEnvironments(secretmagic, tag(name), ['prod'])).toThrow(says);
  });

  it('suggests the environment that was meant', () => {
    expect(() => selectEnvironments(secretmagic, branch('main'), ['stgae'])).toThrow(
      'there is no environment stgae; did you mean stage? known: dev, stage, prod',
    );
    expect(() => selectEnvironments(secretmagic, branch('main'), ['constructor'])).toThrow(
      'there is no environment constructor; known:',
    );
  });

  it('takes no bare commit', () => {
    expect(() => selectEnvironments(secretmagic, { kind: 'commit', name: 'a'.repeat(40) })).toThrow(
      'say the branch or tag it is on',
    );
  });

  const takesAnything = loadGood(
    SMALL.replace('{branch: main}', '[{branch: "*"}, {branch: "*/*"}, {tag: "*"}]'),
  ).content;

  it.each([
    'main;id',
    '$(id)',
    '`id`',
    "a'b",
    'a"b',
    'a&b',
    'a|b',
    '<a>',
    '{tag}',
    '#a',
    '!a',
    'ü',
    '名',
    '(a)',
  ])('a branch may be called %j, as git permits', (name) => {
    expect(selectEnvironments(takesAnything, branch(name)).environments).toEqual(['prod']);
  });

  it('what people are told to type stays one word in their shell', () => {
    const file = loadGood(`${SMALL.replace('{branch: main}', '{branch: "*"}')}    start: manual\n`);
    expect(selectEnvironments(file.content, branch("$(id)'x")).skipped).toEqual([
      { environment: 'prod', why: String.raw`is started by hand: slipway release '$(id)'\''x' --to prod` },
    ]);
  });

  it.each([
    ['-rf', 'an option'],
    ['--upload-pack=touch', 'an option'],
    ['a b', 'a blank'],
    ['a\nb', 'a line break'],
    ['a\u001b[31m', 'an escape'],
    ['a\u009b31m', 'a C1 escape'],
    ['a\u202egpj', 'a mark that reorders'],
    ['a\u200bb', 'nothing to see'],
    ['a\u00a0b', 'a blank that does not break'],
    ['../x', 'a way up'],
    ['a..b', 'a range'],
    ['a@{1}', 'the reflog'],
    ['a:b', 'a path'],
    ['a~1', 'an ancestor'],
    ['', 'nothing'],
    ['a.lock', "git's own file"],
    ['ü'.repeat(128), '256 bytes'],
  ])('no branch and no tag is called %j: %s', (name) => {
    expect(() => selectEnvironments(takesAnything, branch(name))).toThrow('no branch can have this name');
    expect(() => selectEnvironments(takesAnything, tag(name))).toThrow('no tag can have this name');
  });

  it.each(['v1;id', '$(id)', '`id`', "v1'b", 'v1&b', 'ü', '_x', 'v'.repeat(101)])(
    'the tag %j cannot be a version, and says how to name it',
    (name) => {
      expect(() => selectEnvironments(takesAnything, tag(name))).toThrow(
        /^tag ".*": a tag becomes the version, .*; tag the commit again with .* such as v1\.2\.3$/,
      );
    },
  );
});
