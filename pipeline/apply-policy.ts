/**
 * The worker's policy and a plan that was compiled from somebody's file: the stricter of the two, or why it is refused.
 * Pure; the worker applies it when it plans, and holds what it sealed against the policy of the day before each step.
 */
import { completeRule, isGivenOnGithub, rulesOf, tokenHolders } from './approval-rules.js';
import { compileEvidenceAge, describeEvidenceAge, findEndlessWait } from './evidence-age.js';
import { compileFreezes, mergeFreezes } from './freezes.js';
import { describeForceRule, tightenForce } from './force-rules.js';
import { withHash } from './hash-plan.js';
import { compileMay, describeMay, waitForSwitch } from './may-rules.js';
import { matchesPattern, takesRef } from './match-ref.js';
import type {
  AppliedRule,
  ApprovalRule,
  EnvironmentPlan,
  ForceRule,
  ReleasePlan,
  ReleaseRef,
} from './plan.js';
import { mergeApprovals, originOf } from './merge-approvals.js';
import { PlanRefused, type PlanProblem } from './plan-refused.js';
import {
  rulesOfEnvironment,
  type EnvironmentPolicy,
  type PipelinePolicy,
  type Policy,
} from './policy-file.js';
import { commandsIn, hostsIn, referencesIn, targetsIn } from './reach-of-plan.js';
import { schemeOf } from './secret-references.js';

const DEFAULT_FILE = 'slipway.yaml';

/** Of a release, what the policy looks at besides the environment's plan. */
export interface Origin {
  ref: ReleaseRef;
  repository: string;
  file: string;
}

/**
 * `policy` null = the worker has none: production is refused then, unless this is a demonstration. Throws PlanRefused
 * with all that the policy does not allow.
 */
export function applyPolicy(
  plan: ReleasePlan,
  policy: Policy | null,
  { isDemo }: { isDemo: boolean },
): ReleasePlan {
  const origin = { ref: plan.ref, repository: plan.repository.url, file: plan.file };
  const applied = plan.environments.map((environment) =>
    applyToEnvironment(environment, origin, policy, { isDemo }),
  );
  const problems = [...applied.flatMap((each) => each.problems), ...findForbiddenLogin(plan, policy)];
  const [first, ...others] = problems;
  if (first !== undefined) throw new PlanRefused([first, ...others]);
  const environments = applied.map((each) => each.plan);
  const { force: inFile, ...rest } = plan;
  const force = forceOfRelease(inFile, policy, plan.pipeline);
  return withHash({ ...rest, ...(force === undefined ? {} : { force }), environments });
}

/** Who may force the release's own gates. */
export function forceOfRelease(
  inFile: ForceRule | undefined,
  policy: Policy | null,
  pipeline: string,
): ForceRule | undefined {
  if (policy === null) return inFile;
  return tightenForce(inFile, policy.pipelines.get(pipeline)?.force).force;
}

/** What is built is pushed with the release's own login, whatever its environments pull with. */
function findForbiddenLogin(
  { pipeline, registry, environments }: ReleasePlan,
  policy: Policy | null,
): PlanProblem[] {
  return environments.flatMap(({ name }) => {
    const rules = rulesOfEnvironment(policy, pipeline, name);
    const found = [
      ...outside(rules?.targets, registry === null ? [] : [registry.server], 'target'),
      ...findForbiddenSecrets(registry, rules, policy),
    ];
    return found.map((what) => ({
      what,
      where: `${pipeline} registry`,
      wayOut: wayOutOf(pipeline, name),
    }));
  });
}

/** The stricter plan, and what is not allowed at all. */
export function applyToEnvironment(
  plan: EnvironmentPlan,
  origin: Origin,
  policy: Policy | null,
  { isDemo }: { isDemo: boolean },
): { plan: EnvironmentPlan; problems: PlanProblem[] } {
  const where = `${plan.pipeline} ${plan.name}`;
  const refused = (what: string, wayOut: string): { plan: EnvironmentPlan; problems: PlanProblem[] } => ({
    plan,
    problems: [{ what, where, wayOut }],
  });
  if (policy === null) {
    if (plan.production && !isDemo)
      return refused(
        `${plan.name} is production, and this worker has no policy that protects it`,
        'give the worker a policy.yaml (docs/policy.md); slipway up --demo is for trying it out',
      );
    const [nobody] = findNobody(plan.approvals, null);
    return nobody === undefined
      ? { plan, problems: [] }
      : refused(nobody, 'leave group out, or give the worker a policy.yaml that says who is in it');
  }
  const ours = policy.pipelines.get(plan.pipeline);
  if (ours === undefined)
    return refused(
      `the worker's policy has no pipeline ${plan.pipeline}`,
      'its owner adds it to policy.yaml',
    );
  const rules = ours.environments.get(plan.name);
  if (rules === undefined)
    return refused(
      `the worker's policy has no environment ${plan.name}`,
      `its owner adds it to pipelines.${plan.pipeline}.environments`,
    );
  const stricter = tighten(plan, rules);
  const forbidden = [
    ...findForbidden(plan, origin, ours, rules, policy),
    ...findNobody(stricter.approvals, policy),
    ...findEndlessWait(stricter),
  ];
  const problems = forbidden.map((what) => ({
    what,
    where,
    wayOut: wayOutOf(plan.pipeline, plan.name),
  }));
  return { plan: stricter, problems };
}

function wayOutOf(pipeline: string, environment: string): string {
  return `change the pipeline file, or its owner changes pipelines.${pipeline}.environments.${environment} in the worker's policy.yaml`;
}

function findForbidden(
  plan: EnvironmentPlan,
  { ref, repository, file }: Origin,
  { repositories, files = [DEFAULT_FILE] }: PipelinePolicy,
  rules: EnvironmentPolicy,
  policy: Policy,
): string[] {
  const unsigned = rulesOf(rules).some(({ by }) => by === 'unverified')
    ? []
    : plan.approvals.filter(({ by }) => by === 'unverified');
  return [
    ...outside(repositories, [repository], 'the repository'),
    ...outside(files, [file], 'the pipeline file'),
    ...(rules.from === undefined || rules.from.some((takes) => takesRef(takes, ref))
      ? []
      : [`${ref.kind} ${ref.name} is not allowed`]),
    ...findOutOfReach(plan, rules, policy),
    ...unsigned.map(() => 'approvals by: unverified are not allowed'),
  ];
}

/** Rules that nobody can fill: GitHub knows logins, tokens have claims, and groups are of people. */
function findNobody(approvals: ApprovalRule[], policy: Policy | null): string[] {
  const people = new Set(policy?.github?.values());
  const holders = policy === null ? [] : tokenHolders(policy);
  return approvals.flatMap(({ by, group }) => {
    if (by === 'oidc' && policy !== null) {
      const members = group === null ? holders : (policy.groups?.get(group) ?? []);
      return members.some((name) => holders.includes(name))
        ? []
        : [
            `approvals by oidc${group === null ? '' : ` of group ${group}`}: the worker's policy knows nobody by a token`,
          ];
    }
    if (group === null || !isGivenOnGithub(by)) return [];
    const members = policy?.groups?.get(group) ?? [];
    return members.some((person) => people.has(person))
      ? []
      : [`approvals by ${by} of group ${group}: nobody in it has a login that the worker's policy knows`];
  });
}

/** Hosts, targets, commands and secrets of the plan that the policy does not list: `host x is not allowed`. */
export function findOutOfReach(plan: EnvironmentPlan, rules: EnvironmentPolicy, policy: Policy): string[] {
  return [
    ...outside(rules.hosts, hostsIn(plan), 'host'),
    ...outside(rules.targets, targetsIn(plan), 'target'),
    ...outside(rules.commands, commandsIn(plan), 'command'),
    ...findForbiddenSecrets(plan, rules, policy),
  ];
}

/** Where no secrets are listed, those are free that no environment lists: production's are not development's. */
function findForbiddenSecrets(
  plan: unknown,
  rules: EnvironmentPolicy | undefined,
  policy: Policy | null,
): string[] {
  const own = rules?.secrets;
  const pipelines = [...(policy?.pipelines.values() ?? [])];
  const others = pipelines.flatMap(({ environments }) =>
    [...environments.values()].flatMap(({ secrets = [] }) => secrets),
  );
  const isListed = (patterns: readonly string[], reference: string): boolean =>
    patterns.some((pattern) => matchesReference(pattern, reference));
  const forbidden = referencesIn(plan).filter((each) =>
    own === undefined ? isListed(others, each) : !isListed(own, each),
  );
  return forbidden.map((reference) => `secret ${reference} is not allowed`);
}

/** What the list does not have; no list = anything goes. */
function outside(list: readonly string[] | undefined, found: string[], what: string): string[] {
  if (list === undefined) return [];
  return found.filter((each) => !list.includes(each)).map((each) => `${what} ${each} is not allowed`);
}

/** `*` stands for any text within one level of a path, as in refs. */
function matchesReference(pattern: string, reference: string): boolean {
  return schemeOf(pattern) === schemeOf(reference) && matchesPattern(pattern, reference);
}

function tighten(plan: EnvironmentPlan, rules: EnvironmentPolicy): EnvironmentPlan {
  const floor = rulesOf(rules).map((rule) => completeRule(rule, plan.name));
  const approvals = mergeApprovals(plan.approvals, floor);
  const production = plan.production || rules.production === true;
  const selfApproval = plan.selfApproval && (rules['self-approval'] ?? !production);
  const waitMs = Math.max(plan.waitMs, rules.wait ?? 0);
  const { force: inFile, may: _earlier, ...rest } = plan;
  const may = compileMay(rules);
  const forcing = tightenForce(inFile, rules.force);
  const { force } = forcing;
  const age = compileEvidenceAge(plan, rules);
  const from = (inFile: boolean, inPolicy: boolean): AppliedRule['from'] =>
    inFile && inPolicy ? 'both' : inPolicy ? 'policy' : 'pipeline file';
  const applied: AppliedRule[] = [
    ...(production ? [{ rule: 'production', from: from(plan.production, rules.production === true) }] : []),
    ...approvals.map((rule) => ({ rule: nameRule(rule), from: originOf(rule, plan.approvals, floor) })),
    ...(approvals.length > 0 && !selfApproval
      ? [
          {
            rule: 'nobody approves their own work',
            from: from(!plan.selfApproval, !(rules['self-approval'] ?? !production)),
          },
        ]
      : []),
    ...(waitMs > 0
      ? [{ rule: `waits ${waitMs / 1000} s`, from: from(plan.waitMs === waitMs, rules.wait === waitMs) }]
      : []),
    ...(age.evidenceWithinMs === undefined
      ? []
      : [{ rule: describeEvidenceAge(age.evidenceWithinMs), from: 'policy' as const }]),
    ...(force === undefined ? [] : [{ rule: describeForceRule(force), from: 'both' as const }]),
    ...describeMay(may),
  ];
  const freeze = mergeFreezes(plan.freeze ?? [], compileFreezes(rules.freeze, 'policy'));
  const stricter = {
    ...rest,
    ...forcing,
    ...age,
    ...(may === null ? {} : { may }),
    traffic: waitForSwitch(plan.traffic, may),
    approvals,
    production,
    selfApproval,
    waitMs,
    policy: { rules: applied },
  };
  return withHash(freeze.length === 0 ? stricter : { ...stricter, freeze });
}

function nameRule({ count, group, by, of }: ApprovalRule): string {
  const who = group === null ? '' : ` of ${group}`;
  const where = of === null ? '' : ` on ${of}`;
  return `${count} ${count === 1 ? 'approval' : 'approvals'}${who} by ${by}${where}`;
}
