/**
 * GitHub's REST API for one repository, through octokit, which is loaded by the first question: a worker without
 * GitHub starts no slower. Its own retries and throttling are off; Temporal retries, and a limit says when.
 */
import type { App, Octokit } from 'octokit';
import { z } from 'zod';
import { refused } from '../failure.js';
import type { Secrets } from '../secrets/secrets.js';
import { badAppKey, explainGithub, statusOf, type Asked } from './github-failure.js';
import { readRepositoryName, webHost, type RepositoryName } from './repository-name.js';
import type { GithubLogin, GithubSettings } from './settings.js';

export interface Github {
  /** Throws BadInput for an address that is not on this GitHub, Refused without a usable login. */
  open(repositoryUrl: string, signal?: AbortSignal): Promise<GithubRepository>;
}

export interface GithubRepository extends RepositoryName {
  /** `acme/shop` */
  readonly name: string;
  /** Whose hand wrote what we find again. */
  readonly login: GithubLogin | null;
  /** One question; `what` completes “cannot …”. Failures as explainGithub says. */
  ask<T>(what: string, question: (octokit: Octokit, at: At) => Promise<{ data: T }>): Promise<T>;
  /** The same, null when there is no such thing (404). */
  find<T>(what: string, question: (octokit: Octokit, at: At) => Promise<{ data: T }>): Promise<T | null>;
  /** Every page of a list, or at most `most` items. */
  list<Page, Item>(
    what: string,
    question: (octokit: Octokit, at: At & Paging) => Promise<{ data: Page; headers: { link?: string } }>,
    items: (page: Page) => readonly Item[],
    most?: number,
  ): Promise<Item[]>;
}

/** Spread into every request. */
export type At = { owner: string; repo: string; request: { signal: AbortSignal } };

export type Paging = { per_page: number; page: number };

const REQUEST_TIMEOUT_MS = 30_000;
const PER_PAGE = 100;
/** A list without an end would hold the worker for ever. */
const MOST_ITEMS = 5000;

const installationToken = z.object({ token: z.string() });

export interface GithubDependencies {
  settings: GithubSettings;
  secrets: Pick<Secrets, 'resolve' | 'conceal'>;
}

export function createGithub(deps: GithubDependencies): Github {
  const logIn = createLogIn(deps);
  const { apiUrl, login } = deps.settings;
  return {
    async open(repositoryUrl, signal) {
      const { owner, repo } = readRepositoryName(repositoryUrl, apiUrl);
      const name = `${owner}/${repo}`;
      const where = `${name} on ${webHost(apiUrl)}`;
      const at = (): At => ({ owner, repo, request: { signal: limited(signal) } });
      const octokit = await logIn({ where, at, signal });

      async function tryTo<T>(what: string, work: () => Promise<T>): Promise<T> {
        try {
          return await work();
        } catch (error) {
          if (signal?.aborted === true) throw error;
          throw explainGithub({ where, what, login: login?.kind ?? null }, error);
        }
      }

      return {
        owner,
        repo,
        name,
        login,
        ask: (what, question) => tryTo(what, async () => (await question(octokit, at())).data),
        find: (what, question) =>
          tryTo(what, async () => {
            try {
              return (await question(octokit, at())).data;
            } catch (error) {
              if (statusOf(error) === 404) return null;
              throw error;
            }
          }),
        async list(what, question, items, most = MOST_ITEMS) {
          const all = [];
          for (let page = 1; all.length < most; page += 1) {
            const answer = await tryTo(what, () => question(octokit, { ...at(), per_page: PER_PAGE, page }));
            all.push(...items(answer.data));
            if (!(answer.headers.link ?? '').includes('rel="next"')) break;
          }
          return all.slice(0, most);
        },
      };
    },
  };
}

function limited(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

interface LoggingIn {
  where: string;
  at: () => At;
  signal: AbortSignal | undefined;
}

/** Secrets are read anew each time, so that a rotated token needs no restart. */
function createLogIn({ settings, secrets }: GithubDependencies): (to: LoggingIn) => Promise<Octokit> {
  const { login } = settings;
  /** Keeps the tokens of its installations until they expire. */
  let known: { key: string; app: App } | null = null;

  return async ({ where, at, signal }) => {
    const { App, Octokit } = await import('octokit');
    const quiet = (): void => undefined;
    const Configured = Octokit.defaults({
      baseUrl: settings.apiUrl,
      userAgent: 'slipway',
      retry: { enabled: false },
      throttle: { enabled: false },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
    if (login === null) return new Configured();
    if (login.kind === 'token') return new Configured({ auth: await secrets.resolve(login.token) });

    const key = await secrets.resolve(login.privateKey);
    if (known?.key !== key)
      known = { key, app: new App({ appId: login.appId, privateKey: key, Octokit: Configured }) };
    const { app } = known;
    const asked: Asked = { where, what: `log in as App ${login.appId}`, login: 'app' };
    try {
      const { data } = await app.octokit.request('GET /repos/{owner}/{repo}/installation', at());
      const octokit = await app.getInstallationOctokit(data.id);
      const { token } = installationToken.parse(await octokit.auth({ type: 'installation' }));
      secrets.conceal(token, `token of App ${login.appId}`);
      return octokit;
    } catch (error) {
      if (signal?.aborted === true) throw error;
      if (statusOf(error) === 404) throw notInstalled(where, login.appId);
      if (isKeyProblem(error)) throw badAppKey(where, error);
      throw explainGithub(asked, error);
    }
  };
}

function notInstalled(where: string, appId: string): Error {
  return refused({
    what: `GitHub App ${appId} is not installed there`,
    where,
    why: null,
    wayOut: "install it: the App's page on GitHub, Install App, then choose the repository",
  });
}

/** Signing fails before anything is sent. */
function isKeyProblem(error: unknown): boolean {
  return error instanceof Error && !('status' in error) && /key|pem|pkcs|asn1|decoder/i.test(error.message);
}
