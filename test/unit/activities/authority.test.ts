/** What activities refuse before they touch anything, whoever asks: each row is a word changed by somebody who can write to Temporal. */
import { beforeAll, describe, expect, test } from 'vitest';
import { AUTHORITIES } from '../../../activities/trust/authority.js';
import { withHash } from '../../../pipeline/hash-plan.js';
import type { Colour, Seal } from '../../../pipeline/plan.js';
import type { Target } from '../../../workflows/activity-contract.js';
import { CHANGES_THE_WORLD } from '../../../workflows/activity-options.js';
import { givenArtifacts, givenPlanWithProxies } from '../../support/given.js';
import {
  evidenceOf,
  gateSaid,
  givenSealedRelease,
  type Name,
  type SealedRelease,
} from '../../support/sealed.js';
import { inputOf, OF_A_TARGET, RESTORING, useVouchingWorker } from '../../support/vouching-worker.js';

const { keys, begins, refusal } = useVouchingWorker();
let release: SealedRelease;
let forged: SealedRelease;
let stage: SealedRelease;
let earlier: SealedRelease;
let ofAnotherPipeline: SealedRelease;

beforeAll(async () => {
  release = await givenSealedRelease(keys.ours, { policy: { rules: [] } });
  forged = await givenSealedRelease(keys.foreign);
  stage = await givenSealedRelease(keys.ours, { name: 'stage' });
  earlier = await givenSealedRelease(keys.ours, { version: 'v0.9.0' });
  ofAnotherPipeline = await givenSealedRelease(keys.ours, { pipeline: 'other' });
});

type Words = Pick<SealedRelease, 'target' | 'prior' | 'database'>;
const WITH_PRIOR: Name[] = ['deploy', 'undoDeploy'];

const words = (change: Partial<Target> = {}, prior = release.prior): Words => ({
  target: { ...release.target, ...change },
  prior,
  database: release.database,
});

const without = ({ seal: _seal, ...rest }: Target['plan']): Target['plan'] => rest;

describe('activities that change the world', () => {
  test('are all in the table, and must be shown something', () => {
    expect(CHANGES_THE_WORLD.length).toBeGreaterThan(8);
    const guarded = Object.entries(AUTHORITIES).flatMap(([name, { authorize }]) =>
      authorize === null ? [] : [name],
    );
    expect(CHANGES_THE_WORLD.filter((name) => !guarded.includes(name))).toEqual([]);
    const covered: string[] = [...OF_A_TARGET, ...RESTORING, 'runGate', 'buildArtifacts'];
    expect(CHANGES_THE_WORLD.filter((name) => !covered.includes(name))).toEqual([]);
  });

  test.each(OF_A_TARGET)('%s begins with what workers sealed', async (name) => {
    expect(await begins(name, inputOf(name, words()))).toBe(true);
    const live = { ...earlier.target, colour: 'blue' as const, at: '', by: 'oleg' };
    expect(await begins(name, inputOf(name, words({ live })))).toBe(true);
  });

  const ATTACKS: [string, () => Partial<Target>, RegExp][] = [
    ['no seal', () => ({ plan: without(release.environment) }), /the plan has no seal/],
    [
      'a seal of a key nobody trusts',
      () => ({ plan: forged.environment }),
      /seal of the plan is not genuine/,
    ],
    [
      'a seal with another signature',
      () => ({ plan: { ...release.environment, seal: mangled() } }),
      /not genuine/,
    ],
    [
      'a statement that was changed',
      () => ({ plan: { ...release.environment, seal: reworded() } }),
      /not genuine/,
    ],
    [
      'the seal of another environment',
      () => ({ plan: { ...release.environment, seal: sealOf(stage) } }),
      /plan for shop stage/,
    ],
    [
      'another environment’s plan',
      () => ({ plan: { ...stage.environment, name: 'prod' } }),
      /plan for shop stage/,
    ],
    [
      'a host more',
      () => ({
        plan: {
          ...release.environment,
          hosts: [...release.environment.hosts, { name: 'evil', address: 'evil' }],
        },
      }),
      /changed after it was sealed/,
    ],
    [
      'a changed plan with a fitting hash',
      () => ({ plan: withHash({ ...release.environment, approvals: [], gates: [] }) }),
      /changed after it was sealed/,
    ],
    ['another digest', () => ({ artifacts: givenArtifacts('evil') }), /no worker vouches for .*@sha256/],
    ['no digest at all', () => ({ artifacts: [] }), /is for app, not for none/],
    [
      'one digest twice',
      () => ({ artifacts: [...release.artifacts, ...release.artifacts] }),
      /is for app, not for app,app/,
    ],
    [
      'the digest of another release',
      () => ({
        artifacts: givenArtifacts('v2').map((made, at) => ({
          ...made,
          ...pick(release.artifacts[at]?.seal),
        })),
      }),
      /no worker vouches/,
    ],
    ['another version', () => ({ version: 'v6.6.6' }), /is of v1\.0\.0/],
    [
      'another commit',
      () => ({ commit: { ...release.target.commit, sha: 'b'.repeat(40) } }),
      /is of v1\.0\.0/,
    ],
    [
      'a release before it that nobody vouches for',
      () => ({ live: { ...forged.target, colour: 'blue', at: '', by: 'x' } }),
      /not genuine/,
    ],
    [
      'a release before it of another environment',
      () => ({ live: { ...stage.target, colour: 'blue', at: '', by: 'x' } }),
      /of another environment/,
    ],
    [
      'a release before it that nobody has let in',
      () => ({ live: { ...earlier.target, evidence: [], colour: 'blue', at: '', by: 'x' } }),
      /nobody vouches that gate ci/,
    ],
    [
      'skipped hosts that were never there',
      () => ({ whole: { hosts: [{ name: 'evil', address: 'evil' }], traffic: null } }),
      /changed after it was sealed/,
    ],
    ['a colour that is a word of its own', () => ({ colour: '../../home' as Colour }), /has no such colour/],
    [
      'such a colour of the release before it',
      () => ({ live: { ...earlier.target, colour: '--force' as Colour, at: '', by: 'x' } }),
      /has no such colour/,
    ],
    [
      'every host skipped',
      () => ({
        plan: { ...release.environment, hosts: [], traffic: null },
        whole: { hosts: release.environment.hosts, traffic: release.environment.traffic },
      }),
      /every host was left out/,
    ],
    [
      'another plan behind the sealed one as what was skipped',
      () => ({
        plan: { ...release.environment, gates: [], approvals: [], secrets: { ALL: 'env:ALL' } },
        whole: release.environment,
      }),
      /changed after it was sealed/,
    ],
    [
      'the hash of another plan',
      () => ({ plan: { ...release.environment, planHash: stage.environment.planHash } }),
      /changed after it was sealed/,
    ],
  ];
  describe.each(ATTACKS)('with %s', (_what, change, reason) => {
    test.each(OF_A_TARGET)('%s refuses', async (name) => {
      expect(await refusal(name, inputOf(name, words(change())))).toMatch(reason);
    });
  });

  const GATES: [string, () => Partial<Target>, RegExp][] = [
    ['no evidence', () => ({ evidence: [] }), /nobody vouches that gate ci was asked/],
    ['evidence without a seal', () => ({ evidence: [evidenceOf('pass')] }), /nobody vouches/],
    ['evidence of a foreign key', () => ({ evidence: forged.evidence }), /nobody vouches/],
    ['evidence of another environment', () => ({ evidence: stage.evidence }), /nobody vouches/],
    ['evidence of another pipeline', () => ({ evidence: ofAnotherPipeline.evidence }), /nobody vouches/],
    ['evidence about other digests', () => ({ evidence: earlier.evidence }), /nobody vouches/],
  ];
  describe.each(GATES)('with %s', (_what, change, reason) => {
    test.each(OF_A_TARGET)('%s refuses', async (name) => {
      expect(await refusal(name, inputOf(name, words(change())))).toMatch(reason);
    });
  });

  test.each(OF_A_TARGET)('%s refuses a gate that failed, also after it had passed', async (name) => {
    const failed = await gateSaid(keys.ours, release, 'fail', '2026-11-14T11:00:00.000Z');
    const passed = await gateSaid(keys.ours, release, 'pass', '2026-11-14T10:00:00.000Z');
    expect(await refusal(name, inputOf(name, words({ evidence: [failed, passed] })))).toMatch(
      /gate ci said fail/,
    );
  });

  test.each(WITH_PRIOR)('%s brings back only what a worker found', async (name) => {
    const evil = release.prior.map((state) => ({
      ...state,
      platform: { kind: 'command', inspected: 'evil' },
    }));
    const bare = release.prior.map(({ seal: _seal, ...state }) => state);
    const later = { token: 6 };
    for (const [prior, change] of [
      [evil, {}],
      [bare, {}],
      [stage.prior, {}],
      [forged.prior, {}],
      [release.prior, later],
    ] as const)
      expect(await refusal(name, inputOf(name, words(change, prior)))).toMatch(
        /what was there before is not vouched for/,
      );
  });

  test('skipped hosts may be left out, and nothing else', async () => {
    const { hosts, traffic } = release.environment;
    const [first, second] = hosts;
    if (first === undefined || second === undefined || traffic === null)
      throw new Error('two hosts and a proxy');
    const plan = { ...release.environment, hosts: [second], traffic: { ...traffic, host: first } };
    expect(await begins('deploy', inputOf('deploy', words({ plan, whole: { hosts, traffic } })))).toBe(true);
    const moved = { ...plan, traffic: { ...traffic, host: second } };
    expect(
      await refusal('deploy', inputOf('deploy', words({ plan: moved, whole: { hosts, traffic } }))),
    ).toMatch(/traffic is not that/);
    const more = { ...plan, hosts: [second, { name: 'evil', address: 'evil' }] };
    expect(
      await refusal('deploy', inputOf('deploy', words({ plan: more, whole: { hosts, traffic } }))),
    ).toMatch(/no such host/);
  });

  test('where each host has a proxy, one may be switched by itself', async () => {
    const { traffic: proxies } = givenPlanWithProxies();
    const proxied = await givenSealedRelease(keys.ours, { traffic: proxies });
    const { hosts, traffic } = proxied.environment;
    const [first] = hosts;
    if (first === undefined || traffic?.proxies?.length !== 2) throw new Error('two proxies');
    const plan = { ...proxied.environment, hosts: [first] };
    const target = { ...proxied.target, plan, whole: { hosts, traffic } };
    const move = { to: 'green', from: 'blue', requireHealthy: true } as const;
    expect(await begins('switchTraffic', { ...move, host: first.name, target })).toBe(true);
    const evil = { ...traffic, proxies: [{ host: first.name, url: 'http://evil.example.com/' }] };
    const forged = { ...target, plan: { ...plan, traffic: evil } };
    expect(await refusal('switchTraffic', { ...move, host: first.name, target: forged })).toMatch(
      /traffic is not that/,
    );
  });

  test('a check of somebody’s own is not run', async () => {
    const [check] = release.environment.checks;
    const checks = [{ ...check, url: 'http://evil.example.com' }];
    expect(await refusal('verify', { target: release.target, checks, colour: null })).toMatch(
      /no check health like this one/,
    );
  });

  const WAY_BACK: [Name, (words: Words) => unknown][] = [
    ['switchTraffic', ({ target }) => ({ target, to: 'blue', from: 'green', requireHealthy: false })],
    ['undoDeploy', ({ target, prior }) => ({ target, prior })],
    ['takeOver', ({ target }) => ({ target })],
    ['retireColour', ({ target }) => ({ target, colour: 'blue' })],
  ];
  test.each(WAY_BACK)('%s, on the way back, is for what was let in once', async (name, input) => {
    expect(await begins(name, input(words()))).toBe(true);
    expect(await refusal(name, input(words({ evidence: [] })))).toMatch(/nobody vouches that gate ci/);
  });

  test.each([null, 7, {}, { target: null }, { target: { plan: { seal: 7 } } }])(
    'what is no input at all (%j) is refused',
    async (input) => {
      expect(await refusal('deploy', input)).toMatch(/malformed|not genuine/);
    },
  );
});

function sealOf({ environment: { seal } }: SealedRelease): Seal {
  if (seal === undefined) throw new Error('there is no seal');
  return seal;
}

function mangled(): Seal {
  const seal = sealOf(release);
  return { ...seal, signature: sealOf(stage).signature };
}

function reworded(): Seal {
  const seal = sealOf(release);
  return { ...seal, statement: seal.statement.replace('v1.0.0', 'v1.0.1') };
}

function pick(seal: Seal | undefined): { seal?: Seal } {
  return seal === undefined ? {} : { seal };
}
