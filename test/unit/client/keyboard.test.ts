/** Only what was pressed as one key is a key: pasted words would ask and answer a question with their letters. */
import { describe, expect, it } from 'vitest';
import { readKeys } from '../../../client/keyboard.js';

const readAll = (...sent: string[]): string[] => sent.map(readKeys());

describe('what a terminal sends at once', () => {
  it('is a key, in lower case, where it is one', () => {
    expect(readAll('a', 'Y', 'é', '\u001b', '\r')).toEqual(['a', 'y', 'é', '\u001b', '\r']);
  });

  it.each([
    ['pasted words', 'slipway status\r'],
    ['two letters', 'aY'],
    ['a letter and return', 'y\r'],
    ['an arrow', '\u001b[A'],
    ['a letter with Alt', '\u001by'],
    ['a paste', '\u001b[200~say hello\u001b[201~'],
    ['a paste of one letter', '\u001b[200~y\u001b[201~'],
  ])('is none: %s; the next is one again', (_what, text) => {
    expect(readAll(text, 'y')).toEqual(['', 'y']);
  });

  it.each([
    ['letters', ['\u001b[200~', 'a', 'y', '\u001b[201~']],
    [
      'words, more than once',
      ['\u001b[200~say', 'y', ' hello\u001b[201~', '\u001b[200~', 'y', '\u001b[201~'],
    ],
    ['marks', ['\u001b[200', '~', 'y', '\u001b[20', '1~']],
    ['marks that touch', ['\u001b[200~a\u001b[201~\u001b[200~', 'y', '\u001b[201', '~']],
  ])('is none, in a paste that comes in pieces: %s', (_what, pieces) => {
    expect(readAll(...pieces, 'y')).toEqual([...pieces.map(() => ''), 'y']);
  });
});
