/** One delivery that GitHub has signed → the releases it starts and what GitHub is told. */
import { isGrpcServiceError } from '@temporalio/client';
import { isNoAnswer, isUnreadable, type TemporalLink } from '../connect.js';
import { idsOf } from '../start-release.js';
import { unreachable, UserError } from '../user-error.js';
import type { HintPromotions } from './hint-promotions.js';
import { readPush, type Push } from './read-push.js';
import { isReviewEvent, readReview } from './read-review.js';
import { releaseOfPush, routesOf, type PipelineRoute } from './release-of-push.js';
import { TurnMissed, type Slots } from './slots.js';
import { startReleaseOnce, type StartedOnce } from './start-once.js';

export interface Delivery {
  /** X-GitHub-Delivery. */
  id: string;
  /** X-GitHub-Event. */
  event: string;
  body: unknown;
}

export interface StartedByDelivery extends Pick<StartedOnce, 'workflowId' | 'runId' | 'how' | 'url'> {
  pipeline: string;
}

export interface DeliveryAnswer {
  /** HTTP status. */
  status: number;
  outcome: StartedOnce['how'] | 'told' | 'ignored' | 'refused' | 'unavailable' | 'failed';
  /** Why nothing was started, or not everything; which promotions were told. */
  why: string | null;
  repository: string | null;
  ref: string | null;
  commit: string | null;
  by: string | null;
  releases: StartedByDelivery[];
  /** Our bug, for the log. */
  bug?: unknown;
}

export interface Receiver {
  routes: readonly PipelineRoute[];
  link: TemporalLink;
  /** Releases being started at one moment: more at once would only make Temporal slower. */
  slots: Slots;
  hint: HintPromotions;
}

/** GitHub gives up after 10 s. */
const TEMPORAL_DEADLINE_MS = 6_000;

/** Answers with 2xx only when every release of the delivery is durable in Temporal; never rejects. */
export async function receiveDelivery(receiver: Receiver, delivery: Delivery): Promise<DeliveryAnswer> {
  const judged = judge(receiver, delivery);
  // not awaited here: the payload is not kept while Temporal is asked
  if ('status' in judged) return judged;
  return 'push' in judged ? startAll(receiver, judged, delivery.id) : tellAll(receiver, judged);
}

interface PushWork {
  push: Push;
  routes: PipelineRoute[];
  about: Pick<DeliveryAnswer, 'repository' | 'ref' | 'commit' | 'by'>;
}

/** Of a review: somebody may wait for it. */
interface Hint {
  repository: string;
  pipelines: string[];
}

function judge(receiver: Receiver, { event, body }: Delivery): DeliveryAnswer | PushWork | Hint {
  if (event === 'ping') return answer(200, 'ignored', 'ping: the webhook works');
  if (isReviewEvent(event)) return judgeReview(receiver, event, body);
  if (event !== 'push') return answer(202, 'ignored', `${event} starts nothing: releases start by push`);
  const reading = readPush(body);
  if (reading.kind === 'malformed') return answer(400, 'refused', reading.why);
  if (reading.kind === 'ignored') {
    const { repository, ref, why } = reading;
    return { ...answer(202, 'ignored', why), repository, ref };
  }
  const { push } = reading;
  const { ref, repository, commit, by } = push;
  const about = { repository, ref: `${ref.kind} ${ref.name}`, commit, by };
  const routes = routesOf(receiver.routes, repository);
  if (routes.length > 0) return { push, routes, about };
  return { ...answer(202, 'ignored', NOT_OURS), ...about };
}

const NOT_OURS = 'no pipeline here releases this repository';

function judgeReview(receiver: Receiver, event: string, body: unknown): DeliveryAnswer | Hint {
  const reading = readReview(event, body);
  if (reading.kind === 'malformed') return answer(400, 'refused', reading.why);
  const { repository } = reading;
  if (reading.kind === 'ignored') return { ...answer(202, 'ignored', reading.why), repository };
  const pipelines = routesOf(receiver.routes, repository).map(({ pipeline }) => pipeline);
  if (pipelines.length > 0) return { repository, pipelines };
  return { ...answer(202, 'ignored', NOT_OURS), repository };
}

/** Nothing is lost where it fails: promotions ask GitHub by themselves. */
async function tellAll(receiver: Receiver, { repository, pipelines }: Hint): Promise<DeliveryAnswer> {
  const { slots, hint } = receiver;
  const { endMs, link } = withDeadline(receiver.link);
  const told: string[] = [];
  let isRecent = false;
  try {
    for (const pipeline of pipelines) {
      const ids = await slots.run(endMs, () => hint(link, pipeline));
      if (ids === null) isRecent = true;
      else told.push(...ids);
    }
  } catch (error) {
    return { ...explain(error), repository };
  }
  if (told.length > 0) return { ...answer(202, 'told', told.join(', ')), repository };
  const why = isRecent ? 'told a moment ago: GitHub is being asked' : 'no promotion waits for a review';
  return { ...answer(202, 'ignored', why), repository };
}

async function startAll(
  { link: patient, slots }: Receiver,
  { push, routes, about }: PushWork,
  delivery: string,
): Promise<DeliveryAnswer> {
  const { endMs, link } = withDeadline(patient);
  const tried = await Promise.allSettled(
    routes.map(async (route) => {
      const request = releaseOfPush(push, route, delivery);
      const { workflowId, runId, how, url } = await slots
        .run(endMs, () => startReleaseOnce(link, request, push.pushedAtMs))
        .catch((error: unknown) => {
          throw isNoAnswer(error) || isUnreadable(error) ? notOurs(error, idsOf(request).plain) : error;
        });
      return { pipeline: route.pipeline, workflowId, runId, how, url };
    }),
  );
  const releases = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = tried.find((one) => one.status === 'rejected');
  if (failed !== undefined) return { ...explain(failed.reason), ...about, releases };
  const how = (['started', 'joined'] as const).find((word) => releases.some((one) => one.how === word));
  return { ...answer(202, how ?? 'again', null), ...about, releases };
}

/** For everything that one delivery asks of Temporal. */
function withDeadline(patient: TemporalLink): { endMs: number; link: TemporalLink } {
  const endMs = Date.now() + TEMPORAL_DEADLINE_MS;
  return { endMs, link: { ...patient, ask: (question) => patient.client.withDeadline(endMs, question) } };
}

/** Where the release would stand is something that says nothing we can read. Also what has ended keeps its memo. */
function notOurs({ message }: Error, workflowId: string): UserError {
  return unreachable({
    what: `what stands there cannot be read (${message.slice(0, 60)})`,
    where: workflowId,
    wayOut:
      'if it is ours, set SLIPWAY_PAYLOAD_KEYS as the workers have it; else remove it: temporal workflow delete',
  });
}

/** What Temporal does not take now it takes when the delivery comes again. */
function explain(error: unknown): DeliveryAnswer {
  if (
    isGrpcServiceError(error) ||
    isGrpcServiceError(causeOf(error)) ||
    error instanceof UserError ||
    error instanceof TurnMissed
  ) {
    const why = error instanceof Error ? error.message : 'no answer';
    return answer(503, 'unavailable', `Temporal did not take it, deliver it again: ${why.slice(0, 300)}`);
  }
  return ourBug(error);
}

export function ourBug(error: unknown): DeliveryAnswer {
  return { ...answer(500, 'failed', 'our bug: its trace is in the log of slipway serve'), bug: error };
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** An answer about nothing in particular. */
export function answer(
  status: number,
  outcome: DeliveryAnswer['outcome'],
  why: string | null,
): DeliveryAnswer {
  return { status, outcome, why, repository: null, ref: null, commit: null, by: null, releases: [] };
}
