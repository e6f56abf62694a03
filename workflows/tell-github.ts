/**
 * What GitHub is told of a release: its deployment, the commit's status, the comment with the report. Best effort: with
 * little patience, beside everything else, and never in the way of it.
 */
import { CancellationScope, log, workflowInfo } from '@temporalio/workflow';
import type { EnvironmentPlan } from '../pipeline/plan.js';
import type { CommitStatus, DeploymentRecord } from './activity-contract.js';
import { perform, type Calling } from './activity-options.js';
import type { ChangeRequest } from './messages.js';
import { readFailure } from './read-failure.js';
import type { ChangeResult } from './result.js';
import { linkToRun } from './ui-links.js';

/** Over all tries of one word: whoever waits for the end of a promotion waits for the last one. */
const PATIENCE_MS = 15_000;

export interface GithubSubject {
  requestId: string;
  version: string;
  /** Full sha. */
  commit: string;
  repositoryUrl: string;
  plan: EnvironmentPlan;
  /** Path of the run in the UI. */
  runPath: string;
}

export interface GithubNews {
  state: DeploymentRecord['state'];
  /** false = a person must look, whatever serves. */
  isClean: boolean;
  /** One line. */
  description: string;
  /** Markdown; null = the comment stays as it is. */
  report: string | null;
}

export type Wanted = NonNullable<EnvironmentPlan['github']>;

const STATUS_OF: Record<GithubNews['state'], CommitStatus['state']> = {
  pending: 'pending',
  queued: 'pending',
  in_progress: 'pending',
  success: 'success',
  failure: 'failure',
  error: 'error',
  // it never got there, and nothing is wrong with it: GitHub has no word between red and green
  inactive: 'error',
};

/** What a result means to GitHub: `inactive` = nothing of it serves, and nobody needs to look. */
export function stateForGithub({ state, clean }: Pick<ChangeResult, 'state' | 'clean'>): GithubNews['state'] {
  // also where a host was skipped: what served before does no more
  if (state === 'succeeded') return 'success';
  if (!clean) return 'error';
  switch (state) {
    case 'failed':
    case 'rolled-back':
      return 'failure';
    case 'aborted':
    case 'superseded':
      return 'inactive';
  }
}

/** Why GitHub was not told everything; null = it was. Never throws, and is not stopped by a cancellation. */
export async function tellGithub(
  about: GithubSubject,
  { state, isClean, description, report }: GithubNews,
  wanted: Wanted,
): Promise<string | null> {
  const { plan, requestId, version, commit, repositoryUrl, runPath } = about;
  const { pipeline, name: environment, production, planHash, url: environmentUrl } = plan;
  const where = { repositoryUrl, commit, environment };
  const calling: Calling = {
    summary: `${version} on ${environment}: ${state}`,
    scheduleToCloseMs: PATIENCE_MS,
  };
  const words = await CancellationScope.nonCancellable(() =>
    Promise.allSettled([
      ...(wanted.deployments
        ? [
            perform(
              'recordDeployment',
              {
                ...where,
                requestId,
                pipeline,
                production,
                version,
                planHash,
                state,
                description,
                environmentUrl,
                logUrl: runPath,
              },
              calling,
            ),
          ]
        : []),
      ...(wanted.statuses
        ? [
            perform(
              'setCommitStatus',
              { ...where, state: isClean ? STATUS_OF[state] : 'error', description, targetUrl: runPath },
              calling,
            ),
          ]
        : []),
      ...(wanted.comment && report !== null
        ? [perform('commentOnPullRequest', { ...where, pipeline, markdown: report }, calling)]
        : []),
    ]),
  );
  const [trouble] = words.flatMap((word) => (word.status === 'rejected' ? [explain(word.reason)] : []));
  if (trouble === undefined) return null;
  log.warn(`${pipeline} ${environment}: GitHub was not told of ${version}: ${trouble}`);
  return trouble;
}

function explain(error: unknown): string {
  const { what, why } = readFailure(error, 'GitHub', '').report;
  return why === null ? what : `${what} (${why})`;
}

/** Of a rollback or redeploy: what serves again is a deployment of its own, newer than the one it replaces. */
export async function tellOfWayBack(
  { requestId, version, commit, plan }: ChangeRequest,
  result: ChangeResult,
  wanted: Wanted,
): Promise<void> {
  const { path: runPath } = linkToRun('', workflowInfo().workflowId);
  const { url: repositoryUrl } = plan.repository;
  const about = { requestId, version, commit: commit.sha, repositoryUrl, plan, runPath };
  await tellGithub(
    about,
    { state: stateForGithub(result), isClean: result.clean, description: result.headline, report: null },
    wanted,
  );
}
