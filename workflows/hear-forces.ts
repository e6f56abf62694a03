/** A gate that says no, and what people signed who force it: a worker says whether that counts. */
import { isCancellation, log } from '@temporalio/workflow';
import type { GatePlan } from '../pipeline/plan.js';
import type { ForceClaim } from './activity-contract.js';
import { perform } from './activity-options.js';
import type { Denial, Force } from './messages.js';
import { Refusal } from './promotion-end.js';
import { readSigned } from './read-decision.js';
import { readFailure } from './read-failure.js';
import type { EvidenceItem } from './result.js';
import { markForced } from './search-attributes.js';

/** Nobody signs more for one gate; each costs an activity. */
const MOST_PER_GATE = 5;
const MOST = 100;

export class Forces {
  /** Forces that did not count. */
  readonly denials: Denial[] = [];
  private readonly forces: Force[] = [];

  /** `forces` is as the request has it: anybody may have written that. */
  constructor(
    forces: unknown,
    private readonly where: string,
    /** What counts and what does not is added, beside what the gate itself said. */
    private readonly evidence: EvidenceItem[],
  ) {
    const listed: unknown[] = Array.isArray(forces) ? forces : forces === undefined ? [] : [forces];
    for (const each of listed.slice(0, MOST)) {
      const force = readForce(each);
      if (force !== null) this.forces.push(force);
      else
        this.denials.push({ by: 'unknown', why: 'a force of the request is malformed', decisionId: 'force' });
    }
  }

  /** Has somebody forced it? null = no, or it does not count, and why not. */
  async hear(claim: Omit<ForceClaim, 'force'>): Promise<{ forced: EvidenceItem } | { why: string | null }> {
    const { gate } = claim;
    let why: string | null = null;
    for (const { statement } of this.of(gate)) {
      const item = await this.ask({ ...claim, force: statement });
      if (item.verdict === 'forced') {
        this.evidence.push(item);
        markForced();
        return { forced: item };
      }
      why = item.note ?? '';
      this.evidence.push({ ...item, note: `not forced: ${why}` });
      log.warn(`gate ${gate.name} is not forced: ${why}`);
      this.denials.push({ by: item.by ?? 'unknown', why, decisionId: `force ${gate.name}` });
    }
    return { why };
  }

  private of({ name }: GatePlan): Force[] {
    return this.forces.filter(({ gate }) => gate === name).slice(0, MOST_PER_GATE);
  }

  /** That it cannot be looked at is no force either. */
  private async ask(claim: ForceClaim): Promise<EvidenceItem> {
    const { gate, subject } = claim;
    try {
      return await perform('verifyForce', claim, { summary: `of ${gate.name} for ${subject.version}` });
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { what } = readFailure(error, this.where, 'force it again').report;
      const at = new Date().toISOString();
      return { kind: 'gate', name: gate.name, verdict: 'fail', by: null, at, note: what };
    }
  }
}

/** What a step says of it: never only that it went on. */
export function noteForced({ by }: EvidenceItem, refusal: EvidenceItem): string {
  return `FORCED by ${by ?? 'unknown'}; it said ${refusal.note ?? refusal.verdict}`;
}

/** `notForced` = why what somebody forced does not count; null = nobody did. */
export function refuseGate({
  claim: { gate, plan, refusal },
  where,
  notForced,
  wayOut,
}: {
  claim: Pick<ForceClaim, 'gate' | 'plan' | 'refusal'>;
  where: string;
  notForced: string | null;
  wayOut: string;
}): Refusal {
  const { note } = refusal;
  const { gates = [], group = '' } = plan.force ?? {};
  const forcing = gates.includes(gate.name)
    ? `, or somebody of ${group} forces it: --force ${gate.name}`
    : '';
  return new Refusal({
    what: `gate ${gate.name} says no${note === null ? '' : `: ${note}`}`,
    where,
    why: notForced === null ? null : `it is not forced: ${notForced}`,
    wayOut: `${wayOut}${forcing}`,
  });
}

function readForce(value: unknown): Force | null {
  const { gate, statement } = fieldsOf(value);
  const signed = readSigned(statement);
  return typeof gate === 'string' && signed !== null ? { gate, statement: signed } : null;
}

function fieldsOf(value: unknown): { gate?: unknown; statement?: unknown } {
  return typeof value === 'object' && value !== null ? value : {};
}
