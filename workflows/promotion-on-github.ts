/** What a promotion tells GitHub while it goes on: one word after the other, beside everything else. */
import { patched, workflowInfo } from '@temporalio/workflow';
import type { PromotionRequest } from './messages.js';
import type { PromotionResult } from './result.js';
import { stateForGithub, tellGithub, type GithubNews } from './tell-github.js';
import { linkToRun } from './ui-links.js';

export class PromotionOnGithub {
  /** Why GitHub was not told, the first time; null = it has heard everything so far. */
  untold: string | null = null;
  private next: GithubNews | null = null;
  private telling: Promise<void> | null = null;

  constructor(
    private readonly request: PromotionRequest,
    private readonly onTrouble: () => void,
  ) {}

  begins(): void {
    this.say('pending', `${this.request.version} is on its way to ${this.request.plan.name}`);
  }

  /** `report` is the comment's text. */
  waitsFor(what: string, report: string): void {
    this.say('pending', `${this.request.version} waits for ${what}`, report);
  }

  standsInQueue(): void {
    this.say('queued', `${this.request.version} is in the queue of ${this.request.plan.name}`);
  }

  changes(): void {
    this.say('in_progress', `${this.request.version} is being released to ${this.request.plan.name}`);
  }

  /** The last word; returns when it was said, or could not be. */
  async ended(result: PromotionResult, report: string): Promise<void> {
    this.say(stateForGithub(result), result.headline, report, result.clean);
    await this.telling;
  }

  /** What is newer takes the place of what has not been said yet. */
  private say(
    state: GithubNews['state'],
    description: string,
    report: string | null = null,
    isClean = true,
  ): void {
    // a worker from before this patch told nothing, whatever the plan asks for
    if (this.request.plan.github === undefined || !patched('promotions-tell-github')) return;
    this.next = { state, isClean, description, report: report ?? this.next?.report ?? null };
    this.telling ??= this.tellAll(this.request.plan.github);
  }

  private async tellAll(wanted: NonNullable<PromotionRequest['plan']['github']>): Promise<void> {
    const { requestId, version, commit, repositoryUrl, plan } = this.request;
    const { workflowId, runId } = workflowInfo();
    const { path: runPath } = linkToRun('', workflowId, runId);
    const about = { requestId, version, commit: commit.sha, repositoryUrl, plan, runPath };
    while (this.next !== null) {
      const news = this.next;
      this.next = null;
      const trouble = await tellGithub(about, news, wanted);
      if (trouble === null || this.untold !== null) continue;
      this.untold = trouble;
      this.onTrouble();
    }
    this.telling = null;
  }
}
