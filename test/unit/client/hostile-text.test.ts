/** Other people's text on its way to a terminal, a CI runner, a job's page: shown, never obeyed. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { annotateError } from '../../../client/ci.js';
import { guardTerminal } from '../../../client/guarded-terminal.js';
import { plain, plainLines } from '../../../client/render/text.js';
import type { Terminal } from '../../../client/terminal.js';

/** What was written, with the environment of a job or without. */
function listen(env: Record<string, string>, json = false): { terminal: Terminal; heard: () => string } {
  let heard = '';
  const write = (text: string): void => {
    heard += text;
  };
  const terminal: Terminal = {
    ...{ env, cwd: '/', columns: 80, openScreen: null, listenForKeys: null, canAsk: false, colour: false },
    out: write,
    err: write,
    annotate: (line) => write(`${line}\n`),
    ask: () => Promise.resolve(''),
    interrupted: new AbortController().signal,
  };
  return { terminal: guardTerminal(terminal, json), heard: () => heard };
}

const GITHUB = { GITHUB_ACTIONS: 'true' };

/** As the runner reads a line: `::name …::` behind blanks, or `##[name …]` anywhere. */
function obeyedByRunner(text: string): string[] {
  return text.split(/[\r\n]/).filter((line) => /^\s*::[^:]+.*::/.test(line) || /##\[[^\]]+\]/.test(line));
}

describe('a CI runner', () => {
  it.each([
    ['::set-output name=state::succeeded', ': :set-output name=state::succeeded'],
    ['  why      x\n             ::add-mask::a', '  why      x\n             : :add-mask::a'],
    ['\u00a0\t::stop-commands::x', '\u00a0\t: :stop-commands::x'],
    ['progress 10%\r::error::x', 'progress 10%\r: :error::x'],
    ['log ##[error]x', 'log ## [error]x'],
    ['::1 is an address', ': :1 is an address'],
    ['a::b, http://[::1]:80', 'a::b, http://[::1]:80'],
  ])('does not obey %j', (text, shown) => {
    const { terminal, heard } = listen(GITHUB);
    terminal.out(text);
    terminal.err(text);
    expect(heard()).toBe(shown + shown);
    expect(obeyedByRunner(heard())).toEqual([]);
  });

  it('obeys nothing that anybody can write', () => {
    const pieces = fc.constantFrom(
      '::',
      ':',
      '##[',
      '#',
      '[error]',
      ' ',
      '\n',
      '\r',
      '\t',
      'error',
      ' x=y',
      '::x',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), fc.boolean(), (parts, json) => {
        const { terminal, heard } = listen(GITHUB, json);
        terminal.out(`${parts.join('')}\n`);
        expect(obeyedByRunner(heard())).toEqual([]);
      }),
    );
  });

  it('gets our own annotations, and no second one out of their text', () => {
    const { terminal, heard } = listen(GITHUB);
    annotateError(
      terminal,
      { what: 'x\r\n::add-mask::a%0A', where: 'a,b:1\n::error::y', wayOut: '##[add-mask]z' },
      'slipway.yaml',
    );
    expect(heard().split('\n')).toHaveLength(2);
    expect(heard()).toMatch(/^::error file=[^:\n]*,title=slipway::[^\n]*\n$/);
    expect(heard()).toContain('title=slipway::x%0D%0A::add-mask::a%250A%0A##');
  });

  it('is nobody elsewhere: text stays as it is', () => {
    const { terminal, heard } = listen({});
    terminal.out('::error::x ##[y]\n');
    expect(heard()).toBe('::error::x ##[y]\n');
  });
});

describe('JSON', () => {
  it('has nothing in it that a terminal obeys, and means the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.boolean(), (text, github) => {
        const { terminal, heard } = listen(github ? GITHUB : {}, true);
        const line = JSON.stringify({ text, more: '\u009b2J\u202e\u200b\u2028##[error]::x' });
        terminal.out(line);
        expect(JSON.parse(heard())).toEqual(JSON.parse(line));
        // oxlint-disable-next-line no-control-regex -- what is looked for
        expect(heard()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2066-\u2069]/);
      }),
    );
  });
});

// oxlint-disable-next-line no-control-regex -- what a terminal would obey
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069]/;

describe('screens', () => {
  it('show one line, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        expect(plain(text)).not.toMatch(OBEYED);
        expect(plainLines(text).replaceAll('\n', '')).not.toMatch(OBEYED);
      }),
    );
  });
});
