/** Who decided what and why, on every screen of it; and what of it is read of an answer. */
import { describe, expect, it } from 'vitest';
import * as shapes from '../../../client/answers/shapes.js';
import { toReleaseData } from '../../../client/release-data.js';
import { renderRelease } from '../../../client/render/release.js';
import { renderStatus } from '../../../client/render/status.js';
import { makeStyle } from '../../../client/render/style.js';
import { renderProgress } from '../../../client/render/watch.js';
import type { EnvironmentStatus } from '../../../workflows/messages.js';
import type { Denial, TakenDecision } from '../../../workflows/result.js';
import { givenPlan, givenRecord, givenRequest } from '../../support/given.js';
import { givenEnvironment, givenProgress, givenReleaseStatus, NOW } from './given-status.js';

const style = makeStyle({ ascii: false, colour: false, columns: 80 });
const AT = '2026-11-14T10:41:00Z';
const LONG_AGO = '2026-11-01T10:00:00Z';

const abort: TakenDecision = {
  ...{ decision: 'abort', by: 'oleg', proof: 'unverified', reason: 'wrong tag', at: AT, decisionId: 'a' },
};
const denial: Denial = { by: 'eve', why: 'is in no group', decisionId: 'd', decision: 'switch', at: AT };
const ABORTED = '✓ abort by oleg (identity: unverified): wrong tag (14 Nov 10:41 UTC)';
const HOSTILE = 'x\u001b[2J\r\nexit 0: done\u202e';

// oxlint-disable-next-line no-control-regex -- what a terminal would obey
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

describe('the screen of a release', () => {
  it('says by whom it was aborted, and why', () => {
    const aborted = givenProgress({ state: 'aborted', decisions: [abort] });
    expect(renderProgress(style, aborted, NOW)).toContain(`\n  decided  ${ABORTED}\n`);
    const building = givenReleaseStatus({ state: 'aborted', decisions: [abort] });
    expect(renderRelease(style, building)).toContain(`\n  decided  ${ABORTED}\n`);
  });

  it('says why somebody approved, each on a line where one has a reason', () => {
    const anna = { by: 'anna', group: 'platform', at: AT, reason: 'OPS-412, ✓ vera' };
    const oleg = { by: 'oleg', group: null, at: AT };
    expect(renderProgress(style, givenProgress({ approvals: [anna, oleg] }), NOW)).toContain(
      [
        '  approved ✓ anna (platform) 14 Nov 10:41 UTC: OPS-412, ✓ vera',
        '           ✓ oleg 14 Nov 10:41 UTC',
        '',
      ].join('\n'),
    );
  });

  it('shows the newest five decisions, and lets nobody drive the terminal', () => {
    const many = Array.from({ length: 7 }, (_, turn) => ({ ...abort, reason: `${HOSTILE}${String(turn)}` }));
    const approvals = [{ by: 'anna', group: null, at: AT, reason: HOSTILE }];
    const screen = renderProgress(style, givenProgress({ decisions: many, approvals }), NOW);
    expect(screen).not.toMatch(OBEYED);
    expect(screen).not.toMatch(/^exit 0/m);
    expect(screen.match(/abort by oleg/g)).toHaveLength(5);
    expect(screen).toContain('  decided  ✓ 2 earlier decisions, with --json');
  });

  it('is the same under --json', () => {
    const status = givenProgress({
      ...{ decisions: [abort], denials: [denial] },
      approvals: [{ by: 'anna', group: null, at: AT, reason: 'OPS-412' }],
    });
    const release = givenReleaseStatus({ decisions: [abort] });
    const data = toReleaseData({ release, progress: new Map([['p', status]]) }, () => null);
    expect(data).toMatchObject({
      decisions: [abort],
      promotions: [{ decisions: [abort], denials: [denial], approvals: [{ reason: 'OPS-412' }] }],
    });
  });
});

describe('status', () => {
  const plan = givenPlan({ pipeline: 'secretmagic', name: 'prod' });
  const live = givenRecord(plan, 'v1.3.9', 'blue');
  const back: TakenDecision = {
    ...{ decision: 'rollback', by: 'irina', proof: 'ssh', reason: 'it is slow', at: AT, decisionId: 'r' },
    isReasonSigned: true,
  };
  const show = (more: Partial<EnvironmentStatus>, isOne: boolean, change = givenProgress()): string =>
    renderStatus(
      style,
      'secretmagic',
      [
        {
          ...{ name: 'prod', status: givenEnvironment({ live, ...more }) },
          ...{ change: more.inFlight === undefined ? null : change, promotions: new Map() },
        },
      ],
      NOW,
      isOne,
    );

  it('says of what is live who let it in and what did not count, for a day, and longer by its name', () => {
    const recent = { decisions: [back], denials: [denial] };
    for (const isOne of [true, false]) {
      expect(show({ said: recent }, isOne)).toContain(
        '✓ rollback by irina (signed): it is slow (14 Nov 10:41 UTC)',
      );
      expect(show({ said: recent }, isOne)).toContain('! not counted: switch by eve: is in no group');
    }
    const old = {
      decisions: [{ ...back, at: LONG_AGO }],
      denials: Array.from({ length: 5 }, () => ({ ...denial, at: LONG_AGO })),
    };
    const named = show({ said: old }, true);
    expect(named).toContain('rollback by irina (signed): it is slow (1 Nov 10:00 UTC)');
    expect(named).toContain('! not counted: 2 more, with --json');
    expect(named.match(/switch by eve/g)).toHaveLength(3);
    expect(show({ said: old }, false)).not.toMatch(/irina|eve/);
  });

  it('tells what did not count in the order it was said', () => {
    const early = { ...denial, by: 'early', at: '2026-11-14T09:00:00Z' };
    const screen = show({ denials: [denial], said: { decisions: [], denials: [early] } }, true);
    expect(screen.indexOf('by early')).toBeLessThan(screen.indexOf('by eve'));
  });

  it('says of what is on its way who decided and why', () => {
    const inFlight = { request: givenRequest(plan, 'v1.3.8', 'rollback'), token: 4, cutover: null };
    const change = givenProgress({ state: 'running', decisions: [back] });
    expect(show({ inFlight }, false, change)).toContain('✓ rollback by irina (signed): it is slow');
    const promotion = givenProgress({
      decisions: [{ ...abort, decision: 'pause' }],
      approvals: [
        { by: 'anna', group: null, at: AT, reason: 'OPS-412' },
        { by: 'oleg', group: null, at: AT },
      ],
    });
    const id = 'promotion/secretmagic/prod/r1';
    const announced = [
      {
        ...{ requestId: 'r1', workflowId: id, phase: 'waiting' as const, version: 'v1.4.0', commit: 'c' },
        ...{ supersedes: [], waitingFor: null, since: AT, queue: 'fifo' as const },
      },
    ];
    const view = { name: 'prod', status: givenEnvironment({ live, announced }), change: null };
    const screen = renderStatus(
      style,
      'secretmagic',
      [{ ...view, promotions: new Map([[id, promotion]]) }],
      NOW,
    );
    expect(screen).toContain('approved ✓ anna 14 Nov 10:41 UTC: OPS-412');
    expect(screen).not.toContain('approved ✓ oleg');
    expect(screen).toContain('✓ pause by oleg (identity: unverified): wrong tag');
  });
});

describe('an answer', () => {
  const change = { headline: '', state: 'aborted', clean: true, live: null, steps: [], unwind: [] };
  const result = { ...change, failure: null, switchMs: null };

  it('of an older worker has none of it', () => {
    expect(shapes.progressStatus(givenProgress())).toBeNull();
    expect(shapes.releaseStatus(givenReleaseStatus())).toBeNull();
    expect(shapes.environmentStatus(givenEnvironment())).toBeNull();
    expect(shapes.RESULTS['lane']?.(result)).toBeNull();
  });

  it.each([
    [{}, null],
    [{ by: 5 }, '[0].by'],
    [{ proof: 'trust me' }, '[0].proof'],
    [{ reason: undefined }, '[0].reason'],
    [{ at: 'never' }, '[0].at'],
  ])('is read where it is well formed: %o', (odd, wrong) => {
    const decisions = [{ ...abort, ...odd }] as TakenDecision[];
    const said = { decisions, denials: [] };
    const at = (place: string): string | null => (wrong === null ? null : `.${place}${wrong}`);
    expect(shapes.progressStatus(givenProgress({ decisions }))).toBe(at('decisions'));
    expect(shapes.releaseStatus(givenReleaseStatus({ decisions }))).toBe(at('decisions'));
    expect(shapes.environmentStatus(givenEnvironment({ said }))).toBe(at('said.decisions'));
    expect(shapes.RESULTS['lane']?.({ ...result, said })).toBe(at('said.decisions'));
  });

  it('has no reason of an approval but a text', () => {
    const approvals = [{ by: 'anna', group: null, at: AT, reason: [] as never }];
    expect(shapes.progressStatus(givenProgress({ approvals }))).toBe('.approvals[0].reason');
  });
});
