/**
 * Runs a change's steps and unwinds them. Undo is registered before do; traffic goes back first and is a barrier:
 * while the proxy cannot be asked nothing else is unwound, so both colours stay up.
 */
import { ActivityFailure } from '@temporalio/common';
import { CancellationScope, isCancellation, log, patched, sleep } from '@temporalio/workflow';
import type { UndoResult } from './activity-contract.js';
import type { ChangeProgress } from './change-progress.js';
import type { ChangeRun } from './change-run.js';
import { stepNamed } from './change-steps.js';
import { isRewinding } from './database-rollback.js';
import type { StepOutcome } from './step-outcome.js';
import type { NamedDecision } from './decisions.js';
import { Patience } from './patience.js';
import { readFailure } from './read-failure.js';
import type { Applied } from './receive-decisions.js';
import { formatLimit } from './report.js';
import type { FailureReport } from './result.js';
import type { Surroundings } from './step.js';
import { SignedSwitch } from './signed-switch.js';
import { onceUndone, untilRetried } from './until-retried.js';

const HOUR_MS = 3_600_000;
/** A step that holds, or a pause, ends by itself. */
const HOLD_MS = 24 * HOUR_MS;
/** An undo that has not come through by then needs a person; it goes on trying. */
const PAGE_AFTER_MS = 30_000;
const RETRY_AFTER_CUTOVER_MS = 5_000;

/** Why the forward way ended. */
export interface Stop {
  state: 'failed' | 'aborted' | 'rolled-back' | 'superseded';
  by: string | null;
  failure: FailureReport | null;
}

/** A target has seen a higher token: whatever is there now is another change's. */
export class LaneLost extends Error {
  constructor(readonly report: FailureReport) {
    super(report.what);
  }
}

export class Saga {
  stop: Stop | null = null;
  paused = false;
  phase: 'stepping' | 'awaiting-switch' | 'holding' | 'unwinding' | 'parked' | 'ended' = 'stepping';
  /** The step that runs, waits or holds. */
  step = '';
  #forward: CancellationScope | null = null;
  #begun: string[] = [];
  #wordToSwitch = false;
  #signed: SignedSwitch;
  #retry = false;
  #stopBaking: (() => void) | null = null;

  constructor(
    private readonly run: ChangeRun,
    private readonly progress: ChangeProgress,
    private readonly stepNames: string[],
  ) {
    this.#signed = new SignedSwitch(run, progress);
  }

  /** Ends the forward way; what has begun is undone. The first stop counts. */
  unwindBecause(stop: Stop): void {
    if (this.stop !== null || this.phase === 'unwinding' || this.phase === 'ended') return;
    if (this.#isPastReturn()) return;
    this.stop = stop;
    this.progress.goesBack = true;
    this.#forward?.cancel();
  }

  /** What is signed counts once a worker has looked at it. */
  switchBy(decision: NamedDecision): Applied {
    const isUnheard = decision.statement !== undefined && patched('switches-are-verified');
    if (isUnheard) this.#signed.take(decision);
    else this.#wordToSwitch = true;
    return isUnheard ? 'unheard' : 'done';
  }

  retryNow(): void {
    this.#retry = true;
  }

  /** A newer release waits for the lane: a bake ends early; before the cutover the plan's policy decides. */
  supersede(version: string): void {
    this.run.supersededBy = version;
    if (this.phase === 'unwinding' || this.phase === 'parked' || this.phase === 'ended') return;
    if (!this.run.cutOver && this.run.target.plan.onSupersede === 'undo') {
      this.unwindBecause({ state: 'superseded', by: version, failure: null });
    } else this.#stopBaking?.();
  }

  /** All steps, or as far as they went and then the unwinding. Throws LaneLost only. */
  async carryOut(): Promise<void> {
    try {
      await CancellationScope.cancellable(async () => {
        this.#forward = CancellationScope.current();
        if (this.stop !== null) return;
        for (const name of this.stepNames) await this.#unlessPastReturn(() => this.#carryOutStep(name));
      });
    } catch (error) {
      if (error instanceof LaneLost) throw error;
      // A step that was stopped ends as it ends: cancelled, refused in the same moment, or timed out with its worker.
      const stopped = this.#forward?.consideredCancelled === true && error instanceof ActivityFailure;
      if (!isCancellation(error) && !stopped) throw error;
      if (this.#isPastReturn()) {
        this.phase = 'ended';
        return;
      }
      // Whoever stopped us has said so in `stop`; a cancellation nobody announced is Temporal's own request.
      this.stop ??= { state: 'aborted', by: null, failure: null };
    }
    if (this.stop !== null) await CancellationScope.nonCancellable(() => this.#unwind(this.stepNames));
    this.phase = 'ended';
  }

  /** What the release before needs is being taken away: nobody goes back to it by an undo. */
  #isPastReturn(): boolean {
    if (this.run.rewinds !== null) return true;
    return this.#begun.includes('contract') && this.run.input.request.kind !== 'retire';
  }

  async #carryOutStep(name: string): Promise<void> {
    this.step = name;
    await this.#waitWhilePaused();
    this.#begun.push(name);
    const patience = new Patience(this.run.target.plan.timeoutMs, name);
    if (isRewinding(name)) Object.assign(this.run, { rewinds: name, cutOver: true });
    try {
      await this.#unlessPastReturn(() => this.#untilPassed(name, patience));
    } finally {
      patience.end();
    }
  }

  /** Cancelled by Temporal as well, unless half of it would be left. */
  async #unlessPastReturn(work: () => Promise<void>): Promise<void> {
    await (this.run.rewinds === null ? work() : CancellationScope.nonCancellable(work));
  }

  async #untilPassed(name: string, patience: Patience): Promise<void> {
    for (;;) {
      this.progress.begin(name);
      const outcome = await this.#attempt(name);
      if (outcome.verdict === 'passed') {
        this.progress.failure = null;
        this.progress.setStep(name, 'succeeded', outcome.note, outcome.warnings);
        return;
      }
      this.progress.failure = outcome.failure;
      this.progress.setStep(
        name,
        outcome.verdict === 'inconclusive' ? 'inconclusive' : 'failed',
        outcome.note,
      );
      if (this.run.rewinds !== null && name !== 'settle') {
        await this.#park(outcome.failure, `${name} failed`);
        continue;
      }
      // What serves was verified; a tag that could not be put is told, not undone, and so is what could not be taken away.
      if (name === 'settle' || this.#isPastReturn()) return;
      if (!(await this.#mayTryAgain(name, outcome, patience))) {
        const failure = this.#undone(outcome.failure);
        this.progress.failure = failure;
        this.unwindBecause({ state: 'failed', by: null, failure });
        await CancellationScope.current().cancelRequested;
      }
    }
  }

  #undone(failure: FailureReport | null): FailureReport | null {
    const { plan, kind } = this.run.input.request;
    if (failure === null || kind === 'retire' || kind === 'readmit') return failure;
    return onceUndone(failure, plan.name, kind === 'rollback' ? 'roll back again' : 'release again');
  }

  async #attempt(name: string): Promise<StepOutcome> {
    try {
      return await stepNamed(name).do(this.run, this.#surroundings());
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) throw error;
      const { plan } = this.run.target;
      const { meaning, report } = readFailure(error, `${plan.name}, ${name}`, `slipway retry ${plan.name}`);
      if (meaning === 'stale') throw new LaneLost(report);
      return { verdict: meaning === 'no' ? 'failed' : 'inconclusive', note: report.what, failure: report };
    }
  }

  /** The check said no → undo (or hold, if the plan says so). It could not be made → hold; after the cutover retry, then undo. */
  async #mayTryAgain(name: string, outcome: StepOutcome, patience: Patience): Promise<boolean> {
    const { plan } = this.run.target;
    // A colour that could not be stopped stays warm; the environment asks again later and the lane is free meanwhile.
    // The same goes for a host that does not come back.
    const { kind } = this.run.input.request;
    if (outcome.verdict === 'expired' || kind === 'retire' || kind === 'readmit') return false;
    if (outcome.verdict === 'failed') {
      return plan.onFailure === 'hold' && (await this.#hold(name, `${name} failed: ${this.#waysOn()}`));
    }
    if (!this.run.cutOver) return await this.#hold(name, `${name} could not be made: ${this.#waysOn()}`);
    if (patience.isOver()) return false;
    await sleep(RETRY_AFTER_CUTOVER_MS, { summary: `${name} could not be made; again in 5 s` });
    return true;
  }

  /** What a person can say to a step that holds. */
  #waysOn(): string {
    return this.run.target.plan.hosts.length > 1 ? 'retry, skip-host or abort' : 'retry or abort';
  }

  /** True when a person says to try again. */
  async #hold(name: string, waitingFor: string): Promise<boolean> {
    this.phase = 'holding';
    this.#retry = false;
    log.warn(`${name} holds: ${waitingFor}`);
    const again = await this.progress.wait(
      { waitingFor, then: 'undoes in 24 h', ms: HOLD_MS },
      () => this.#retry,
    );
    this.phase = 'stepping';
    return again;
  }

  async #waitWhilePaused(): Promise<void> {
    if (!this.paused) return;
    const then = this.run.cutOver ? 'goes on in 24 h' : 'undoes in 24 h';
    const resumed = await this.progress.wait({ waitingFor: 'resume', then, ms: HOLD_MS }, () => !this.paused);
    this.paused = false;
    if (resumed || this.run.cutOver) return;
    const { name } = this.run.target.plan;
    const failure = { what: 'nobody resumed it in 24 h', where: name, why: null, wayOut: 'release it again' };
    this.progress.failure = failure;
    this.unwindBecause({ state: 'failed', by: null, failure });
    await CancellationScope.current().cancelRequested;
  }

  #surroundings(): Surroundings {
    return {
      now: () => new Date(Date.now()).toISOString(),
      say: (doing) => this.progress.move('running', doing),
      onSuperseded: (stop) => {
        this.#stopBaking = stop;
        if (this.run.supersededBy !== null) stop();
      },
      awaitSwitch: async () => {
        this.phase = 'awaiting-switch';
        const ms = this.run.target.plan.traffic?.switchWithinMs ?? HOLD_MS;
        const wait = { waitingFor: 'switch', then: `undoes in ${formatLimit(ms)}` };
        const endsMs = Date.now() + ms;
        for (;;) {
          const left = { ...wait, ms: Math.max(1, endsMs - Date.now()) };
          const isNews = (): boolean => this.#wordToSwitch || this.#signed.unheard > 0;
          const inTime = await this.progress.wait(left, isNews);
          if (inTime && !this.#wordToSwitch && !(await this.#signed.hear())) continue;
          this.phase = 'stepping';
          return inTime;
        }
      },
    };
  }

  /** Traffic first, then the rest in reverse. Returns when everything is undone, however long that takes. */
  async #unwind(names: string[]): Promise<void> {
    this.phase = 'unwinding';
    this.progress.interrupt();
    const undoable = names.filter((name) => typeof stepNamed(name).undo === 'function');
    const order = [
      ...undoable.filter((name) => name === 'switch'),
      ...undoable.filter((name) => name !== 'switch').reverse(),
    ];
    for (const name of order) {
      if (!this.#begun.includes(name)) {
        this.progress.unwind.push({ step: name, outcome: 'never-ran', note: null, tookMs: null });
        continue;
      }
      const { undo } = stepNamed(name);
      if (typeof undo !== 'function') continue;
      await this.insist(name, () => undo(this.run));
      if (name === 'switch' && this.run.backMs !== null) await this.#drain();
    }
  }

  /** Requests that the new colour still answers are let finish. */
  async #drain(): Promise<void> {
    const ms = this.run.target.plan.traffic?.drainMs ?? 0;
    if (ms > 0) await sleep(ms, { summary: 'lets the requests of the new colour finish' });
  }

  /**
   * Undoes until it is undone: the activity is tried for ever, and says after 30 s that a person should look; a
   * refusal parks until a person says retry. `reported`: is it an undo of something? Call inside a non-cancellable scope. Throws LaneLost only.
   */
  async insist(name: string, undo: () => Promise<UndoResult>, reported = true): Promise<void> {
    this.step = name;
    const startedAtMs = Date.now();
    for (;;) {
      this.progress.move('running', `undoing ${name}`);
      try {
        const { outcome, note } = await this.#pagingWhile(name, undo);
        if (reported) this.#reportUndo(name, outcome, note, Date.now() - startedAtMs);
        return;
      } catch (error) {
        const { plan } = this.run.target;
        const { meaning, report } = readFailure(
          error,
          `${plan.name}, undo of ${name}`,
          `slipway retry ${plan.name}`,
        );
        if (meaning === 'stale') throw new LaneLost(report);
        if (reported) this.#reportUndo(name, 'undo-failed', report.what, Date.now() - startedAtMs);
        await this.#park(report, `undo of ${name} failed`);
      }
    }
  }

  async #pagingWhile(name: string, undo: () => Promise<UndoResult>): Promise<UndoResult> {
    const paging = new CancellationScope();
    const page = paging.run(async () => {
      await sleep(PAGE_AFTER_MS, { summary: `undo of ${name}: asks for a person after 30 s` });
      this.progress.doing = `undo of ${name} does not come through, tried again and again; a person should look`;
      this.progress.call(`a person: undo of ${name} does not come through`);
    });
    page.catch(() => undefined);
    try {
      return await undo();
    } finally {
      paging.cancel();
      this.progress.call(null);
    }
  }

  /** `what` = `undo of deploy failed`. */
  async #park(report: FailureReport | null, what: string): Promise<void> {
    const { phase } = this;
    this.phase = 'parked';
    this.#retry = false;
    this.progress.failure = report === null ? null : untilRetried(report, this.run.target.plan.name);
    log.error(`${what} and waits for a person: ${report?.what ?? ''}`);
    const wait = { waitingFor: `a person: ${what}`, then: 'asks again in 24 h', ms: HOLD_MS };
    while (!(await this.progress.wait(wait, () => this.#retry)));
    this.phase = phase;
    this.progress.failure = this.stop?.failure ?? null;
  }

  #reportUndo(
    step: string,
    outcome: 'undone' | 'never-ran' | 'undo-failed',
    note: string | null,
    tookMs: number,
  ): void {
    const { unwind } = this.progress;
    const known = unwind.find((report) => report.step === step);
    if (known === undefined) unwind.push({ step, outcome, note, tookMs });
    else Object.assign(known, { outcome, note, tookMs });
  }
}
