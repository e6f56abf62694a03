import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderFileError } from '../../../pipeline/file-error.js';
import { loadPipeline } from '../../../pipeline/load-pipeline.js';
import { SMALL, loadBad } from './given.js';

const LIMIT_BYTES = 256 * 1024;
/** As much of `unit` as the size limit lets in. */
const fill = (unit: string, head = ''): string =>
  head + unit.repeat(Math.floor((LIMIT_BYTES - head.length) / unit.length));

function aliasBomb(): string {
  const levels = ['x-0: &l0 [a, a, a, a, a, a, a, a, a, a]'];
  for (let level = 1; level <= 9; level += 1) {
    levels.push(`x-${level}: &l${level} [${Array.from({ length: 10 }, () => `*l${level - 1}`).join(', ')}]`);
  }
  return `${levels.join('\n')}\n${SMALL}`;
}

function mergeBomb(): string {
  const levels = ['x-0: &l0 {a: 1}'];
  for (let level = 1; level <= 30; level += 1) {
    levels.push(
      `x-${level}: &l${level} {a${level}: 1, <<: [*l${level - 1}, *l${level - 1}, *l${level - 1}]}`,
    );
  }
  return `${levels.join('\n')}\n${SMALL}`;
}

const HOSTILE: [string, string | Uint8Array, RegExp][] = [
  ['10 MB', Buffer.alloc(10_000_000, 'a: b\n'), /is 10\.0 MB; a pipeline file has at most 256 KB/],
  ['an empty file', '', /is empty; the smallest file is in docs/],
  ['only comments', '# nothing\n\n# here\n', /is empty/],
  ['only a marker', '---\n', /is empty/],
  [
    'invalid UTF-8',
    Buffer.concat([Buffer.from(SMALL), Buffer.from([0x61, 0x3a, 0xff, 0xfe, 0x0a])]),
    /^slipway\.yaml:10:1 .*not UTF-8/,
  ],
  ['UTF-16', Buffer.from(SMALL, 'utf16le'), /control character \(U\+0000\)|not UTF-8/],
  [
    'a NUL byte',
    SMALL.replace('shop_web', 'shop\0web'),
    /^slipway\.yaml:7:\d+ .*control character \(U\+0000\)/,
  ],
  [
    'an image file',
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]),
    /not UTF-8|control character/,
  ],
  ['an alias bomb', aliasBomb(), /aliases cannot be resolved/],
  ['an alias inside itself', SMALL.replace('[/health]', '&a [*a]'), /must be text, but is a list/],
  [
    'an alias without its anchor',
    SMALL.replace('[/health]', '*nope'),
    /aliases cannot be resolved: Unresolved alias/,
  ],
  ['two documents', `${SMALL}---\n${SMALL}`, /more than one document/],
  [
    'a tab as indentation',
    SMALL.replace('    hosts', '\thosts'),
    /^slipway\.yaml:6:\d+ .*a tab indents this line/,
  ],
  ['an open quote', SMALL.replace('shop_web', '"shop_web'), /is not YAML: /],
  ['an open bracket', SMALL.replace('[/health]', '[/health'), /is not YAML: /],
  ['a custom tag', SMALL.replace('shop_web', '!!js/function "x"'), /means nothing here; remove it/],
  ['a list', '- pipeline: shop\n', /must be a map of keys, but is a list/],
  ['plain text', 'hello\n', /must be a map of keys, but is text/],
  ['a map as key', `? {a: b}\n: c\n${SMALL}`, /a key must be a plain word/],
  ['brackets 262,144 deep', fill('['), /nested deeper than 40 levels/],
  ['braces 131,072 deep', fill('{a'), /nested deeper than 40 levels/],
  ['dashes 131,072 deep', fill('- '), /nested deeper than 40 levels/],
  ['brackets on lines of their own', fill('[\n'), /nested deeper than 40 levels/],
];

describe('hostile bytes', () => {
  it.each(HOSTILE)('%s', (_what, content, says) => {
    const errors = loadBad(content);
    expect(errors.map(renderFileError).join('\n')).toMatch(says);
    expect(errors.length).toBeLessThanOrEqual(50);
  });

  it('does not let merge keys multiply', () => {
    const result = loadPipeline(Buffer.from(mergeBomb()), 'slipway.yaml');
    expect(result.ok ? [] : result.errors.map(renderFileError)).toEqual([
      expect.stringMatching(/aliases cannot be resolved/),
    ]);
  });

  it('refuses a prototype as a key like any other', () => {
    const errors = loadBad(`__proto__: {pipeline: x}\n${SMALL}`);
    expect(errors[0]).toMatchObject({ path: '__proto__', message: 'no such key' });
    expect(({} as { pipeline?: string }).pipeline).toBeUndefined();
  });

  it('answers every text with a file or with errors, and never throws', () => {
    const lines = SMALL.split('\n');
    const damaged = fc
      .tuple(fc.nat(lines.length - 1), fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(60))
      .map(([line, junk, column]) =>
        lines
          .map((text, i) => (i === line ? text.slice(0, column) + junk + text.slice(column) : text))
          .join('\n'),
      );
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
        const result = loadPipeline(Buffer.from(text), 'slipway.yaml');
        if (result.ok) return;
        expect(result.errors.length).toBeGreaterThan(0);
        for (const error of result.errors) expect(renderFileError(error)).not.toContain('\u001b');
      }),
      { numRuns: 300 },
    );
  });
});
