/** Freezes: what a day means in a zone, what two files make of one, and what is no freeze. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyToEnvironment } from '../../../pipeline/apply-policy.js';
import { compileFreezes, findFreeze, instantsOf, mergeFreezes } from '../../../pipeline/freezes.js';
import { loadPolicy } from '../../../pipeline/load-pipeline.js';
import type { EnvironmentPlan, FreezePlan } from '../../../pipeline/plan.js';
import { branch, compile, loadBad, loadGood, only, SMALL } from './given.js';

function read(from: string, to: string, zone?: string): string {
  const instants = instantsOf({ from, to, zone });
  if (instants === null) return 'nothing';
  return [instants.fromMs, instants.untilMs].map((ms) => new Date(ms).toISOString().slice(0, 16)).join(' ');
}

describe('a freeze in its zone', () => {
  it.each([
    [
      'days are whole, the last one too',
      '2026-12-24',
      '2027-01-02',
      'UTC',
      '2026-12-24T00:00 2027-01-03T00:00',
    ],
    ['in winter', '2026-12-24', '2026-12-24', 'Europe/Berlin', '2026-12-23T23:00 2026-12-24T23:00'],
    ['in summer', '2026-07-01', '2026-07-01', 'Europe/Berlin', '2026-06-30T22:00 2026-07-01T22:00'],
    [
      'over the change to summer time',
      '2026-03-29',
      '2026-03-29',
      'Europe/Berlin',
      '2026-03-28T23:00 2026-03-29T22:00',
    ],
    [
      'over the change to winter time',
      '2026-10-25',
      '2026-10-25',
      'Europe/Berlin',
      '2026-10-24T22:00 2026-10-25T23:00',
    ],
    ['behind UTC', '2026-11-26', '2026-11-27', 'America/New_York', '2026-11-26T05:00 2026-11-28T05:00'],
    ['half hours', '2026-01-01', '2026-01-01', 'Asia/Kolkata', '2025-12-31T18:30 2026-01-01T18:30'],
    ['a leap day', '2028-02-28', '2028-02-29', 'UTC', '2028-02-28T00:00 2028-03-01T00:00'],
    [
      'times are kept to the minute',
      '2026-12-24T18:00',
      '2026-12-27T09:30',
      'Europe/Berlin',
      '2026-12-24T17:00 2026-12-27T08:30',
    ],
    [
      'a time that comes twice is the longer freeze',
      '2026-10-25T02:30',
      '2026-10-25T02:30',
      'Europe/Berlin',
      '2026-10-25T00:30 2026-10-25T01:30',
    ],
    [
      'a time that is left out is the longer freeze',
      '2026-03-29T02:30',
      '2026-03-29T02:30',
      'Europe/Berlin',
      '2026-03-29T00:30 2026-03-29T01:30',
    ],
    [
      'a day without a midnight',
      '2026-04-24',
      '2026-04-24',
      'Africa/Cairo',
      '2026-04-23T21:00 2026-04-24T21:00',
    ],
  ])('%s', (_what, from, to, zone, expected) => {
    expect(read(from, to, zone)).toBe(expected);
  });

  it('is UTC without one', () => {
    expect(read('2026-12-24', '2026-12-24')).toBe('2026-12-24T00:00 2026-12-25T00:00');
  });

  it.each([
    '2026-02-30',
    '2026-13-01',
    '2026-1-1',
    '24.12.2026',
    '2026-12-24T24:00',
    '2026-12-24T18:00Z',
    'tomorrow',
    '',
  ])('%j is no day', (text) => expect(read(text, '2026-12-31')).toBe('nothing'));
});

describe('the freeze of a moment', () => {
  const at = (text: string): number => Date.parse(`${text}:00Z`);
  const freezes = compileFreezes(
    [
      { from: '2026-12-24', to: '2026-12-26', reason: 'holidays' },
      { from: '2026-12-26T12:00', to: '2026-12-28' },
      { from: '2026-12-29', to: '2026-12-29', reason: 'audit' },
      { from: '2027-05-01', to: '2027-05-01' },
    ],
    'pipeline file',
  );

  it('begins with its first minute and ends with its last', () => {
    expect(findFreeze(freezes, at('2026-12-23T23:59'))).toBeNull();
    expect(findFreeze(freezes, at('2026-12-24T00:00'))?.freeze.reason).toBe('holidays');
    expect(findFreeze(freezes, at('2026-12-29T23:59'))?.freeze.reason).toBe('audit');
    expect(findFreeze(freezes, at('2026-12-30T00:00'))).toBeNull();
  });

  it('ends with the last of those that overlap or touch', () => {
    expect(findFreeze(freezes, at('2026-12-25T00:00'))?.untilMs).toBe(at('2026-12-30T00:00'));
  });

  it('of two files is there once, and both are named', () => {
    const policy = compileFreezes(
      [
        { from: '2026-12-24', to: '2026-12-26' },
        { from: '2026-12-31', to: '2026-12-31' },
      ],
      'policy',
    );
    const merged = mergeFreezes(freezes, policy);
    expect(merged.map(({ by }) => by)).toEqual([
      'both',
      'pipeline file',
      'pipeline file',
      'pipeline file',
      'policy',
    ]);
    expect(mergeFreezes(merged, policy)).toEqual(merged);
  });
});

describe('freeze of the pipeline file', () => {
  const HOLIDAYS = '{from: 2026-12-24, to: 2027-01-02, zone: Europe/Berlin, reason: holidays}';
  const planFor = (line: string): EnvironmentPlan => only(compile(loadGood(SMALL + line), branch('main')));
  const errorFor = (line: string): string => {
    const [error] = loadBad(`${SMALL}    freeze:\n      - ${line}\n`);
    return `${error?.line}:${error?.column} ${error?.path}: ${error?.message}`;
  };

  it('becomes instants, and a plan without one has no word of it', () => {
    expect(planFor(`    freeze: [${HOLIDAYS}]\n`).freeze).toEqual([
      {
        from: '2026-12-23T23:00:00.000Z',
        until: '2027-01-02T23:00:00.000Z',
        text: '2026-12-24 to 2027-01-02 Europe/Berlin',
        reason: 'holidays',
        by: 'pipeline file',
      },
    ]);
    expect('freeze' in planFor('')).toBe(false);
    expect(planFor('    freeze: []\n').planHash).toBe(planFor('').planHash);
  });

  it('may be long over', () => {
    expect(planFor('    freeze: [{from: 2020-01-01, to: 2020-01-01}]\n').freeze).toHaveLength(1);
  });

  it.each([
    [
      '{from: 2027-01-02, to: 2026-12-24}',
      '11:32 environments.prod.freeze[0].to: is before from: the freeze ends before it begins (2027-01-02)',
    ],
    [
      '{from: 2026-12-24T18:00, to: 2026-12-24T18:00}',
      '11:38 environments.prod.freeze[0].to: is before from: the freeze ends before it begins (2026-12-24T18:00)',
    ],
    [
      '{from: 2026-02-30, to: 2026-03-01}',
      '11:16 environments.prod.freeze[0].from: is no day or time of day; write 2026-12-24 or 2026-12-24T18:00, without a zone',
    ],
    ['{from: 2026-12-24}', '11:9 environments.prod.freeze[0].to: is missing'],
    [
      '{from: 2026-12-24, to: 2026-12-25, zone: Berlin}',
      '11:50 environments.prod.freeze[0].zone: is no time zone; write one such as Europe/Berlin or UTC',
    ],
    [
      '{from: 2026-12-24, to: 2026-12-25, until: 2026-12-26}',
      '11:44 environments.prod.freeze[0].until: no such key',
    ],
    [
      '{from: 2026-12-24, to: 2026-12-25, reason: "a\\nb"}',
      '11:52 environments.prod.freeze[0].reason: must be one line of at most 200 characters',
    ],
  ])('%s is refused where it stands', (line, expected) => {
    expect(errorFor(line)).toBe(expected);
  });
});

describe('the examples of the pages', () => {
  const page = (name: string): string =>
    readFileSync(path.join(import.meta.dirname, '../../../docs', name), 'utf8');

  it('are freezes of a pipeline file', () => {
    const [, text = ''] = /^```yaml environment\n(.*?)^```/ms.exec(page('gates.md')) ?? [];
    const plan = only(compile(loadGood(SMALL + text.replaceAll(/^(?=.)/gm, '    ')), branch('main')));
    expect(plan.freeze?.map(({ until }) => until)).toEqual([
      '2027-01-02T23:00:00.000Z',
      '2026-11-30T07:00:00.000Z',
    ]);
  });

  it('are freezes of a policy', () => {
    const [, text = ''] = /^```yaml\n(.*?)^```/ms.exec(page('policy.md')) ?? [];
    const loaded = loadPolicy(Buffer.from(text), 'policy.yaml');
    expect(loaded.ok ? [] : loaded.errors).toEqual([]);
    expect(text).toContain('freeze: [');
  });
});

describe('freeze of the policy', () => {
  const policyOf = (freeze: string) =>
    loadPolicy(
      Buffer.from(
        `pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {hosts: [deploy@shop.example.com], freeze: [${freeze}]}}}}\n`,
      ),
      'policy.yaml',
    );
  const applied = (freeze: string, own = ''): FreezePlan[] | undefined => {
    const loaded = policyOf(freeze);
    if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join());
    const plan = only(compile(loadGood(SMALL + own), branch('main')));
    const origin = { ref: branch('main'), repository: '/srv/shop.git', file: 'slipway.yaml' };
    const { plan: stricter, problems } = applyToEnvironment(plan, origin, loaded.file.content, {
      isDemo: false,
    });
    expect(problems).toEqual([]);
    return stricter.freeze;
  };

  it("is added to the pipeline file's", () => {
    const own = '    freeze: [{from: 2026-05-01, to: 2026-05-01}]\n';
    expect(
      applied('{from: 2026-12-24, to: 2026-12-26}', own)?.map(({ by, text }) => `${text} ${by}`),
    ).toEqual(['2026-05-01 to 2026-05-01 UTC pipeline file', '2026-12-24 to 2026-12-26 UTC policy']);
    expect(applied('')).toBeUndefined();
  });

  it('that ends before it begins is refused where it stands', () => {
    const loaded = policyOf('{from: 2026-12-24, to: 2026-12-23}');
    expect(loaded).toMatchObject({
      ok: false,
      errors: [{ line: 1, path: 'pipelines.shop.environments.prod.freeze[0].to' }],
    });
  });
});
