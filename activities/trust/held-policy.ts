/** What the worker's policy says of this moment, against what was sealed when it may have said something else. */
import { applyPolicy, applyToEnvironment, findOutOfReach } from '../../pipeline/apply-policy.js';
import { formatDuration } from '../../pipeline/durations.js';
import { evidenceWithin } from '../../pipeline/evidence-age.js';
import { compileFreezes, describeFreeze, findFreeze } from '../../pipeline/freezes.js';
import { hashJson } from '../../pipeline/hash-plan.js';
import type { EnvironmentPlan, ReleasePlan } from '../../pipeline/plan.js';
import { PlanRefused } from '../../pipeline/plan-refused.js';
import { rulesOfEnvironment, type EnvironmentPolicy } from '../../pipeline/policy-file.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { ForcedGate } from '../../workflows/result.js';
import { denied } from './denied.js';
import { lastWord } from './gate-words.js';
import type { PolicyStore } from './policy-store.js';
import { wasCarriedOut } from './receipts.js';
import type { SealKeys } from './seal-keys.js';
import { isAbout, openSeal, readRef, subjectOf, type StatementOf } from './statements.js';

/** Gates of the environment, and those of the release before it was built. */
export interface Forced {
  here: ForcedGate[];
  before: ForcedGate[];
}

const HOUR_MS = 3_600_000;

/** What a look connects to, logs in at, or hands a secret to: all of it word for word. */
function isAllReachedBy(plan: EnvironmentPlan, live: EnvironmentPlan): boolean {
  return hashJson(reachOf(plan)) === hashJson(reachOf(live));
}

function reachOf(plan: EnvironmentPlan): Partial<EnvironmentPlan> {
  const { hosts, ssh, platform, traffic, checks, dependencies, bake, database, url, strategy } = plan;
  const { secrets, dockerSecrets, registry, hostLog, repository } = plan;
  const asked = { hosts, ssh, platform, traffic, checks, dependencies, bake, database, url, strategy };
  return { ...asked, secrets, dockerSecrets, registry, hostLog, repository };
}

export class HeldPolicy {
  constructor(
    private readonly keys: SealKeys,
    private readonly policy: PolicyStore,
  ) {}

  async isThere(): Promise<boolean> {
    return (await this.policy.read()) !== null;
  }

  private async rulesOf({ pipeline, name }: EnvironmentPlan): Promise<EnvironmentPolicy | undefined> {
    return rulesOfEnvironment((await this.policy.read())?.content, pipeline, name);
  }

  /** What is built for it may be, and pushed with its login. */
  async build(plan: ReleasePlan): Promise<void> {
    const loaded = await this.policy.read();
    try {
      applyPolicy(plan, loaded?.content ?? null, this.policy);
    } catch (error) {
      if (!(error instanceof PlanRefused)) throw error;
      throw denied(plan.pipeline, error.problems.map(({ what }) => what).join('; '));
    }
  }

  /**
   * A look reaches what the policy allows; of a plan that nobody sealed it resolves only what it lists, or what `live`, a
   * plan that a worker sealed, was given for just the same. Which of its commands are run is for the look itself
   * (allowed-questions.ts).
   */
  async reach(
    plan: EnvironmentPlan,
    { isSealed, live }: { isSealed: boolean; live: EnvironmentPlan | null },
  ): Promise<void> {
    const loaded = await this.policy.read();
    if (loaded === null) return;
    const where = `${plan.pipeline} ${plan.name}`;
    const rules = rulesOfEnvironment(loaded.content, plan.pipeline, plan.name);
    if (rules === undefined) throw denied(where, "the worker's policy has no such environment");
    const [problem] = findOutOfReach(plan, rules, loaded.content);
    if (problem !== undefined)
      throw denied(where, problem, "its owner lists it in the worker's policy.yaml (docs/policy.md)");
    if (isSealed || (live !== null && isAllReachedBy(plan, live))) return;
    const [withheld] = findOutOfReach(plan, { secrets: [], ...rules }, loaded.content);
    if (withheld !== undefined)
      throw denied(
        where,
        `${withheld} to look at a file that was not released`,
        "release it, which may use what the policy does not restrict, or let its owner list it in the worker's policy.yaml (docs/policy.md#the-stricter-of-the-two-applies)",
      );
  }

  /** Nothing is fetched from where the policy does not say. */
  async repository(url: string): Promise<void> {
    const loaded = await this.policy.read();
    const known = [...(loaded?.content.pipelines.values() ?? [])].flatMap(({ repositories }) => repositories);
    if (loaded !== null && !known.includes(url))
      throw denied('repository', "the worker's policy does not allow it");
  }

  /** It reaches and asks for no less than the policy says at this moment. */
  async hold(
    plan: EnvironmentPlan,
    { ref, repository, file, version }: Pick<StatementOf<'plan'>, 'ref' | 'repository' | 'file' | 'version'>,
    forced: Forced,
  ): Promise<void> {
    const loaded = await this.policy.read();
    const origin = { ref: readRef(ref), repository, file };
    const applied = applyToEnvironment(plan, origin, loaded?.content ?? null, this.policy);
    const where = `${plan.pipeline} ${plan.name}`;
    const [problem] = applied.problems;
    if (problem !== undefined) throw denied(where, problem.what, `nothing was touched; ${problem.wayOut}`);
    const planAgain = `nothing was touched; slipway release ${version} --to ${plan.name} plans it again under the current policy`;
    if (hashJson(floorOf(applied.plan)) !== hashJson(floorOf(plan)))
      throw denied(where, 'the policy has become stricter since it was planned', planAgain);
    if (loaded === null) return;
    const ours = loaded.content.pipelines.get(plan.pipeline);
    const unforced =
      forced.here.find(({ gate }) => applied.plan.force?.gates.includes(gate) !== true) ??
      forced.before.find(({ gate }) => ours?.force?.gates.includes(gate) !== true);
    if (unforced !== undefined)
      throw denied(where, `the policy lets nobody force gate ${unforced.gate} any more`, planAgain);
  }

  /**
   * Its gates were asked lately, or whoever keeps an old yes could leave out the no that came after it. What was live
   * here comes back all the same.
   */
  async askedLately(target: Target): Promise<void> {
    const { plan, version, evidence = [], receipts = [] } = target;
    const rules = await this.rulesOf(plan);
    if (rules === undefined) return;
    const subject = subjectOf(target, plan);
    if (wasCarriedOut(this.keys, receipts, subject)) return;
    const withinMs = evidenceWithin(rules);
    for (const gate of plan.gates) {
      const word = lastWord(this.keys, subject, gate, evidence);
      const ageMs = 'at' in word ? Date.now() - Date.parse(word.at) : 0;
      if (ageMs <= withinMs) continue;
      const age = formatDuration(Math.floor(ageMs / HOUR_MS) * HOUR_MS);
      throw denied(
        `${plan.pipeline} ${plan.name}`,
        `gate ${gate.name} was asked ${age} ago, and its word counts for ${formatDuration(withinMs)}`,
        `nothing was touched; slipway release ${version} --to ${plan.name} asks it again`,
      );
    }
  }

  /**
   * In a freeze of the policy only what a worker let in outside of one: a change that had begun, or a release that comes
   * back. `isFirst` = the change has not begun, so a release that is new here stays out whatever it shows.
   */
  async freeze(target: Target, { isFirst = false } = {}): Promise<void> {
    const { plan, evidence = [], kind } = target;
    const rules = await this.rulesOf(plan);
    const frozen = findFreeze(compileFreezes(rules?.freeze, 'policy'), Date.now());
    if (frozen === null) return;
    const subject = subjectOf(target, plan);
    const wasLetIn = evidence
      .flatMap(({ seal }) => openSeal(this.keys, seal, 'open') ?? [])
      .some((said) => isAbout(said, subject) && said.planHash === plan.planHash);
    if (wasLetIn && !(isFirst && kind === 'deploy')) return;
    const until = new Date(frozen.untilMs).toISOString();
    throw denied(
      `${plan.pipeline} ${plan.name}`,
      `it is frozen until ${until}: ${describeFreeze(frozen.freeze)}`,
      "nothing was touched; release it again when it is over, or its owner changes freeze in the worker's policy.yaml",
    );
  }
}

/** What a policy may make stricter. */
function floorOf({ approvals, production, selfApproval, waitMs, policy }: EnvironmentPlan): unknown {
  return { approvals, production, selfApproval, waitMs, isProtected: policy !== undefined };
}
