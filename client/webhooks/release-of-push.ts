/** One push → the request of one pipeline's release. */
import { createHash } from 'node:crypto';
import type { ReleaseRequest } from '../../workflows/messages.js';
import { newRequestId } from '../start-release.js';
import type { Push } from './read-push.js';

/** A pipeline that pushes to one repository release. */
export interface PipelineRoute {
  pipeline: string;
  /** `owner/name` on GitHub. */
  github: string;
  /** What the worker fetches: from here, never from the payload. */
  repositoryUrl: string;
  /** Path of the pipeline file in the repository. */
  file: string;
}

/** GitHub's names know no case. */
export function routesOf(routes: readonly PipelineRoute[], repository: string): PipelineRoute[] {
  return routes.filter(({ github }) => github.toLowerCase() === repository.toLowerCase());
}

/**
 * The same push makes the same request id, whatever the delivery is called: its header is not signed, and two webhooks
 * may tell of one push. Only a payload without a time falls back on the delivery.
 */
export function releaseOfPush(push: Push, route: PipelineRoute, delivery: string): ReleaseRequest {
  const { ref, commit, by } = push;
  const version = ref.kind === 'tag' ? ref.name : commit.slice(0, 7);
  return {
    requestId: newRequestId(version, identityOf(push, delivery)),
    pipeline: route.pipeline,
    repositoryUrl: route.repositoryUrl,
    file: route.file,
    ref,
    commit,
    version,
    to: [],
    actor: { by, proof: 'unverified' },
    reason: `pushed to GitHub, delivery ${delivery}`,
    trigger: 'push',
  };
}

function identityOf({ repositoryId, ref, before, commit, pushedAtMs }: Push, delivery: string): string {
  const facts = [repositoryId, ref.kind, ref.name, before, commit, pushedAtMs ?? delivery];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}
