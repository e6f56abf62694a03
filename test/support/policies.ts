/** Policies and releases of shop, held against each other. */
import type { PolicyStore } from '../../activities/trust/policy-store.js';
import { applyPolicy } from '../../pipeline/apply-policy.js';
import { loadPolicy } from '../../pipeline/load-pipeline.js';
import type { EnvironmentPlan, ReleasePlan } from '../../pipeline/plan.js';
import { PlanRefused } from '../../pipeline/plan-refused.js';
import type { Policy } from '../../pipeline/policy-file.js';
import { givenPlan, givenReleasePlan } from './given.js';

export const HEAD = `allowed-signers: allowed_signers
groups: {platform: [anna@example.com, irina@example.com], backend: [oleg@example.com]}
pipelines:
  shop:
    repositories: [/srv/shop.git]
    environments:
      prod:
        hosts: [deploy@web-1, deploy@web-2]
`;

/** A worker whose policy is this text. */
export function givenPolicyStore(text: string): PolicyStore {
  const loaded = loadPolicy(Buffer.from(text), 'policy.yaml');
  if (!loaded.ok) throw new Error(loaded.errors.map(({ path, message }) => `${path}: ${message}`).join('; '));
  const policy = { content: loaded.file.content, allowedSigners: null, revokedKeys: null, hash: '' };
  return { read: async () => policy, isDemo: false };
}

/** Lines below `prod`. */
export function policyWith(...lines: string[]): Policy {
  const loaded = loadPolicy(
    Buffer.from(HEAD + lines.map((line) => `        ${line}\n`).join('')),
    'policy.yaml',
  );
  if (!loaded.ok) throw new Error(loaded.errors.map(({ path, message }) => `${path}: ${message}`).join('; '));
  return loaded.file.content;
}

export function releaseOf(
  change: Partial<EnvironmentPlan> = {},
  release: Partial<ReleasePlan> = {},
): ReleasePlan {
  const plan = givenPlan({ name: 'prod', production: false, selfApproval: true, ...change });
  return givenReleasePlan([plan], release);
}

export function apply(
  policy: Policy | null,
  change: Partial<EnvironmentPlan> = {},
  release: Partial<ReleasePlan> = {},
): EnvironmentPlan {
  const [plan] = applyPolicy(releaseOf(change, release), policy, { isDemo: false }).environments;
  if (plan === undefined) throw new Error('there is no environment');
  return plan;
}

export function refusalsOf(
  policy: Policy | null,
  change: Partial<EnvironmentPlan> = {},
  release: Partial<ReleasePlan> = {},
): string {
  try {
    apply(policy, change, release);
  } catch (error) {
    if (error instanceof PlanRefused) return error.message;
    throw error;
  }
  return '';
}
