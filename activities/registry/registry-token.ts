/** Logging in as the registry's 401 asks: `Bearer realm=…,service=…,scope=…` or `Basic`. */
import type { ImageName } from './image-name.js';
import { askHttp } from './ask.js';
import { parseToken } from './registry-documents.js';
import { explainAnswer, notARegistry, type Asked } from './registry-failure.js';

export interface RegistryCredentials {
  server: string;
  username: string;
  password: string;
}

export interface Challenge {
  scheme: 'bearer' | 'basic';
  parameters: Record<string, string>;
}

/** Parses `WWW-Authenticate`; null for a header that is missing or of another scheme. */
export function readChallenge(header: string | null): Challenge | null {
  const found = /^\s*(bearer|basic)\b\s*(.*)$/i.exec(header ?? '');
  if (found === null) return null;
  const parameters: Record<string, string> = {};
  for (const [, name = '', quoted, bare] of (found[2] ?? '').matchAll(
    /([a-z_]+)=(?:"([^"]*)"|([^,\s]+))/gi,
  )) {
    parameters[name.toLowerCase()] = quoted ?? bare ?? '';
  }
  return { scheme: found[1]?.toLowerCase() === 'basic' ? 'basic' : 'bearer', parameters };
}

/** The value of the Authorization header. Throws Refused when the login is wrong or missing. */
export async function fetchToken(input: {
  challenge: Challenge | null;
  asked: Asked;
  name: ImageName;
  credentials: RegistryCredentials | null;
  plain: boolean;
  signal: AbortSignal | undefined;
}): Promise<string> {
  const { challenge, asked, credentials } = input;
  if (challenge === null)
    throw notARegistry(asked, `${asked.server} answered 401 without saying how to log in`);
  const basic =
    credentials === null
      ? null
      : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`, 'utf8').toString('base64')}`;
  if (challenge.scheme === 'basic') {
    if (basic === null)
      throw explainAnswer(asked, { status: 401, body: Buffer.alloc(0), headers: new Headers() });
    return basic;
  }
  const url = readRealm(input);
  const answer = await askHttp(asked, url, {
    method: 'GET',
    headers: basic === null ? {} : { authorization: basic },
    // a login is never carried on to another place
    redirect: 'error',
    signal: input.signal,
  });
  if (answer.status !== 200) {
    // some token servers say 400 or 403 for a wrong password
    const status = answer.status === 400 || answer.status === 403 ? 401 : answer.status;
    throw explainAnswer(asked, { ...answer, status });
  }
  const token = parseToken(answer.body);
  if (token === null) throw notARegistry(asked, `${url.host} gave no token`);
  return `Bearer ${token}`;
}

function readRealm(input: {
  challenge: Challenge | null;
  asked: Asked;
  name: ImageName;
  plain: boolean;
}): URL {
  const { realm, service } = input.challenge?.parameters ?? {};
  const url = URL.canParse(realm ?? '') ? new URL(realm ?? '') : null;
  if (url === null || (url.protocol !== 'https:' && !(input.plain && url.protocol === 'http:'))) {
    throw notARegistry(
      input.asked,
      `it asks to log in at ${JSON.stringify(realm ?? '')}, which is not https`,
    );
  }
  if (service !== undefined) url.searchParams.set('service', service);
  const actions = input.asked.access === 'write' ? 'pull,push' : 'pull';
  url.searchParams.set('scope', `repository:${input.name.path}:${actions}`);
  return url;
}
