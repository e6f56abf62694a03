/** What GitHub's refusals mean, with the way out; a limit says itself when to come back. */
import { z } from 'zod';
import { printable } from '../../pipeline/file-error.js';
import { badInput, refused } from '../failure.js';
import { later, pauseMs } from '../retry-after.js';
import type { GithubLogin } from './settings.js';

export interface Asked {
  /** `acme/shop on github.com` */
  where: string;
  /** As in “cannot …”: `read the checks of 3f2a9c1`. */
  what: string;
  login: GithubLogin['kind'] | null;
}

/** As octokit's RequestError is built; without `response` nobody answered. */
const answerSchema = z.object({
  status: z.number(),
  response: z
    .object({
      headers: z.record(z.string(), z.union([z.string(), z.number(), z.undefined()])),
      data: z.unknown(),
    })
    .optional(),
});
const bodySchema = z.object({
  message: z.string().optional(),
  errors: z.array(z.union([z.string(), z.looseObject({ message: z.string().optional() })])).optional(),
});

interface Answer {
  status: number;
  header: (name: string) => string | null;
  /** What GitHub said, on one line. */
  said: string;
}

const UNAVAILABLE = 'GithubUnavailable';
/** A secondary limit without a time: GitHub asks for at least a minute. */
const SECONDARY_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 60 * 60_000;

/** The status GitHub answered with; null when it did not answer. */
export function statusOf(error: unknown): number | null {
  return readAnswer(error)?.status ?? null;
}

/** The failure for anything octokit throws. Limits, 5xx and silence are retryable, everything else is final. */
export function explainGithub(asked: Asked, error: unknown, nowMs = Date.now()): Error {
  const { where, what } = asked;
  const answer = readAnswer(error);
  if (answer === null)
    return later(UNAVAILABLE, `${where}: GitHub cannot be reached to ${what}: ${becauseOf(error)}`, null);
  const { status, said } = answer;
  const pause = limitPauseMs(answer, nowMs);
  if (pause !== null)
    return later(UNAVAILABLE, `${where}: GitHub's rate limit stops us to ${what} (${said})`, pause);
  if (status >= 500 || status === 408)
    return later(UNAVAILABLE, `${where}: GitHub answered ${status} to ${what} ${said}`, null);
  const told = { where, why: said === '' ? null : said };
  switch (status) {
    case 401:
      return refused({ ...told, what: `GitHub refused the login to ${what}`, wayOut: renewLogin(asked) });
    case 403:
      return refused({ ...told, what: `the login may not ${what}`, wayOut: grant(answer, asked) });
    case 404:
      return refused({
        ...told,
        what: `GitHub found nothing to ${what}, or the login may not see it`,
        wayOut: `check the repository's address; ${grant(answer, asked)}`,
      });
    default:
      return refused({
        ...told,
        what: `GitHub answered ${status} to ${what}${said === '' ? '' : `: ${said}`}`,
        wayOut: 'mend what GitHub names there, then try again',
      });
  }
}

/** The key of the App cannot be read, or is not a key. */
export function badAppKey(where: string, error: unknown): Error {
  return badInput({
    what: `the private key of the GitHub App cannot be used (${becauseOf(error)})`,
    where,
    why: null,
    wayOut: 'let SLIPWAY_GITHUB_APP_KEY_FILE name the .pem file that GitHub gave for the App',
  });
}

function readAnswer(error: unknown): Answer | null {
  const read = answerSchema.safeParse(error);
  const response = read.data?.response;
  if (read.data === undefined || response === undefined) return null;
  return {
    status: read.data.status,
    header: (name) => {
      const value = response.headers[name];
      return value === undefined ? null : String(value);
    },
    said: readBody(response.data),
  };
}

function readBody(data: unknown): string {
  const body = bodySchema.safeParse(data).data;
  const errors = (body?.errors ?? []).map((each) =>
    typeof each === 'string' ? each : (each.message ?? JSON.stringify(each)),
  );
  const text = [body?.message, ...errors].filter((each) => each !== undefined).join('; ');
  return printable(text).slice(0, 500);
}

/** Milliseconds until GitHub wants to hear from us again; null when it was no limit. */
function limitPauseMs({ status, header, said }: Answer, nowMs: number): number | null {
  if (status !== 403 && status !== 429) return null;
  const asked = pauseMs(header('retry-after'), nowMs);
  if (asked !== null) return asked;
  const reset = Number(header('x-ratelimit-reset'));
  if (header('x-ratelimit-remaining') === '0' && reset > 0)
    return Math.min(Math.max(reset * 1000 - nowMs, 1000), LONGEST_PAUSE_MS);
  return status === 429 || /rate limit|abuse/i.test(said) ? SECONDARY_PAUSE_MS : null;
}

function renewLogin({ login }: Asked): string {
  if (login === 'app')
    return 'check SLIPWAY_GITHUB_APP_ID and its key file, and that the clock of the worker is right';
  return 'it may have expired: give the worker a new one (SLIPWAY_GITHUB_TOKEN, docs/github.md)';
}

function grant({ header }: Answer, { login }: Asked): string {
  if (login === null) return 'give the worker a login (SLIPWAY_GITHUB_TOKEN, docs/github.md)';
  const sso = /url=(\S+)/.exec(header('x-github-sso') ?? '')?.[1];
  if (sso !== undefined) return `authorise the token for the organisation: ${printable(sso)}`;
  const wanted = header('x-accepted-github-permissions');
  if (login === 'token' && wanted?.includes('checks=') === true)
    return 'use a GitHub App, or a classic token with the scope repo: GitHub gives fine-grained tokens no right to read check runs';
  const rights = wanted === null || wanted === '' ? '' : ` ${printable(wanted)}`;
  return login === 'app'
    ? `install the App on this repository with the rights it needs${rights} (docs/github.md)`
    : `give the token the rights it needs${rights} (docs/github.md)`;
}

function becauseOf(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error)).slice(0, 300);
  const cause = error.cause instanceof Error ? error.cause : error;
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  const code = 'code' in inner && typeof inner.code === 'string' ? `${inner.code} ` : '';
  return printable(`${code}${inner.message}`).slice(0, 300);
}
