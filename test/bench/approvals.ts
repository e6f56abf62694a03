/** A thousand promotions that wait for a person, one worker: what it costs to keep them, and to hear a thousand answers. */
import type { SlipwayClient } from '../../client/index.js';
import type { Decision, DecisionReply } from '../../workflows/messages.js';
import { promotionId, UPDATE, WORKFLOW } from '../../workflows/names.js';
import { givenDecision, givenPlanInPlace, givenRule } from '../support/given.js';
import { givenPromotion } from '../support/promotion-scene.js';
import { until } from '../support/processes.js';
import { withEnds } from './ends.js';
import { residentMib } from './resident.js';
import { row, type Benchmark } from './rows.js';
import { startTemporalStage } from './temporal-stage.js';

const PROMOTIONS = 1000;
/** Each pipeline's own releases, in turn: what a large team has waiting on a Friday. */
const ENVIRONMENTS = 50;
const AT_ONCE = 20;
const WAITING = " AND SlipwayWaitingFor = '1 approval (anybody)'";
const HOUR_MS = 3_600_000;

export const approvals: Benchmark = {
  name: 'approvals',
  about: `${PROMOTIONS} promotions waiting for approval, one worker; then ${PROMOTIONS} approvals`,
  run: (say) =>
    withEnds(async (ends) => {
      const pipeline = 'bench';
      const { client, workers } = await startTemporalStage(ends, { pipeline, workers: 1 });
      const pid = workers[0]?.pid();
      if (pid == null) throw new Error('there is no worker');
      const numbers = Array.from({ length: PROMOTIONS }, (_, index) => index);
      const ids = await forAll(numbers, (index) => startPromotion(client, pipeline, index));
      say('started');
      // asked of the server's own index: a thousand queries would load the worker that is measured
      const untilWaiting = (count: number): Promise<true> =>
        until(
          `${count} of ${PROMOTIONS} promotions to wait for approval`,
          async () => (await countRunning(client, WAITING)) === count,
          300_000,
        );
      await untilWaiting(PROMOTIONS);
      const whileWaiting = await residentMib(pid, 'VmRSS');
      say(`all wait, ${whileWaiting.toFixed(0)} MiB`);

      const startedAt = performance.now();
      const replies = await forAll(ids, (id) => approve(client, id));
      const seconds = (performance.now() - startedAt) / 1000;
      const accepted = replies.filter((reply) => reply.accepted).length;
      say(`${accepted} accepted in ${seconds.toFixed(1)} s`);
      // approved, each goes on to its wait timer
      await untilWaiting(0);
      const going = await countRunning(client, '');
      return [
        row(`worker while ${PROMOTIONS} promotions wait, RSS`, whileWaiting, 'MiB', 512),
        row('worker at its largest, approvals included, RSS', await residentMib(pid, 'VmHWM'), 'MiB', 512),
        row(`of ${PROMOTIONS} approvals not taken`, PROMOTIONS - Math.min(accepted, going), 'approvals', 0),
        row(`${PROMOTIONS} approvals, ${AT_ONCE} at once`, seconds, 's'),
      ];
    }),
};

/** At most `AT_ONCE` under way; results in the order of the items. */
async function forAll<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) results[index] = await work(item);
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
  // nothing is under way any more when the first failure is told
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
  return results;
}

async function startPromotion(client: SlipwayClient, pipeline: string, index: number): Promise<string> {
  const plan = givenPlanInPlace({
    pipeline,
    name: `env-${index % ENVIRONMENTS}`,
    queue: 'fifo',
    approvals: [givenRule(1, null, { expiresMs: 72 * HOUR_MS })],
    waitMs: HOUR_MS,
  });
  const request = givenPromotion(plan, index + 1);
  const workflowId = promotionId(pipeline, plan.name, request.requestId);
  await client.link.client.workflow.start(WORKFLOW.promotion, {
    workflowId,
    taskQueue: client.link.taskQueue,
    args: [request],
  });
  return workflowId;
}

async function countRunning(client: SlipwayClient, more: string): Promise<number> {
  const query = `WorkflowType = '${WORKFLOW.promotion}' AND ExecutionStatus = 'Running'${more}`;
  return (await client.link.client.workflow.count(query)).count;
}

async function approve(client: SlipwayClient, workflowId: string): Promise<DecisionReply> {
  const handle = client.link.client.workflow.getHandle(workflowId);
  return handle.executeUpdate<DecisionReply, [Decision]>(UPDATE.approve, { args: [givenDecision('irina')] });
}
