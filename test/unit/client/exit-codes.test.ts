import { describe, expect, it } from 'vitest';
import {
  EXIT,
  exitOfPromotion,
  exitOfRelease,
  exitOfRequest,
  exitOfWayBack,
} from '../../../client/exit-codes.js';
import {
  exitOfFollowedRelease,
  exitOfFollowedWayBack,
  exitOfProgress,
  stateOf,
} from '../../../client/release-data.js';
import type { ChangeResult, PromotionResult, ReleaseResult } from '../../../workflows/result.js';
import { givenCommit } from '../../support/given.js';
import { givenProgress, givenReleaseStatus } from './given-status.js';

function promotion(overrides: Partial<PromotionResult>): PromotionResult {
  return {
    headline: '',
    state: 'succeeded',
    environment: 'prod',
    refused: false,
    clean: true,
    change: null,
    evidence: [],
    failure: null,
    ...overrides,
  };
}

function change(overrides: Partial<ChangeResult>): ChangeResult {
  return {
    headline: '',
    state: 'succeeded',
    clean: true,
    live: null,
    warm: null,
    steps: [],
    unwind: [],
    failure: null,
    switchMs: null,
    backMs: null,
    ...overrides,
  };
}

function release(promotions: PromotionResult[], state: ReleaseResult['state'] = 'succeeded'): ReleaseResult {
  return {
    headline: '',
    state,
    version: 'v1',
    commit: givenCommit(),
    artifacts: [],
    promotions,
    skipped: [],
    failure: null,
  };
}

describe('exit codes', () => {
  it.each([
    [{ state: 'succeeded' }, EXIT.done],
    [{ state: 'failed' }, EXIT.failedUndone],
    [{ state: 'rolled-back' }, EXIT.failedUndone],
    [{ state: 'failed', clean: false }, EXIT.failedNotUndone],
    [{ state: 'aborted', clean: false }, EXIT.failedNotUndone],
    [{ state: 'failed', refused: true }, EXIT.refused],
    [{ state: 'superseded' }, EXIT.superseded],
    [{ state: 'aborted' }, EXIT.superseded],
  ] as const)('a promotion that ended %j exits with %i', (overrides, code) => {
    expect(exitOfPromotion(promotion(overrides))).toBe(code);
  });

  it('lets the worst promotion decide', () => {
    const worst = [
      promotion({ state: 'succeeded' }),
      promotion({ state: 'superseded' }),
      promotion({ state: 'failed', refused: true }),
      promotion({ state: 'failed' }),
      promotion({ state: 'failed', clean: false }),
    ];
    expect(
      worst.map((_, index) =>
        exitOfRelease(release(worst.slice(0, index + 1), index === 0 ? 'succeeded' : 'failed')),
      ),
    ).toEqual([0, 7, 5, 3, 4]);
  });

  it('calls a release that never reached an environment refused, superseded or done', () => {
    expect(exitOfRelease(release([], 'failed'))).toBe(EXIT.refused);
    expect(exitOfRelease(release([], 'superseded'))).toBe(EXIT.superseded);
    expect(exitOfRelease(release([]))).toBe(EXIT.done);
  });

  it('counts being back as done, unless something is left over', () => {
    expect(exitOfWayBack(change({ state: 'rolled-back' }))).toBe(EXIT.done);
    expect(exitOfWayBack(change({ state: 'aborted' }))).toBe(EXIT.done);
    expect(exitOfWayBack(change({ state: 'failed' }))).toBe(EXIT.failedUndone);
    expect(exitOfWayBack(change({ state: 'rolled-back', clean: false }))).toBe(EXIT.failedNotUndone);
  });

  it.each([
    ['refused by the environment', [], EXIT.refused],
    ['refused in preflight', ['preflight'], EXIT.refused],
    ['without a proven way back', ['preflight', 'claim', 'proveWayBack'], EXIT.refused],
    ['failed while it deployed', ['preflight', 'claim', 'proveWayBack', 'deploy'], EXIT.failedUndone],
  ])('a rollback that was %s, asked for or watched', (_what, begun, code) => {
    const names = ['preflight', 'claim', 'proveWayBack', 'deploy'];
    const steps = names.map((name) => ({
      ...{ name, state: begun.includes(name) ? ('failed' as const) : ('pending' as const) },
      ...{ note: null, tookMs: null },
    }));
    const result = change({ state: 'failed', steps });
    expect(exitOfRequest(result)).toBe(code);
    const end = { how: 'ended' as const, failure: null, result };
    expect(exitOfProgress({ release: null, progress: new Map(), end })).toBe(code);
    expect(exitOfRequest({ ...result, clean: false })).toBe(EXIT.failedNotUndone);
    // the steps of an old one are forgotten
    const unwind = [{ step: 'deploy', outcome: 'undone' as const, note: null, tookMs: 1 }];
    expect(exitOfRequest(change({ state: 'failed', unwind }))).toBe(EXIT.failedUndone);
  });

  it('follows how the view ended', () => {
    const progress = new Map([['p', givenProgress()]]);
    const seen = { release: givenReleaseStatus(), progress };
    expect(exitOfFollowedRelease({ ...seen, end: { how: 'waiting' } })).toBe(EXIT.done);
    expect(exitOfFollowedRelease({ ...seen, end: { how: 'timeout' } })).toBe(EXIT.timeout);
    expect(exitOfFollowedRelease({ ...seen, end: { how: 'interrupted' } })).toBe(EXIT.interrupted);
    const ended = { how: 'ended' as const, failure: null };
    expect(exitOfProgress({ ...seen, end: { ...ended, result: change({ state: 'rolled-back' }) } })).toBe(
      EXIT.failedUndone,
    );
    expect(
      exitOfFollowedWayBack({ ...seen, end: { ...ended, result: promotion({ state: 'aborted' }) } }),
    ).toBe(EXIT.done);
  });

  it('takes a run that was terminated for not undone, unless nothing had begun', () => {
    const terminated = {
      how: 'ended' as const,
      result: null,
      failure: { message: 'gone', type: 'TerminatedFailure' },
    };
    const refused = {
      how: 'ended' as const,
      result: null,
      failure: { message: 'no such tag', type: 'BadInput' },
    };
    const begun = { release: givenReleaseStatus(), progress: new Map([['p', givenProgress()]]) };
    const fresh = { release: givenReleaseStatus(), progress: new Map() };
    expect(exitOfFollowedRelease({ ...begun, end: terminated })).toBe(EXIT.failedNotUndone);
    expect(exitOfFollowedRelease({ ...fresh, end: terminated })).toBe(EXIT.failedNotUndone);
    expect(exitOfFollowedRelease({ ...fresh, end: refused })).toBe(EXIT.refused);
  });

  it('tells a job the state of its one promotion, or that one waits', () => {
    const live = givenProgress({ state: 'succeeded' });
    expect(stateOf({ release: null, progress: new Map([['a', live]]) })).toBe('succeeded');
    expect(
      stateOf({
        release: null,
        progress: new Map([
          ['a', live],
          ['b', givenProgress()],
        ]),
      }),
    ).toBe('waiting');
    expect(stateOf({ release: givenReleaseStatus({ state: 'running' }), progress: new Map() })).toBe(
      'running',
    );
  });
});
