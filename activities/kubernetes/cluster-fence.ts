/**
 * The fence of what lives in a cluster: annotations on the object itself. Every write names the resourceVersion that was
 * read together with them, so of two workers that reach the API server one is told Conflict and looks again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { foreignHand } from '../failure.js';
import type { Fence } from '../hosts/host.js';
import { overtaken, ownerOf, requireNotAnothers } from '../hosts/owner.js';
import { Conflict, type Cluster } from './cluster.js';
import type { Metadata } from './objects.js';

export const FENCE_ANNOTATION = 'slipway.dev/fence';
/** Highest token whose undo has begun: a deploy of the same change that comes late is refused. */
export const UNDONE_ANNOTATION = 'slipway.dev/undone';
export const OWNER_ANNOTATION = 'slipway.dev/owner';

/** The status of what rolls out is written all the time, and each write is a new version. */
const WRITE_TRIES = 40;
const BETWEEN_TRIES_MS = 25;

export interface Fenced {
  cluster: Cluster;
  /** Path of the object. */
  path: string;
  /** `deployment/app`, for messages. */
  thing: string;
  /** `prod namespace web`. */
  where: string;
  fence: Fence;
  signal?: AbortSignal;
}

export function fenceOf({ annotations }: Metadata): number {
  return Number(annotations?.[FENCE_ANNOTATION] ?? 0);
}

/** Throws Refused when another pipeline owns it, StaleFence when a newer change has it or this one is being undone. */
export function requireOurs({ thing, where, fence }: Omit<Fenced, 'cluster' | 'path'>, of: Metadata): void {
  const owner = of.annotations?.[OWNER_ANNOTATION] ?? null;
  const seen = fenceOf(of);
  const [kind = '', name = ''] = thing.split('/');
  const handOver = `kubectl annotate --overwrite ${kind} ${name} ${OWNER_ANNOTATION}=${ownerOf(fence)}`;
  requireNotAnothers(
    { fence, where },
    thing,
    { owner, fence: seen },
    `name another, or hand it over: ${handOver}`,
  );
  const isUndone = Number(of.annotations?.[UNDONE_ANNOTATION] ?? 0) >= fence.token;
  if (fence.way !== 'forward' || !isUndone || fence.token <= 0) return;
  throw overtaken(where, seen, `this change is being undone at ${thing} already, so it deploys nothing more`);
}

export function claimed(fence: Fence): Record<string, string> {
  return {
    [FENCE_ANNOTATION]: String(fence.token),
    [OWNER_ANNOTATION]: ownerOf(fence),
    ...(fence.way === 'back' ? { [UNDONE_ANNOTATION]: String(fence.token) } : {}),
  };
}

/** What a write changes: a strategic merge patch; `metadata.annotations: null` of a key takes it away. */
export interface Patch {
  metadata?: { annotations?: Record<string, string | null> };
  spec?: Record<string, unknown>;
}

/**
 * Compare-and-set: reads, checks owner and fence, and patches exactly the version that was read. `change` says what is
 * to be written (null = it is right already) and is asked again after every lost race. null = there is no such object.
 */
export async function writeFenced<T extends { metadata: Metadata }>(
  fenced: Fenced,
  read: (object: unknown) => T,
  change: (present: T) => Patch | null,
): Promise<{ before: T; written: boolean } | null> {
  const { cluster, path, fence, thing, where } = fenced;
  const manners = fenced.signal === undefined ? {} : { signal: fenced.signal };
  for (let round = 1; round <= WRITE_TRIES; round += 1) {
    const answer = await cluster.ask({ method: 'GET', path, ...manners });
    if (answer === null) return null;
    const before = read(answer);
    requireOurs(fenced, before.metadata);
    const patch = change(before);
    const annotations = { ...claimed(fence), ...patch?.metadata?.annotations };
    const isClaimed = Object.entries(annotations).every(
      ([key, value]) => (before.metadata.annotations?.[key] ?? null) === value,
    );
    if (patch?.spec === undefined && isClaimed) return { before, written: false };
    const { resourceVersion } = before.metadata;
    const body = { ...patch, metadata: { resourceVersion, annotations } };
    try {
      await cluster.ask({ method: 'PATCH', path, body, ...manners });
      return { before, written: patch !== null };
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      await pause(BETWEEN_TRIES_MS, undefined, manners);
    }
  }
  throw foreignHand({
    what: `${thing} is being changed by somebody else all the time`,
    where,
    why: `${WRITE_TRIES} writes in a row met a newer version`,
    wayOut: 'find the other writer (kubectl get --show-managed-fields names them), stop it, then retry',
  });
}
