/** A gate that says no, and what people signed who force it: a worker says whether that counts. */
import { log } from '@temporalio/workflow';
import type { GatePlan } from '../pipeline/plan.js';
import type { ForceClaim } from './activity-contract.js';
import { perform } from './activity-options.js';
import { reasonOf, withDenial } from './denials.js';
import { hearClaim } from './hear-claim.js';
import type { Force } from './messages.js';
import type { Progress } from './progress.js';
import { Refusal } from './promotion-end.js';
import { readForce } from './read-decision.js';
import type { Denial, EvidenceItem, FailureReport } from './result.js';
import { markForced } from './search-attributes.js';

/** Nobody signs more for one gate; each costs an activity. */
const MOST_PER_GATE = 5;
const MOST = 100;

export class Forces {
  /** Forces that did not count. */
  denials: Denial[] = [];
  private readonly forces: Force[] = [];

  /** `forces` is as the request has it: anybody may have written that. */
  constructor(
    forces: unknown,
    private readonly progress: Progress,
    /** What gates say is added, and what counts of the forces and what does not. */
    private readonly evidence: EvidenceItem[],
  ) {
    const listed: unknown[] = Array.isArray(forces) ? forces : forces === undefined ? [] : [forces];
    for (const each of listed.slice(0, MOST)) {
      const force = readForce(each);
      if (force !== null) this.forces.push(force);
      else this.deny({ by: 'unknown', why: 'a force of the request is malformed', decisionId: 'force' });
    }
  }

  /** Takes down what a gate said. After a no its step stays as it is, until `pass` has looked who forces it. */
  takeWord(gate: GatePlan, item: EvidenceItem, { isAgain = false } = {}): 'yes' | 'no' {
    this.evidence.push(item);
    const { verdict, note } = item;
    if (verdict === 'fail' || verdict === 'error') return 'no';
    this.progress.set(gate.name, 'succeeded', isAgain ? `${note ?? verdict}, asked again` : note);
    return 'yes';
  }

  /** Lets a gate pass that said no. Throws Refusal unless somebody who may has forced it. */
  async pass(
    claim: Omit<ForceClaim, 'force'>,
    { where, wayOut }: Pick<FailureReport, 'where' | 'wayOut'>,
  ): Promise<void> {
    const { gate, refusal } = claim;
    let why: string | null = null;
    let orForce = mayBeForced(claim);
    for (const { statement } of this.of(gate)) {
      const item = await this.ask({ ...claim, force: statement });
      if (item.verdict === 'forced') {
        this.evidence.push(item);
        markForced();
        return this.progress.set(gate.name, 'succeeded', noteForced(item, refusal));
      }
      const reason = reasonOf(item);
      why = reason.why;
      if (reason.wayOut !== undefined) orForce = `, or ${reason.wayOut}`;
      this.evidence.push({ ...item, note: `not forced: ${why}` });
      log.warn(`gate ${gate.name} is not forced: ${why}`);
      this.deny({ by: item.by ?? 'unknown', ...reason, decisionId: `force ${gate.name}` });
    }
    this.progress.set(gate.name, 'failed', refusal.note);
    throw new Refusal({
      what: `gate ${gate.name} says no${refusal.note === null ? '' : `: ${refusal.note}`}`,
      where,
      why: why === null ? null : `it is not forced: ${why}`,
      wayOut: `${wayOut}${orForce}`,
    });
  }

  private deny(denial: Omit<Denial, 'decision' | 'at'>): void {
    const at = new Date().toISOString();
    const decision = denial.decisionId.replace(/^force /, 'force of ');
    this.denials = withDenial(this.denials, { ...denial, decision, at });
  }

  private of({ name }: GatePlan): Force[] {
    return this.forces.filter(({ gate }) => gate === name).slice(0, MOST_PER_GATE);
  }

  private async ask(claim: ForceClaim): Promise<EvidenceItem> {
    const { gate, subject } = claim;
    const summary = `of ${gate.name} for ${subject.version}`;
    return await hearClaim({ kind: 'gate', name: gate.name, by: null }, () =>
      perform('verifyForce', claim, { summary }),
    );
  }
}

/** What a step says of it: never only that it went on. */
function noteForced({ by }: EvidenceItem, refusal: EvidenceItem): string {
  return `FORCED by ${by ?? 'unknown'}; it said ${refusal.note ?? refusal.verdict}`;
}

/** The other way out, where there is one: the command as it is typed. */
function mayBeForced({ gate, plan, subject }: Omit<ForceClaim, 'force'>): string {
  const { gates = [], group = '' } = plan.force ?? {};
  if (!gates.includes(gate.name)) return '';
  const names = 'environments' in plan ? plan.environments.map(({ name }) => name) : [plan.name];
  return `, or somebody of ${group} forces it: slipway release ${subject.version} --to ${names.join(',')} --force ${gate.name} --ticket TICKET --reason "WHY"`;
}
