/** `slipway plan` says in which freezes nothing would begin, and who asked for them. */
import { describe, expect, it } from 'vitest';
import { renderPlan } from '../../../client/render/plan.js';
import { makeStyle } from '../../../client/render/style.js';
import { compileFreezes } from '../../../pipeline/freezes.js';
import type { FreezePlan } from '../../../pipeline/plan.js';
import { givenPlan, givenReleasePlan } from '../../support/given.js';

const style = makeStyle({ ascii: true, colour: false, columns: 100 });
const DAY_MS = 24 * 3_600_000;
const day = (inDays: number): string => new Date(Date.now() + inDays * DAY_MS).toISOString().slice(0, 10);

function screenOf(freeze: FreezePlan[]): string {
  const plan = givenReleasePlan([givenPlan({ name: 'prod', freeze })]);
  const nothing = { status: null, commitsSince: new Map(), isPolicyKnown: true, uncertain: [], refused: [] };
  return renderPlan(style, { plan, ...nothing, command: 'slipway release v1' });
}

describe('the freezes of a plan', () => {
  it('are those of now and to come, with their file', () => {
    const screen = screenOf([
      ...compileFreezes([{ from: day(-9), to: day(-5), reason: 'over' }], 'pipeline file'),
      ...compileFreezes([{ from: day(-1), to: day(2), reason: 'au\u001b[2Jdit' }], 'policy'),
      ...compileFreezes([{ from: day(20), to: day(21) }], 'pipeline file'),
    ]);
    expect(screen).not.toContain('over');
    expect(screen).toMatch(/freezes {3}.* now, until .*: .* UTC \(audit\), by the policy/);
    expect(screen).toContain(`${day(20)} to ${day(21)} UTC, by the pipeline file`);
  });

  it('are no line without one', () => {
    expect(screenOf([])).not.toContain('freezes');
  });
});
