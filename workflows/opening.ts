/** When a promotion may go on by the clock: its window is open, and nothing is frozen. */
import { patched } from '@temporalio/workflow';
import { perform } from './activity-options.js';
import type { PromotionRequest } from './messages.js';
import type { Progress } from './progress.js';
import type { EvidenceItem } from './result.js';

/** A freeze may be lifted before its end. */
const ASK_AGAIN_MS = 6 * 3_600_000;

export class Opening {
  constructor(
    private readonly request: PromotionRequest,
    private readonly progress: Progress,
    /** Of the promotion; what was waited for is added. */
    private readonly evidence: EvidenceItem[],
    /** Before each wait: a paused promotion looks at no clock. */
    private readonly begins: () => Promise<void>,
  ) {}

  /** Both at the same moment: while it waited for one the other may have closed. */
  async wait(): Promise<void> {
    await this.waitForWindow();
    while ((await this.waitForFreeze()) && this.request.plan.window !== null) await this.waitForWindow();
  }

  private async waitForWindow(): Promise<void> {
    const { window, name } = this.request.plan;
    if (window === null) return;
    await this.begins();
    this.progress.begin('window');
    const text = `${window.days} ${window.hours} ${window.zone}`;
    for (;;) {
      const { opensAt } = await perform('nextOpening', { window }, { summary: `${name}, ${text}` });
      if (opensAt === null) break;
      const ms = Math.max(1000, Date.parse(opensAt) - Date.now());
      await this.progress.wait({ for: `the window ${text}`, then: 'opens', ms, person: false }, () => false);
    }
    const at = new Date().toISOString();
    this.record({ kind: 'wait', name: 'window', verdict: 'pass', by: null, at, note: text });
    this.progress.set('window', 'succeeded', text);
  }

  /** True when it had to wait. A policy may freeze what was planned before; without one only the plan does. */
  private async waitForFreeze(): Promise<boolean> {
    const { plan, version, commit, artifacts } = this.request;
    const mayBeFrozen = plan.freeze !== undefined || plan.policy !== undefined;
    if (!mayBeFrozen || !patched('promotions-pass-freezes')) return false;
    await this.begins();
    this.progress.begin('freeze', 'looks whether it is frozen');
    for (let hasWaited = false; ; hasWaited = true) {
      const input = { plan, version, commit, artifacts, evidence: this.evidence };
      const { frozen, evidence } = await perform('passFreeze', input, { summary: `is ${plan.name} frozen?` });
      if (frozen === null) {
        if (evidence !== null) this.record(evidence);
        this.progress.set('freeze', 'succeeded', null);
        return hasWaited;
      }
      const leftMs = Math.max(1000, Date.parse(frozen.until) - Date.now());
      const wait = { for: `the end of a freeze: ${frozen.why}`, then: 'looks again', person: false };
      await this.progress.wait({ ...wait, ms: Math.min(leftMs, ASK_AGAIN_MS) }, () => false);
    }
  }

  /** The last word of its name counts. */
  private record(item: EvidenceItem): void {
    const before = this.evidence.findIndex(({ kind, name }) => kind === 'wait' && name === item.name);
    if (before >= 0) this.evidence.splice(before, 1);
    this.evidence.push(item);
  }
}
