/** Deliveries as GitHub sends them: its real payloads, signed. */
import { createHmac, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { plantToken } from './planted.js';

export const SECRET = plantToken('It is a secret to nobody: ');
/** The repository of the examples. */
export const GITHUB_NAME = 'Codertocat/Hello-World';

interface EventExamples {
  name: string;
  examples: Record<string, unknown>[];
}

const require = createRequire(import.meta.url);
const examples = require('@octokit/webhooks-examples') as EventExamples[];

/** Every event GitHub has examples of. */
export const eventNames: string[] = examples.map(({ name }) => name);

/** GitHub's own payloads of an event. */
export function payloadsOf(event: string): Record<string, unknown>[] {
  const found = examples.find(({ name }) => name === event);
  if (found === undefined) throw new Error(`there is no example of ${event}`);
  return found.examples;
}

/** The real push, but of this ref and commit; `before` defaults to a new ref, `github` and `by` to GitHub's example. */
export function pushOf(push: {
  ref: string;
  after: string;
  before?: string;
  pushedAtMs?: number;
  /** `owner/name` */
  github?: string;
  /** Login of the sender. */
  by?: string;
}): Record<string, unknown> {
  const real = payloadsOf('push').find(({ deleted }) => deleted === false);
  if (real === undefined) throw new Error('there is no example of a push');
  const { ref, after, before = '0'.repeat(40), pushedAtMs = Date.now(), github = GITHUB_NAME } = push;
  const sender = real['sender'] as { login: string };
  return {
    ...{ ...real, ref, before, after, head_commit: { id: after } },
    repository: {
      ...{ ...(real['repository'] as object), full_name: github },
      pushed_at: Math.floor(pushedAtMs / 1000),
    },
    sender: { ...sender, login: push.by ?? sender.login },
  };
}

/** The real payload of an event and action, with these fields changed. */
function realOf(event: string, action: string, changes: Record<string, unknown>): Record<string, unknown> {
  const real = payloadsOf(event).find((each) => each['action'] === action);
  if (real === undefined) throw new Error(`there is no example of ${event} ${action}`);
  const { github = GITHUB_NAME, ...others } = changes;
  return { ...real, ...others, repository: { ...(real['repository'] as object), full_name: github } };
}

/** The real submitted review, which is a comment there, with this state. */
export function reviewOf(state: string, github = GITHUB_NAME): Record<string, unknown> {
  const [real] = payloadsOf('pull_request_review');
  const review = { ...(real?.['review'] as object), state };
  return realOf('pull_request_review', 'submitted', { review, github });
}

/** The real request for a review of a deployment, answered with this word. */
export function deploymentReviewOf(action: string, github = GITHUB_NAME): Record<string, unknown> {
  return realOf('deployment_review', 'requested', { action, github });
}

export function sign(body: string, secret = SECRET): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

export interface Delivered {
  status: number;
  retryAfter: string | null;
  body: Record<string, unknown>;
}

/** `url` is what `slipway serve` says it listens on. */
export async function deliver(
  url: string,
  event: string,
  payload: unknown,
  more: { id?: string; secret?: string; headers?: Record<string, string> } = {},
): Promise<Delivered> {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const answer = await fetch(url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': event,
      'x-github-delivery': more.id ?? randomUUID(),
      'x-hub-signature-256': sign(body, more.secret),
      ...more.headers,
    },
  });
  const said: Record<string, unknown> = JSON.parse(await answer.text());
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: said };
}
