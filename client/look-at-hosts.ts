/** Hosts as a worker sees them. */
import { randomUUID } from 'node:crypto';
import { WorkflowFailedError } from '@temporalio/client';
import type { InspectInput, InspectResult } from '../workflows/activity-contract.js';
import { WORKFLOW } from '../workflows/names.js';
import { readFailure } from '../workflows/read-failure.js';
import { readInspection } from './answers/read-answer.js';
import type { Sender } from './send-decision.js';
import { refused, unreachable } from './user-error.js';

/** Looking at many hosts, some of which do not answer, takes its time. */
const LOOK_MS = 120_000;

/** Touches nothing. Throws UserError: exit 5 where the worker refuses to look, 8 where it gives no answer. */
export async function lookAtHosts(
  { link, pipeline, actor }: Sender,
  input: InspectInput,
): Promise<InspectResult> {
  await link.requireWorker();
  const start = {
    workflowId: `inspect/${pipeline}/${input.plan.name}/${randomUUID().slice(0, 8)}`,
    taskQueue: link.taskQueue,
    args: [input] as [InspectInput],
    staticSummary: `${input.what} ${input.plan.name}, asked by ${actor.by}`,
  };
  type Inspect = (input: InspectInput) => Promise<unknown>;
  try {
    const look = () => link.client.workflow.execute<Inspect>(WORKFLOW.inspect, start);
    return readInspection(link, start.workflowId, input.plan, await link.ask(look, LOOK_MS));
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const story = link.linkTo(start.workflowId, null) ?? start.workflowId;
    const place = `${pipeline} ${input.plan.name}`;
    const { meaning, report } = readFailure(error.cause, place, `the whole story is in ${story}`);
    const told = { ...report, what: `the worker could not look: ${report.what}` };
    throw meaning === 'no' ? refused(told) : unreachable(told);
  }
}
