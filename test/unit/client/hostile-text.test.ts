/** Other people's text on its way to a terminal, a CI runner, a job's page: shown, never obeyed. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { annotateError } from '../../../client/ci.js';
import { guardTerminal } from '../../../client/guarded-terminal.js';
import { makeStyle } from '../../../client/render/style.js';
import { cut, plain, plainLines } from '../../../client/render/text.js';
import { onlyOurMarkdown } from '../../../client/report-markdown.js';
import { toJobSummary } from '../../../client/release-data.js';
import { printed } from '../../../client/signing-flags.js';
import type { Terminal } from '../../../client/terminal.js';
import { givenReleaseStatus } from './given-status.js';

/** What was written, with the environment of a job or without. */
function listen(env: Record<string, string>, json = false): { terminal: Terminal; heard: () => string } {
  let heard = '';
  const write = (text: string): void => {
    heard += text;
  };
  const terminal: Terminal = {
    ...{ env, cwd: '/', columns: 80, listenForKeys: null, canAsk: false, colour: false },
    openScreen: () => Promise.resolve({ draw: write, close: () => undefined }),
    out: write,
    err: write,
    annotate: (line) => write(`${line}\n`),
    ask: (question) => {
      write(question);
      return Promise.resolve('');
    },
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
    ['progress 10%\r::error::x', 'progress 10%::error::x'],
    ['progress\r\n::error::x', 'progress\r\n: :error::x'],
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

  it('is not kept waiting by blank lines', () => {
    const { terminal, heard } = listen(GITHUB);
    terminal.out(`${'\n'.repeat(300_000)}x`);
    expect(heard()).toHaveLength(300_001);
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

// what a terminal would obey; U+2065 means nothing to any of them
// oxlint-disable-next-line no-control-regex -- controls are what this is about
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069]/;

describe('a terminal', () => {
  const hostile = '\u001b[7A\u001b[2K\u009b2J\u001b]8;;http://x\u0007a\rb\u202ec\u{e0041}\u061c';

  it('obeys none of it, wherever it is written, and keeps our colours and lines', async () => {
    const { terminal, heard } = listen({});
    const text = `\u001b[31mours\u001b[39m\n${hostile}`;
    terminal.out(text);
    terminal.err(text);
    terminal.annotate(text);
    await terminal.ask(text);
    (await terminal.openScreen?.())?.draw(text);
    const shown = '\u001b[31mours\u001b[39m\n[7A[2K2J]8;;http://xabc';
    expect(heard()).toBe(`${shown}${shown}${shown}\n${shown}${shown}`);
  });
});

describe('a screen', () => {
  it('is redrawn with no more than can be wrapped while somebody waits', async () => {
    const { terminal, heard } = listen({});
    const lines = Array.from({ length: 3000 }, () => 'short');
    (await terminal.openScreen?.())?.draw(['\u{1F468}\u0301'.repeat(40_000), ...lines].join('\n'));
    const [first = '', ...others] = heard().split('\n');
    expect(first.length).toBeLessThanOrEqual(2000);
    expect(others).toHaveLength(999);
  });
});

describe('what is printed to be sent', () => {
  it('is what was signed, also where a name has in it what a terminal must not see', () => {
    const { terminal, heard } = listen({});
    const signed = { by: 'ක්\u200dෂ \u{e0041}', statement: { payload: '{"by":"ක්\u200dෂ"}' } };
    terminal.out(printed(signed).screen);
    expect(JSON.parse(heard())).toEqual(signed);
  });
});

describe('screens', () => {
  it('have no blanks that push a word below another', () => {
    expect(plain(`a${' '.repeat(99)}\u2800\u3164\u115f\u00a0 b`)).toBe('a b');
  });

  it('cut what takes no cell, and are not kept waiting by it', () => {
    const style = makeStyle({ ascii: false, colour: false, columns: 80 });
    expect(cut(style, `a${'\u0301'.repeat(100_000)}`, 60).length).toBeLessThan(500);
  });

  it('show one line, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        expect(plain(text)).not.toMatch(OBEYED);
        expect(plainLines(text).replaceAll('\n', '')).not.toMatch(OBEYED);
      }),
    );
  });
});

describe("a job's page", () => {
  it.each([
    ['![x](https://evil.example.com/x.png)', '! [x] (https: //evil.example.com/x.png)'],
    ['[approve](https://evil.example.com)', '[approve] (https: //evil.example.com)'],
    ['[approve][1]', '[approve] [1]'],
    ['[1]: //evil.example.com', '[1] : //evil.example.com'],
    ['[x](/namespaces/../../evil "x")', '[x] (/namespaces/../../evil "x")'],
    ['<img src=x>', '&lt;img src=x>'],
    ['www.evil.example.com @everyone a@b.c', 'www .evil.example.com @ everyone a@b.c'],
    ['a\rb', 'a\nb'],
    ['````\n```\n<b>\n````\n<b>', '. ````\n```\n<b>\n. ````\n<b>\n```'],
    ['~~~\n```\n~~~\n<b>\n```\n<b>', '. ~~~\n```\n. ~~~\n<b>\n```\n&lt;b>'],
    ['```html\n```\n<b>', '. ```html\n```\n<b>\n```'],
  ])('renders none of %j', (report, shown) => {
    expect(onlyOurMarkdown(report)).toBe(shown);
  });

  it('renders what our reports are made of', () => {
    const report =
      '## ⏳ Waiting: a\\<b\n\n> ⚠ FORCED x\n\n**a** · `9f2c1d0` fix\n\n```\nok claim <x> http://a\n```\n\n- switch: `slipway switch prod`\n\n[the release](/namespaces/default/workflows/release%2Fshop%2Fv1/01a2-b/user-metadata) · [lane](/namespaces/default/workflows/lane%2Fshop)';
    expect(onlyOurMarkdown(report)).toBe(report);
  });

  it('is not kept waiting by brackets', () => {
    const progress = new Map();
    for (const report of ['['.repeat(300_000), '[a](/namespaces/'.repeat(20_000)]) {
      const release = givenReleaseStatus({ report });
      expect(toJobSummary({ release, progress }, null)).not.toBe('');
    }
  });
});
