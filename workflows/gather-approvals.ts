/** The approvals of one promotion: what people said, what a worker made of it, and whether it is enough. */
import { log, patched } from '@temporalio/workflow';
import type { ApprovalSubject } from './activity-contract.js';
import { perform } from './activity-options.js';
import { refuseUseless } from './decisions.js';
import { DENIALS_KEPT, reasonOf, shorten, withDenial, type Reason } from './denials.js';
import { approvalEvidence, describeMissing, givenReason, openApprovals } from './approvals.js';
import { AskingGithub } from './ask-github.js';
import { hearClaim } from './hear-claim.js';
import type { Decision, PromotionRequest } from './messages.js';
import {
  githubProof,
  isSigned,
  type Approval,
  type MissingApprovals,
  type Proof,
} from './missing-approvals.js';
import type { Progress } from './progress.js';
import type { Applied } from './receive-decisions.js';
import { Refusal } from './promotion-end.js';
import type { Denial, EvidenceItem } from './result.js';
import { refuseToHear } from './unheard.js';

/** What is denied here, and what kind of evidence that is. */
const APPROVAL = 'approval';

export class Approvals {
  readonly counted: Approval[] = [];
  denials: Denial[] = [];
  /** Ids of the decisions that counted. */
  readonly decided: string[] = [];
  /** Said, and not yet looked at by a worker. */
  private readonly claims: Decision[] = [];
  private readonly github: AskingGithub;

  constructor(
    private readonly request: PromotionRequest,
    private readonly where: string,
    private readonly progress: Progress,
    /** Of the promotion; what counts and what does not is added. */
    private readonly evidence: EvidenceItem[],
    /** A person said no on GitHub. */
    reject: (by: string, note: string) => void,
  ) {
    this.github = new AskingGithub(request.plan.approvals, where, {
      hear: (item) => this.count(item),
      reject,
      subject: () => this.subject(),
    });
  }

  /** What GitHub said, rule by rule. */
  get onGithub(): string[] {
    return this.github.notes;
  }

  /** GitHub may have news. */
  hint(): void {
    this.github.hint();
  }

  get unheard(): number {
    return this.claims.length;
  }

  /** Why no further one is looked at now; null = one is. */
  get deaf(): string | null {
    const { version, plan } = this.request;
    const again = `slipway abort ${plan.name}, then slipway release ${version} --to ${plan.name}`;
    return refuseToHear(this.claims.length, again);
  }

  /** Can nothing count here that is not signed? Runs from before this patch let a worker say so. */
  get refusesUnsigned(): boolean {
    const { seal, policy, approvals } = this.request.plan;
    const isProtected = seal !== undefined && policy !== undefined;
    if (!isProtected || approvals.some(({ by }) => by === 'unverified')) return false;
    return patched('unsigned-approvals-are-refused');
  }

  /** May come at any time, also long before it is asked for. */
  take(decision: Decision): Applied {
    const { by, group, reason } = decision;
    // plans from before there were seals count what they are told
    const isBelieved = this.request.plan.seal === undefined;
    if (isBelieved) this.counted.push({ by, group, at: new Date().toISOString(), ...givenReason(reason) });
    else this.claims.push(decision);
    this.progress.publish();
    return isBelieved ? 'done' : 'unheard';
  }

  /** What somebody said (`approval`) does not count. */
  deny(word: string, { by, decisionId }: Decision, reason: Reason): void {
    const at = new Date().toISOString();
    if (word === APPROVAL) this.keepDenied(by, at, reason.why);
    this.denials = withDenial(this.denials, { by, ...reason, decisionId, decision: word, at });
    this.progress.publish();
  }

  /** Until there are enough. Throws Refusal when they did not come in time. */
  async gather(): Promise<void> {
    const { plan } = this.request;
    this.progress.begin('approvals');
    const sinceMs = Date.now();
    const asksGithub = this.github.isNeeded && patched('approvals-on-github');
    if (asksGithub) await this.github.askAtOnce();
    try {
      for (;;) {
        await this.hearClaims();
        if (this.github.problem !== null) throw new Refusal(this.github.problem);
        const { missing, expiresMs } = openApprovals(plan.approvals, this.counted, sinceMs);
        if (expiresMs === null) break;
        if (missing.every(({ by }) => githubProof(by) === null)) this.github.stop();
        else if (asksGithub) this.github.follow(expiresMs);
        if (!(await this.waitForMore(describeMissing(missing), expiresMs))) throw this.expire(missing);
      }
    } finally {
      this.github.stop();
    }
    if (plan.seal === undefined) {
      const said = this.counted.filter(({ proof }) => githubProof(proof) === null);
      this.evidence.push(...said.map(approvalEvidence));
    }
    this.progress.set('approvals', 'succeeded', this.counted.map(({ by }) => by).join(', '));
  }

  /** false = in vain. */
  private async waitForMore(what: string, expiresMs: number): Promise<boolean> {
    const count = this.counted.length;
    const ms = Math.max(1, expiresMs - Date.now());
    const wait = { for: what, then: 'rejects itself', ms, person: true };
    const isNews = (): boolean =>
      this.counted.length > count || this.claims.length > 0 || this.github.problem !== null;
    return await this.progress.wait(wait, isNews);
  }

  private expire(missing: MissingApprovals[]): Refusal {
    const { plan, version } = this.request;
    const what = describeMissing(missing);
    this.progress.set('approvals', 'failed', `missing ${what}`);
    return new Refusal({
      what: `nobody gave the missing ${what} in time`,
      where: this.where,
      why: null,
      wayOut: `slipway release ${version} --to ${plan.name} asks again`,
    });
  }

  /** A worker says which of them count; what does not is recorded as well. */
  private async hearClaims(): Promise<void> {
    for (let [decision] = this.claims; decision !== undefined; [decision] = this.claims) {
      const { by, decisionId } = decision;
      // said twice, and the first counted
      if (this.decided.includes(decisionId)) {
        this.claims.shift();
        continue;
      }
      const claim = { ...this.subject(), decision, counted: this.counted };
      const summary = `of ${by} for ${claim.version}`;
      const item = await hearClaim({ kind: APPROVAL, name: APPROVAL, by }, () =>
        perform('verifyApproval', claim, { summary }),
      );
      this.claims.shift();
      const reason = this.whyNot(item);
      if (reason === null) {
        this.decided.push(decisionId);
        this.count(item, shownReason(item, decision));
      } else {
        log.warn(`the approval of ${by} does not count: ${reason.why}`);
        this.deny(APPROVAL, decision, reason);
      }
      this.progress.publish();
    }
  }

  /** null = it counts. Runs from before this patch took what fills no slot among the approvals. */
  private whyNot(item: EvidenceItem): Reason | null {
    const { verdict, by, at, group = null, proof } = item;
    if (verdict !== 'approved' || by === null) return reasonOf(item);
    const { name: environment, approvals: rules } = this.request.plan;
    const said = { by, group, at, ...(this.isProven(proof) ? { proof } : {}) };
    const why = refuseUseless({ environment, rules, approvals: this.counted }, said);
    return why !== null && patched('useless-approvals-do-not-count') ? { why } : null;
  }

  /** With the evidence, the newest few: all of it goes with the request. */
  private keepDenied(by: string, at: string, why: string): void {
    const isDenied = (item: EvidenceItem): boolean => item.kind === APPROVAL && item.verdict === 'fail';
    if (this.evidence.filter(isDenied).length >= DENIALS_KEPT)
      this.evidence.splice(this.evidence.findIndex(isDenied), 1);
    const short = shorten({ by, why });
    const said = { kind: APPROVAL, name: APPROVAL, by: short.by, at } as const;
    this.evidence.push({ ...said, verdict: 'fail', note: short.why });
  }

  /** Says a worker; where nothing protects, what people say here needs no proof. */
  private count(item: EvidenceItem, reason: string | null = null): void {
    const { by, at, group = null, proof, of = null } = item;
    if (by === null) return;
    this.evidence.push(item);
    const onGithub = githubProof(proof);
    if (onGithub !== null) this.counted.push({ by, group, at, proof: onGithub, of });
    else {
      const proven = this.isProven(proof) ? { proof } : {};
      this.counted.push({ by, group, at, ...proven, ...givenReason(reason) });
    }
    this.progress.publish();
  }

  private isProven(proof: Proof | undefined): proof is Proof {
    return this.request.plan.policy !== undefined && proof !== undefined;
  }

  /** Of now: another gate may have been forced since. */
  private subject(): ApprovalSubject {
    const { plan, requestId, version, commit, artifacts, actor } = this.request;
    const forced = this.evidence.filter(({ verdict }) => verdict === 'forced');
    const about = { plan, requestId, version, commit, artifacts, requester: actor.by };
    return forced.length === 0 ? about : { ...about, forced };
  }
}

/** Of a signed approval the one that was signed: what came beside an older one is whatever was made of it on its way. */
function shownReason({ proof, reason = null }: EvidenceItem, sent: Decision): string | null {
  return isSigned(proof) ? reason : sent.reason;
}
