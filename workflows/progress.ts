/** What a release or promotion shows: its steps, what it waits for, and the report in the UI and the memo. */
import { condition, patched, setCurrentDetails, upsertMemo } from '@temporalio/workflow';
import type { NamedDecision } from './decisions.js';
import { formatLimit, formatMinute, renderReport, showWait, type ReportView } from './report.js';
import type { StepReport, StepState, TakenDecision } from './result.js';
import { publishState } from './search-attributes.js';
import { describeAllTaken, takenOf, withTaken } from './taken-decisions.js';

export interface Waiting {
  /** What lists show: `2 approvals (platform, anybody)`. */
  for: string;
  since: string;
  ends: { at: string; then: string } | null;
}

/** The parts of the report that its owner knows. */
export type ReportFacts = Pick<
  ReportView,
  'subject' | 'commit' | 'failure' | 'facts' | 'commands' | 'links' | 'forced' | 'unwind'
>;

const LOOKED_AT_AGAIN_MS = 24 * 3_600_000;

export class Progress {
  state: StepState = 'running';
  waiting: Waiting | null = null;
  readonly steps: StepReport[] = [];
  /** Words that were taken. */
  decisions: TakenDecision[] = [];
  #needsPerson = false;
  #doing = 'starting';
  #ended: string | null = null;
  #startedAtMs = new Map<string, number>();
  #published: string | null = null;
  /** Of the step at hand: what did not count does not start its clock again. */
  #lastWait: Waiting | null = null;

  constructor(
    private readonly facts: () => ReportFacts,
    /** Called as it begins to wait. */
    private readonly onWait: (waiting: Waiting) => void = () => undefined,
  ) {}

  /** Steps to come, in order; known once the plan is. */
  plan(names: string[]): void {
    this.steps.push(...names.map((name) => ({ name, state: 'pending' as const, tookMs: null, note: null })));
  }

  /** `doing` is what the headline says meanwhile. */
  begin(name: string, doing = name): void {
    this.#lastWait = null;
    this.#startedAtMs.set(name, Date.now());
    this.#doing = doing;
    this.set(name, 'running', null);
  }

  set(name: string, state: StepState, note: string | null): void {
    const step = this.steps.find((known) => known.name === name);
    if (step === undefined) return;
    const startedAtMs = this.#startedAtMs.get(name) ?? Date.now();
    Object.assign(step, { state, note, tookMs: state === 'running' ? null : Date.now() - startedAtMs });
    this.publish();
  }

  /** What ran when it stopped did not get to its end. */
  interrupt(state: StepState): void {
    for (const step of this.steps) {
      if (step.state === 'running' || step.state === 'waiting') this.set(step.name, state, step.note);
    }
  }

  /** True when `until` came true, false when the time was over. A timer with a summary, readable in the history. */
  async wait(
    wait: { for: string; then: string; ms: number; person: boolean },
    until: () => boolean,
  ): Promise<boolean> {
    const nowMs = Date.now();
    const ends = { at: new Date(nowMs + wait.ms).toISOString(), then: wait.then };
    this.#startWaiting({ for: wait.for, since: new Date(nowMs).toISOString(), ends }, wait.person);
    try {
      return await condition(until, wait.ms, { summary: summarizeWait(wait) });
    } finally {
      this.#stopWaiting();
    }
  }

  /** Without an end of its own. */
  async waitForPerson(what: string, until: () => boolean): Promise<void> {
    this.#startWaiting({ for: what, since: new Date().toISOString(), ends: null }, true);
    try {
      // Runs from before this patch waited without a row in the timeline.
      if (!patched('pause-is-a-timer')) await condition(until);
      const summary = `waits for ${what}, as long as it takes`.slice(0, 100);
      while (!until()) await condition(until, LOOKED_AT_AGAIN_MS, { summary });
    } finally {
      this.#stopWaiting();
    }
  }

  end(state: StepState, headline: string): void {
    this.#ended = headline;
    this.state = state;
    this.waiting = null;
    this.publish();
  }

  /** What somebody said was taken; the memo has it with what comes of it. */
  take(decision: NamedDecision): void {
    const at = new Date(Date.now()).toISOString();
    this.decisions = withTaken(this.decisions, takenOf(decision, at));
    setCurrentDetails(this.report());
  }

  /** What its change took, unless it was said here and went on to it. */
  takeOver(taken: readonly TakenDecision[]): void {
    const known = this.decisions.map(({ decisionId }) => decisionId);
    for (const each of taken)
      if (!known.includes(each.decisionId)) this.decisions = withTaken(this.decisions, each);
  }

  headline(): string {
    if (this.#ended !== null) return this.#ended;
    const doing = this.waiting === null ? this.#doing : `waits for ${this.waiting.for}`;
    return `${this.facts().subject}: ${doing}`;
  }

  report(): string {
    const ends = this.waiting?.ends ?? null;
    const facts = this.facts();
    return renderReport({
      ...facts,
      title: this.headline(),
      state: this.state,
      steps: showWait(this.steps, this.waiting?.for ?? null),
      facts: [
        ...facts.facts,
        ...describeAllTaken(this.decisions),
        ...(ends === null ? [] : [`${ends.then} at ${formatMinute(ends.at)}`]),
      ],
    });
  }

  /** Current details always; memo and search attributes where the state or the wait changed. */
  publish(): void {
    const report = this.report();
    setCurrentDetails(report);
    const key = `${this.state} ${this.waiting?.for ?? ''}`;
    if (key === this.#published) return;
    this.#published = key;
    upsertMemo({ report });
    publishState(this.state, this.#needsPerson ? (this.waiting?.for ?? null) : null);
  }

  /** What changed is neither state nor wait, and is to be read where no worker is as well. */
  publishAgain(): void {
    this.#published = null;
    this.publish();
  }

  #startWaiting(begun: Waiting, person: boolean): void {
    const since = this.#lastWait?.for === begun.for ? this.#lastWait.since : begun.since;
    const waiting = { ...begun, since };
    this.waiting = waiting;
    this.#lastWait = waiting;
    this.state = 'waiting';
    this.#needsPerson = person;
    this.publish();
    this.onWait(waiting);
  }

  #stopWaiting(): void {
    this.waiting = null;
    this.state = 'running';
    this.#needsPerson = false;
    this.publish();
  }
}

/** `waits for 1 approval (anybody), rejects itself in 3d`: a timer's row has nothing else to say it. */
function summarizeWait(wait: { for: string; then: string; ms: number }): string {
  const left = formatLimit(wait.ms);
  return `waits for ${wait.for}, ${wait.then} in ${left}`.slice(0, 100);
}
