/**
 * Approvals that are given on GitHub: asked for at once, then until there is somebody new. What waits is one activity
 * that is tried again, so a history grows by what people say and not by the time they take.
 */
import { CancellationScope, isCancellation, log, patched, workflowInfo } from '@temporalio/workflow';
import type { ApprovalRule } from '../pipeline/plan.js';
import type { ApprovalSubject, GithubAnswer } from './activity-contract.js';
import { perform } from './activity-options.js';
import { describeRule } from './approvals.js';
import { isWorthAsking } from './hints.js';
import { githubProof, type GithubProof } from './missing-approvals.js';
import { readFailure } from './read-failure.js';
import type { EvidenceItem, FailureReport } from './result.js';

/** Later GitHub is waited for as well: until then a promotion whose reviews are there already shows no wait. */
const AT_ONCE_MS = 60_000;
/** The timer of the approvals ends the wait, not the last try. */
const MARGIN_MS = 60_000;

interface Asked {
  rule: ApprovalRule & { by: GithubProof };
  known: string[] | null;
  note: string | null;
}

export interface GithubHearing {
  hear: (item: EvidenceItem) => void;
  reject: (by: string, note: string) => void;
  /** What is to be approved, with what is known of it now. */
  subject: () => ApprovalSubject;
}

export class AskingGithub {
  /** Why it can never be answered. */
  problem: FailureReport | null = null;
  private readonly rules: Asked[];
  private polling: { scope: CancellationScope; askedMs: number; expiresMs: number } | null = null;

  constructor(
    rules: ApprovalRule[],
    private readonly where: string,
    private readonly hearing: GithubHearing,
  ) {
    this.rules = rules.flatMap((rule) => {
      const by = githubProof(rule.by);
      return by === null ? [] : [{ rule: { ...rule, by }, known: null, note: null }];
    });
  }

  get isNeeded(): boolean {
    return this.rules.length > 0;
  }

  /** What GitHub said last, rule by rule. */
  get notes(): string[] {
    return [...new Set(this.rules.flatMap(({ note }) => note ?? []))];
  }

  /** What is there already. Rejects when GitHub refuses to say. */
  async askAtOnce(): Promise<void> {
    for (const asked of this.rules) {
      try {
        this.take(asked, await this.ask(asked, AT_ONCE_MS));
      } catch (error) {
        // away: asked again while we wait
        if (isCancellation(error) || readFailure(error, this.where, '').meaning !== 'unknown') throw error;
        log.warn(`${this.where}: GitHub could not be asked at once`);
        asked.known = [];
      }
    }
  }

  /** Goes on asking until `expiresMs`, or until it is stopped. */
  follow(expiresMs: number): void {
    if (this.polling !== null) return;
    const scope = new CancellationScope();
    this.polling = { scope, askedMs: Date.now(), expiresMs };
    const asking = scope.run(() => Promise.all(this.rules.map((asked) => this.askUntil(asked, expiresMs))));
    void asking.catch((error: unknown) => {
      if (!isCancellation(error)) this.problem = readFailure(error, this.where, 'release it again').report;
    });
  }

  stop(): void {
    this.polling?.scope.cancel();
    this.polling = null;
  }

  /**
   * Somebody says that GitHub may have news. Nothing of that is believed: what waits for its next try is begun anew, which
   * asks at once and often at first.
   */
  hint(): void {
    if (this.polling === null || !patched('looks-at-a-hint')) return;
    const { askedMs, expiresMs } = this.polling;
    if (!isWorthAsking({ atMs: Date.now(), askedMs, events: workflowInfo().historyLength })) return;
    this.stop();
    this.follow(expiresMs);
  }

  private async askUntil(asked: Asked, expiresMs: number): Promise<void> {
    for (;;) {
      const answer = await this.ask(asked, Math.max(0, expiresMs - Date.now()) + MARGIN_MS);
      this.take(asked, answer);
      if (answer.rejectedBy.length > 0) return;
    }
  }

  private async ask({ rule, known }: Asked, forMs: number): Promise<GithubAnswer> {
    const question = { ...this.hearing.subject(), rule, known };
    const summary = `${describeRule(rule)} for ${question.version}`;
    return await perform('findGithubApprovals', question, { summary, scheduleToCloseMs: forMs });
  }

  private take(asked: Asked, { approvals, rejectedBy, note }: GithubAnswer): void {
    const before = asked.known ?? [];
    const fresh = approvals.filter(({ by }) => by !== null && !before.includes(by));
    asked.known = [...before, ...fresh.flatMap(({ by }) => by ?? [])];
    asked.note = note;
    for (const item of fresh) this.hearing.hear(item);
    const [by] = rejectedBy;
    if (by !== undefined) this.hearing.reject(by, note);
  }
}
