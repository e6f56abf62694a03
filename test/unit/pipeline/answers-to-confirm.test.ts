import { describe, expect, it } from 'vitest';
import { answersToConfirm } from '../../../pipeline/plan-traffic.js';

const confirm = { url: 'http://shop/', header: 'X-Colour', times: 20, intervalMs: 0, timeoutMs: 60_000 };

describe('answers that confirm all users', () => {
  it.each([
    { steps: 'none', weights: [], answers: 20 },
    { steps: 'one', weights: [100], answers: 20 },
    { steps: 'half', weights: [50, 100], answers: 20 },
    { steps: 'a quarter', weights: [25, 100], answers: 25 },
    { steps: 'a twentieth', weights: [5, 25, 100], answers: 135 },
    { steps: 'all but a twentieth', weights: [50, 95, 100], answers: 135 },
    { steps: 'a hundredth', weights: [1, 100], answers: 300 },
  ])('after $steps: $answers', ({ weights, answers }) => {
    expect(answersToConfirm({ confirm, weights })).toBe(answers);
  });

  it('are never fewer than the file says', () => {
    expect(answersToConfirm({ confirm: { ...confirm, times: 500 }, weights: [5, 100] })).toBe(500);
  });
});
