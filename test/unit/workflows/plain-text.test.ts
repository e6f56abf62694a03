import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detailChange } from '../../../workflows/static-details.js';
import { oneLine, plainMarkdown, withoutMarkdown } from '../../../workflows/plain-text.js';
import { renderReport } from '../../../workflows/report.js';
import { givenCommit, givenPlan, givenRequest } from '../../support/given.js';

// oxlint-disable-next-line no-control-regex -- what is looked for
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const HOSTILE =
  '\u001b[31mred\u001b]0;t\u0007 `x` **b** <img src=x> [a](javascript:1) | \u202e\n# head\r\n```\n- item \u009b2J';

describe("other people's text", () => {
  it.each([
    ['a\u001b[31mb\u001b[0m', 'ab'],
    ['a\u009b31mb', 'ab'],
    ['a\r\n\tb', 'a b'],
    ['a\u202eb\u200bc', 'abc'],
    ['👩\u200d🚀', '👩\u200d🚀'],
    ['naïve → 名', 'naïve → 名'],
  ])('%j is shown as %j', (text, shown) => {
    expect(oneLine(text)).toBe(shown);
  });

  it('is one line of Markdown that means itself', () => {
    expect(plainMarkdown('a `b` <c> [d](e) **f** \\ |')).toBe(
      'a \\`b\\` \\<c\\> \\[d\\](e) \\*\\*f\\*\\* \\\\ \\|',
    );
    expect(withoutMarkdown('a `b`\n<c>')).toBe('a  b   c ');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        expect(oneLine(text)).not.toMatch(/[\n\r]/);
        expect(oneLine(text)).not.toMatch(OBEYED);
      }),
    );
  });

  it('cannot leave its place in a report: no line, fence, link or heading of its own', () => {
    const commit = { ...givenCommit(), subject: HOSTILE, author: HOSTILE };
    const report = renderReport({
      title: HOSTILE,
      state: 'failed',
      subject: HOSTILE,
      commit,
      steps: [{ name: 'deploy', state: 'failed', tookMs: 1, note: HOSTILE }],
      unwind: [{ step: 'deploy', outcome: 'undo-failed', note: HOSTILE, tookMs: 1 }],
      failure: { what: HOSTILE, where: HOSTILE, why: HOSTILE, wayOut: HOSTILE },
      facts: [`requested by ${HOSTILE}`],
      commands: [],
      links: [{ text: HOSTILE, path: '/x' }],
      forced: [HOSTILE],
    });
    expect(report).not.toMatch(OBEYED);
    const lines = report.split('\n');
    expect(lines.filter((line) => line.startsWith('```'))).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith('#'))).toHaveLength(1);
    expect(lines.filter((line) => /^\s*- /.test(line))).toEqual([]);
    const outside = report.replace(/```[\s\S]*```/, '');
    expect(outside).not.toMatch(/(?<!\\)[<[](?!.*\]\(\/x\))/);
    expect(outside).not.toMatch(/(?<!\\)\]\(javascript/);
  });

  it('is cut where the server would refuse it', () => {
    const request = givenRequest(givenPlan(), 'v1', 'deploy', { reason: `${HOSTILE}${'x'.repeat(30_000)}` });
    const details = detailChange(request, null);
    expect(Buffer.byteLength(details)).toBeLessThan(20_000);
    expect(details).not.toMatch(OBEYED);
  });
});
