/** What a forged workflow answers, as far as it looks like one of ours. */
import type { Announcement, EnvironmentStatus, ProgressStatus } from '../../workflows/messages.js';
import type { BuiltArtifact } from '../../workflows/result.js';
import { givenEnvironment, givenProgress } from '../unit/client/given-status.js';
import type { ForgedScene } from './forged-scene.js';
import { givenCommit } from './given.js';

export const VERSION = 'v1.4.0';
export const HOUR_MS = 3_600_000;

/** How an answer is refused. */
export const NOT_OURS = 'its answer is none that a worker of ours gives';

// oxlint-disable-next-line no-control-regex -- what a terminal would obey
export const OBEYED = /(?!\n)[\p{Cc}\p{Cf}]/u;

export const ARTIFACT: BuiltArtifact = {
  name: 'app',
  kind: 'image',
  repository: 'app',
  digest: `sha256:${'d'.repeat(64)}`,
};

/** Of the pipeline that the scene has now. */
export function forgedStatuses(scene: ForgedScene) {
  return {
    environmentOf: (name: string, more: Partial<EnvironmentStatus> = {}): EnvironmentStatus =>
      givenEnvironment({ pipeline: scene.pipeline, environment: name, ...more }),

    /** Of a promotion. */
    waitingOn: (environment: string, more: Partial<ProgressStatus> = {}): ProgressStatus =>
      givenProgress({
        ...{ pipeline: scene.pipeline, environment, version: VERSION, waitingFor: '1 approval' },
        approving: { requestId: 'request-1', mustSign: true, expiresMs: HOUR_MS },
        ...more,
      }),

    announced: (workflowId: string, version = VERSION): Announcement => ({
      ...{ requestId: 'request-1', workflowId, phase: 'waiting', version, commit: givenCommit().sha },
      ...{ supersedes: [], waitingFor: '1 approval', since: '2026-11-14T09:00:00Z', queue: 'newest' },
    }),
  };
}
