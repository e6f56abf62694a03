/** GitHub's `push` payload → what may be released. Everything in it is somebody else's text. */
import { z } from 'zod';
import { oneLine } from '../../workflows/plain-text.js';
import { COMMIT_ID } from '../../pipeline/commit-id.js';
import type { ReleaseRef } from '../../pipeline/plan.js';
import { isRefName, isVersionName } from '../../pipeline/ref-names.js';

export interface Push {
  /** GitHub's own number of the repository: survives a rename. */
  repositoryId: number;
  /** `owner/name` as GitHub spells it. */
  repository: string;
  ref: ReleaseRef;
  /** Full sha the ref has now. */
  commit: string;
  /** What the ref had before; zeros for a new one. */
  before: string;
  /** When GitHub took it; null = the payload does not say. */
  pushedAtMs: number | null;
  /** Login of the sender: what GitHub says, and no proof of who it is. */
  by: string;
}

export type PushReading =
  | { kind: 'push'; push: Push }
  /** Well-formed, and nothing to release. */
  | { kind: 'ignored'; repository: string; ref: string; why: string }
  | { kind: 'malformed'; why: string };

const sha = z.string().regex(COMMIT_ID, 'is no commit id');

const pushPayload = z.object({
  ref: z.string().max(1000),
  before: sha,
  after: sha,
  deleted: z.boolean().default(false),
  head_commit: z.object({ id: sha }).nullish(),
  repository: z.object({
    id: z.number().int(),
    full_name: z.string().max(200),
    pushed_at: z.union([z.number(), z.string()]).nullish(),
  }),
  sender: z.object({ login: z.string() }).nullish(),
  pusher: z.object({ name: z.string() }).nullish(),
});

type PushPayload = z.infer<typeof pushPayload>;

/**
 * A merge is a push to the base branch and a new tag is a push of it: `push` is the only event that starts releases, so
 * nothing is started twice by `pull_request` or `create`.
 */
export function readPush(body: unknown): PushReading {
  const parsed = pushPayload.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return {
      kind: 'malformed',
      why: `${issue?.path.join('.') || 'the payload'}: ${issue?.message ?? 'is not that of a push'}`,
    };
  }
  const payload = parsed.data;
  const { ref: fullRef, repository } = payload;
  const ignored = (why: string): PushReading => ({
    ...{ kind: 'ignored', repository: repository.full_name, ref: fullRef, why },
  });
  if (payload.deleted || /^0+$/.test(payload.after)) return ignored('the ref was deleted');
  const ref = readRef(fullRef);
  if (ref === null) return ignored('neither a branch nor a tag that git would create');
  if (ref.kind === 'tag' && !isVersionName(ref.name))
    return ignored('a tag becomes the version, and this one has characters that versions cannot have');
  // `after` of an annotated tag is the tag itself, not its commit
  const commit = ref.kind === 'tag' ? payload.head_commit?.id : payload.after;
  if (commit === undefined) return ignored('the tag points at no commit');
  return {
    kind: 'push',
    push: {
      ...{ repositoryId: repository.id, repository: repository.full_name, ref, commit },
      ...{ before: payload.before, pushedAtMs: readTime(repository.pushed_at), by: senderOf(payload) },
    },
  };
}

function readRef(fullRef: string): ReleaseRef | null {
  const [, kind, name] = /^refs\/(heads|tags)\/([^]+)$/.exec(fullRef) ?? [];
  if (name === undefined || !isRefName(name)) return null;
  return { kind: kind === 'tags' ? 'tag' : 'branch', name };
}

/** Seconds in a push, text in other payloads. */
function readTime(pushedAt: number | string | null | undefined): number | null {
  const timeMs = typeof pushedAt === 'number' ? pushedAt * 1000 : Date.parse(pushedAt ?? '');
  return Number.isFinite(timeMs) ? timeMs : null;
}

function senderOf({ sender, pusher }: PushPayload): string {
  const name = oneLine(sender?.login ?? pusher?.name ?? '')
    .trim()
    .slice(0, 100);
  return name === '' ? 'unknown' : name;
}
