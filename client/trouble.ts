/** Why a step takes long: what Temporal tries again by itself, in the words of the last try, or how far this one is. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { STILL_WAITS } from '../workflows/failures.js';
import type { StepReport } from '../workflows/result.js';
import type { TemporalLink } from './connect.js';

const TRIED = 'tried again: ';
const LONGEST = 300;

/**
 * Of the activities that have failed and will be tried again; of those that have not, what they say of themselves. null =
 * nothing is known. Never rejects: it is an extra.
 */
export async function askTrouble(link: TemporalLink, workflowId: string): Promise<string | null> {
  try {
    const { raw } = await link.ask(() => link.client.workflow.getHandle(workflowId).describe());
    const pending = raw.pendingActivities ?? [];
    const failed = await firstLine(pending.map((each) => messageOf(link, workflowId, each)));
    if (failed !== null) return `${TRIED}${failed}`;
    return await firstLine(pending.map((each) => heartbeatOf(link, workflowId, each)));
  } catch {
    return null;
  }
}

/** Of the first that is not empty. */
async function firstLine(asked: Promise<string>[]): Promise<string | null> {
  const texts = await Promise.all(asked);
  const [line = ''] = texts.find((text) => text !== '')?.split('\n') ?? [];
  return line === '' ? null : line.slice(0, LONGEST);
}

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** Where payloads are sealed, a failure keeps its message in one. */
async function messageOf(link: TemporalLink, workflowId: string, pending: Pending): Promise<string> {
  const { lastFailure } = pending;
  if (lastFailure?.applicationFailureInfo?.type === STILL_WAITS) return '';
  if (!lastFailure?.encodedAttributes) return lastFailure?.message ?? '';
  const attributes = await open<{ message?: string }>(
    link,
    workflowId,
    pending,
    lastFailure.encodedAttributes,
  );
  return attributes?.message ?? '';
}

/** Where it tells people how far it is; others note there what their next attempt needs. */
async function heartbeatOf(link: TemporalLink, workflowId: string, pending: Pending): Promise<string> {
  const [last] = pending.heartbeatDetails?.payloads ?? [];
  const said = last === undefined ? null : await open<unknown>(link, workflowId, pending, last);
  return typeof said === 'string' ? said : '';
}

/** null = it holds nothing. */
async function open<Value>(
  link: TemporalLink,
  workflowId: string,
  { activityId }: Pending,
  payload: Payload,
): Promise<Value | null> {
  const context = {
    type: 'activity',
    namespace: link.namespace,
    workflowId,
    activityId: activityId ?? '',
    isLocal: false,
  } as const;
  let payloads = [payload];
  for (const codec of link.client.options.loadedDataConverter.payloadCodecs) {
    payloads = await codec.decode(payloads, context);
  }
  const [opened] = payloads;
  return opened === undefined ? null : defaultPayloadConverter.fromPayload<Value>(opened);
}

/** The step that runs says it. */
export function withTrouble<Status extends { steps: StepReport[] }>(
  status: Status,
  trouble: string | null,
): Status {
  if (trouble === null) return status;
  const steps = status.steps.map((step) => (step.state === 'running' ? { ...step, note: trouble } : step));
  return { ...status, steps };
}

/** For views of lines: a step is shown again when it meets trouble, not when it says something else. */
export function troubleOf({ note }: StepReport): string {
  return note?.startsWith(TRIED) === true ? note : '';
}
