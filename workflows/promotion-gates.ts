/** The gates of an environment: each is asked about the release, and again when its word has grown old. */
import type { GatePlan } from '../pipeline/plan.js';
import { perform } from './activity-options.js';
import type { Forces } from './hear-forces.js';
import type { PromotionRequest } from './messages.js';
import type { Progress } from './progress.js';
import { sealOf } from './seal-of.js';

export class PromotionGates {
  /** By gate, on the server's clock. */
  private readonly askedAtMs = new Map<string, number>();

  constructor(
    private readonly request: PromotionRequest,
    private readonly where: string,
    private readonly progress: Progress,
    private readonly forces: Forces,
    /** Before each gate: a paused promotion asks none. */
    private readonly begins: () => Promise<void>,
  ) {}

  async pass(gates = this.request.plan.gates): Promise<void> {
    for (const gate of gates) await this.passGate(gate);
  }

  /**
   * Workers let nothing begin on a word that is too old; half of its time is left for the queue. Plans from before there
   * was such a time have none. false = all are young enough.
   */
  async passOldAgain(): Promise<boolean> {
    const { gates, evidenceWithinMs = Infinity } = this.request.plan;
    const isOld = ({ name }: GatePlan): boolean =>
      Date.now() - (this.askedAtMs.get(name) ?? 0) > evidenceWithinMs / 2;
    const old = gates.filter(isOld);
    await this.pass(old);
    return old.length > 0;
  }

  private async passGate(gate: GatePlan): Promise<void> {
    await this.begins();
    const { plan, requestId, repositoryUrl, commit, ref, version, artifacts } = this.request;
    const isAgain = this.askedAtMs.has(gate.name);
    this.progress.begin(gate.name);
    const environments = [plan.name];
    const subject = { pipeline: plan.pipeline, repositoryUrl, commit, ref, version, artifacts, environments };
    const item = await perform(
      'runGate',
      { gate, plan: subject, ...sealOf(plan) },
      { summary: `${gate.name} for ${version}`, plan },
    );
    this.askedAtMs.set(gate.name, Date.now());
    if (this.forces.takeWord(gate, item, { isAgain }) === 'yes') return;
    const wayOut = `mend it, then slipway release ${version} --to ${plan.name}`;
    const claim = { gate, plan, requestId, subject, refusal: item };
    await this.forces.pass(claim, { where: this.where, wayOut });
  }
}
