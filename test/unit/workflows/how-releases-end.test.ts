/** What a release and a promotion say at their end, where the words of people and the world disagree. */
import { describe, expect, it } from 'vitest';
import type { ChangeResult, FailureReport, PromotionResult } from '../../../workflows/result.js';
import { concludePromotion } from '../../../workflows/promotion-end.js';
import { concludeRelease, type ReleaseEnding } from '../../../workflows/release-end.js';
import { givenPlan, givenReleasePlan, givenReleaseRequest } from '../../support/given.js';
import { givenPromotion } from '../../support/promotion-scene.js';

const refusal: FailureReport = {
  what: 'the environment could not be asked',
  where: 'shop prod',
  why: null,
  wayOut: 'slipway release v1 --to prod',
};

function change(state: ChangeResult['state'], steps: ChangeResult['steps'] = []): ChangeResult {
  const nothing = { live: null, warm: null, unwind: [], failure: null, switchMs: null, backMs: null };
  return { headline: `the change ${state}`, state, clean: true, steps, ...nothing };
}

describe('a promotion whose environment could not be asked', () => {
  const request = givenPromotion(givenPlan({ name: 'prod' }), 1);
  const begun = [{ name: 'deploy', state: 'aborted' as const, tookMs: 1, note: null }];
  it.each([
    ['nothing came of it', null, 'failed', true],
    ['it was still in the queue', change('aborted'), 'failed', true],
    ['its change ran and was undone', change('aborted', begun), 'failed', false],
    ['its change was quicker', change('succeeded', begun), 'succeeded', false],
  ] as const)('%s', (_, ended, state, refused) => {
    const result = concludePromotion({ request, stop: null, refusal, change: ended, evidence: [] });
    expect(result).toMatchObject({
      state,
      refused,
      clean: true,
      change: ended,
      failure: state === 'failed' ? refusal : null,
    });
  });
});

describe('a release that was aborted', () => {
  const environments = ['stage', 'prod'].map((name) => givenPlan({ name }));
  const promoted = (environment: string): PromotionResult => ({
    headline: 'live',
    state: 'succeeded',
    environment,
    refused: false,
    clean: true,
    change: change('succeeded'),
    evidence: [],
    failure: null,
  });
  const ending: ReleaseEnding = {
    request: givenReleaseRequest({ version: 'v1' }),
    plan: givenReleasePlan(environments, { version: 'v1' }),
    stop: { kind: 'aborted', by: 'irina' },
    failure: null,
    artifacts: [],
    evidence: [],
    superseded: new Map(),
    results: [promoted('stage')],
    skipped: [{ environment: 'prod', why: 'aborted by irina' }],
  };

  it('is aborted where it is not live everywhere', () => {
    expect(concludeRelease(ending)).toMatchObject({
      state: 'aborted',
      headline: 'shop v1: aborted by irina',
    });
  });

  it('is live where the word came too late', () => {
    const late = { ...ending, results: [promoted('prod'), promoted('stage')], skipped: [] };
    expect(concludeRelease(late)).toMatchObject({
      state: 'succeeded',
      headline: expect.stringMatching(/^shop v1 is live on /),
    });
  });
});
