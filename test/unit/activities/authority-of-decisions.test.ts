/** Who may switch and roll back, as activities see it: by a word a worker verified, for exactly this, and the way back by none. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { PolicyStore } from '../../../activities/trust/policy-store.js';
import type { SealKeys } from '../../../activities/trust/seal-keys.js';
import { writeDecision } from '../../../pipeline/decision-statement.js';
import type { DecisionSubject, Seal } from '../../../pipeline/plan.js';
import type { DecisionClaim, Target } from '../../../workflows/activity-contract.js';
import type { ChangeKind } from '../../../workflows/messages.js';
import type { EvidenceItem } from '../../../workflows/result.js';
import { releaseOf } from '../../../workflows/who-may.js';
import { carryOut, receiptsIn } from '../../support/carried-out.js';
import { givenTraffic } from '../../support/given.js';
import { givenPolicyStore } from '../../support/policies.js';
import {
  givenSealedRelease,
  NO_POLICY,
  throughVouching,
  type Name,
  type SealedRelease,
} from '../../support/sealed.js';
import { inputOf, useVouchingWorker } from '../../support/vouching-worker.js';

const IRINA = 'irina@example.com';

function policyWith(may: string, leads = IRINA): PolicyStore {
  const text = `allowed-signers: allowed_signers
groups: {leads: [${leads}], others: [oleg@example.com]}
pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {
    production: true, self-approval: false, hosts: [deploy@web-1, deploy@web-2], ${may}}}}}`;
  return givenPolicyStore(text);
}

const SWITCH = policyWith('may: {switch: [leads]}');
const ROLLBACK = policyWith('may: {rollback: [others, leads]}');
const BOTH = policyWith('may: {switch: [leads], rollback: [leads]}');
const OPEN = policyWith('wait: 0s');

const worker = useVouchingWorker();
const { keys } = worker;
let release: SealedRelease;
let stage: SealedRelease;
let earlier: SealedRelease;
beforeAll(async () => {
  const plan = { policy: { rules: [] }, traffic: givenTraffic({ switch: 'manual' }) };
  release = await givenSealedRelease(keys.ours, plan);
  stage = await givenSealedRelease(keys.ours, { ...plan, name: 'stage' });
  earlier = await givenSealedRelease(keys.ours, { ...plan, version: 'v0.9.0' });
});

interface Saying {
  of?: SealedRelease;
  by?: string;
  keys?: SealKeys;
  about?: Partial<DecisionSubject>;
  expiresMs?: number;
  item?: Partial<EvidenceItem>;
}

/** What a worker makes of somebody's word, once it holds. */
async function said(decision: 'switch' | 'rollback', saying: Saying = {}): Promise<EvidenceItem> {
  const { of = release, by = IRINA, expiresMs = 60_000 } = saying;
  const { target } = of;
  const subject: DecisionSubject = {
    decision,
    pipeline: target.plan.pipeline,
    environment: target.plan.name,
    requestId: 'request-1',
    token: decision === 'switch' ? target.token : null,
    release: releaseOf(target),
    until: null,
    ...saying.about,
  };
  const expires = new Date(Date.now() + expiresMs).toISOString();
  const payload = writeDecision({ ...subject, slipway: 'decision/1', by, nonce: 'nonce-123', expires });
  const claim: DecisionClaim = { subject, by, statement: { scheme: 'ssh', payload, signature: 'signed' } };
  const common = {
    kind: 'decision',
    name: decision,
    by,
    at: '2026-11-14T10:00:00.000Z',
    note: null,
  } as const;
  const item = { ...common, verdict: 'approved', proof: 'ssh', ...saying.item } as const;
  return await throughVouching(saying.keys ?? keys.ours, 'verifyDecision', claim, () => item);
}

/** That the release was carried out here, as the activities of that change vouch for it. */
const receipts = async (of = release): Promise<Seal[]> => receiptsIn(await carryOut(keys.ours, of));

const inputFor = (name: Name, change: Partial<Target>): object =>
  inputOf(name, { ...release, target: { ...release.target, ...change } });
const begins = (name: Name, change: Partial<Target>, policy: PolicyStore): Promise<boolean> =>
  worker.begins(name, inputFor(name, change), policy);
const refusal = (name: Name, change: Partial<Target>, policy: PolicyStore): Promise<string> =>
  worker.refusal(name, inputFor(name, change), policy);

describe('where the policy says who may switch', () => {
  test('traffic moves by a word for this change, and nothing else needs one', async () => {
    const decisions = [await said('switch')];
    for (const kind of ['deploy', 'redeploy', undefined] as const) {
      const change = kind === undefined ? {} : { kind };
      expect(await refusal('switchTraffic', change, SWITCH)).toMatch(
        /nobody of leads has signed that traffic moves to v1\.0\.0.*slipway switch prod --key/,
      );
      expect(await begins('switchTraffic', { ...change, decisions }, SWITCH)).toBe(true);
      for (const name of ['preflight', 'claim', 'proveWayBack', 'deploy'] as const)
        expect(await begins(name, change, SWITCH), name).toBe(true);
    }
  });

  test('also of a release whose plan would have switched by itself', async () => {
    const auto = await givenSealedRelease(keys.ours, { policy: { rules: [] } });
    const input = inputOf('switchTraffic', auto);
    expect(await worker.refusal('switchTraffic', input, SWITCH)).toContain('nobody of leads');
  });

  test('traffic goes back without any', async () => {
    for (const kind of ['deploy', 'rollback', 'redeploy', 'recover'] as const) {
      const input = { ...inputFor('switchTraffic', { kind }), to: 'blue', requireHealthy: false };
      expect(await worker.begins('switchTraffic', input, BOTH)).toBe(true);
      expect(await begins('undoDeploy', { kind }, BOTH)).toBe(true);
    }
    expect(await begins('takeOver', {}, BOTH)).toBe(true);
  });

  test.each<[ChangeKind, PolicyStore]>([
    ['rollback', SWITCH],
    // of hosts that the others went on without
    ['readmit', SWITCH],
    ['readmit', BOTH],
  ])('a %s needs no word to switch: it had the traffic before', async (kind, policy) => {
    const proven = await receipts();
    expect(proven).toHaveLength(3);
    expect(await begins('switchTraffic', { kind, receipts: proven }, policy)).toBe(true);
    for (const wrong of [[], proven.slice(0, 2), await receipts(stage)])
      expect(await refusal('switchTraffic', { kind, receipts: wrong }, policy)).toMatch(
        /nobody vouches that v1\.0\.0 had the traffic before/,
      );
  });
});

describe('where the policy says who may roll back', () => {
  const COMING: Name[] = ['preflight', 'deploy', 'switchTraffic'];

  test.each<ChangeKind>(['rollback', 'redeploy'])('a %s comes in by a word for it', async (kind) => {
    const decisions = [await said('rollback')];
    for (const name of COMING) {
      expect(await refusal(name, { kind }, ROLLBACK), name).toMatch(
        /nobody of others or leads has signed that v1\.0\.0 comes back.*slipway rollback prod v1\.0\.0 --key/,
      );
      expect(await begins(name, { kind, decisions }, ROLLBACK), name).toBe(true);
    }
  });

  test('the word to come back is enough where a switch takes one as well', async () => {
    const decisions = [await said('rollback')];
    expect(await begins('switchTraffic', { kind: 'rollback', decisions }, BOTH)).toBe(true);
    expect(await refusal('switchTraffic', { kind: 'redeploy', decisions }, BOTH)).toContain('traffic moves');
  });

  test('a deploy and the recovery of a change ask for none', async () => {
    for (const name of COMING) expect(await begins(name, { kind: 'deploy' }, ROLLBACK), name).toBe(true);
    expect(await begins('deploy', {}, ROLLBACK)).toBe(true);
  });
});

describe('a word does not count', () => {
  const unsealed = ({ seal: _seal, ...item }: EvidenceItem): EvidenceItem => item;
  const reworded = (item: EvidenceItem, from: string, to: string): EvidenceItem =>
    item.seal === undefined
      ? item
      : { ...item, seal: { ...item.seal, statement: item.seal.statement.replace(from, to) } };

  const WORDS: [string, (decision: 'switch' | 'rollback') => Promise<EvidenceItem>][] = [
    ['that no worker sealed', async (decision) => unsealed(await said(decision))],
    ['sealed by a stranger', (decision) => said(decision, { keys: keys.foreign })],
    ['changed afterwards', async (decision) => reworded(await said(decision, { by: 'x@y' }), 'x@y', IRINA)],
    ['for another environment', (decision) => said(decision, { of: stage })],
    ['for another release', (decision) => said(decision, { of: earlier })],
    [
      'for another plan of it',
      (decision) =>
        said(decision, { about: { release: { ...releaseOf(release.target), planHash: 'f'.repeat(64) } } }),
    ],
    [
      'for another digest',
      (decision) =>
        said(decision, { about: { release: { ...releaseOf(release.target), digests: ['sha256:e'] } } }),
    ],
    ['that said something else', (decision) => said(decision === 'switch' ? 'rollback' : 'switch')],
    ['that has expired', (decision) => said(decision, { expiresMs: -1 })],
    ['of somebody in no group', (decision) => said(decision, { by: 'mallory@example.com' })],
    ['that a worker denied', (decision) => said(decision, { item: { verdict: 'fail' } })],
    ['that nobody had to sign', (decision) => said(decision, { item: { proof: 'unverified' } })],
  ];
  test.each(WORDS)('%s', async (_what, word) => {
    const toSwitch = { decisions: [await word('switch')] };
    expect(await refusal('switchTraffic', toSwitch, SWITCH)).toContain('nobody of leads has signed');
    const toComeBack = { kind: 'rollback' as const, decisions: [await word('rollback')] };
    expect(await refusal('deploy', toComeBack, ROLLBACK)).toContain('nobody of others or leads has signed');
  });

  test('of another change', async () => {
    const decisions = [await said('switch', { about: { token: release.target.token + 1 } })];
    expect(await refusal('switchTraffic', { decisions }, SWITCH)).toContain('nobody of leads has signed');
  });

  test('of another group, or of somebody who has left', async () => {
    const decisions = [await said('switch', { by: 'oleg@example.com' })];
    expect(await refusal('switchTraffic', { decisions }, SWITCH)).toContain('nobody of leads has signed');
    const left = policyWith('may: {switch: [leads]}', 'anna@example.com');
    const irinas = [await said('switch')];
    expect(await refusal('switchTraffic', { decisions: irinas }, left)).toContain('nobody of leads');
  });
});

test('where the policy does not say who may, anybody’s word does', async () => {
  for (const policy of [OPEN, NO_POLICY])
    for (const kind of ['deploy', 'rollback', 'redeploy'] as const)
      for (const name of ['preflight', 'deploy', 'switchTraffic'] as const)
        expect(await begins(name, { kind }, policy), `${name} of a ${kind}`).toBe(true);
});
