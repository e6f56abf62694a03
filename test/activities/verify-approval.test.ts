/** Approvals as people sign them, with real keys and OpenSSH's own tool, and every way in which one does not count. */
import { execFile } from 'node:child_process';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { createPolicyStore } from '../../activities/trust/policy-store.js';
import { sealStatement } from '../../activities/trust/statements.js';
import { TokenHolders } from '../../activities/trust/token-holder.js';
import { createVerifyApproval } from '../../activities/trust/verify-approval.js';
import { signApproval } from '../../client/sign-approval.js';
import { findSigningKey, signText } from '../../client/sign-with-ssh.js';
import {
  APPROVAL_NAMESPACE,
  writeApproval,
  type ApprovalStatement,
} from '../../pipeline/approval-statement.js';
import type { ApprovalClaim } from '../../workflows/activity-contract.js';
import type { ProgressStatus } from '../../workflows/messages.js';
import type { SignedStatement } from '../../workflows/signed-statements.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { givenCommit, givenDecision } from '../support/given.js';
import {
  evidenceOf,
  givenSealedRelease,
  NO_POLICY,
  useSealKeys,
  type SealedRelease,
} from '../support/sealed.js';
import { useSigners } from '../support/signers.js';

const exec = promisify(execFile);
const HOUR_MS = 3_600_000;
const REQUEST = 'request-7';
const signers = useSigners({
  'irina@example.com': '',
  'oleg@example.com': 'namespaces="approval@slipway" ',
  'old@example.com': 'valid-before="20250101" ',
  'early@example.com': 'valid-after="20990101" ',
  'git@example.com': 'namespaces="git" ',
  'anna@example.com': '',
  'Nina@example.com': '',
  vadim: '',
});
const { keyOf } = signers;
const seals = useSealKeys();
let release: SealedRelease;

beforeAll(async () => {
  await signers.add('authority');
  const ca = await readFile(`${keyOf('authority')}.pub`, 'utf8');
  await appendFile(path.join(signers.folder, 'allowed_signers'), `*@example.com cert-authority ${ca}`);
  await signers.add('carla@example.com');
  const certify = ['-q', '-s', keyOf('authority'), '-I', 'carla', '-n', 'carla@example.com', '-V', '-1h:+8h'];
  await exec('ssh-keygen', [...certify, `${keyOf('carla@example.com')}.pub`]);
  await writeFile(path.join(signers.folder, 'policy.yaml'), POLICY);
  const rules = [{ count: 1, group: 'platform', by: 'ssh' as const, of: null, expiresMs: HOUR_MS }];
  release = await givenSealedRelease(seals.ours, { approvals: rules, policy: { rules: [] } });
});

const POLICY = `allowed-signers: allowed_signers
revoked-keys: revoked
groups:
  platform: [irina@example.com, carla@example.com, old@example.com, gone@example.com, early@example.com, git@example.com, anna@example.com, nina@example.com, vadim]
  backend: [oleg@example.com, carla@example.com]
pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {hosts: [], approvals: [{count: 1, group: platform}]}}}}
`;

interface Saying {
  by?: string;
  /** Whose approval it is said to be; default: who signed. */
  sentBy?: string;
  group?: string | null;
  /** Signed with it, and what it is by the time it comes in; default: the same. */
  reason?: string | null;
  sentReason?: string | null;
  key?: string;
  expiresMs?: number;
  status?: Partial<ProgressStatus>;
  requestId?: string;
  claim?: Partial<ApprovalClaim>;
  statement?: (signed: SignedStatement) => SignedStatement | undefined | Promise<SignedStatement>;
  policy?: typeof NO_POLICY;
}

async function say(saying: Saying = {}): Promise<EvidenceItem> {
  const { by = 'irina@example.com', group = null, reason = null, key = by, sentBy = by } = saying;
  const { environment, artifacts, target } = release;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what signing looks at
  const status = {
    pipeline: 'shop',
    environment: 'prod',
    version: target.version,
    commit: target.commit,
    planHash: environment.planHash,
    artifacts,
    ...saying.status,
  } as ProgressStatus;
  const { requestId = REQUEST, expiresMs = HOUR_MS } = saying;
  const signed = await signApproval({
    status,
    requestId,
    by,
    group,
    reason,
    expiresMs,
    keyFile: findSigningKey(keyOf(key), {}),
  });
  const statement =
    saying.statement === undefined ? signed.statement : await saying.statement(signed.statement);
  const claim: ApprovalClaim = {
    plan: environment,
    requestId: REQUEST,
    version: target.version,
    commit: target.commit,
    artifacts,
    requester: 'vadim',
    decision: {
      ...givenDecision(sentBy, { group, reason: saying.sentReason ?? reason }),
      ...(statement === undefined ? {} : { statement }),
    },
    ...saying.claim,
  };
  const policy =
    saying.policy ?? createPolicyStore(path.join(signers.folder, 'policy.yaml'), { isDemo: false });
  const verify = createVerifyApproval({ policy, sealKeys: seals.ours, tokens: new TokenHolders() });
  const item: EvidenceItem = await new MockActivityEnvironment().run(verify, claim);
  return item;
}

describe('a signed approval counts', () => {
  test('for the group the person is in, with the key it was signed with', async () => {
    expect(await say()).toMatchObject({
      verdict: 'approved',
      by: 'irina@example.com',
      group: 'platform',
      proof: 'ssh',
      note: expect.stringMatching(/^signed with SHA256:/) as unknown,
    });
    expect(await say({ group: 'platform' })).toMatchObject({ verdict: 'approved', group: 'platform' });
  });

  test('of somebody in no group that is asked for, for no group', async () => {
    expect(await say({ by: 'oleg@example.com' })).toMatchObject({ verdict: 'approved', group: null });
    const item = await say({ by: 'oleg@example.com', group: 'backend' });
    expect(item).toMatchObject({ verdict: 'approved', group: 'backend' });
  });

  test('of somebody in several groups, for one that is missing', async () => {
    const by = 'carla@example.com';
    const { environment: plan } = release;
    const approvals = plan.approvals.flatMap((rule) => [rule, { ...rule, group: 'backend' }]);
    const counted = [{ by: 'irina@example.com', group: 'platform', at: '', proof: 'ssh' as const }];
    const claim = { plan: { ...plan, approvals } };
    expect(await say({ by, claim })).toMatchObject({ group: 'platform' });
    expect(await say({ by, claim: { ...claim, counted } })).toMatchObject({ group: 'backend' });
  });

  test('by a certificate of an SSH CA', async () => {
    const item = await say({ by: 'carla@example.com', key: 'carla@example.com' });
    expect(item).toMatchObject({ verdict: 'approved', group: 'platform', proof: 'ssh' });
  });

  test('with the reason that was signed, or none', async () => {
    const reason = 'OPS-412: the fix is out';
    expect(await say({ reason })).toMatchObject({ verdict: 'approved', reason });
    // what the Temporal UI leaves empty is none
    expect(await say({ sentReason: '' })).toMatchObject({ verdict: 'approved' });
  });

  test('as people signed it while reasons were not signed, whatever reason came with it', async () => {
    const keyFile = keyOf('irina@example.com');
    const old = async ({ payload }: SignedStatement): Promise<SignedStatement> => {
      const { reason: _, ...said }: Record<string, unknown> = JSON.parse(payload);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as older commands wrote it
      const before = writeApproval({ ...said, slipway: 'approval/1' } as ApprovalStatement);
      return await signText(before, { namespace: APPROVAL_NAMESPACE, keyFile });
    };
    const item = await say({ sentReason: 'whatever', statement: old });
    expect(item).toMatchObject({ verdict: 'approved', group: 'platform', proof: 'ssh' });
    expect(item).not.toHaveProperty('reason');
  });

  test('unsigned where no policy protects, as what it is', async () => {
    const item = await say({ statement: () => undefined, policy: NO_POLICY });
    expect(item).toMatchObject({ verdict: 'approved', proof: 'unverified', note: 'identity: unverified' });
  });
});

describe('an approval does not count', () => {
  const asOlder = (signed: SignedStatement): SignedStatement => ({
    ...signed,
    payload: signed.payload.replace('"reason":"a",', '').replace('approval/2', 'approval/1'),
  });
  const other = { digest: `sha256:${'e'.repeat(64)}` };
  const reworded = (from: string, to: string) => (signed: SignedStatement) => ({
    ...signed,
    payload: signed.payload.replace(from, to),
  });
  test.each<[string, Saying, RegExp]>([
    ['that is not signed', { statement: () => undefined }, /^it is not signed$/],
    ['of somebody unknown', { by: 'stranger@example.com' }, /not among the allowed signers/],
    [
      'with somebody else’s key',
      { by: 'irina@example.com', key: 'oleg@example.com' },
      /key is oleg@example\.com's, not irina@example\.com's/,
    ],
    [
      'of somebody whom the signers have in other letters',
      { by: 'Irina@example.com', key: 'irina@example.com' },
      /key is irina@example\.com's, not Irina@example\.com's: upper and lower case differ$/,
    ],
    [
      'of somebody whom the group has in other letters',
      { by: 'Nina@example.com' },
      /^Nina@example\.com is not in group platform, but nina@example\.com is: upper and lower case differ$/,
    ],
    [
      'of somebody whom the group has in other letters, and who speaks for it',
      { by: 'Nina@example.com', group: 'platform' },
      /not in group platform, but nina@example\.com is: upper and lower case differ$/,
    ],
    ['with a key that has expired', { by: 'old@example.com' }, /its key was not valid at this time/],
    ['with a key of the future', { by: 'early@example.com' }, /signature does not hold/],
    ['with a key that is revoked', { by: 'gone@example.com' }, /key is revoked/],
    ['with a key for something else', { by: 'git@example.com' }, /its key may not sign approval@slipway/],
    [
      'whose words were changed',
      { statement: reworded('"platform"', '"backend"'), group: 'platform' },
      /signed for another group/,
    ],
    [
      'whose expiry was changed',
      { statement: reworded('"expires":"20', '"expires":"30') },
      /signature does not hold/,
    ],
    [
      'that is no approval',
      { statement: (signed) => ({ ...signed, payload: '{"hello":1}' }) },
      /no approval/,
    ],
    ['that is not even JSON', { statement: (signed) => ({ ...signed, payload: 'yes' }) }, /no approval/],
    [
      'whose signature is none',
      { statement: (signed) => ({ ...signed, signature: 'yes' }) },
      /signature does not hold/,
    ],
    [
      'for another digest',
      { status: { artifacts: [{ ...other, name: 'app', kind: 'image', repository: 'x' }] } },
      /another digest/,
    ],
    ['for another plan', { status: { planHash: 'f'.repeat(64) } }, /another plan/],
    ['for another environment', { status: { environment: 'stage' } }, /another environment/],
    ['for another pipeline', { status: { pipeline: 'other' } }, /another pipeline/],
    ['for another commit', { status: { commit: givenCommit({ sha: 'e'.repeat(40) }) } }, /another commit/],
    ['for another version', { status: { version: 'v2.0.0' } }, /another version/],
    ['for another release of the same', { requestId: 'request-6' }, /another release/],
    [
      'with another reason than was signed',
      { reason: 'a', sentReason: 'b' },
      /^its reason is not the one that/,
    ],
    [
      'with a reason where none was signed',
      { sentReason: 'b' },
      /^its reason is not the one that was signed$/,
    ],
    [
      'without the reason that was signed',
      { reason: 'a', sentReason: '' },
      /^its reason is not the one that was signed$/,
    ],
    [
      'whose reason was changed in what was signed as well',
      { reason: 'a', sentReason: 'b', statement: reworded('"reason":"a"', '"reason":"b"') },
      /signature does not hold/,
    ],
    [
      'that calls itself older, so that its reason would not matter',
      { reason: 'a', sentReason: 'b', statement: asOlder },
      /signature does not hold/,
    ],
    ['that has expired', { expiresMs: -1000 }, /it expired at/],
    ['for a group the person is not in', { group: 'backend' }, /irina@example\.com is not in group backend/],
    ['of somebody else, sent again in one’s own name', { sentBy: 'oleg@example.com' }, /another person/],
    ['of an author', { by: 'anna@example.com' }, /asked for this release or wrote it/],
    ['of who asked for it', { by: 'vadim' }, /asked for this release or wrote it/],
  ])('%s', async (_what, saying, why) => {
    const item = await say(saying);
    expect(item.verdict).toBe('fail');
    expect(item.note).toMatch(why);
    expect(item.wayOut).toMatch(/^(ask|sign|say|the owner of the worker|slipway approve prod) /);
    expect(item.proof).toBeUndefined();
  });

  test('of an author whom the workflow has forgotten: the plan’s seal names them', async () => {
    const commit = { ...release.target.commit, author: '', authorEmail: '', authors: [] };
    const item = await say({ by: 'anna@example.com', claim: { commit } });
    expect(item).toMatchObject({ verdict: 'fail', note: expect.stringMatching(/wrote it/) as unknown });
  });

  test('of who forced a gate, of the environment or of the release', async () => {
    const { target } = release;
    const artifacts = target.artifacts.map((made) => ({
      ...made,
      forced: [{ gate: 'scan', by: 'Irina@example.com', reason: 'urgent', ticket: 'OPS-412' }],
    }));
    const said = { kind: 'gate' as const, pipeline: 'shop', environment: 'prod', commit: target.commit.sha };
    const seal = sealStatement(seals.ours, {
      ...said,
      gate: 'hash',
      digests: [],
      verdict: 'forced',
      by: 'irina@example.com',
      at: '2026-11-14T10:00:00.000Z',
    });
    const forced = [{ ...evidenceOf('forced'), seal }];
    for (const item of [
      await say({ claim: { artifacts } }),
      await say({ claim: { forced } }),
      await say({ claim: { forced: [evidenceOf('fail'), ...forced] } }),
    ])
      expect(item).toMatchObject({
        verdict: 'fail',
        note: 'irina@example.com forced a gate of this release',
      });
    const other = await say({ by: 'carla@example.com', claim: { forced } });
    expect(other.verdict).toBe('approved');
  });

  test('signed for anything but approvals', async () => {
    const item = await say({
      statement: (signed) => ({ ...signed, signature: elsewhere }),
    });
    expect(item.note).toMatch(/was changed after it was signed, or made for something else/);
  });
});

let elsewhere = '';
beforeAll(async () => {
  const file = path.join(signers.folder, 'text');
  await writeFile(file, 'hello');
  await exec('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'file', '-f', keyOf('irina@example.com'), file]);
  elsewhere = await readFile(`${file}.sig`, 'utf8');
});
