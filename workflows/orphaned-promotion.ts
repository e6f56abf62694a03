/**
 * A promotion that was terminated says nothing any more and cannot take its request back. Its release does both: nobody
 * would follow a change that it had asked for.
 */
import { patched, sleep, workflowInfo } from '@temporalio/workflow';
import type { EnvironmentPlan, ReleasePlan } from '../pipeline/plan.js';
import { perform } from './activity-options.js';
import { announceEnd } from './announcing.js';
import { attempt } from './attempt.js';
import type { Decision, ReleaseRequest } from './messages.js';
import type { ChangeResult, PromotionResult } from './result.js';
import { stateForGithub, tellGithub } from './tell-github.js';
import { linkToRun } from './ui-links.js';

const ASK_AGAIN_MS = { first: 1000, longest: 10 * 60_000 };

interface Orphan {
  request: ReleaseRequest;
  plan: ReleasePlan;
  environment: EnvironmentPlan;
}

/** Queued: dropped. In flight: aborted and undone. Answers when the environment has said what came of it. */
export async function takeOrphanBack({ request, plan, environment }: Orphan): Promise<PromotionResult> {
  const { name } = environment;
  const where = `${plan.pipeline} ${name}`;
  const { requestId } = request;
  const place = { pipeline: plan.pipeline, environment: name };
  let change: ChangeResult | null | 'unknown' = 'unknown';

  await attempt('take the request back', where, async () => {
    const withdrawal = { requestId, decision: decisionOf() };
    await perform('withdrawRequest', { ...place, withdrawal }, { summary: `from ${name}` });
  });
  await attempt('say that it ended', where, () => announceEnd({ request, plan, environment }));
  await attempt('ask what came of the request', where, async () => {
    for (let pauseMs = ASK_AGAIN_MS.first; ; pauseMs = Math.min(2 * pauseMs, ASK_AGAIN_MS.longest)) {
      const summary = `what came of ${plan.version}?`;
      const { result, knows } = await perform('askEnvironment', { ...place, requestId }, { summary });
      if (result === null && knows) {
        await sleep(pauseMs, { summary: `waits until it is taken back on ${name}` });
        continue;
      }
      change = result;
      return;
    }
  });
  const end = describeOrphan({ plan, environment, change });
  const { github } = environment;
  if (github !== undefined && patched('orphans-tell-github')) {
    const { commit, version, repository } = plan;
    const { workflowId, runId } = workflowInfo();
    const { path: runPath } = linkToRun('', workflowId, runId);
    const subject = { requestId, version, commit: commit.sha, repositoryUrl: repository.url, runPath };
    const state = stateForGithub(end.change ?? end);
    await tellGithub(
      { ...subject, plan: environment },
      { state, isClean: end.clean, description: end.headline, report: null },
      github,
    );
  }
  return end;
}

/** Red in any case: whoever ended it wanted it stopped. `change` null = nothing came of its request. */
export function describeOrphan({
  plan: { pipeline, version },
  environment: { name },
  change,
}: Pick<Orphan, 'plan' | 'environment'> & { change: ChangeResult | null | 'unknown' }): PromotionResult {
  const known = change === 'unknown' ? null : change;
  return {
    headline: `${pipeline} ${version} → ${name}: its promotion was ended from outside`,
    state: 'failed',
    environment: name,
    refused: change === null,
    clean: change !== 'unknown' && (known?.clean ?? true),
    change: known,
    evidence: [],
    failure: {
      what: `the promotion was ended from outside, ${howFar(change)}`,
      where: `${pipeline} ${name}`,
      why: known?.failure?.what ?? null,
      wayOut:
        change === 'unknown'
          ? `slipway status ${name}`
          : `slipway release ${version} --to ${name} starts anew`,
    },
  };
}

function howFar(change: ChangeResult | null | 'unknown'): string {
  if (change === 'unknown') return 'how far it came is not known here';
  return change === null ? 'nothing was touched' : change.headline;
}

function decisionOf(): Decision {
  const nothing = { reason: null, planHash: null, digest: null, group: null, host: null, until: null };
  const { runId } = workflowInfo();
  return { ...nothing, by: 'the end of its promotion', proof: 'unverified', decisionId: `orphan-${runId}` };
}
