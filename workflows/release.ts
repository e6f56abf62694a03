/**
 * One release: plan, announce, gates, build once, then a promotion per environment in the order of `after`. It holds
 * no lane; a newer commit on its way to the same environment takes its place.
 */
import {
  CancellationScope,
  defineQuery,
  defineSignal,
  isCancellation,
  log,
  patched,
  setHandler,
  uuid4,
} from '@temporalio/workflow';
import type { EnvironmentPlan, ReleasePlan } from '../pipeline/plan.js';
import { perform } from './activity-options.js';
import { announceEnd, announceRelease, findOlder, sweepAnnouncements } from './announcing.js';
import { attempt } from './attempt.js';
import { waitsForItsWords } from './awaited-words.js';
import { describeDenials } from './denials.js';
import { describeForced } from './forced.js';
import { Forces } from './hear-forces.js';
import { isSuperseded } from './message-shapes.js';
import type { Decision, ReleaseRequest, ReleaseStatus, Superseded } from './messages.js';
import { QUERY, SIGNAL } from './names.js';
import { Progress, type ReportFacts } from './progress.js';
import { isShellWord } from './plain-text.js';
import { readFailure } from './read-failure.js';
import { receiveDecisions } from './receive-decisions.js';
import { Refusal } from './promotion-end.js';
import { warnUnprotected } from './protection.js';
import { Promotions } from './release-promotions.js';
import {
  concludeRelease,
  endRelease,
  forcedOnTheWay,
  unknownCommit,
  type ReleaseStop,
} from './release-end.js';
import { sealOf } from './seal-of.js';
import type { BuiltArtifact, EvidenceItem, FailureReport, ForcedGate, ReleaseResult } from './result.js';
import { describeRun, markForced } from './search-attributes.js';

/** Ends Failed (with the ReleaseResult as detail) when anything failed; Completed when live, superseded or aborted. */
export async function release(request: ReleaseRequest): Promise<ReleaseResult> {
  const run = new Release(request);
  run.listen();
  return await run.carryOut();
}

class Release {
  private phase: 'building' | 'promoting' | 'ended' = 'building';
  private plan: ReleasePlan | null = null;
  private artifacts: BuiltArtifact[] = [];
  /** What the release's own gates said. */
  private readonly evidence: EvidenceItem[] = [];
  private readonly forces: Forces;
  private stop: ReleaseStop | null = null;
  private failure: FailureReport | null = null;
  /** Environment → the newer version on its way there. */
  private readonly superseded = new Map<string, string>();
  private readonly preparing = new CancellationScope();
  private readonly promotions: Promotions;
  private readonly progress: Progress;

  constructor(private readonly request: ReleaseRequest) {
    this.progress = new Progress(() => this.facts());
    this.progress.plan(['plan']);
    this.forces = new Forces(request.forces, this.progress, this.evidence);
    this.promotions = new Promotions(request, this.superseded, this.progress);
  }

  listen(): void {
    setHandler(
      defineSignal<[unknown]>(SIGNAL.superseded),
      (newer) => {
        if (isSuperseded(newer)) this.beSuperseded(newer);
        else log.warn(`${SIGNAL.superseded} was malformed and is ignored`);
      },
      { description: 'A newer release is on its way to the same environment' },
    );
    setHandler(defineQuery<ReleaseStatus>(QUERY.status), () => this.status(), {
      description: 'What this release waits for and has done',
    });
    receiveDecisions({
      state: () => ({ of: 'release', version: this.version(), phase: this.phase, taken: [] }),
      apply: (decision) => {
        this.abort(decision);
        return 'done';
      },
      headline: () => this.progress.headline(),
    });
    // The UI's button: the same as a person's abort. The rejection is how a scope says that it was cancelled.
    void CancellationScope.current().cancelRequested.catch(() => this.abort(cancelledFromOutside()));
  }

  /** The only decision a release takes; decide() refuses the others. */
  private abort(decision: Decision): void {
    if (this.stop !== null || this.phase === 'ended') return;
    this.progress.take({ ...decision, name: 'abort' });
    this.stop = { kind: 'aborted', by: decision.by };
    this.preparing.cancel();
    this.promotions.abort(decision);
  }

  private beSuperseded(newer: Superseded): void {
    this.superseded.set(newer.environment, newer.version);
    this.promotions.supersede(newer);
    const environments = this.plan?.environments ?? [];
    const all = environments.length > 0 && environments.every(({ name }) => this.superseded.has(name));
    if (!all || this.stop !== null || this.phase !== 'building') return;
    this.stop = { kind: 'superseded', by: newer.version };
    this.preparing.cancel();
  }

  async carryOut(): Promise<ReleaseResult> {
    const { pipeline, commit, actor } = this.request;
    describeRun({ pipeline, environment: null, version: this.version(), commit, actor: actor.by });
    let failure: FailureReport | null = null;
    try {
      await this.preparing.run(() => this.prepare());
    } catch (error) {
      failure = this.explain(error);
    }
    return await CancellationScope.nonCancellable(async () => {
      const { plan } = this;
      if (plan !== null && failure === null && this.stop === null) {
        this.phase = 'promoting';
        await this.promotions.run(plan, this.artifacts);
      }
      if (plan !== null) await this.takeBackAnnouncements(plan);
      return this.conclude(failure);
    });
  }

  /** null = it was stopped, which is no failure. */
  private explain(error: unknown): FailureReport | null {
    if (this.stop !== null) return null;
    if (isCancellation(error)) {
      this.stop = { kind: 'aborted', by: cancelledFromOutside().by };
      return null;
    }
    const { pipeline } = this.request;
    const where = `${pipeline} ${this.version()}`;
    if (error instanceof Refusal) return error.report;
    const { name } = this.request.ref;
    const again = isShellWord(name) ? `slipway release ${name}` : 'the same slipway release';
    return readFailure(error, where, `${again} tries again`).report;
  }

  /**
   * Nothing outside changes by gates and builds, so they do not wait for what the environments answer: a newer release
   * that is under way ends them. Runs from before the patch waited.
   */
  private async prepare(): Promise<void> {
    const plan = await this.resolve();
    const isBeside = patched('announces-beside-the-build');
    const words = plan.environments.map((environment) => this.announce(plan, environment));
    const work = isBeside ? [...words, this.make(plan)] : words;
    try {
      await Promise.all(work);
    } catch (error) {
      if (isBeside || waitsForItsWords()) {
        this.preparing.cancel();
        await Promise.allSettled(work);
      }
      throw error;
    }
    if (!isBeside) await this.make(plan);
  }

  private async make(plan: ReleasePlan): Promise<void> {
    const { requestId } = this.request;
    for (const gate of plan.gates) {
      this.progress.begin(gate.name, `asks gate ${gate.name}`);
      const { pipeline, repository, commit, ref, version } = plan;
      const environments = plan.environments.map(({ name }) => name);
      const of = { pipeline, repositoryUrl: repository.url, commit, ref, version };
      const subject = { ...of, artifacts: [], environments };
      const summary = `${gate.name} for ${version}`;
      const item = await perform('runGate', { gate, plan: subject, ...sealOf(plan) }, { summary });
      if (this.forces.takeWord(gate, item) === 'yes') continue;
      const wayOut = 'nothing was built; mend it, then release the commit that has the fix';
      const claim = { gate, plan, requestId, subject, refusal: item };
      await this.forces.pass(claim, { where: `${pipeline} ${version}`, wayOut });
    }
    if (plan.environments.length > 0) await this.build(plan);
  }

  private async resolve(): Promise<ReleasePlan> {
    this.progress.begin('plan', 'makes its plan');
    const { ref, commit } = this.request;
    const plan = await perform('resolvePlan', this.request, {
      summary: `${ref.name} at ${commit.slice(0, 7)}`,
    });
    this.plan = plan;
    if (plan.environments.length > 0) {
      const promotions = plan.environments.map(({ name }) => name);
      this.progress.plan([...plan.gates.map((gate) => gate.name), 'build', ...promotions]);
    }
    this.progress.set('plan', 'succeeded', `${plan.planHash.slice(0, 8)}${sayNotYet(plan)}`);
    return plan;
  }

  private async announce(plan: ReleasePlan, environment: EnvironmentPlan): Promise<void> {
    const announcing = { request: this.request, plan, environment };
    const answer = await announceRelease(announcing, []);
    if (environment.queue !== 'newest') return await sweepAnnouncements(announcing, answer);
    const { older, newer } = await findOlder(announcing, answer);
    if (older.length > 0) await announceRelease(announcing, older);
    if (newer !== null)
      this.beSuperseded({ environment: environment.name, version: newer.slice(0, 7), commit: newer });
  }

  private async build(plan: ReleasePlan): Promise<void> {
    this.progress.begin('build', 'builds');
    const names = plan.artifacts.map((artifact) => artifact.name).join(', ');
    const { evidence } = this;
    const built = await perform(
      'buildArtifacts',
      { plan, evidence },
      { summary: `${names} of ${plan.version}` },
    );
    this.artifacts = built.artifacts;
    const digest = built.artifacts[0]?.digest.slice(0, 15) ?? '';
    const how = built.adopted ? 'built before' : built.note;
    this.progress.set('build', 'succeeded', how === undefined ? digest : `${digest}, ${how}`);
  }

  /** Of environments that no promotion speaks for. */
  private async takeBackAnnouncements(plan: ReleasePlan): Promise<void> {
    const silent = plan.environments.filter(({ name }) => !this.promotions.started(name));
    const { request } = this;
    const takeBack = async (environment: EnvironmentPlan): Promise<void> => {
      const where = `${plan.pipeline} ${environment.name}`;
      await attempt('say that it ended', where, () => announceEnd({ request, plan, environment }));
    };
    await Promise.all(silent.map(takeBack));
  }

  private conclude(failure: FailureReport | null): ReleaseResult {
    const { request, plan, stop, artifacts, evidence, superseded, promotions } = this;
    const { results, skipped } = promotions;
    const made = { artifacts, evidence, superseded, results, skipped };
    const result = concludeRelease({ request, plan, stop, failure, ...made });
    if (result.forced !== undefined) markForced();
    this.phase = 'ended';
    this.failure = result.failure;
    for (const { environment, state, headline } of result.promotions)
      this.progress.set(environment, state, headline);
    this.progress.interrupt(result.state);
    this.progress.end(result.state, result.headline);
    return endRelease(result);
  }

  private version(): string {
    return this.plan?.version ?? this.request.version;
  }

  private facts(): ReportFacts {
    const { request, failure } = this;
    return {
      subject: `${request.pipeline} ${this.version()}`,
      commit: this.plan?.commit ?? unknownCommit(request),
      unwind: [],
      failure,
      facts: [
        ...describeDenials(this.forces.denials),
        `requested by ${request.actor.by} (identity: unverified)`,
        ...warnUnprotected(this.plan?.environments ?? []),
      ],
      commands:
        this.phase === 'ended'
          ? []
          : (this.plan?.environments ?? []).map(({ name }) => ({
              what: `follow it to ${name}`,
              command: `slipway watch ${name}`,
            })),
      links: this.promotions.links(),
      forced: this.forced().map(describeForced),
    };
  }

  private status(): ReleaseStatus {
    const { request, plan, artifacts, failure, progress } = this;
    return {
      headline: progress.headline(),
      state: progress.state,
      pipeline: request.pipeline,
      version: this.version(),
      commit: plan?.commit ?? null,
      artifacts,
      ref: request.ref,
      goesTo: plan === null ? null : this.promotions.notEnded(plan),
      steps: progress.steps,
      promotions: this.promotions.statuses(),
      skipped: [...(plan?.skipped ?? []), ...this.promotions.skipped],
      forced: this.forced(),
      denials: this.forces.denials,
      decisions: progress.decisions,
      failure,
      report: progress.report(),
    };
  }

  private forced(): ForcedGate[] {
    const { artifacts, evidence, promotions } = this;
    return forcedOnTheWay({ artifacts, evidence, results: promotions.results });
  }
}

function cancelledFromOutside(): Decision {
  const nothing = { reason: null, planHash: null, digest: null, group: null, host: null, until: null };
  return { ...nothing, by: 'a cancellation', proof: 'unverified', decisionId: uuid4() };
}

/** `, not yet: notify`; empty = the file asks for nothing that is left undone. */
function sayNotYet({ notYet = [] }: ReleasePlan): string {
  return notYet.length === 0 ? '' : `, not yet: ${notYet.map(({ what }) => what).join(', ')}`;
}
