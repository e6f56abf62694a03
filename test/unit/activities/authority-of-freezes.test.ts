/** A freeze of the policy, against whoever can start any workflow: nothing new begins in it, and the way back stays open. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createPassFreeze } from '../../../activities/environment/pass-freeze.js';
import type { PolicyStore } from '../../../activities/trust/policy-store.js';
import type { Target } from '../../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../../workflows/result.js';
import { givenPolicyStore } from '../../support/policies.js';
import { givenSealedRelease, throughVouching, type Name, type SealedRelease } from '../../support/sealed.js';
import { inputOf, useVouchingWorker } from '../../support/vouching-worker.js';

const DAY_MS = 24 * 3_600_000;
const day = (inDays: number): string => new Date(Date.now() + inDays * DAY_MS).toISOString().slice(0, 10);

/** What lets the release of these tests in, and the freezes given as [from, to] in days from today. */
function policyWith(...freezes: [number, number][]): PolicyStore {
  const lines = freezes.map(([from, to]) => `{from: ${day(from)}, to: ${day(to)}, reason: audit}`);
  const text = `pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {
    production: true, self-approval: false, hosts: [deploy@web-1, deploy@web-2], freeze: [${lines.join(', ')}]}}}}`;
  return givenPolicyStore(text);
}

const FROZEN = policyWith([-3, -2], [-1, 1]);
const OPEN = policyWith([-3, -2], [5, 9]);

const worker = useVouchingWorker();
const { keys } = worker;
let release: SealedRelease;
let stage: SealedRelease;
beforeAll(async () => {
  release = await givenSealedRelease(keys.ours, { policy: { rules: [] } });
  stage = await givenSealedRelease(keys.ours, { name: 'stage', policy: { rules: [] } });
});

/** What a worker answers to a release that comes to its freeze. */
async function pass(policy: PolicyStore, { target }: SealedRelease = release) {
  const { plan, version, commit, artifacts, evidence = [] } = target;
  const input = { plan, version, commit, artifacts, evidence };
  const answer = await createPassFreeze({ policy })(input);
  return await throughVouching(keys.ours, 'passFreeze', input, () => answer, policy);
}

async function letIn(of = release): Promise<EvidenceItem[]> {
  const { evidence } = await pass(OPEN, of);
  if (evidence === null) throw new Error('it was not let in');
  return [...release.evidence, evidence];
}

const inputFor = (name: Name, change: Partial<Target>): object =>
  inputOf(name, { ...release, target: { ...release.target, ...change } });
const begins = (name: Name, change: Partial<Target>, policy = FROZEN): Promise<boolean> =>
  worker.begins(name, inputFor(name, change), policy);
const refusal = (name: Name, change: Partial<Target>, policy = FROZEN): Promise<string> =>
  worker.refusal(name, inputFor(name, change), policy);

const BEGINNING: Name[] = ['preflight', 'claim', 'proveWayBack', 'deploy'];

describe('in a freeze of the policy', () => {
  test('a release is told until when, and nobody vouches for it', async () => {
    const { frozen, evidence } = await pass(FROZEN);
    expect(frozen?.why).toBe(`${day(-1)} to ${day(1)} UTC (audit), by the policy`);
    expect(frozen?.until.slice(0, 10)).toBe(day(2));
    expect(evidence).toBeNull();
  });

  test.each(BEGINNING)('%s of what nobody let in is refused, whatever it calls itself', async (name) => {
    for (const kind of ['deploy', 'rollback', 'redeploy'] as const)
      expect(await refusal(name, { kind })).toMatch(/it is frozen until .* \(audit\), by the policy/);
    expect(await refusal(name, {})).toContain('it is frozen until');
    expect(await begins(name, { kind: 'deploy' }, OPEN)).toBe(true);
  });

  test('a change that had begun goes on to its end, and one that had not does not begin', async () => {
    const evidence = await letIn();
    for (const name of ['claim', 'proveWayBack', 'deploy', 'verify', 'switchTraffic', 'undoDeploy'] as const)
      expect(await begins(name, { evidence, kind: 'deploy' }), name).toBe(true);
    expect(await refusal('preflight', { evidence, kind: 'deploy' })).toContain('it is frozen until');
  });

  test('what was live once comes back', async () => {
    const evidence = await letIn();
    for (const name of BEGINNING) expect(await begins(name, { evidence, kind: 'rollback' }), name).toBe(true);
    expect(await begins('switchTraffic', { kind: 'rollback' })).toBe(true);
    expect(await begins('undoDeploy', {})).toBe(true);
  });

  test('an old colour is stopped, and its lane brings nothing in', async () => {
    for (const name of ['claim', 'retireColour'] as const)
      expect(await begins(name, { kind: 'retire' }), name).toBe(true);
    for (const name of ['preflight', 'proveWayBack', 'deploy'] as const)
      expect(await refusal(name, { kind: 'retire' })).toContain('it is frozen until');
  });

  test('the word of another environment, a changed one and an invented one do not count', async () => {
    const [invented, theirs] = [await letIn(), await letIn(stage)];
    const forged = invented.map((item) =>
      item.name === 'freeze' && item.seal !== undefined
        ? { ...item, seal: { ...item.seal, statement: item.seal.statement.replace('shop', 'shoq') } }
        : item,
    );
    const unsealed = [...release.evidence, { ...(invented.at(-1) as EvidenceItem) }].map((item) => {
      const { seal: _seal, ...rest } = item;
      return item.name === 'freeze' ? rest : item;
    });
    for (const evidence of [theirs, forged, unsealed])
      expect(await refusal('deploy', { evidence, kind: 'rollback' })).toContain('it is frozen until');
  });
});

describe('the word that nothing is frozen', () => {
  test('is given only to what gates and approvals let in', async () => {
    const { plan, version, commit, artifacts } = release.target;
    const refused = await worker.refusal('passFreeze', { plan, version, commit, artifacts }, OPEN);
    expect(refused).toContain('nobody vouches that gate ci was asked');
  });

  test('is of the policy as it is now, not as it was when the release was planned', async () => {
    const planned = await givenSealedRelease(keys.ours, {
      freeze: [
        {
          from: `${day(-1)}T00:00:00.000Z`,
          until: `${day(1)}T00:00:00.000Z`,
          text: 'a',
          reason: null,
          by: 'policy',
        },
      ],
    });
    expect((await pass(OPEN, planned)).frozen).toBeNull();
    const own = await givenSealedRelease(keys.ours, {
      freeze: planned.environment.freeze?.map((each) => ({ ...each, by: 'pipeline file' as const })) ?? [],
    });
    expect((await pass(OPEN, own)).frozen?.why).toBe('a, by the pipeline file');
    const nothing: PolicyStore = { isDemo: true, read: async () => null };
    expect((await pass(nothing, planned)).frozen?.why).toBe('a, by the policy');
  });
});
