/** Approvals with tokens of a real provider: as a job gets them, as a login gives them, and every way in which one does not count. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createPolicyStore } from '../../activities/trust/policy-store.js';
import { TokenHolders } from '../../activities/trust/token-holder.js';
import { createVerifyApproval } from '../../activities/trust/verify-approval.js';
import { approveByToken } from '../../client/sign-approval.js';
import type { ApprovalClaim } from '../../workflows/activity-contract.js';
import type { ProgressStatus } from '../../workflows/messages.js';
import type { TokenStatement } from '../../workflows/signed-statements.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { givenDecision } from '../support/given.js';
import { givenSealedRelease, useSealKeys, type SealedRelease } from '../support/sealed.js';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.js';
import { startTokenProvider, type TokenProvider } from '../support/token-provider.js';

const HOUR_MS = 3_600_000;
const NOWHERE = { url: 'http://127.0.0.1:9/x', stop: () => Promise.resolve() };
const REQUEST = 'request-7';
const JOB = { repository: 'acme/shop', workflow: 'e2e' };
const seals = useSealKeys();
let folder: string;
let issuer: TokenIssuer;
let signing: TokenProvider;
let release: SealedRelease;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-tokens-'));
  issuer = await startTokenIssuer(JOB);
  signing = await startTokenProvider();
  const rules = [{ count: 1, group: 'tests', by: 'oidc' as const, of: null, expiresMs: HOUR_MS }];
  release = await givenSealedRelease(seals.ours, { approvals: rules, policy: { rules: [] } });
}, 120_000);
afterAll(async () => {
  await issuer.stop();
  await signing.stop();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => void vi.useRealTimers());

const providers = (): string => `
  - issuer: ${issuer.issuer}
    who: [{name: e2e@ci, claims: {repository: acme/shop, workflow: e2e}}, {name: sub@ci, claims: {sub: nobody}}]
  - issuer: ${issuer.loginIssuer}
    audience: ${issuer.clientId}
    who: [{name: irina@example.com, claims: {namespace: root}}]`;

interface Saying {
  by?: string;
  reason?: string | null;
  sentReason?: string;
  /** Makes the token, from the hash of what is approved; default: as GitHub Actions gives it. */
  token?: (hash: string) => Promise<string>;
  statement?: (given: TokenStatement) => TokenStatement;
  oidc?: string;
}

async function say(saying: Saying = {}): Promise<EvidenceItem> {
  const { by = 'e2e@ci', reason = null, statement: change, oidc = providers() } = saying;
  const { environment, artifacts, target } = release;
  const { version, commit } = target;
  const about = { pipeline: 'shop', environment: 'prod', version, commit, artifacts };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is approved
  const status = { ...about, planHash: environment.planHash } as ProgressStatus;
  const wish = { status, requestId: REQUEST, by, group: null, reason, expiresMs: HOUR_MS };
  const source = { command: null, env: { ...process.env, ...issuer.actions } };
  const given = await approveByToken(wish, source);
  const token = await saying.token?.(hashOf(given.statement));
  const own = token === undefined ? given.statement : { ...given.statement, token };
  const statement = change?.(own) ?? own;
  const claim: ApprovalClaim = {
    ...{ plan: environment, requestId: REQUEST, version, commit, artifacts, requester: 'vadim' },
    decision: { ...givenDecision(by, { group: null, reason: saying.sentReason ?? reason }), statement },
  };
  const file = path.join(folder, `policy-${crypto.randomUUID()}.yaml`);
  await writeFile(file, `oidc:${oidc}\n${POLICY}`);
  const policy = createPolicyStore(file, { isDemo: false });
  const verify = createVerifyApproval({ policy, sealKeys: seals.ours, tokens: new TokenHolders() });
  const item: EvidenceItem = await new MockActivityEnvironment().run(verify, claim);
  return item;
}

const POLICY = `groups: {tests: [e2e@ci, sub@ci, irina@example.com]}
pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {hosts: [], approvals: [{count: 1, group: tests, by: oidc}]}}}}
`;

/** The audience that it was made for says it. */
function hashOf({ token }: TokenStatement): string {
  const [, claims = ''] = token.split('.');
  const { aud } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { aud: string };
  return aud.replace('slipway:', '');
}

describe('an approval with a token counts', () => {
  test('of a job, for the group of the name it is known by', async () => {
    expect(await say({ reason: 'all green' })).toMatchObject({
      ...{ verdict: 'approved', by: 'e2e@ci', group: 'tests', proof: 'oidc', reason: 'all green' },
      note: expect.stringMatching(/^token of http\S+\/v1\/identity\/oidc, \S+$/) as unknown,
    });
  });

  test('of a person who logged in for exactly this, at the client that the policy names', async () => {
    const answer = await say({ by: 'irina@example.com', token: (hash) => issuer.logIn(hash) });
    expect(answer).toMatchObject({ verdict: 'approved', by: 'irina@example.com', proof: 'oidc' });
  });

  test('of a job that ran on the commit that is approved', async () => {
    const { sha } = release.target.commit;
    const token = (hash: string): Promise<string> => issuer.tokenFor(`slipway:${hash}`, { ...JOB, sha });
    expect(await say({ oidc: aboutCommit(), token })).toMatchObject({ verdict: 'approved' });
  });

  test('of a client that was given it itself', async () => {
    expect(
      await say({ oidc: atClient('cli'), token: withNonce({ azp: 'cli' }, ['cli', 'wiki']) }),
    ).toMatchObject({
      verdict: 'approved',
    });
  });
});

/** One of several clients of a provider that puts more into a token than Vault does. */
const atClient = (audience: string, claims = 'repository: acme/shop'): string => `
  - {issuer: "${signing.url}", audience: ${audience}, who: [{name: e2e@ci, claims: {${claims}}}]}`;

const withNonce =
  (claims: object, audience: string | string[] = 'cli') =>
  (nonce: string): Promise<string> =>
    signing.sign({ ...JOB, sub: 'e2e', aud: audience, nonce, ...claims });

const aboutCommit = (): string => providers().replace('workflow: e2e', `sha: '{commit}'`);

describe('and does not count', () => {
  test.each<[string, Saying | (() => Saying), RegExp]>([
    [
      'when it was made for something else',
      { token: () => issuer.tokenFor(`slipway:${'0'.repeat(64)}`) },
      /was not made for this approval.*--oidc/,
    ],
    [
      'after a login for something else',
      { by: 'irina@example.com', token: () => issuer.logIn('0'.repeat(64)) },
      /was not made for this approval/,
    ],
    [
      'after a login at a client that the policy does not name',
      () => ({
        by: 'irina@example.com',
        token: (hash) => issuer.logIn(hash),
        oidc: providers().replace(`audience: ${issuer.clientId}`, 'audience: another'),
      }),
      /was not made for this approval/,
    ],
    [
      'of another workflow',
      { token: (hash) => issuer.tokenFor(`slipway:${hash}`, { ...JOB, workflow: 'lint' }) },
      /not that of e2e@ci: workflow is "lint", not "e2e"/,
    ],
    [
      'of a workflow that says it is good',
      { token: (hash) => issuer.tokenFor(`slipway:${hash}`, { isGood: true, note: 'good' }) },
      /not that of e2e@ci: repository is missing/,
    ],
    [
      'of a job that ran on another commit',
      () => ({
        oidc: aboutCommit(),
        token: (hash) => issuer.tokenFor(`slipway:${hash}`, { ...JOB, sha: 'b'.repeat(40) }),
      }),
      /not that of e2e@ci: sha is "b{40}", not "[0-9a-f]{40}"/,
    ],
    [
      'of another client, which names this one as well',
      () => ({ oidc: atClient('cli'), token: withNonce({ azp: 'wiki' }, ['wiki', 'cli']) }),
      /was not made for this approval/,
    ],
    [
      'of nobody knows which client',
      () => ({ oidc: atClient('cli'), token: withNonce({}, ['wiki', 'cli']) }),
      /was not made for this approval/,
    ],
    [
      'of a client with the claims that another one asks for',
      () => ({
        oidc: atClient('cli') + atClient('portal', 'workflow: e2e'),
        token: withNonce({ workflow: 'lint' }, 'portal'),
      }),
      /workflow is "lint", not "e2e"/,
    ],
    ['under the name of somebody else', { by: 'sub@ci' }, /not that of sub@ci: sub is/],
    ['under a name that has no token', { by: 'oleg@example.com' }, /nobody called oleg@example\.com/],
    [
      'of an issuer that nobody has named',
      { oidc: '\n  - {issuer: https://tokens.example.com, who: [{name: e2e@ci, claims: {sub: x}}]}' },
      /does not know the issuer http:/,
    ],
    [
      'with other claims than were signed',
      { statement: (given) => ({ ...given, token: exchanged(given.token) }) },
      /does not hold: signature verification failed/,
    ],
    [
      'with an issuer that is no text',
      { statement: (given) => ({ ...given, token: withClaims(given.token, { iss: { length: 300 } }) }) },
      /it is no token/,
    ],
    ['that is none', { statement: (given) => ({ ...given, token: 'x.y.z' }) }, /it is no token/],
    [
      'without a signature at all',
      { statement: (given) => ({ ...given, token: unsigned(given.token) }) },
      /does not hold/,
    ],
    ['for another reason', { reason: 'all green', sentReason: 'never mind' }, /its reason is not the one/],
    [
      'for another text',
      { statement: (given) => ({ ...given, payload: given.payload.replace('"v1', '"v9') }) },
      /signed for another version|was not made for this approval/,
    ],
  ])('%s', async (_when, saying, why) => {
    const answer = await say(typeof saying === 'function' ? saying() : saying);
    expect(answer.verdict).toBe('fail');
    expect(`${String(answer.note)}; ${answer.wayOut ?? ''}`).toMatch(why);
  });

  test('once it has expired', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * HOUR_MS });
    const statement = (given: TokenStatement): TokenStatement => given;
    const token = (hash: string): Promise<string> => issuer.tokenFor(`slipway:${hash}`);
    expect(await say({ statement, token })).toMatchObject({ verdict: 'fail', note: 'its token has expired' });
  });

  test.each([
    ['does not answer', null, /127\.0\.0\.1:9\/x\/\.well-known\/openid-configuration: /],
    ['answers something else', { jwks_uri: 7 }, /openid-configuration: that is no discovery document/],
    ['has no keys to give', {}, /Expected 200 OK from the JSON Web Key Set/],
  ])('while the provider %s', async (_what, answer, why) => {
    const { url, stop } = answer === null ? NOWHERE : await startTokenProvider({ discovery: answer });
    const statement = (given: TokenStatement): TokenStatement => ({
      ...given,
      token: withClaims(given.token, { iss: url }),
    });
    const oidc = `\n  - {issuer: "${url}", who: [{name: e2e@ci, claims: {sub: x}}]}`;
    expect(await say({ oidc, statement })).toMatchObject({
      verdict: 'fail',
      note: expect.stringMatching(`cannot get the keys of ${url} \\(.*${why.source}`) as unknown,
      wayOut: 'approve again once it answers',
    });
    await stop();
  });
});

function withClaims(token: string, more: object): string {
  const [head, claims = '', signature] = token.split('.');
  const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
  const body = Buffer.from(JSON.stringify({ ...said, ...more })).toString('base64url');
  return [head, body, signature].join('.');
}

function exchanged(token: string): string {
  return withClaims(token, { workflow: 'e2e', extra: 1 });
}

function unsigned(token: string): string {
  const [, claims] = token.split('.');
  return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims ?? ''}.`;
}
