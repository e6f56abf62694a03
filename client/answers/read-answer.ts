/**
 * The one door for what workflows answer. Whoever writes to the namespace can answer in their place: a status of another
 * environment than was asked for would be shown and signed for this one, and one that is no status ends in a stack trace.
 */
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { DecisionReply } from '../../workflows/messages.js';
import type { InspectResult } from '../../workflows/activity-contract.js';
import type { TemporalLink } from '../connect.js';
import { unreachable, type UserError } from '../user-error.js';
import { findOtherPlan } from './policy-answer.js';
import { isFields, type Shape } from './shape.js';
import * as shapes from './shapes.js';

const STATUS: Readonly<Record<string, Shape>> = {
  release: shapes.releaseStatus,
  promotion: shapes.progressStatus,
  lane: shapes.progressStatus,
  environment: shapes.environmentStatus,
};

/** The status of the workflow with this id, as its kind has it. Throws UserError (exit 8) for anything else. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever asks knows the kind
export function readStatus<Status>(link: TemporalLink, workflowId: string, answer: unknown): Status {
  const [kind = '', pipeline = '', environment = ''] = workflowId.split('/');
  const shape = STATUS[kind];
  const wrong = shape === undefined ? '' : shape(answer);
  if (wrong !== null || !isFields(answer)) throw notOurs(link, workflowId, `status${wrong ?? ''}`);
  if (answer['pipeline'] !== pipeline) throw notOurs(link, workflowId, 'status.pipeline');
  if (kind !== 'release' && answer['environment'] !== environment)
    throw notOurs(link, workflowId, 'status.environment');
  if (kind === 'release' && !areOf(pipeline, answer['promotions']))
    throw notOurs(link, workflowId, 'status.promotions');
  const known = kind === 'environment' ? withoutOdd(answer, { pipeline, environment }) : answer;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its shape was looked at
  return known as Status;
}

interface Place {
  pipeline: string;
  environment: string;
}

/** Promotions of a release are followed and decided about next. */
function areOf(pipeline: string, promotions: unknown): boolean {
  return listed(promotions).every(
    (each) =>
      isFields(each) &&
      isOf(each['workflowId'], 'promotion', { pipeline, environment: String(each['environment']) }),
  );
}

/**
 * Anybody may send an environment an announcement or a request; what is odd, or of elsewhere, is nothing on its way here,
 * and nothing that is followed and decided about next.
 */
function withoutOdd(answer: Record<string, unknown>, place: Place): Record<string, unknown> {
  const isHere = (each: unknown): boolean =>
    shapes.announcement(each) === null &&
    isFields(each) &&
    (isOf(each['workflowId'], 'promotion', place) || isOf(each['workflowId'], 'release', place));
  return {
    ...answer,
    inFlight: withoutForeignPromotion(answer['inFlight'], place),
    announced: listed(answer['announced']).filter(isHere),
    processed: listed(answer['processed']).filter((each) => shapes.processedRequest(each) === null),
  };
}

function withoutForeignPromotion(inFlight: unknown, place: Place): unknown {
  if (!isFields(inFlight) || !isFields(inFlight['request'])) return inFlight;
  const { request } = inFlight;
  const isHere = isOf(request['promotionId'], 'promotion', place);
  return isHere ? inFlight : { ...inFlight, request: { ...request, promotionId: null } };
}

function listed(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isOf(workflowId: unknown, kind: 'promotion' | 'release', { pipeline, environment }: Place): boolean {
  const place = kind === 'release' ? pipeline : `${pipeline}/${environment}`;
  return typeof workflowId === 'string' && workflowId.startsWith(`${kind}/${place}/`);
}

/** How the run with this id ended; null = with something that is no result. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
export function readResult<Result>(workflowId: string, answer: unknown): Result | null {
  const shape = shapes.RESULTS[workflowId.split('/')[0] ?? ''];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its shape was looked at
  return shape?.(answer) === null ? (answer as Result) : null;
}

/** Throws UserError (exit 8): what came of the decision is unknown. */
export function readReply(link: TemporalLink, workflowId: string, answer: unknown): DecisionReply {
  const wrong = shapes.decisionReply(answer);
  if (wrong !== null) throw notOurs(link, workflowId, `reply${wrong}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  return answer as DecisionReply;
}

/** What a worker found that looked at `plan`. Throws UserError (exit 8). */
export function readInspection(
  link: TemporalLink,
  workflowId: string,
  plan: EnvironmentPlan,
  answer: unknown,
): InspectResult {
  const wrong = shapes.inspectResult(answer) ?? findOtherPolicy(plan, answer);
  if (wrong !== null) throw notOurs(link, workflowId, `answer${wrong}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  return answer as InspectResult;
}

function findOtherPolicy(plan: EnvironmentPlan, answer: unknown): string | null {
  const policy = isFields(answer) ? answer['policy'] : undefined;
  const other = isFields(policy) ? findOtherPlan(plan, policy['plan']) : null;
  return other === null ? null : `.policy.plan${other}`;
}

function notOurs(link: TemporalLink, workflowId: string, place: string): UserError {
  const url = link.linkTo(workflowId, null);
  return unreachable({
    what: 'its answer is none that a worker of ours gives',
    where: workflowId,
    why: `${place} is not what it should be`,
    wayOut: `look at who started it${url === null ? '' : `: ${url}`}; a worker of another version, or somebody else's workflow (temporal workflow terminate ends it)`,
    docs: 'docs/security.md#what-is-not-held',
  });
}
