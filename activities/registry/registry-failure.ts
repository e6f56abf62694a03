/** What a registry's refusals mean for a release, with the way out. */
import { badInput, refused } from '../failure.js';
import { printable } from '../../pipeline/file-error.js';
import { later, pauseMs } from '../retry-after.js';

export interface HttpAnswer {
  status: number;
  headers: Headers;
  body: Buffer;
}

export interface Asked {
  /** `cr.example.com` */
  server: string;
  /** `cr.example.com/team/app` or with `:tag`. */
  thing: string;
  /** `read` or `write`: what the login must be allowed to do. */
  access: 'read' | 'write';
  /** Was a login sent? */
  username: string | null;
}

const UNAVAILABLE = 'RegistryUnavailable';

/** The failure for any answer that is not the one wanted. */
export function explainAnswer(asked: Asked, answer: HttpAnswer): Error {
  const body = printable(answer.body.toString('utf8').slice(0, 2048));
  const retryAfter = answer.headers.get('retry-after');
  const told = { where: asked.thing, why: body === '' ? null : body };
  const { server, username } = asked;
  switch (answer.status) {
    case 401:
      return refused({
        ...told,
        what: username === null ? `${server} wants a login` : `${server} refused the login of ${username}`,
        wayOut:
          username === null
            ? 'give the pipeline file registry: {username, password: env:NAME}'
            : `check registry.username and the secret behind registry.password; the token may have expired (docker login ${server} shows the same)`,
      });
    case 403:
      return refused({
        ...told,
        what: `${username ?? 'nobody'} may not ${asked.access} there`,
        wayOut: `give ${username ?? 'a login'} ${asked.access === 'write' ? 'push' : 'pull'} rights on ${asked.thing}`,
      });
    case 404:
      return refused({
        ...told,
        what: 'the registry does not know it',
        wayOut: `check the name; some registries want the project created first`,
      });
    case 429:
      return later(UNAVAILABLE, `${asked.thing}: ${server} says too many requests`, pauseMs(retryAfter));
    default:
      if (answer.status >= 500 || answer.status === 408) {
        return later(
          UNAVAILABLE,
          `${asked.thing}: ${server} answered ${answer.status} ${body}`,
          pauseMs(retryAfter),
        );
      }
      return refused({
        ...told,
        what: `${server} answered ${answer.status}`,
        wayOut: 'read why above, or ask whoever runs the registry',
      });
  }
}

/** No answer at all: retried. */
export function explainUnreachable(asked: Asked, error: unknown): Error {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const because =
    cause instanceof Error ? `${'code' in cause ? `${String(cause.code)} ` : ''}${cause.message}` : '';
  const hint = /wrong version number|ERR_SSL|packet length too long|EPROTO/i.test(because)
    ? '; it may speak plain http: list it in the worker’s insecure registries'
    : '';
  return later(
    UNAVAILABLE,
    `${asked.thing}: ${asked.server} cannot be reached from the worker: ${because}${hint}`,
    null,
  );
}

/** Nothing Slipway understands came back. */
export function notARegistry(asked: Asked, what: string): Error {
  return badInput({
    what,
    where: asked.thing,
    why: null,
    wayOut: `check that ${asked.server} is a container registry (its /v2/ must answer)`,
  });
}
