/** What a person decides or asks for, on its way to the workflow that takes it. */
import { randomUUID } from 'node:crypto';
import { type WorkflowHandle, WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import type { Actor, Decision, EnvironmentRequest } from '../workflows/messages.js';
import {
  environmentId,
  SIGNAL,
  type UPDATE,
  WORKFLOW,
  WORKFLOW_TASK_TIMEOUT_MS,
} from '../workflows/names.js';
import { findProblem } from '../workflows/read-decision.js';
import { readReply } from './answers/read-answer.js';
import type { TemporalLink } from './connect.js';
import type { Decided } from './decided.js';
import type { DecisionTarget } from './targets.js';
import { badInput } from './user-error.js';

export type UpdateName = keyof typeof UPDATE;

/** Whose word it is, and about which pipeline. */
export interface Sender {
  link: TemporalLink;
  pipeline: string;
  actor: Actor;
}

/** To whoever takes it. Throws UserError (exit 2) when it is malformed. */
export async function sendDecision(
  { link, actor }: Sender,
  target: DecisionTarget,
  name: UpdateName,
  said: Partial<Decision>,
): Promise<Decided> {
  const decision = makeDecision(actor, said);
  const { decisionId } = decision;
  try {
    const handle: WorkflowHandle = link.client.workflow.getHandle(target.workflowId);
    const answer = await link.ask(() =>
      handle.executeUpdate<unknown, [Decision]>(name, { updateId: decisionId, args: [decision] }),
    );
    return { decisionId, target, reply: readReply(link, target.workflowId, answer) };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // It ended between our look and our word.
    const reply = { accepted: false, refused: 'it has ended meanwhile', state: 'ended' };
    return { decisionId, target, reply };
  }
}

/** To the environment itself, which need not be there yet. Throws as `sendDecision`. */
export async function sendToEnvironment(
  sender: Sender,
  environment: string,
  name: UpdateName,
  said: Partial<Decision>,
): Promise<Decided> {
  const { link, actor } = sender;
  await link.requireWorker();
  const { workflowId, ...start } = environmentStart(sender, environment);
  const decision = makeDecision(actor, said);
  const { decisionId } = decision;
  const answer = await link.ask(() =>
    link.client.workflow.executeUpdateWithStart<Workflow, unknown, [Decision]>(name, {
      updateId: decisionId,
      args: [decision],
      startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOW.environment, {
        ...start,
        workflowId,
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    }),
  );
  const reply = readReply(link, workflowId, answer);
  return { decisionId, target: { kind: 'environment', workflowId, version: '', requestId: '' }, reply };
}

/** Into its queue. */
export async function sendRequest(
  sender: Sender,
  environment: string,
  request: EnvironmentRequest,
): Promise<void> {
  const { link } = sender;
  await link.requireWorker();
  await link.ask(() =>
    link.client.workflow.signalWithStart(WORKFLOW.environment, {
      ...environmentStart(sender, environment),
      signal: SIGNAL.request,
      signalArgs: [request],
    }),
  );
}

function environmentStart({ link, pipeline }: Sender, environment: string) {
  return {
    workflowId: environmentId(pipeline, environment),
    taskQueue: link.taskQueue,
    args: [{ pipeline, environment, carried: null }],
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
  };
}

function makeDecision(actor: Actor, said: Partial<Decision>): Decision {
  const decision: Decision = {
    ...actor,
    decisionId: randomUUID(),
    reason: null,
    planHash: null,
    digest: null,
    group: null,
    host: null,
    until: null,
    ...said,
  };
  const problem = findProblem(decision);
  if (problem === null) return decision;
  throw badInput({
    what: problem,
    where: `decision of ${decision.by.slice(0, 100)}`,
    wayOut: 'correct it; nothing was sent',
  });
}
