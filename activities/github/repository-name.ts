/** Which GitHub repository an address means. */
import { badInput } from '../failure.js';
import { redactUrls } from '../source/git-names.js';

export interface RepositoryName {
  owner: string;
  repo: string;
}

/** `api.github.com` serves `github.com`, `api.acme.ghe.com` serves `acme.ghe.com`, an own server its own host. */
export function webHost(apiUrl: string): string {
  return new URL(apiUrl).hostname.replace(/^api\.(?=github\.com$|.+\.ghe\.com$)/, '');
}

/**
 * `https://HOST/owner/repo(.git)`, `ssh://git@HOST:22/owner/repo.git` and `git@HOST:owner/repo.git`. Throws BadInput
 * for every other address, and for another host than the one the worker's login is for: it must not be sent elsewhere.
 */
export function readRepositoryName(url: string, apiUrl: string): RepositoryName {
  const host = webHost(apiUrl);
  const found = splitAddress(url);
  if (found === null || !isServedBy(found.host, host)) throw notOnGithub(url, host);
  const [, owner, repo] = /^\/*([A-Za-z0-9][\w-]*)\/([\w.-]+?)(?:\.git)?\/*$/.exec(found.path) ?? [];
  if (owner === undefined || repo === undefined || repo === '.' || repo === '..')
    throw notOnGithub(url, host);
  return { owner, repo };
}

function splitAddress(url: string): { host: string; path: string } | null {
  if (/^(https?|ssh|git):\/\//.test(url) && URL.canParse(url)) {
    const { hostname, pathname } = new URL(url);
    return { host: hostname.toLowerCase(), path: pathname };
  }
  const [, host, path] = /^[^@/\s]+@([^:/\s]+):(.+)$/.exec(url) ?? [];
  return host === undefined || path === undefined ? null : { host: host.toLowerCase(), path };
}

function isServedBy(host: string, web: string): boolean {
  return host === web || (web === 'github.com' && ['ssh.github.com', 'www.github.com'].includes(host));
}

function notOnGithub(url: string, host: string): Error {
  return badInput({
    what: `the address of the repository is not one of a repository on ${host}`,
    where: redactUrls(url).slice(0, 200),
    why: null,
    wayOut: `give https://${host}/OWNER/REPOSITORY or git@${host}:OWNER/REPOSITORY.git (for GitHub Enterprise set SLIPWAY_GITHUB_API_URL on the worker), or leave out what asks GitHub`,
  });
}
