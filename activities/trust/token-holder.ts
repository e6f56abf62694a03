/**
 * Whose token it is, as the providers of the policy say, and whether it was made for exactly this text: what somebody
 * reads in a history serves nothing else.
 */
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose';
import { z } from 'zod';
import { bindingOf } from '../../pipeline/token-binding.js';
import { RELEASED_COMMIT, type TokenProvider } from '../../pipeline/policy-file.js';
import type { TokenStatement } from '../../workflows/signed-statements.js';
import type { LoadedPolicy } from './policy-store.js';
import type { Denied } from './ssh-signature.js';

const TIMEOUT_MS = 5_000;
/** Whoever has a secret of the provider could make tokens with the others. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const CLOCKS_DIFFER_S = 30;
/** What jose says where the keys could not be had, for whatever reason. */
const OF_THE_PROVIDER: readonly string[] = [
  errors.JOSEError.code,
  errors.JWKSInvalid.code,
  errors.JWKSTimeout.code,
];
const OWNER = 'the owner of the worker';
const DOCS = 'docs/approvals.md#tokens';

export type TokenAnswer = { isGood: true; note: string } | ({ isGood: false } & Denied);

type Keys = ReturnType<typeof createRemoteJWKSet>;

type Claims = TokenProvider['who'][number]['claims'];

/** Keeps the providers' keys; jose asks for them again when a token names a newer one. */
export class TokenHolders {
  private readonly keys = new Map<string, Promise<Keys>>();

  /** Is it a token of `by` for this text, about this commit (full sha)? */
  async find(
    policy: LoadedPolicy,
    { payload, token }: TokenStatement,
    { by, commit }: { by: string; commit: string },
  ): Promise<TokenAnswer> {
    const issuer = issuerOf(token);
    const ofIssuer = (policy.content.oidc ?? []).filter((provider) => provider.issuer === issuer);
    const [provider] = ofIssuer;
    if (provider === undefined)
      return denied(
        issuer === null ? 'it is no token' : `the worker's policy does not know the issuer ${cut(issuer)}`,
        `${OWNER} names it under oidc in its policy.yaml (${DOCS})`,
      );
    const verified = await this.verify(provider.issuer, token);
    if (verified.said === null) return verified.denied;
    const { said } = verified;
    const known = ofIssuer.flatMap(({ audience, who }) =>
      who.filter(({ name }) => name === by).map(({ claims }) => ({ audience, claims })),
    );
    if (known.length === 0)
      return denied(
        `the worker's policy knows nobody called ${by} by a token of ${issuer ?? ''}`,
        `say who you are, as it is written there, with SLIPWAY_ACTOR, or ${OWNER} adds the name under oidc (${DOCS})`,
      );
    const made = known.filter(({ audience }) => isMadeFor(payload, said, audience));
    if (made.length === 0)
      return denied(
        'its token was not made for this approval',
        `let slipway approve ask for it: --oidc, with the audience or the nonce that it names (${DOCS})`,
      );
    const others = made.map(({ claims }) => firstOther(claims, said, commit));
    const [other = null] = others;
    if (!others.includes(null) && other !== null)
      return denied(`its token is not that of ${by}: ${other}`, `${OWNER} compares it with oidc (${DOCS})`);
    return { isGood: true, note: `token of ${provider.issuer}, ${cut(said.sub ?? '')}` };
  }

  private async verify(
    issuer: string,
    token: string,
  ): Promise<{ said: JWTPayload } | { said: null; denied: { isGood: false } & Denied }> {
    try {
      const rules = { issuer, algorithms: ALGORITHMS, clockTolerance: CLOCKS_DIFFER_S };
      const requiredClaims = ['exp', 'iat', 'sub'];
      const { payload } = await jwtVerify(token, await this.keysOf(issuer), { ...rules, requiredClaims });
      return { said: payload };
    } catch (error) {
      return { said: null, denied: explain(error, issuer) };
    }
  }

  private async keysOf(issuer: string): Promise<Keys> {
    const known = this.keys.get(issuer) ?? findKeys(issuer);
    this.keys.set(issuer, known);
    // one that did not answer is asked again the next time
    known.catch(() => this.keys.delete(issuer));
    return await known;
  }
}

const discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });

async function findKeys(issuer: string): Promise<Keys> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`status ${String(answer.status)}`);
    const { data: found } = discovery.safeParse(await answer.json());
    if (found === undefined) throw new Error('that is no discovery document');
    if (found.issuer !== issuer) throw new Error(`it is of ${found.issuer}`);
    const place = new URL(found.jwks_uri);
    if (place.protocol !== 'https:' && new URL(issuer).protocol === 'https:')
      throw new Error(`its keys are not at an https address (${found.jwks_uri})`);
    return createRemoteJWKSet(place, { timeoutDuration: TIMEOUT_MS });
  } catch (error) {
    const why = error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : '';
    throw new Error(`${url}: ${why.split('\n')[0] ?? ''}`, { cause: error });
  }
}

function issuerOf(token: string): string | null {
  try {
    const { iss }: { iss?: unknown } = decodeJwt(token);
    return typeof iss === 'string' ? iss : null;
  } catch {
    return null;
  }
}

/** By a nonce only of the client that the policy names: others may log people in with a nonce of theirs. */
function isMadeFor(payload: string, said: JWTPayload, audience: string | undefined): boolean {
  const made = bindingOf(payload);
  const audiences = [said.aud ?? []].flat();
  if (audiences.includes(made.audience)) return true;
  if (said['nonce'] !== made.nonce || audience === undefined || !audiences.includes(audience)) return false;
  // a token of another client may name this one among those that it is for
  return said['azp'] === undefined ? audiences.length === 1 : said['azp'] === audience;
}

/** `repository is other/shop, not acme/shop`; null = it says all of it. */
function firstOther(claims: Claims, said: JWTPayload, commit: string): string | null {
  for (const [name, asked] of claims) {
    const wanted = asked === RELEASED_COMMIT ? commit : asked;
    const found = said[name];
    if (found === wanted || (Array.isArray(found) && found.includes(wanted))) continue;
    const is = found === undefined ? 'missing' : cut(JSON.stringify(found));
    return `${name} is ${is}, not ${JSON.stringify(wanted)}`;
  }
  return null;
}

function explain(error: unknown, issuer: string): { isGood: false } & Denied {
  const again = 'approve again: every try asks for another token';
  if (error instanceof errors.JWTExpired) return denied('its token has expired', again);
  if (error instanceof errors.JWTClaimValidationFailed)
    return denied(`its token does not hold: ${error.message}`, again);
  if (!(error instanceof errors.JOSEError) || OF_THE_PROVIDER.includes(error.code))
    return denied(
      `the worker cannot get the keys of ${issuer} (${error instanceof Error ? error.message : String(error)})`,
      'approve again once it answers',
    );
  return denied(`its token does not hold: ${error.message}`, again);
}

function denied(why: string, wayOut: string): { isGood: false } & Denied {
  return { isGood: false, why, wayOut };
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
