import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quoteArgv, quoteExports, quoteWord } from '../../../activities/hosts/quote.js';

describe('quoting for sh', () => {
  test.each([
    ['docker', 'docker'],
    ['cr.example.com/team/app@sha256:9f2c', 'cr.example.com/team/app@sha256:9f2c'],
    ['', "''"],
    ['two words', "'two words'"],
    ["it's", String.raw`'it'\''s'`],
    ['$(reboot)', "'$(reboot)'"],
    ['~', "'~'"],
    ['a\nb', "'a\nb'"],
    ['{{.ID}}', "'{{.ID}}'"],
  ])('%j becomes %j', (word, quoted) => {
    expect(quoteWord(word)).toBe(quoted);
  });

  test('whatever the words, sh hands them on unchanged', () => {
    const words = fc.array(
      fc.string({ unit: 'grapheme' }).filter((word) => !word.includes('\0')),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(words, (argv) => {
        const seen = execFileSync('sh', ['-c', String.raw`printf '%s\0' ${quoteArgv(argv)}`]);
        expect(seen.toString().split('\0').slice(0, -1)).toEqual(argv);
      }),
      { numRuns: 100 },
    );
  });

  test('a NUL, an empty argv and a bad variable name are refused', () => {
    expect(() => quoteArgv(['a\0b'])).toThrow(/NUL/);
    expect(() => quoteArgv([])).toThrow(/names no program/);
    expect(() => quoteExports({ 'A;reboot': '1' })).toThrow(/not the name of an environment variable/);
  });

  test('exports keep newlines and quotes', () => {
    const text = `${quoteExports({ A: "x'y\nz", B_2: '$HOME' })}printf '%s|%s' "$A" "$B_2"`;
    expect(execFileSync('sh', ['-c', text]).toString()).toBe("x'y\nz|$HOME");
  });
});
