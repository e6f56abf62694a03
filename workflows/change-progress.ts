/** What a change shows: its steps, what it waits for, and the report in the UI, the memo and the status query. */
import { condition, setCurrentDetails, upsertMemo, type TimerOptions } from '@temporalio/workflow';
import type { ChangeRun } from './change-run.js';
import { describeDenials, withDenial, type Reason } from './denials.js';
import type { NamedDecision } from './decisions.js';
import { describeForced, forcedGates } from './forced.js';
import type { Decision, ProgressStatus } from './messages.js';
import { environmentId } from './names.js';
import { warnUnprotected } from './protection.js';
import { formatLimit, formatMinute, renderReport, showWait, type ReportView } from './report.js';
import type { Denial, FailureReport, StepReport, StepState, TakenDecision, UnwindReport } from './result.js';
import { publishState } from './search-attributes.js';
import { askedBy, describeAllTaken, takenOf, withTaken, type Proven } from './taken-decisions.js';
import { linkToRun } from './ui-links.js';
import { groupsThatMay } from './who-may.js';

export interface Wait {
  /** What lists show: `switch`, `a person: undo of deploy failed`. */
  waitingFor: string;
  /** How the wait ends by itself: `undoes`. */
  then: string;
  ms: number;
}

export class ChangeProgress {
  state: StepState = 'running';
  /** What the headline says is going on: `deploy`, `waits for switch`. */
  doing = 'starting';
  failure: FailureReport | null = null;
  /** It goes back from here: what stops it is said no more. */
  goesBack = false;
  readonly steps: StepReport[];
  readonly unwind: UnwindReport[] = [];
  /** Signed words that did not count, and how many no worker has looked at yet. */
  denials: Denial[] = [];
  /** Words that were taken, the one that asked for it first. */
  decisions: TakenDecision[];
  claims = 0;
  /** Ids of the signed words that counted. */
  readonly decided: string[] = [];
  #waiting: { for: string; since: string; ends: { at: string; then: string } | null } | null = null;
  #startedAtMs = new Map<string, number>();
  #published: string | null = null;
  #ended: string | null = null;
  /** Of the step at hand: a word that does not count does not start its clock again. */
  #lastWait: { for: string; since: string } | null = null;

  constructor(
    private readonly run: ChangeRun,
    stepNames: string[],
  ) {
    this.steps = stepNames.map((name) => ({ name, state: 'pending', tookMs: null, note: null }));
    const { request, recovering } = run.input;
    this.decisions = askedBy(recovering?.request ?? request, new Date(Date.now()).toISOString());
  }

  begin(name: string, doing = name): void {
    this.#lastWait = null;
    if (!this.#startedAtMs.has(name)) this.#startedAtMs.set(name, Date.now());
    this.setStep(name, 'running', null);
    this.move('running', doing);
  }

  setStep(name: string, state: StepState, note: string | null, warnings: string[] = []): void {
    const step = this.steps.find((step) => step.name === name);
    if (step === undefined) return;
    const startedAtMs = this.#startedAtMs.get(name) ?? Date.now();
    Object.assign(step, { state, note, tookMs: state === 'running' ? null : Date.now() - startedAtMs });
    delete step.warnings;
    if (warnings.length > 0) step.warnings = warnings;
    this.show();
  }

  /** The step that was stopped in the middle. */
  interrupt(): void {
    const running = this.steps.find((step) => step.state === 'running');
    if (running !== undefined) this.setStep(running.name, 'aborted', 'stopped');
  }

  move(state: StepState, doing: string): void {
    this.state = state;
    this.doing = doing;
    this.publish();
  }

  end(state: StepState, headline: string): void {
    this.#ended = headline;
    this.#waiting = null;
    this.move(state, state);
  }

  /** Says in every place that a person is needed, without waiting itself. */
  call(waitingFor: string | null): void {
    const since = new Date(Date.now()).toISOString();
    this.#waiting = waitingFor === null ? null : { for: waitingFor, since, ends: null };
    this.publish();
  }

  /** True when `until` came true, false when the time was over. */
  async wait(wait: Wait, until: () => boolean): Promise<boolean> {
    const before = { state: this.state, doing: this.doing };
    const at = new Date(Date.now() + wait.ms).toISOString();
    const last = this.#lastWait?.for === wait.waitingFor ? this.#lastWait : null;
    const since = last?.since ?? new Date(Date.now()).toISOString();
    this.#waiting = { for: wait.waitingFor, since, ends: { at, then: wait.then } };
    this.#lastWait = this.#waiting;
    this.move('waiting', `waits for ${wait.waitingFor}`);
    const options: TimerOptions = { summary: `waits for ${wait.waitingFor}; ${wait.then}`.slice(0, 100) };
    try {
      return await condition(until, wait.ms, options);
    } finally {
      this.#waiting = null;
      this.move(before.state, before.doing);
    }
  }

  /** What somebody said (`switch`) does not count. */
  deny(word: string, { by, decisionId }: Decision, reason: Reason): void {
    const at = new Date(Date.now()).toISOString();
    this.denials = withDenial(this.denials, { by, ...reason, decisionId, decision: word, at });
    this.show();
  }

  /** What somebody said was taken. */
  take(decision: NamedDecision, proven?: Proven): void {
    const at = new Date(Date.now()).toISOString();
    this.decisions = withTaken(this.decisions, takenOf(decision, at, proven));
    this.show();
  }

  headline(): string {
    return this.#ended ?? `${this.subject()}: ${this.doing}`;
  }

  subject(): string {
    const { plan, version } = this.run.target;
    return `${plan.pipeline} ${version} → ${plan.name}`;
  }

  status(): ProgressStatus {
    const { request } = this.run.input;
    const { plan, token, version, commit, artifacts, colour } = this.run.target;
    return {
      headline: this.headline(),
      state: this.state,
      pipeline: plan.pipeline,
      environment: plan.name,
      version,
      commit,
      artifacts,
      planHash: plan.planHash,
      requestedBy: request.actor.by,
      identity: 'unverified',
      waitingFor: this.#waiting?.for ?? null,
      waitingSince: this.#waiting?.since ?? null,
      waitEnds: this.#waiting?.ends ?? null,
      approvals: request.evidence
        .filter((item) => item.kind === 'approval' && item.verdict === 'approved')
        .map((item) => ({ by: item.by ?? '', group: groupIn(item.name), at: item.at })),
      forced: forcedGates(request),
      denials: this.denials,
      decisions: this.decisions,
      claims: this.claims,
      decided: this.decided,
      switching: {
        requestId: request.requestId,
        token,
        groups: groupsThatMay('switch', [plan]),
      },
      colour,
      steps: this.steps,
      unwind: this.unwind,
      failure: this.failure,
      ...(this.run.stopped === null ? {} : { stopped: this.run.stopped }),
      report: this.report(),
    };
  }

  report(): string {
    const { plan, commit } = this.run.target;
    const { request } = this.run.input;
    const view: ReportView = {
      title: this.#ended ?? `${this.doing} on ${plan.name}`,
      state: this.state,
      subject: this.subject(),
      commit,
      steps: showWait(this.shownSteps(), this.#waiting?.for ?? null),
      unwind: this.unwind,
      failure: this.failure,
      facts: [
        ...this.traffic(),
        ...(this.run.stopped === null ? [] : [this.run.stopped]),
        ...this.deadline(),
        `requested by ${request.actor.by} (identity: unverified)`,
        ...describeAllTaken(this.decisions),
        ...describeDenials(this.denials),
        ...warnUnprotected([request.plan]),
      ],
      commands: this.commands(),
      links: [
        linkToRun(`environment ${plan.name}`, environmentId(plan.pipeline, plan.name)),
        ...(request.promotionId === null ? [] : [linkToRun('promotion', request.promotionId)]),
      ],
      forced: forcedGates(request).map(describeForced),
    };
    return renderReport(view);
  }

  /** Current details and, where state or wait changed, memo and search attributes: readable without a worker. */
  publish(): void {
    this.show();
    const key = `${this.state} ${this.#waiting?.for ?? ''}`;
    if (key === this.#published) return;
    this.#published = key;
    upsertMemo({ report: this.report() });
    publishState(this.state, this.#waiting?.for ?? null);
  }

  private show(): void {
    setCurrentDetails(this.report());
  }

  /** How long a bake takes is known before it has begun. */
  private shownSteps(): StepReport[] {
    const { bake } = this.run.target.plan;
    if (bake === null) return this.steps;
    const lasts = formatLimit(bake.forMs);
    return this.steps.map((step) => {
      if (step.name !== 'bake' || step.note !== null) return step;
      if (step.state === 'pending') return { ...step, note: lasts };
      return step.state === 'running' ? { ...step, note: `watches for ${lasts}` } : step;
    });
  }

  private traffic(): string[] {
    const { live } = this.run.input;
    const { colour, version } = this.run.target;
    const old = live === null ? 'nothing yet' : `${live.colour ?? ''} ${live.version}`.trim();
    if (colour === null) return [`**Live before** ${old}`];
    return [`**Live before** ${old} · **new** ${colour} ${version}`];
  }

  private deadline(): string[] {
    const wait = this.#waiting;
    if (wait === null) return [];
    return wait.ends === null
      ? [`**Needs a person** ${wait.for}`]
      : [`${wait.ends.then}, at ${formatMinute(wait.ends.at)}`];
  }

  private commands(): ReportView['commands'] {
    const { name } = this.run.target.plan;
    const waitingFor = this.#waiting?.for ?? '';
    const stop = { what: 'stop and undo', command: `slipway abort ${name}` };
    // it is tried again by itself: no word helps
    if (this.#waiting?.ends === null) return [];
    // nothing is undone any more
    if (this.run.rewinds !== null) {
      return waitingFor === '' ? [] : [{ what: 'try again', command: `slipway retry ${name}` }];
    }
    if (this.goesBack || this.unwind.length > 0 || !['running', 'waiting'].includes(this.state)) {
      return waitingFor === '' ? [] : [{ what: 'try again', command: `slipway retry ${name}` }];
    }
    if (waitingFor === 'switch') return [{ what: 'switch', command: `slipway switch ${name}` }, stop];
    if (waitingFor === 'resume') return [{ what: 'go on', command: `slipway resume ${name}` }, stop];
    if (waitingFor !== '') return [{ what: 'try again', command: `slipway retry ${name}` }, stop];
    return this.run.switched ? [{ what: 'back', command: `slipway back ${name}` }, stop] : [stop];
  }
}

/** The promotion writes `approval of platform`, or `approval` for a group of anybody. */
function groupIn(name: string): string | null {
  const prefix = 'approval of ';
  return name.startsWith(prefix) ? name.slice(prefix.length) : null;
}
