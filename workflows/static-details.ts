/** What a run shows from its first second and without any worker: who asked for what, and on which grounds. */
import { describeRule } from './approvals.js';
import type { EnvironmentPlan } from '../pipeline/plan.js';
import { describeForced, forcedGates } from './forced.js';
import type { ChangeRequest, PromotionRequest } from './messages.js';
import { shortReason, withoutMarkdown } from './plain-text.js';
import type { EvidenceItem } from './result.js';

/** `secretmagic v1.4.0 → prod (blue/green)`; other kinds than a deploy are named. */
export function summarizeRun(plan: EnvironmentPlan, version: string, kind = 'deploy'): string {
  const strategy = plan.strategy === 'blue-green' ? 'blue/green' : 'in place';
  return `${plan.pipeline} ${version} → ${plan.name} (${kind === 'deploy' ? strategy : `${kind}, ${strategy}`})`;
}

/** Markdown list. `previous` is the version that is live before the change. */
export function detailChange(request: ChangeRequest, previous: string | null): string {
  return list([
    ...detailAll(request),
    `previous release ${previous ?? 'none'}`,
    ...(request.restore === undefined ? [] : [`RESTORES the database from ${request.restore.name}`]),
    ...forcedGates(request).map((forced) => `FORCED ${describeForced(forced)}`),
    ...request.evidence.map(describeEvidence),
  ]);
}

/** `gate tests: pass`, `approval of platform: approved by anna (identity: unverified)`. */
function describeEvidence({ kind, name, verdict, by, proof }: EvidenceItem): string {
  const thing = name.startsWith(kind) ? name : `${kind} ${name}`;
  const how = proof === undefined || proof === 'unverified' ? 'identity: unverified' : `by ${proof}`;
  return `${thing}: ${verdict}${by === null ? '' : ` by ${by} (${how})`}`;
}

/** Markdown list: what has to come true before the change. */
export function detailPromotion(request: PromotionRequest): string {
  const { after, gates, approvals, waitMs, window, freeze = [] } = request.plan;
  return list([
    ...detailAll(request),
    ...after.map((earlier) => `after it was good on ${earlier}`),
    ...gates.map((gate) => `gate ${gate.name}`),
    ...approvals.map((rule) => `approvals ${describeRule(rule)}`),
    ...(waitMs > 0 ? ['a wait timer'] : []),
    ...(window === null ? [] : [`window ${window.days} ${window.hours} ${window.zone}`]),
    ...freeze.map(({ text }) => `no freeze ${text}`),
  ]);
}

function detailAll(request: ChangeRequest | PromotionRequest): string[] {
  const { commit, actor, plan, artifacts } = request;
  const reason = shortReason(request.reason);
  return [
    `commit ${commit.sha.slice(0, 7)} ${commit.subject}`,
    `author ${commit.author}`,
    `requested by ${actor.by} (identity: unverified)`,
    ...(reason === null ? [] : [`reason${isReasonUnsigned(request) ? ' (not signed)' : ''} ${reason}`]),
    `plan ${plan.planHash.slice(0, 8)}`,
    ...artifacts.map(({ name, digest }) => `${name} ${digest.slice(0, 15)}`),
  ];
}

/** Signed while reasons were not; beside a signed word its reason would pass for signed. */
function isReasonUnsigned(request: ChangeRequest | PromotionRequest): boolean {
  const { decisions = [] } = 'kind' in request ? request : {};
  return decisions.some(({ proof, reason }) => proof === 'ssh' && reason === undefined);
}

/** The server takes 20,000 bytes of details in all, and a reason may be anything. */
const LONGEST_LINE = 300;

/** An indented line would become a code block; other people's text is shown, not rendered. */
function list(lines: string[]): string {
  return lines.map((line) => `- ${withoutMarkdown(line).slice(0, LONGEST_LINE)}`).join('\n');
}
