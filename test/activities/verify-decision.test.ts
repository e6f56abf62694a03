/** Decisions as people sign them, with real keys and OpenSSH's own tool, and every way in which one does not count. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, test } from 'vitest';
import { createPolicyStore } from '../../activities/trust/policy-store.js';
import { createVerifyDecision } from '../../activities/trust/verify-decision.js';
import { signFreeze, signRollback, signSwitch } from '../../client/signed-decisions.js';
import { signText } from '../../client/sign-with-ssh.js';
import { APPROVAL_NAMESPACE } from '../../pipeline/approval-statement.js';
import {
  DECISION_NAMESPACE,
  readDecision,
  writeDecision,
  type DecisionStatement,
} from '../../pipeline/decision-statement.js';
import type { DecisionSubject } from '../../pipeline/plan.js';
import type { EnvironmentStatus, ProgressStatus } from '../../workflows/messages.js';
import type { SignedStatement } from '../../workflows/signed-statements.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { givenPlan, givenRecord } from '../support/given.js';
import { NO_POLICY } from '../support/sealed.js';
import { useSigners } from '../support/signers.js';

const IRINA = 'irina@example.com';
const plan = givenPlan({ name: 'prod' });
const record = givenRecord(plan, 'v1.4.0', 'green');
const release = {
  version: record.version,
  commit: record.commit.sha,
  planHash: plan.planHash,
  digests: record.artifacts.map(({ digest }) => digest),
};
const signers = useSigners({
  [IRINA]: '',
  'decider@example.com': 'namespaces="decision@slipway" ',
  'approver@example.com': 'namespaces="approval@slipway" ',
  'old@example.com': 'valid-before="20250101" ',
  'oleg@example.com': '',
});

const ALL = 'may: {switch: [leads], rollback: [others, leads], freeze: [leads]}';

async function policyOf(may = ALL, files = 'allowed-signers: allowed_signers'): Promise<typeof NO_POLICY> {
  const file = path.join(signers.folder, 'policy.yaml');
  await writeFile(
    file,
    `${files}
revoked-keys: revoked
groups:
  leads: [irina@example.com, decider@example.com, approver@example.com, old@example.com, gone@example.com, stranger@example.com]
  others: [oleg@example.com]
pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {hosts: [], ${may}}}}}
`,
  );
  return createPolicyStore(file, { isDemo: false });
}

type Kind = DecisionSubject['decision'];

/** As the client signs it. */
async function signed(
  decision: Kind,
  by: string,
  key: string,
  groups: string[] | null = null,
  reason: string | null = null,
): Promise<{ statement: SignedStatement; subject: DecisionSubject; proof: 'ssh' | 'unverified' }> {
  const actor = { by, proof: 'unverified' as const };
  const options = { key: signers.keyOf(key), reason };
  const { version, commit, artifacts } = record;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what signing looks at
  const status = {
    pipeline: 'shop',
    environment: 'prod',
    good: [record],
    live: null,
  } as unknown as EnvironmentStatus;
  const client = { actor, pipeline: 'shop', status: async () => ({ ...status, queue: [], inFlight: null }) };
  const switching = { requestId: 'request-7', token: 7, groups };
  const about = { pipeline: 'shop', environment: 'prod', planHash: plan.planHash };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what signing looks at
  const shown = { ...about, version, commit, artifacts, switching } as unknown as ProgressStatus;
  const answer =
    decision === 'switch'
      ? await signSwitch(client, shown, options)
      : decision === 'rollback'
        ? await signRollback(client, status, version, options)
        : await signFreeze(client, 'prod', decision, { ...options, until: null });
  const said = readDecision(answer?.statement.payload ?? '');
  if (answer === null || said === null) throw new Error('what the client signs is no decision');
  const { pipeline, environment, requestId, token, release: of, until } = said;
  const subject = { decision, pipeline, environment, requestId, token, release: of, until };
  return { statement: answer.statement, subject, proof: answer.proof };
}

interface Saying {
  decision?: Kind;
  by?: string;
  key?: string;
  /** What is signed instead. */
  said?: Partial<DecisionStatement>;
  namespace?: string;
  /** What becomes of it on its way. */
  statement?: (signed: SignedStatement) => SignedStatement;
  /** Signed with it, and what it is by the time it comes in; default: the same. */
  reason?: string | null;
  sentReason?: string | null;
  /** As people signed it while reasons were not signed. */
  isOlder?: true;
  /** Who is said to say it. */
  sender?: string;
  policy?: typeof NO_POLICY;
}

async function say(saying: Saying = {}): Promise<EvidenceItem> {
  const { decision = 'switch', by = IRINA, key = by, sender = by } = saying;
  const { reason = null } = saying;
  const { statement: whole, subject } = await signed(decision, by, key, null, reason);
  const said = readDecision(whole.payload);
  if (said === null) throw new Error('what the client signs is no decision');
  const { namespace = DECISION_NAMESPACE } = saying;
  const isAltered = saying.said !== undefined || saying.namespace !== undefined || saying.isOlder === true;
  const { reason: _, ...unreasoned } = { reason: null, ...said, ...saying.said };
  const older = { ...unreasoned, slipway: 'decision/1' as const };
  const newer = { ...unreasoned, slipway: 'decision/2' as const, reason };
  const payload = writeDecision(saying.isOlder === true ? older : newer);
  const statement = isAltered ? await signText(payload, { namespace, keyFile: signers.keyOf(key) }) : whole;
  const sent = saying.sentReason ?? reason;
  const claim = { subject, by: sender, reason: sent, statement: saying.statement?.(statement) ?? statement };
  const verify = createVerifyDecision({ policy: saying.policy ?? (await policyOf()) });
  const item: EvidenceItem = await new MockActivityEnvironment().run(verify, claim);
  return item;
}

describe('a signed decision counts', () => {
  test.each<Kind>(['switch', 'rollback', 'freeze', 'unfreeze'])('to %s', async (decision) => {
    expect(await say({ decision })).toMatchObject({
      kind: 'decision',
      name: decision,
      by: IRINA,
      verdict: 'approved',
      proof: 'ssh',
      note: expect.stringMatching(/^signed with SHA256:/) as unknown,
    });
  });

  test.each<Kind>(['switch', 'rollback', 'freeze', 'unfreeze'])(
    'to %s, with the reason that was signed',
    async (decision) => {
      const item = await say({ decision, reason: 'holidays' });
      expect(item).toMatchObject({ verdict: 'approved', reason: 'holidays' });
      expect(await say({ decision, sentReason: '' })).toMatchObject({ verdict: 'approved', reason: null });
    },
  );

  test('as people signed it while reasons were not signed, and says of none that it was', async () => {
    const item = await say({ decision: 'freeze', sentReason: 'whatever', isOlder: true });
    expect(item).toMatchObject({ verdict: 'approved', proof: 'ssh' });
    expect(item).not.toHaveProperty('reason');
  });

  test('with a key that is for nothing else, and by any of the groups', async () => {
    expect(await say({ by: 'decider@example.com' })).toMatchObject({ verdict: 'approved' });
    const item = await say({ decision: 'rollback', by: 'oleg@example.com' });
    expect(item).toMatchObject({ verdict: 'approved', proof: 'ssh' });
  });

  test('as anybody’s word where the policy does not say who may', async () => {
    for (const policy of [NO_POLICY, await policyOf('may: {rollback: [leads]}')]) {
      const item = await say({ by: 'stranger@example.com', policy });
      expect(item).toMatchObject({ verdict: 'approved', proof: 'unverified', note: 'identity: unverified' });
    }
  });
});

test('what is signed unasked is no proof: nobody verifies it', async () => {
  expect((await signed('switch', IRINA, IRINA)).proof).toBe('unverified');
  expect((await signed('rollback', IRINA, IRINA)).proof).toBe('unverified');
  expect((await signed('freeze', IRINA, IRINA)).proof).toBe('unverified');
  expect((await signed('switch', IRINA, IRINA, ['leads'])).proof).toBe('ssh');
});

describe('a decision does not count', () => {
  const reworded = (from: string, to: string) => (whole: SignedStatement) => ({
    ...whole,
    payload: whole.payload.replace(from, to),
  });
  test.each<[string, Saying, RegExp]>([
    ['of somebody unknown', { by: 'stranger@example.com' }, /not among the allowed signers/],
    ['with somebody else’s key', { key: 'oleg@example.com' }, /key is oleg@example\.com's, not irina/],
    ['sent by somebody else', { sender: 'oleg@example.com' }, /signed for another person/],
    ['with a key that has expired', { by: 'old@example.com' }, /signature does not hold/],
    ['with a key that is revoked', { by: 'gone@example.com' }, /key is revoked/],
    ['with a key for approvals', { by: 'approver@example.com' }, /its key may not sign decision@slipway/],
    [
      'signed as an approval',
      { namespace: APPROVAL_NAMESPACE },
      /was changed after it was signed, or made for something else/,
    ],
    ['of somebody in another group', { by: 'oleg@example.com' }, /oleg@example\.com is not in group leads/],
    [
      'whose expiry was changed',
      { statement: reworded('"expires":"20', '"expires":"30') },
      /signature does not hold: it was changed after it was signed/,
    ],
    ['whose signature is none', { statement: (whole) => ({ ...whole, signature: 'yes' }) }, /does not hold/],
    ['that is none', { statement: (whole) => ({ ...whole, payload: '{"hello":1}' }) }, /is no decision/],
    ['that is not even JSON', { statement: (whole) => ({ ...whole, payload: 'yes' }) }, /is no decision/],
    ['that has expired', { said: { expires: '2026-01-01T00:00:00Z' } }, /it expired at/],
    ['to do something else', { said: { decision: 'rollback' } }, /another decision/],
    ['for another pipeline', { said: { pipeline: 'other' } }, /another pipeline/],
    ['for another environment', { said: { environment: 'stage' } }, /another environment/],
    ['for another request', { said: { requestId: 'request-6' } }, /another request/],
    ['for another change', { said: { token: 6 } }, /another change/],
    ['for another version', { said: { release: { ...release, version: 'v2.0.0' } } }, /another version/],
    ['for another commit', { said: { release: { ...release, commit: 'e' } } }, /another commit/],
    ['for another plan', { said: { release: { ...release, planHash: 'f' } } }, /another plan/],
    ['for another digest', { said: { release: { ...release, digests: ['sha256:e'] } } }, /another digest/],
    ['for no release', { said: { release: null } }, /another version/],
    [
      'to freeze for longer',
      { decision: 'freeze', said: { until: '2030-01-01T00:00:00Z' } },
      /signed for another end/,
    ],
    [
      'with another reason than was signed',
      { decision: 'freeze', reason: 'holidays', sentReason: 'nothing to see' },
      /^its reason is not the one that was signed$/,
    ],
    ['with a reason where none was signed', { sentReason: 'orders fail' }, /^its reason is not the one/],
    [
      'whose reason was changed in what was signed as well',
      { reason: 'a', sentReason: 'b', statement: reworded('"reason":"a"', '"reason":"b"') },
      /signature does not hold/,
    ],
    ['to end a freeze instead', { decision: 'unfreeze', said: { decision: 'freeze' } }, /another decision/],
  ])('%s', async (_what, saying, why) => {
    const item = await say(saying);
    expect(item.verdict).toBe('fail');
    expect(item.note).toMatch(why);
    expect(item.proof).toBeUndefined();
  });

  test('where the policy names nobody’s keys', async () => {
    const read = (await policyOf()).read;
    const policy: typeof NO_POLICY = {
      isDemo: false,
      read: async () => {
        const loaded = await read();
        return loaded === null ? null : { ...loaded, allowedSigners: null };
      },
    };
    expect((await say({ policy })).note).toMatch(/names no allowed-signers/);
  });
});

describe('what is signed', () => {
  test('is read as it was written, and in no other way', async () => {
    const { statement } = await signed('switch', IRINA, IRINA);
    const said = readDecision(statement.payload);
    expect(said).toMatchObject({ decision: 'switch', token: 7, requestId: 'request-7', release });
    for (const payload of [statement.payload.replace(':', ': '), statement.payload.replace('{', '{"a":1,')])
      expect(readDecision(payload)).toBeNull();
  });
});
