import { describe, expect, it } from 'vitest';
import { troubleOf, withTrouble } from '../../../client/trouble.js';
import { givenReleaseStatus } from './given-status.js';

describe('what is tried again', () => {
  const status = givenReleaseStatus({
    steps: [
      { name: 'plan', state: 'succeeded', tookMs: 1, note: '7c1e90ab' },
      { name: 'build', state: 'running', tookMs: null, note: null },
      { name: 'prod', state: 'pending', tookMs: null, note: null },
    ],
  });

  it('is said by the step that runs, and by no other', () => {
    const notes = withTrouble(status, 'tried again: too many requests').steps.map(({ note }) => note);
    expect(notes).toEqual(['7c1e90ab', 'tried again: too many requests', null]);
    expect(withTrouble(status, null)).toBe(status);
  });

  it('is told apart from what a step says by itself', () => {
    const [plan, build] = withTrouble(status, 'tried again: x').steps.map(troubleOf);
    expect([plan, build]).toEqual(['', 'tried again: x']);
  });
});
