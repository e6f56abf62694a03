/** A release makes itself known to its environments and learns who is older or newer: ancestry decides, not arrival. */
import { patched, workflowInfo } from '@temporalio/workflow';
import type { EnvironmentPlan, ReleasePlan } from '../pipeline/plan.js';
import type { EnvironmentAnswer } from './activity-contract.js';
import { perform } from './activity-options.js';
import { waitsForItsWords } from './awaited-words.js';
import type { Announcement, ReleaseRequest } from './messages.js';

interface Announcing {
  request: ReleaseRequest;
  plan: ReleasePlan;
  environment: EnvironmentPlan;
}

/** What the environment answers to the first word of a release; null = it was not asked. */
export async function announceRelease(
  announcing: Announcing,
  supersedes: string[],
): Promise<EnvironmentAnswer | null> {
  return await announce(announcing, 'building', supersedes);
}

export async function announceEnd(announcing: Announcing): Promise<void> {
  await announce(announcing, 'ended', []);
}

async function announce(
  { request, plan, environment }: Announcing,
  phase: Announcement['phase'],
  supersedes: string[],
): Promise<EnvironmentAnswer | null> {
  const { workflowId, startTime } = workflowInfo();
  const announcement: Announcement = {
    requestId: request.requestId,
    workflowId,
    phase,
    version: plan.version,
    commit: plan.commit.sha,
    supersedes,
    waitingFor: null,
    since: startTime.toISOString(),
    queue: environment.queue,
  };
  const input = { pipeline: plan.pipeline, environment: environment.name, announcement };
  const summary = `${plan.version} ${phase} to ${environment.name}`;
  return await perform('announce', input, { summary, awaited: waitsForItsWords() });
}

/**
 * Where releases queue in order nobody need know who else is under way, but being asked makes the environment forget
 * those that were terminated. An answer was asked for already; runs from before this patch did not ask there.
 */
export async function sweepAnnouncements(
  { request, plan, environment }: Announcing,
  answer: EnvironmentAnswer | null,
): Promise<void> {
  if (answer !== null || !patched('announcements-are-swept')) return;
  const asked = { pipeline: plan.pipeline, environment: environment.name, requestId: request.requestId };
  await perform('askEnvironment', asked, { summary: `${environment.name} forgets who has ended` });
}

/** Commits under way that are older than ours, and one that is newer, if any. Asks where there is no answer yet. */
export async function findOlder(
  { request, plan, environment }: Announcing,
  answer: EnvironmentAnswer | null,
): Promise<{ older: string[]; newer: string | null }> {
  const { pipeline, commit, repository } = plan;
  const { name } = environment;
  const asked = { pipeline, environment: name, requestId: request.requestId };
  // an older worker announces without asking
  const { underway } =
    answer ?? (await perform('askEnvironment', asked, { summary: `who else is under way to ${name}?` }));
  const others = underway.filter((other) => other.commit !== commit.sha);
  if (others.length === 0) return { older: [], newer: null };

  const ancestorsOf = async (sha: string, candidates: string[]): Promise<string[]> => {
    const input = { repositoryUrl: repository.url, commit: sha, candidates };
    const { ancestors } = await perform('listAncestors', input, { summary: `of ${sha.slice(0, 7)}` });
    return ancestors;
  };
  const older = await ancestorsOf(
    commit.sha,
    others.map((other) => other.commit),
  );
  for (const other of others) {
    if (other.queue !== 'newest' || older.includes(other.commit)) continue;
    const ours = await ancestorsOf(other.commit, [commit.sha]);
    if (ours.includes(commit.sha)) return { older, newer: other.commit };
  }
  return { older, newer: null };
}
