/** Why a step takes long: what Temporal tries again by itself, in the words of the last try. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { STILL_WAITS } from '../workflows/failures.js';
import type { StepReport } from '../workflows/result.js';
import type { TemporalLink } from './connect.js';

const TRIED = 'tried again: ';
const LONGEST = 300;

/** Of the activities that have failed and will be tried again; null = none. Never rejects: it is an extra. */
export async function askTrouble(link: TemporalLink, workflowId: string): Promise<string | null> {
  try {
    const { raw } = await link.ask(() => link.client.workflow.getHandle(workflowId).describe());
    const messages = await Promise.all(
      (raw.pendingActivities ?? []).map((pending) => messageOf(link, workflowId, pending)),
    );
    const [first = ''] = messages.find((message) => message !== '')?.split('\n') ?? [];
    return first === '' ? null : `${TRIED}${first.slice(0, LONGEST)}`;
  } catch {
    return null;
  }
}

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** Where payloads are sealed, a failure keeps its message in one. */
async function messageOf(link: TemporalLink, workflowId: string, pending: Pending): Promise<string> {
  const { activityId, lastFailure } = pending;
  if (lastFailure?.applicationFailureInfo?.type === STILL_WAITS) return '';
  if (!lastFailure?.encodedAttributes) return lastFailure?.message ?? '';
  const context = {
    type: 'activity',
    namespace: link.namespace,
    workflowId,
    activityId: activityId ?? '',
    isLocal: false,
  } as const;
  let payloads = [lastFailure.encodedAttributes];
  for (const codec of link.client.options.loadedDataConverter.payloadCodecs) {
    payloads = await codec.decode(payloads, context);
  }
  const [opened] = payloads;
  const attributes =
    opened === undefined ? null : defaultPayloadConverter.fromPayload<{ message?: string } | null>(opened);
  return attributes?.message ?? '';
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
