/** How the worker reaches GitHub: told by its environment, never by a repository. */
import type { SecretReference } from '../../pipeline/secret-references.js';

export interface GithubSettings {
  /** REST API without a slash at the end: `https://api.github.com`, `https://ghe.example.com/api/v3`. */
  apiUrl: string;
  /** null = nobody: public repositories only, 60 questions an hour. */
  login: GithubLogin | null;
}

export type GithubLogin =
  | { kind: 'token'; token: SecretReference }
  /** App id or client id; the private key as GitHub gave it (PEM). */
  | { kind: 'app'; appId: string; privateKey: SecretReference };

/** Throws `Error` with a message for the user when the variables contradict each other. */
export function readGithubSettings(env: NodeJS.ProcessEnv): GithubSettings {
  const apiUrl = (valueOf(env, 'SLIPWAY_GITHUB_API_URL') ?? 'https://api.github.com').replace(/\/+$/, '');
  if (!isSafeAddress(apiUrl)) {
    throw new Error(`SLIPWAY_GITHUB_API_URL=${apiUrl}: give an address such as https://HOST/api/v3`);
  }
  return { apiUrl, login: readLogin(env) };
}

/** The login goes there: never in plain text over a network. */
function isSafeAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(127\.[\d.]+|localhost|\[::1\])$/.test(hostname))
  );
}

function readLogin(env: NodeJS.ProcessEnv): GithubLogin | null {
  const appId = valueOf(env, 'SLIPWAY_GITHUB_APP_ID');
  const keyFile = valueOf(env, 'SLIPWAY_GITHUB_APP_KEY_FILE');
  const tokenFile = valueOf(env, 'SLIPWAY_GITHUB_TOKEN_FILE');
  const token = ['SLIPWAY_GITHUB_TOKEN', 'GITHUB_TOKEN'].find((name) => valueOf(env, name) !== null);
  if ((appId === null) !== (keyFile === null)) {
    throw new Error(
      `${appId === null ? 'SLIPWAY_GITHUB_APP_ID' : 'SLIPWAY_GITHUB_APP_KEY_FILE'} is missing: a GitHub App needs both its id and the file of its private key`,
    );
  }
  if (appId !== null && keyFile !== null) {
    if (tokenFile !== null || token === 'SLIPWAY_GITHUB_TOKEN')
      throw new Error('the worker has a GitHub App and a GitHub token: leave one of them out');
    return { kind: 'app', appId, privateKey: `file:${keyFile}` };
  }
  if (tokenFile !== null && token === 'SLIPWAY_GITHUB_TOKEN')
    throw new Error('SLIPWAY_GITHUB_TOKEN and SLIPWAY_GITHUB_TOKEN_FILE are both set: leave one of them out');
  if (tokenFile !== null) return { kind: 'token', token: `file:${tokenFile}` };
  return token === undefined ? null : { kind: 'token', token: `env:${token}` };
}

function valueOf(env: NodeJS.ProcessEnv, name: string): string | null {
  const value = env[name];
  return value === undefined || value.trim() === '' ? null : value.trim();
}
