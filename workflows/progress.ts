/** What a release or promotion shows: its steps, what it waits for, and the report in the UI and the memo. */
import { condition, setCurrentDetails, upsertMemo } from '@temporalio/workflow';
import { renderReport, type ReportView } from './report.js';
import type { StepReport, StepState } from './result.js';
import { publishState } from './search-attributes.js';

export interface Waiting {
  /** What lists show: `2 approvals (platform, anybody)`. */
  for: string;
  since: string;
  ends: { at: string; then: string } | null;
}

/** The parts of the report that its owner knows. */
export type ReportFacts = Pick<
  ReportView,
  'subject' | 'commit' | 'failure' | 'facts' | 'commands' | 'forced' | 'unwind'
>;

export class Progress {
  state: StepState = 'running';
  waiting: Waiting | null = null;
  readonly steps: StepReport[] = [];
  #needsPerson = false;
  #doing = 'starting';
  #ended: string | null = null;
  #startedAtMs = new Map<string, number>();
  #published: string | null = null;

  constructor(private readonly facts: () => ReportFacts) {}

  /** Steps to come, in order; known once the plan is. */
  plan(names: string[]): void {
    this.steps.push(...names.map((name) => ({ name, state: 'pending' as const, tookMs: null, note: null })));
  }

  begin(name: string): void {
    this.#startedAtMs.set(name, Date.now());
    this.#doing = name;
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
      return await condition(until, wait.ms, { summary: `${wait.for}; ${wait.then}`.slice(0, 100) });
    } finally {
      this.#stopWaiting();
    }
  }

  /** Without an end of its own. */
  async waitForPerson(what: string, until: () => boolean): Promise<void> {
    this.#startWaiting({ for: what, since: new Date().toISOString(), ends: null }, true);
    try {
      await condition(until);
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
      steps: this.steps,
      facts: [...facts.facts, ...(ends === null ? [] : [`${ends.then} at ${ends.at}`])],
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

  #startWaiting(waiting: Waiting, person: boolean): void {
    this.waiting = waiting;
    this.state = 'waiting';
    this.#needsPerson = person;
    this.publish();
  }

  #stopWaiting(): void {
    this.waiting = null;
    this.state = 'running';
    this.#needsPerson = false;
    this.publish();
  }
}
