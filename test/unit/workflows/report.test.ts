import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  formatMinute,
  renderBlock,
  renderReport,
  showWait,
  type ReportView,
} from '../../../workflows/report.js';
import type { StepState } from '../../../workflows/result.js';
import { givenCommit } from '../../support/given.js';

const VIEW: ReportView = {
  title: 'switch traffic on prod',
  state: 'waiting',
  subject: 'secretmagic v1.4.0 → prod',
  commit: givenCommit(),
  steps: [
    { name: 'preflight', state: 'succeeded', tookMs: 4_000, note: 'way back to v1.3.9 proven' },
    { name: 'deploy', state: 'succeeded', tookMs: 62_000, note: 'green 3 of 3 on sha256:9f2c41aa' },
    { name: 'switch', state: 'waiting', tookMs: null, note: 'waits for a person' },
    { name: 'bake', state: 'pending', tookMs: null, note: null },
    { name: 'settle', state: 'pending', tookMs: null, note: null },
  ],
  unwind: [],
  failure: null,
  facts: ['**Live** blue v1.3.9 · **idle** green v1.4.0'],
  commands: [{ what: 'switch', command: 'slipway switch prod' }],
  links: [],
  forced: [],
};

describe('renderReport', () => {
  it('reads as the screens show it', () => {
    expect(renderReport(VIEW)).toBe(
      [
        '## ⏳ switch traffic on prod',
        '',
        '**secretmagic v1.4.0 → prod** · `9f2c1d0` fix: retry StarRocks DNS · anna',
        '',
        '```',
        'ok preflight    way back to v1.3.9 proven                 4s',
        'ok deploy       green 3 of 3 on sha256:9f2c41aa       1m 02s',
        '>> switch       waits for a person',
        '.. bake .. settle',
        '```',
        '',
        '**Live** blue v1.3.9 · **idle** green v1.4.0',
        '',
        '- switch: `slipway switch prod`',
      ].join('\n'),
    );
  });

  it('tells what a step warns of below it', () => {
    const warnings = ['web-1: the disk is 91 % full; remove old images'];
    const step = {
      name: 'preflight',
      state: 'succeeded' as const,
      tookMs: 4_000,
      note: '1 warning',
      warnings,
    };
    expect(renderBlock({ steps: [step], unwind: [], failure: null })).toEqual([
      'ok preflight    1 warning                                 4s',
      '   warns   web-1: the disk is 91 % full; remove old images',
    ]);
  });

  it('ends with links to the pages of the runs beside it, their text only text', () => {
    const links = [
      { text: 'release', path: '/namespaces/default/workflows/release%2Fshop%2Fv1' },
      { text: 'environment [prod]', path: '/namespaces/default/workflows/environment%2Fshop%2Fprod' },
    ];
    expect(
      renderReport({ ...VIEW, links })
        .split('\n')
        .at(-1),
    ).toBe(
      '[release](/namespaces/default/workflows/release%2Fshop%2Fv1) · ' +
        '[environment \\[prod\\]](/namespaces/default/workflows/environment%2Fshop%2Fprod)',
    );
  });

  it('puts forced gates on the second line', () => {
    const lines = renderReport({ ...VIEW, forced: ['vulnerabilities by dkuznetsov: no fix'] }).split('\n');
    expect(lines[2]).toBe('> ⚠ FORCED vulnerabilities by dkuznetsov: no fix');
  });

  it('shows what failed, where, why, and the way out; and what was undone', () => {
    const failure = {
      what: 'errors 4.1 %',
      where: 'prod green',
      why: 'line 1\nKeyError: region',
      wayOut: 'slipway release v1.5.1',
    };
    const unwind = [
      { step: 'switch', outcome: 'undone' as const, note: 'blue answered 20 of 20', tookMs: 1_300 },
    ];
    expect(renderBlock({ steps: [], unwind, failure })).toEqual([
      '   what    errors 4.1 %',
      '   where   prod green',
      '   why     KeyError: region',
      '   way out slipway release v1.5.1',
      '<- undo switch  blue answered 20 of 20                  1.3s',
    ]);
  });

  it('shows other people’s text and never renders it', () => {
    const report = renderReport({
      ...VIEW,
      commit: givenCommit({ subject: '<img src=x> [click](http://evil) `rm`' }),
    });
    expect(report).toContain('\\<img src=x\\> \\[click\\](http://evil) \\`rm\\`');
  });
});

describe('the block', () => {
  const states: StepState[] = [
    'pending',
    'running',
    'waiting',
    'succeeded',
    'failed',
    'inconclusive',
    'aborted',
    'superseded',
    'rolled-back',
  ];
  const text = fc.string({ unit: 'grapheme', maxLength: 200 });
  const step = fc.record({
    name: text,
    state: fc.constantFrom(...states),
    tookMs: fc.option(fc.nat(1e10)),
    note: fc.option(text),
  });
  const failure = fc.option(fc.record({ what: text, where: text, why: fc.option(text), wayOut: text }));

  it('is never wider than 60 columns and never ends its own fence, whatever the notes say', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), failure, (steps, failure) => {
        for (const line of renderBlock({ steps, unwind: [], failure })) {
          expect(line.length).toBeLessThanOrEqual(60);
          expect(line).not.toMatch(/`|\n/);
        }
      }),
    );
  });
});

describe('formatDuration', () => {
  it.each([
    [7, '7ms'],
    [1_300, '1.3s'],
    [4_000, '4s'],
    [41_000, '41s'],
    [59_600, '1m 00s'],
    [190_000, '3m 10s'],
    [7_500_000, '2h 05m'],
    [273_600_000, '3d 4h'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('showWait', () => {
  const steps = VIEW.steps.map((step) => ({ ...step, note: step.name === 'deploy' ? 'green' : null }));
  const noteOf = (waitingFor: string | null): (string | null)[] =>
    showWait(steps, waitingFor).map(({ note }) => note);

  it('lets the step that waits say what for', () => {
    expect(noteOf('retry or abort')).toEqual([null, 'green', 'waits for retry or abort', null, null]);
  });

  it('says a person where the wait is named like its step', () => {
    expect(noteOf('switch')[2]).toBe('waits for a person');
  });

  it('leaves steps alone when nothing waits', () => {
    expect(showWait(steps, null)).toEqual(steps);
  });
});

describe('formatMinute', () => {
  it('is the same on every worker', () => {
    expect(formatMinute('2026-01-09T10:00:42.123+01:00')).toBe('2026-01-09 09:00 UTC');
  });
});
