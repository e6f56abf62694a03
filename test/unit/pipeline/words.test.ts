import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  LONGEST_MS,
  parseDuration,
  parseSize,
  suggestDuration,
} from '../../../pipeline/durations.js';
import { isSecretReference } from '../../../pipeline/secret-references.js';
import { suggestWord } from '../../../pipeline/suggest.js';
import {
  COMPILE_NAMES,
  RUN_NAMES,
  TemplateWithoutValue,
  findUnsafeValue,
  namesIn,
  renderTemplate,
} from '../../../pipeline/templates.js';
import { parseVersion } from '../../../pipeline/versions.js';

describe('durations', () => {
  it.each([
    ['0s', 0],
    ['500ms', 500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '5',
    's',
    '5 s',
    '05s',
    '5S',
    '1.5s',
    '-1s',
    '1h30m',
    '1w',
    '5s\n',
    '٥s',
    '10001d',
    '999999999d',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.nat(LONGEST_MS), (ms) => {
        // whole milliseconds above nine digits need a larger unit to be written
        const whole = ms > 999_999_999 ? ms - (ms % 1_000) : ms;
        expect(parseDuration(formatDuration(whole))).toBe(whole);
      }),
    );
  });

  it('suggests only what it would accept', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom('', ' ', ' min', 'hours', ' weeks', 'sec', 'fortnights'),
        (number, unit) => {
          const suggestion = suggestDuration(`${number}${unit}`);
          expect(suggestion === null || parseDuration(suggestion) !== null).toBe(true);
        },
      ),
    );
    expect(suggestDuration('2 weeks')).toBe('14d');
  });

  it('reads sizes', () => {
    expect([parseSize('2GB'), parseSize('1KiB'), parseSize('2 GB'), parseSize('2gb')]).toEqual([
      2e9,
      1024,
      null,
      null,
    ]);
  });
});

describe('templates', () => {
  it('finds names, and leaves shell, docker, awk and PromQL alone', () => {
    const text = 'echo {tag} ${HOME} {{.Names}} \'{ print }\' {a,b} {x="1"} {} {previous-tag}';
    expect(namesIn(text)).toEqual(['tag', 'previous-tag']);
    expect(renderTemplate(text, { tag: 'v1', 'previous-tag': 'v0' })).toBe(
      'echo v1 ${HOME} {{.Names}} \'{ print }\' {a,b} {x="1"} {} v0',
    );
  });

  it('keeps the names it is told to keep', () => {
    expect(renderTemplate('{environment}-{colour}', { environment: 'prod' }, ['colour'])).toBe(
      'prod-{colour}',
    );
  });

  it.each([['{nope}'], ['{constructor}'], ['{absent}']])('%s has no value', (text) => {
    expect(() => renderTemplate(text, { absent: null })).toThrow(TemplateWithoutValue);
  });

  it('never leaves an unknown name, and changes nothing else', () => {
    const known = [...COMPILE_NAMES, ...RUN_NAMES];
    const values = Object.fromEntries(known.map((name) => [name, `<${name}>`]));
    const piece = fc.oneof(
      fc.constantFrom(...known.map((name) => `{${name}}`), '{nope}', '${X}', '{{.Y}}', '{ z }'),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('|');
        const unknown = namesIn(text).find((name) => !known.some((each) => each === name));
        let left: string[];
        try {
          left = namesIn(renderTemplate(text, values));
        } catch (error) {
          left = error instanceof TemplateWithoutValue ? [error.templateName] : ['?'];
        }
        expect(left).toEqual(unknown === undefined ? [] : [unknown]);
      }),
    );
  });

  it.each([
    ['$(id)', 'branch'],
    ['a b', 'branch'],
    ["it's", 'branch'],
    ['a\nb', 'branch'],
  ])('finds that %j is unsafe in a command', (value, name) => {
    expect(findUnsafeValue('echo {branch}', { branch: value })).toEqual({ name, value });
    expect(findUnsafeValue('echo {sha}', { branch: value, sha: 'abc' })).toBeNull();
  });
});

describe('versions', () => {
  it.each(['v1.2.3', '1.2.3', 'v0.0.0', 'v1.2.3-beta.1', 'v1.2.3+build.5'])('%s is one', (tag) => {
    expect(parseVersion(tag)).toMatchObject({ ok: true, version: { text: tag } });
  });

  it.each([
    ['v1.2', 'v1.2.0'],
    ['v1', 'v1.0.0'],
    ['V1.2.3', 'v1.2.3'],
    ['v1.02.3', 'v1.2.3'],
    ['release-1.2.3', 'v1.2.3'],
    ['v1.2-rc1', 'v1.2.0-rc1'],
    ['v1.2.3.4', 'v1.2.3'],
    [' v1.2.3', 'v1.2.3'],
    ['=v1.2.3', 'v1.2.3'],
    ['latest', null],
    ['', null],
  ])('%j is none, and %j was meant', (tag, meant) => {
    const parsed = parseVersion(tag);
    expect(parsed).toMatchObject({ ok: false, suggestion: meant });
    expect(parsed.ok ? '' : parsed.message).toContain('vMAJOR.MINOR.PATCH');
  });

  it('suggests only versions', () => {
    fc.assert(
      fc.property(fc.string(), (tag) => {
        const parsed = parseVersion(tag);
        expect(parsed.ok || parsed.suggestion === null || parseVersion(parsed.suggestion).ok).toBe(true);
      }),
    );
  });
});

describe('suggestions', () => {
  it.each([
    ['start_period', ['start-period', 'status'], 'start-period'],
    ['startPeriod', ['start-period', 'status'], 'start-period'],
    ['prod', ['staging', 'production'], 'production'],
    ['sah7', ['sha', 'sha7'], 'sha7'],
    ['ab', ['xy'], null],
    ['kubernetes', ['swarm', 'stack'], null],
    ['x'.repeat(10_000), ['swarm'], null],
    ['anything', [], null],
  ])('%s', (given, known, meant) => {
    expect(suggestWord(given, known)).toBe(meant);
  });
});

describe('secret references', () => {
  it.each([
    'env:A',
    'env:{ENVIRONMENT}_KEY',
    'file:/run/s',
    'age:s.age#k',
    'age:/run/s.age',
    'sops:s.yaml#a.b',
    'vault:kv/a#b',
  ])('%s is one', (text) => {
    expect(isSecretReference(text)).toBe(true);
  });
  it.each([
    '',
    'env:',
    'env:A B',
    'env:1A',
    'file:rel',
    'vault:kv/a',
    'age:',
    'age:x#',
    'sops:x',
    'http://x',
    'env:$(id)',
    'env:A\n',
  ])('%j is none', (text) => {
    expect(isSecretReference(text)).toBe(false);
  });
});
