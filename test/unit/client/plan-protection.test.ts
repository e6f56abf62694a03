/** `slipway plan` says whether a policy protects production, and does not guess it. */
import { describe, expect, it } from 'vitest';
import { renderPlan } from '../../../client/render/plan.js';
import { makeStyle } from '../../../client/render/style.js';
import type { EnvironmentPlan } from '../../../pipeline/plan.js';
import { givenPlan, givenReleasePlan } from '../../support/given.js';

const style = makeStyle({ ascii: true, colour: false, columns: 100 });

function screenOf(isPolicyKnown: boolean, change: Partial<EnvironmentPlan> = {}): string {
  const approvals = [{ count: 1, group: null, by: 'ssh' as const, of: null, expiresMs: 1000 }];
  const plan = givenReleasePlan([givenPlan({ name: 'prod', production: true, approvals, ...change })]);
  const nothing = { status: null, commitsSince: new Map(), uncertain: [], refused: [] };
  return renderPlan(style, { plan, ...nothing, isPolicyKnown, command: 'slipway release v1' });
}

describe('what protects production', () => {
  it('is nothing where the worker says that it has no policy', () => {
    expect(screenOf(true)).toContain('NOT PROTECTED: the worker has no policy');
    expect(screenOf(true)).toContain('(identity: unverified)');
  });

  it('is not known where no worker was asked', () => {
    expect(screenOf(false)).toContain('? only the worker knows whether its policy protects this');
    expect(screenOf(false)).not.toMatch(/NOT PROTECTED|unverified/);
    expect(screenOf(false, { production: false })).not.toMatch(/rules|policy/);
  });

  it('is a word without a signature where the file says so, whoever was asked', () => {
    const approvals = [{ count: 1, group: null, by: 'unverified' as const, of: null, expiresMs: 1000 }];
    expect(screenOf(false, { approvals })).toContain('(identity: unverified)');
  });
});
