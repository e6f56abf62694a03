/** Forces as people sign them, with real keys and OpenSSH's own tool, and every way in which one does not count. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { createPolicyStore } from '../../activities/trust/policy-store.js';
import { createVerifyForce } from '../../activities/trust/verify-force.js';
import { signForces } from '../../client/force-gates.js';
import { signText } from '../../client/sign-with-ssh.js';
import { APPROVAL_NAMESPACE } from '../../pipeline/approval-statement.js';
import {
  FORCE_NAMESPACE,
  readForce,
  writeForce,
  type ForceStatement,
} from '../../pipeline/force-statement.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { ForceClaim } from '../../workflows/activity-contract.js';
import type { SshStatement } from '../../workflows/signed-statements.js';
import type { EvidenceItem } from '../../workflows/result.js';
import {
  evidenceOf,
  GATE,
  gateInput,
  givenSealedRelease,
  NO_POLICY,
  useSealKeys,
  type SealedRelease,
} from '../support/sealed.js';
import { useSigners } from '../support/signers.js';

const REQUEST = 'request-7';
const IRINA = 'irina@example.com';
const signers = useSigners({
  [IRINA]: '',
  'both@example.com': 'namespaces="approval@slipway,force@slipway" ',
  'approver@example.com': 'namespaces="approval@slipway" ',
  'old@example.com': 'valid-before="20250101" ',
  'oleg@example.com': '',
});
const seals = useSealKeys();
let release: SealedRelease;

beforeAll(async () => {
  const force = { group: 'leads', gates: [GATE.name, 'other'] };
  release = await givenSealedRelease(seals.ours, { force, policy: { rules: [] } });
});

const FORCE = 'force: {group: leads, gates: [ci]}';

async function policyOf(environment = FORCE, pipeline = FORCE): Promise<typeof NO_POLICY> {
  const file = path.join(signers.folder, 'policy.yaml');
  await writeFile(
    file,
    `allowed-signers: allowed_signers
revoked-keys: revoked
groups:
  leads: [irina@example.com, both@example.com, approver@example.com, old@example.com, gone@example.com]
  others: [oleg@example.com]
pipelines:
  shop:
    repositories: [/srv/shop.git]
    ${pipeline}
    environments:
      prod:
        hosts: []
        ${environment}
`,
  );
  return createPolicyStore(file, { isDemo: false });
}

interface Saying {
  by?: string;
  key?: string;
  /** What is signed. */
  said?: Partial<ForceStatement>;
  namespace?: string;
  /** What becomes of it on its way. */
  statement?: (signed: SshStatement) => SshStatement;
  claim?: Partial<ForceClaim>;
  policy?: typeof NO_POLICY;
}

async function say(saying: Saying = {}): Promise<EvidenceItem> {
  const { by = IRINA, key = by } = saying;
  const keyFile = signers.keyOf(key);
  const { pipeline, version, commit } = release.plan;
  const about = { pipeline, version, commit: commit.sha, environments: ['prod'], requestId: REQUEST };
  const person = { by, reason: 'no fix is out', ticket: 'OPS-412', keyFile };
  const [signed] = await signForces([GATE.name], about, person);
  const said = readForce(signed?.statement.payload ?? '');
  if (said === null) throw new Error('what the client signs is no force');
  const { namespace = FORCE_NAMESPACE } = saying;
  const statement = await signText(writeForce({ ...said, ...saying.said }), { namespace, keyFile });
  const { gate, plan: subject } = gateInput(release.plan, release.environment, release.artifacts);
  const claim: ForceClaim = {
    gate,
    plan: release.environment,
    requestId: REQUEST,
    subject,
    refusal: evidenceOf('fail'),
    force: saying.statement?.(statement) ?? statement,
    ...saying.claim,
  };
  const verify = createVerifyForce({ policy: saying.policy ?? (await policyOf()) });
  const item: EvidenceItem = await new MockActivityEnvironment().run(verify, claim);
  return item;
}

describe('a signed force counts', () => {
  test('for the gate it names, with who, why and where it is written down', async () => {
    expect(await say()).toMatchObject({
      kind: 'gate',
      name: 'ci',
      verdict: 'forced',
      by: IRINA,
      note: 'no fix is out',
      ticket: 'OPS-412',
      proof: 'ssh',
    });
  });

  test('with a key that is for forces too', async () => {
    expect(await say({ by: 'both@example.com' })).toMatchObject({ verdict: 'forced', proof: 'ssh' });
  });

  test('for the release’s own gates by the pipeline’s rule', async () => {
    const plan = { ...release.plan, gates: [GATE], force: { group: 'leads', gates: ['ci'] } };
    expect(await say({ claim: { plan } })).toMatchObject({ verdict: 'forced' });
    const policy = await policyOf(FORCE, '');
    expect(await say({ claim: { plan }, policy })).toMatchObject({
      verdict: 'fail',
      note: "the worker's policy lets nobody force ci",
    });
  });

  test('where no policy protects, as what it is', async () => {
    const unsigned = (signed: SshStatement): SshStatement => ({ ...signed, signature: '' });
    const item = await say({ by: 'stranger@example.com', statement: unsigned, policy: NO_POLICY });
    expect(item).toMatchObject({ verdict: 'forced', proof: 'unverified' });
  });

  test('after what the gate said, whatever the clocks of two workers say', async () => {
    const at = new Date(Date.now() + 60_000).toISOString();
    const item = await say({ claim: { refusal: evidenceOf('fail', at) } });
    expect(item.verdict).toBe('forced');
    expect(Date.parse(item.at)).toBe(Date.parse(at) + 1);
  });
});

describe('a force does not count', () => {
  const reworded = (from: string, to: string) => (signed: SshStatement) => ({
    ...signed,
    payload: signed.payload.replace(from, to),
  });
  const forcing = (force: EnvironmentPlan['force']) => ({
    get plan() {
      const { force: _force, ...plan } = release.environment;
      return force === undefined ? plan : { ...plan, force };
    },
  });
  test.each<[string, Saying, RegExp]>([
    ['of somebody unknown', { by: 'stranger@example.com' }, /not among the allowed signers/],
    ['with somebody else’s key', { key: 'oleg@example.com' }, /key is oleg@example\.com's, not irina/],
    ['with a key that has expired', { by: 'old@example.com' }, /signature does not hold/],
    ['with a key that is revoked', { by: 'gone@example.com' }, /key is revoked/],
    ['with a key for approvals only', { by: 'approver@example.com' }, /signature does not hold/],
    [
      'signed as an approval',
      { namespace: APPROVAL_NAMESPACE },
      /was changed after it was signed, or made for something else/,
    ],
    ['of somebody in another group', { by: 'oleg@example.com' }, /oleg@example\.com is not in group leads/],
    ['whose reason was changed', { statement: reworded('no fix', 'a fix') }, /signature does not hold/],
    ['whose expiry was changed', { statement: reworded('"expires":"20', '"expires":"30') }, /does not hold/],
    [
      'whose signature is none',
      { statement: (signed) => ({ ...signed, signature: 'yes' }) },
      /does not hold/,
    ],
    ['that is no force', { statement: (signed) => ({ ...signed, payload: '{"by":"irina"}' }) }, /no force/],
    ['that is not even JSON', { statement: (signed) => ({ ...signed, payload: 'yes' }) }, /no force/],
    ['that is written another way', { statement: reworded('{', '{ ') }, /no force/],
    ['for another gate', { said: { gate: 'other' } }, /another gate/],
    ['for another commit', { said: { commit: 'c'.repeat(40) } }, /another commit/],
    ['for another version', { said: { version: 'v2.0.0' } }, /another version/],
    ['for another pipeline', { said: { pipeline: 'other' } }, /another pipeline/],
    ['for another environment', { said: { environments: ['stage'] } }, /another environment/],
    ['of another release of the same', { said: { requestId: 'request-6' } }, /another release/],
    ['that has expired', { said: { expires: '2026-01-01T00:00:00.000Z' } }, /it expired at 2026-01-01/],
    ['without a reason', { said: { reason: '  ' } }, /gives no reason/],
    ['without a ticket', { said: { ticket: '' } }, /names no ticket/],
    ['of a gate that the file lets nobody force', { claim: forcing(undefined) }, /nobody may force ci/],
    [
      'of a gate that the file does not name',
      { claim: forcing({ group: 'leads', gates: ['other'] }) },
      /nobody may force ci/,
    ],
  ])('%s', async (_what, saying, why) => {
    const item = await say(saying);
    expect(item.verdict).toBe('fail');
    expect(item.note).toMatch(why);
    expect(item.proof).toBeUndefined();
  });

  test.each([
    ['nothing of forcing', ''],
    ['another gate', 'force: {group: leads, gates: [other]}'],
    ['another group', 'force: {group: others, gates: [ci]}'],
  ])('where the policy says %s', async (_what, line) => {
    const item = await say({ policy: await policyOf(line) });
    expect(item).toMatchObject({
      verdict: 'fail',
      note: expect.stringMatching(/lets nobody force ci|is not in group others/) as unknown,
    });
  });
});
