/**
 * What an activity may believe of its input. Whoever can write to the namespace can start a workflow with any plan and
 * forge any result, so each word is held against what a worker has sealed. Nothing is touched while it is judged.
 */
import { hashJson, hashPlan } from '../../pipeline/hash-plan.js';
import type { ApprovalRule, CheckPlan, Colour, EnvironmentPlan, ReleasePlan } from '../../pipeline/plan.js';
import type { Activities, ForceClaim, Target } from '../../workflows/activity-contract.js';
import type {
  BuiltArtifact,
  EvidenceItem,
  ForcedGate,
  PriorState,
  ReleaseRecord,
} from '../../workflows/result.js';
import { describeMissing } from '../../workflows/approvals.js';
import { isAmong } from '../../workflows/decisions.js';
import { githubProof, missingApprovals, type Approval } from '../../workflows/missing-approvals.js';
import { keepProxy } from '../../workflows/target-hosts.js';
import { denied } from './denied.js';
import { lastWord, NO } from './gate-words.js';
import { HeldPolicy, type Forced } from './held-policy.js';
import type { PolicyStore } from './policy-store.js';
import { wasCarriedOut } from './receipts.js';
import { SignedDecisions } from './signed-decisions.js';
import type { SealKeys } from './seal-keys.js';
import {
  aboutArtifact,
  aboutPrior,
  isAbout,
  isSame,
  nameRef,
  openSeal,
  subjectOf,
  type StatementOf,
  type Subject,
} from './statements.js';
import { VouchedDatabases } from './vouched-databases.js';

type Sealed = StatementOf<'plan'>;
/** A release on its way into an environment, or one that was there. */
type Holder = Pick<Target, 'plan' | 'version' | 'commit' | 'artifacts' | 'evidence'>;

/** Between the worker that looked and the one that goes on. */
const CLOCKS_DIFFER_MS = 5_000;

export class Judge {
  readonly policy: HeldPolicy;
  readonly decisions: SignedDecisions;
  readonly databases: VouchedDatabases;

  constructor(
    private readonly keys: SealKeys,
    policy: PolicyStore,
  ) {
    this.policy = new HeldPolicy(keys, policy);
    this.decisions = new SignedDecisions(keys, policy);
    this.databases = new VouchedDatabases(keys);
  }

  /** The plan is one that a worker compiled, untouched since. */
  plan(plan: EnvironmentPlan | ReleasePlan): Sealed {
    const name = 'name' in plan ? plan.name : null;
    const where = placeOf({ pipeline: plan.pipeline, environment: name });
    const said = openSeal(this.keys, plan.seal, 'plan');
    if (said === null)
      throw denied(
        where,
        plan.seal === undefined ? 'the plan has no seal' : 'the seal of the plan is not genuine',
      );
    if (said.pipeline !== plan.pipeline || said.environment !== name)
      throw denied(where, `the seal is of a plan for ${placeOf(said)}`);
    if (said.planHash !== hashPlan(plan) || said.planHash !== plan.planHash)
      throw denied(where, 'the plan was changed after it was sealed');
    return said;
  }

  /** A gate is asked only as a sealed plan defines it, and about the commit of that plan. */
  gate({ gate, plan: subject, seal }: GateQuestion): void {
    const where = `${subject.pipeline}, gate ${gate.name}`;
    const said = openSeal(this.keys, seal, 'plan');
    if (said === null) throw denied(where, 'no genuine seal of a plan asks for it');
    const isOfCommit =
      said.pipeline === subject.pipeline &&
      said.commit === subject.commit.sha &&
      said.version === subject.version &&
      said.ref === nameRef(subject.ref) &&
      said.repository === subject.repositoryUrl;
    if (!isOfCommit) throw denied(where, 'the sealed plan is of another commit');
    // fewer of them have less that a migration could break
    const { environments = [] } = subject;
    const known = said.environments ?? environments;
    if (environments.join() !== known.join())
      throw denied(
        where,
        `it is asked for ${environments.join() || 'no environment'}, the sealed plan is for ${known.join()}`,
      );
    if (!said.gates.includes(hashJson(gate))) throw denied(where, 'the sealed plan has no such gate');
    this.artifacts(said, where, subject.artifacts);
  }

  /** The release's own gates have passed, so it may be built, and pushed with its login. */
  async build(plan: ReleasePlan, evidence: EvidenceItem[] = []): Promise<void> {
    this.plan(plan);
    if (plan.environments.length === 0)
      throw denied(plan.pipeline, 'the release is for no environment, so nothing is built for it');
    await this.policy.build(plan);
    const { pipeline, commit } = plan;
    this.gates(subjectOf({ commit, artifacts: [] }, { pipeline, name: null }), plan, evidence);
  }

  /**
   * The target is what was sealed: its plan, commit, digests, the release before it, and at most hosts left out. What is
   * gone back to was let in as well, or an undo would be the way in.
   */
  target(target: Target): Sealed {
    const { whole, plan } = target;
    const said = this.holder({ ...target, plan: sealedPlanOf(target) });
    if (whole !== undefined) requireOnlySkipped(plan, whole);
    const { live, colour } = target;
    this.colours(plan, colour);
    if (live !== null) {
      const before = this.record(live);
      if (before.environment !== said.environment || before.pipeline !== said.pipeline)
        throw denied(placeOf(said), 'the release before it is of another environment');
      this.letIn(live, before);
    }
    return said;
  }

  /** A release that was there, in one of its colours. */
  private record(live: ReleaseRecord): Sealed {
    const said = this.holder(live);
    this.colours(live.plan, live.colour);
    return said;
  }

  /** They become words of commands and names of services: there are two, and none where the plan has none. */
  colours(plan: EnvironmentPlan, ...colours: (Colour | null)[]): void {
    for (const colour of colours) if (colour !== null) this.colour(plan, colour);
  }

  colour({ pipeline, name, strategy }: EnvironmentPlan, colour: Colour): void {
    if (strategy !== 'blue-green' || !['blue', 'green'].includes(colour))
      throw denied(`${pipeline} ${name}`, 'the sealed plan has no such colour');
  }

  /**
   * Everything that lets a release in is there. `forward` = the policy of this moment as well; on the way back what was
   * let in once is enough.
   */
  async entry(target: Target, way: 'forward' | 'back'): Promise<void> {
    const said = this.target(target);
    const forced = this.letIn(target, said);
    if (way === 'back') return;
    this.waited(target);
    await this.policy.hold(sealedPlanOf(target), said, forced);
  }

  /**
   * A deploy begins: everything lets it in, on gates that were asked lately, and nothing is frozen. `isFirst` = the
   * change has not begun.
   */
  async begin(target: Target, { isFirst = false } = {}): Promise<void> {
    await this.entry(target, 'forward');
    await this.policy.askedLately(target);
    await this.policy.freeze(target, { isFirst });
  }

  /** Who may still say no had the time for it that the plan gives, from the last word that lets it in. */
  private waited({ plan, evidence = [] }: Target): void {
    const words = evidence.flatMap(
      ({ seal }) => openSeal(this.keys, seal, 'approval') ?? openSeal(this.keys, seal, 'gate') ?? [],
    );
    const over = Math.max(0, ...words.map(({ at }) => Date.parse(at))) + plan.waitMs - CLOCKS_DIFFER_MS;
    if (Date.now() < over)
      throw denied(
        `${plan.pipeline} ${plan.name}`,
        `it waits until ${new Date(over).toISOString()}: ${plan.waitMs / 1000} s after the last approval or gate`,
      );
  }

  /** Its gates said yes, and people approved it; answers the gates that were forced. */
  private letIn(holder: Holder, said: Sealed): Forced {
    const { plan, artifacts, evidence = [] } = holder;
    const subject = subjectOf(holder, plan);
    const forced = this.gates(subject, plan, evidence);
    const ofRelease = artifacts.flatMap((made) => made.forced ?? []);
    const forcers = [...forced, ...ofRelease].map(({ by }) => by);
    this.approvals({ plan, said, subject, forcers }, evidence);
    this.earlier(said, evidence);
    return { here: forced, before: ofRelease };
  }

  /** Asked for is only what the plan asks for. */
  rule(plan: EnvironmentPlan, rule: ApprovalRule): void {
    if (!plan.approvals.map(hashJson).includes(hashJson(rule)))
      throw denied(`${plan.pipeline} ${plan.name}`, 'the sealed plan has no such rule');
  }

  /** Was this release let into this environment, with everything that was asked of it then? */
  wasLetIn(record: ReleaseRecord, pipeline: string, environment: string): boolean {
    try {
      const said = this.holder(record);
      if (said.pipeline !== pipeline || said.environment !== environment) return false;
      this.letIn(record, said);
      return true;
    } catch {
      // also what has not even the shape of a record
      return false;
    }
  }

  /** A gate is forced only where the sealed plan has it, about what a worker built, after a worker heard it say no. */
  force({ gate, plan, subject, refusal }: ForceClaim): void {
    const said = this.plan(plan);
    this.gate({ gate, plan: subject, ...(plan.seal === undefined ? {} : { seal: plan.seal }) });
    const of = subjectOf(subject, { pipeline: said.pipeline, name: said.environment });
    const word = lastWord(this.keys, of, gate, [refusal]);
    if (word.kind !== 'no' || !NO.includes(word.verdict))
      throw denied(placeOf(said), `nobody vouches that gate ${gate.name} said no`);
  }

  /**
   * Looking needs no release, but reaches hosts with the worker's keys. Of a plan that no worker sealed, such as that of
   * a file not yet committed, it runs and resolves only what the policy lists.
   */
  async look({ what, plan, live }: Parameters<Activities['inspectEnvironment']>[0]): Promise<void> {
    if (!(await this.policy.isThere())) return;
    const isSealed = what === 'logs' || plan.seal !== undefined;
    if (isSealed) this.plan(plan);
    if (live !== null) {
      this.record(live);
      // what was released to one environment is no reason to ask it of another
      if (live.plan.pipeline !== plan.pipeline || live.plan.name !== plan.name)
        throw denied(
          `${plan.pipeline} ${plan.name}`,
          `what is said to be live there is of ${live.plan.pipeline} ${live.plan.name}`,
        );
    }
    await this.policy.reach(plan, { isSealed, live: live?.plan ?? null });
  }

  /** No check is made that the sealed plan does not have. */
  checks({ plan }: Target, checks: CheckPlan[]): void {
    const known = [...plan.checks, ...plan.dependencies].map(hashJson);
    const strange = checks.find((check) => !known.includes(hashJson(check)));
    if (strange !== undefined)
      throw denied(
        `${plan.pipeline} ${plan.name}`,
        `the sealed plan has no check ${strange.name} like this one`,
      );
  }

  /**
   * What is brought back was there. A recovery has a higher token than the change that recorded it. `undoes` = this
   * release was put in its place; without it any change of the environment may have recorded it.
   */
  prior(target: Target, prior: PriorState[], { undoes }: { undoes: boolean }): void {
    const { plan } = target;
    for (const state of prior) {
      const said = openSeal(this.keys, state.seal, 'prior');
      const expected = aboutPrior(target, state);
      const { token, release } = expected;
      const isOurs =
        said !== null &&
        said.token <= token &&
        isSame({ ...said, token, release }, expected) &&
        (!undoes || said.release === undefined || said.release === release);
      if (!isOurs)
        throw denied(
          `${plan.pipeline} ${plan.name}, ${state.host}`,
          'what was there before is not vouched for',
        );
    }
  }

  /** Enough people approved exactly this. What no policy protects takes anybody's word, which a worker heard. */
  private approvals(
    {
      plan,
      said,
      subject,
      forcers,
    }: { plan: EnvironmentPlan; said: Sealed; subject: Subject; forcers: string[] },
    evidence: EvidenceItem[],
  ): void {
    const given = evidence
      .flatMap(({ seal }) => openSeal(this.keys, seal, 'approval') ?? [])
      .filter((each) => isAbout(each, subject) && each.planHash === said.planHash)
      .filter(({ by }) => plan.selfApproval || !isAmong(by, [...said.authors, ...forcers]));
    const approvals = given.map(({ by, group, proof, of = null, at }): Approval => {
      if (githubProof(proof) !== null) return { by, group, at, proof, of };
      return plan.policy === undefined ? { by, group, at } : { by, group, at, proof };
    });
    const missing = missingApprovals(plan.approvals, approvals);
    if (missing.length > 0) throw denied(placeOf(said), `nobody vouches for ${describeMissing(missing)}`);
  }

  /** The commit was carried out in the environments that come before this one. */
  private earlier(said: Sealed, evidence: EvidenceItem[]): void {
    const { pipeline, commit, after = [] } = said;
    const receipts = evidence.flatMap((item) => item.receipts ?? []);
    const missing = after.find(
      (environment) => !wasCarriedOut(this.keys, receipts, { pipeline, environment, commit }),
    );
    if (missing !== undefined)
      throw denied(
        placeOf(said),
        `nobody vouches that ${commit.slice(0, 7)} was live and well on ${missing}`,
      );
  }

  /** A release as it was sealed: its plan, version, commit and digests. */
  holder({ plan, version, commit, artifacts }: Holder): Sealed {
    const said = this.plan(plan);
    const where = `${plan.pipeline} ${plan.name}`;
    if (said.version !== version || said.commit !== commit.sha)
      throw denied(
        where,
        `the sealed plan is of ${said.version} (${said.commit.slice(0, 7)}), not of ${version}`,
      );
    this.artifacts(said, where, artifacts);
    return said;
  }

  /** Each was built for this release, and none is missing. */
  private artifacts(plan: Sealed, where: string, artifacts: BuiltArtifact[]): void {
    for (const made of artifacts) {
      const said = openSeal(this.keys, made.seal, 'artifact');
      if (said === null || !isSame(said, aboutArtifact(plan, made)))
        throw denied(
          where,
          `no worker vouches for ${made.repository}@${made.digest} as built from ${plan.commit.slice(0, 7)}`,
        );
    }
    const given = artifacts.map(({ name }) => name).join();
    const wanted = plan.artifacts?.join() ?? given;
    if (given !== wanted)
      throw denied(where, `the sealed plan is for ${wanted || 'no artifact'}, not for ${given || 'none'}`);
  }

  /** Every gate lets it pass; answers those that do only because somebody forced them. */
  private gates(
    of: Subject,
    { gates, force }: Pick<EnvironmentPlan, 'gates' | 'force'>,
    evidence: EvidenceItem[],
  ): ForcedGate[] {
    const where = placeOf(of);
    return gates.flatMap((gate) => {
      const word = lastWord(this.keys, of, gate, evidence);
      if (word.kind === 'unheard')
        throw denied(
          where,
          `nobody vouches that gate ${gate.name} was asked about this commit and these digests`,
        );
      if (word.kind === 'no') throw denied(where, `gate ${gate.name} said ${word.verdict}`);
      if (word.kind === 'yes') return [];
      if (force?.gates.includes(gate.name) !== true)
        throw denied(where, `gate ${gate.name} was forced, and the sealed plan lets nobody force it`);
      return [word.forced];
    });
  }
}

type GateQuestion = Parameters<Activities['runGate']>[0];

/** `shop prod`; the release itself is called like its pipeline. */
function placeOf({ pipeline, environment }: Pick<Subject, 'pipeline' | 'environment'>): string {
  return environment === null ? pipeline : `${pipeline} ${environment}`;
}

/** `whole` may say no more than what was left out: anything else of it would hide a plan that nobody sealed. */
function sealedPlanOf({ plan, whole }: Target): EnvironmentPlan {
  return whole === undefined ? plan : { ...plan, hosts: whole.hosts, traffic: whole.traffic };
}

/** A skipped host is left out, and a proxy on it stays the proxy; nothing else differs. */
function requireOnlySkipped(plan: EnvironmentPlan, whole: NonNullable<Target['whole']>): void {
  const where = `${plan.pipeline} ${plan.name}`;
  const known = new Set(whole.hosts.map(hashJson));
  if (!plan.hosts.every((host) => known.has(hashJson(host))))
    throw denied(where, 'the sealed plan has no such host');
  // what goes nowhere would be found good where something else runs
  if (plan.hosts.length === 0) throw denied(where, 'every host was left out');
  if (hashJson(plan.traffic) !== hashJson(keepProxy(whole.traffic, whole.hosts)))
    throw denied(where, 'the traffic is not that of the sealed plan');
}
