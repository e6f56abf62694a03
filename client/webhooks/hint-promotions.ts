/**
 * Tells promotions that GitHub may have news, so that they ask now instead of at their next try. The signal carries
 * nothing: what GitHub then answers a worker is what counts, and without a hint it is asked all the same.
 */
import { WorkflowNotFoundError } from '@temporalio/client';
import { HINT_PAUSE_MS, takesHints } from '../../workflows/hints.js';
import { SIGNAL } from '../../workflows/names.js';
import type { TemporalLink } from '../connect.js';
import { quoted } from '../visibility-query.js';

/** So many are told of one delivery; the others ask by themselves. */
const MOST_PROMOTIONS = 50;

/**
 * Ids of the promotions of this pipeline that were told; null = they were told a moment ago, and ask again by
 * themselves. Rejects when Temporal does not answer; then nobody counts as told.
 */
export type HintPromotions = (link: TemporalLink, pipeline: string) => Promise<string[] | null>;

export function createHintPromotions(): HintPromotions {
  const toldMs = new Map<string, number>();
  return async (link, pipeline) => {
    const before = toldMs.get(pipeline);
    if (before !== undefined && Date.now() - before < HINT_PAUSE_MS) return null;
    // at once, or a flood would have asked Temporal before the first answer
    toldMs.set(pipeline, Date.now());
    try {
      const waiting = await listWaiting(link, pipeline);
      const told = await Promise.all(waiting.map((id) => hint(link, id)));
      return waiting.filter((_, index) => told[index] === true);
    } catch (error) {
      toldMs.delete(pipeline);
      throw error;
    }
  };
}

async function listWaiting(link: TemporalLink, pipeline: string): Promise<string[]> {
  const words = [
    `WorkflowType = 'promotion'`,
    `ExecutionStatus = 'Running'`,
    `SlipwayPipeline = ${quoted(pipeline)}`,
    'SlipwayWaitingFor IS NOT NULL',
  ];
  return await link.ask(async () => {
    const ids: string[] = [];
    for await (const { workflowId } of link.client.workflow.list({ query: words.join(' AND ') })) {
      ids.push(workflowId);
      if (ids.length === MOST_PROMOTIONS) break;
    }
    return ids;
  });
}

/** false = it has ended, or has been told so often that it listens no more. */
async function hint(link: TemporalLink, workflowId: string): Promise<boolean> {
  const handle = link.client.workflow.getHandle(workflowId);
  try {
    return await link.ask(async () => {
      const { historyLength } = await handle.describe();
      if (!takesHints(historyLength)) return false;
      await handle.signal(SIGNAL.githubHint);
      return true;
    });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
