/** Signed words to switch traffic, while a change waits for one: the first that counts is enough. */
import { log } from '@temporalio/workflow';
import type { ChangeProgress } from './change-progress.js';
import type { ChangeRun } from './change-run.js';
import type { NamedDecision } from './decisions.js';
import { reasonOf } from './denials.js';
import { counts, hearDecision } from './hear-decisions.js';
import { provenBy } from './taken-decisions.js';
import { releaseOf } from './who-may.js';

export class SignedSwitch {
  private readonly words: NamedDecision[] = [];

  constructor(
    private readonly run: ChangeRun,
    private readonly progress: ChangeProgress,
  ) {}

  /** Not yet looked at by a worker. */
  get unheard(): number {
    return this.words.length;
  }

  take(decision: NamedDecision): void {
    this.words.push(decision);
    this.progress.claims = this.words.length;
  }

  /** True once one counts: then its seal goes with the target. Rejects only when it is cancelled. */
  async hear(): Promise<boolean> {
    for (let [word] = this.words; word !== undefined; [word] = this.words) {
      const counted = await this.hearOne(word);
      this.words.splice(0, counted ? this.words.length : 1);
      this.progress.claims = this.words.length;
      if (counted) return true;
    }
    return false;
  }

  private async hearOne(word: NamedDecision): Promise<boolean> {
    const { by, decisionId, statement } = word;
    if (statement === undefined) return false;
    const { target, input } = this.run;
    const { pipeline, name: environment } = target.plan;
    const { requestId } = input.request;
    const about = { decision: 'switch' as const, pipeline, environment, requestId, token: target.token };
    const subject = { ...about, release: releaseOf(input.request), until: null };
    const item = await hearDecision({ subject, by, reason: word.reason, statement });
    if (counts(item)) {
      const decisions = [...(target.decisions ?? []), item];
      this.run.target = { ...this.run.target, decisions };
      this.progress.decided.push(decisionId);
      this.progress.take(word, provenBy(item));
      return true;
    }
    const reason = reasonOf(item);
    log.warn(`the word of ${by} to switch does not count: ${reason.why}`);
    this.progress.deny('switch', word, reason);
    return false;
  }
}
