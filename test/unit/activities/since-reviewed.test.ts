/** From which commit on reviews are asked for: what is live counts only where seals show that it was let in. */
import { describe, expect, test } from 'vitest';
import { sinceReviewed } from '../../../activities/source/since-reviewed.js';
import { hashPlan } from '../../../pipeline/hash-plan.js';
import { loadPolicy } from '../../../pipeline/load-pipeline.js';
import { PlanRefused } from '../../../pipeline/plan-refused.js';
import type { EnvironmentPlan } from '../../../pipeline/plan.js';
import type { Policy } from '../../../pipeline/policy-file.js';
import { givenPlan, givenReleasePlan, givenRule } from '../../support/given.js';

const LET_IN = 'a'.repeat(40);
const OWNERS = 'b'.repeat(40);
const REVIEW = givenRule(1, null, { by: 'github-review', of: 'main' });

function policyWith(line: string): Policy {
  const text = `pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {hosts: []${line}}}}}`;
  const loaded = loadPolicy(Buffer.from(text), 'policy.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  return loaded.file.content;
}

async function planned(
  policy: Policy | null,
  letIn: string | null,
  approvals = [REVIEW],
): Promise<EnvironmentPlan> {
  const plan = givenReleasePlan([givenPlan({ name: 'prod', approvals })]);
  const resolved = sinceReviewed(plan, policy, () => letIn);
  const [environment] = resolved.environments;
  if (environment === undefined) throw new Error('there is no environment');
  expect(environment.planHash).toBe(hashPlan(environment));
  expect(resolved.planHash).toBe(hashPlan(resolved));
  return environment;
}

describe('reviews are asked for since', () => {
  test('the release that was let in last, also when the owner named an earlier commit', async () => {
    expect((await planned(policyWith(`, reviewed: ${OWNERS}`), LET_IN)).since).toBe(LET_IN);
    expect((await planned(null, LET_IN)).since).toBe(LET_IN);
  });

  test('what the owner says, before anything was let in', async () => {
    expect((await planned(policyWith(`, reviewed: ${OWNERS}`), null)).since).toBe(OWNERS);
  });

  test('nothing anybody could name, where a policy protects', async () => {
    const refused: unknown = await planned(policyWith(''), null).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PlanRefused);
    expect(String(refused)).toMatch(
      /up to which commit prod needs no reviews is not known.*reviewed: COMMIT/,
    );
  });

  test('the last merge, where nothing protects', async () => {
    expect(await planned(null, null)).not.toHaveProperty('since');
  });

  test('no commit, where no rule asks for reviews', async () => {
    for (const by of ['ssh', 'github-environment'] as const)
      expect(await planned(policyWith(''), LET_IN, [givenRule(1, null, { by })])).not.toHaveProperty('since');
  });
});
