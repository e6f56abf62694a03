import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitRefusal } from '../../../client/decided.js';
import {
  decide,
  DECISIONS,
  type ChangeDeciding,
  type Decidable,
  type EnvironmentDeciding,
  type PromotionDeciding,
} from '../../../workflows/decisions.js';
import { missingApprovals, type Approval } from '../../../workflows/missing-approvals.js';
import { givenDecision, givenRule, SIGNED } from '../../support/given.js';

function promotion(overrides: Partial<PromotionDeciding> = {}): PromotionDeciding {
  return {
    of: 'promotion',
    environment: 'prod',
    taken: [],
    phase: 'approvals',
    paused: false,
    rules: [givenRule(1, 'platform'), givenRule(1, 'backend')],
    selfApproval: false,
    requester: 'vera',
    forcers: ['olga@example.com'],
    authors: ['anna', 'anna@example.com'],
    approvals: [],
    refusesUnsigned: false,
    planHash: 'plan',
    digests: ['sha256:1', 'sha256:2'],
    ...overrides,
  };
}

function change(overrides: Partial<ChangeDeciding> = {}): ChangeDeciding {
  return {
    of: 'change',
    environment: 'prod',
    taken: [],
    phase: 'stepping',
    paused: false,
    step: 'deploy',
    switched: false,
    hasPrevious: true,
    hosts: ['web-1', 'web-2'],
    switchers: null,
    ...overrides,
  };
}

function environment(overrides: Partial<EnvironmentDeciding> = {}): EnvironmentDeciding {
  return {
    of: 'environment',
    environment: 'prod',
    taken: [],
    freeze: null,
    needsPerson: null,
    freezers: null,
    now: '2026-11-14T10:00:00Z',
    ...overrides,
  };
}

const FROZEN = { by: 'x', proof: 'unverified', until: null, reason: null, since: '' } as const;

function approve(state: PromotionDeciding, by: string, overrides = {}): string | null {
  const verdict = decide(state, { ...givenDecision(by, overrides), name: 'approve' });
  return verdict.accepted ? null : verdict.refused;
}

describe('approvals', () => {
  const oleg: Approval = { by: 'oleg', group: 'backend', at: '' };

  it.each([
    ['of the requester', 'Vera', {}, /asked for this release/],
    ['of an author, by name', 'ANNA', {}, /wrote a commit/],
    ['of an author, by address', 'anna@example.com', {}, /wrote a commit/],
    ['of who forced a gate', 'Olga@example.com', {}, /forced a gate of this release/],
    ['of a plan that changed', 'irina', { planHash: 'older' }, /plan changed/],
    ['of another digest', 'irina', { digest: 'sha256:9' }, /digest is not this release/],
    ['of a digest among wrong ones', 'irina', { digest: 'sha256:1,sha256:9' }, /digest is not this release/],
    [
      'of a group nobody asked for',
      'irina',
      { group: 'sales' },
      /no approval of group sales is asked for \(missing: platform, backend\)/,
    ],
  ])('%s is refused', (_, by, overrides, refusal) => {
    expect(approve(promotion(), by, overrides)).toMatch(refusal);
  });

  it('counts a person once and a group’s slot once', () => {
    const state = promotion({ approvals: [oleg] });
    expect(approve(state, 'Oleg', { group: 'platform' })).toMatch(/counts once/);
    expect(approve(state, 'irina', { group: 'backend' })).toMatch(/missing: platform/);
    expect(
      approve(state, 'irina', { group: 'platform', digest: 'sha256:1,sha256:2', planHash: 'plan' }),
    ).toBeNull();
    expect(approve(state, 'irina')).toBeNull();
  });

  it('lets authors and requesters approve where the file says so', () => {
    expect(approve(promotion({ selfApproval: true }), 'vera')).toBeNull();
    expect(approve(promotion({ selfApproval: true }), 'olga@example.com')).toBeNull();
  });

  it('are never complete with fewer people than the rules count, and always with one of each group', () => {
    const groups = fc.constantFrom('a', 'b', null);
    const rules = fc.array(fc.record({ count: fc.integer({ min: 1, max: 3 }), group: groups }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(rules, fc.array(groups, { maxLength: 12 }), (wanted, speakers) => {
        const list = wanted.map(({ count, group }) => givenRule(count, group));
        const total = list.reduce((sum, { count }) => sum + count, 0);
        const some = speakers.map((group, index) => ({ by: `p${index}`, group, at: '' }));
        const missing = missingApprovals(list, some).reduce((sum, slot) => sum + slot.missing, 0);
        expect(missing).toBeGreaterThanOrEqual(total - some.length);
        const full = list.flatMap(({ count, group }, index) =>
          Array.from({ length: count }, (_, seat) => ({ by: `q${index}.${seat}`, group, at: '' })),
        );
        expect(missingApprovals(list, [...some, ...full])).toEqual([]);
      }),
    );
  });
});

describe('decide', () => {
  const states: Decidable[] = [
    ...(['gates', 'approvals', 'waiting', 'queued', 'changing', 'ended'] as const).map((phase) =>
      promotion({ phase }),
    ),
    ...(['stepping', 'awaiting-switch', 'holding', 'unwinding', 'parked', 'ended'] as const).flatMap(
      (phase) => [
        change({ phase }),
        change({ phase, switched: true }),
        change({ phase, paused: true }),
        change({ phase, switched: true, hasPrevious: false }),
      ],
    ),
    environment(),
    environment({ freeze: FROZEN, needsPerson: 'look' }),
    environment({ freeze: FROZEN, freezers: ['leads'] }),
    change({ phase: 'awaiting-switch', switchers: ['leads'] }),
    promotion({ refusesUnsigned: true, rules: [givenRule(1, null)] }),
  ];

  it('answers every decision in every state, and every refusal says what to do', () => {
    for (const state of states) {
      for (const name of DECISIONS) {
        const verdict = decide(state, { ...givenDecision('irina'), name });
        const said = verdict.accepted ? 'accepted' : verdict.refused;
        expect(said, `${state.of} ${name}`).toMatch(
          /^accepted$|slipway |resume|paused|send |ask somebody|hosts: /,
        );
      }
    }
  });

  it.each([
    [{}, 'undo of deploy failed', 'to give up, Terminate its lane in the Temporal UI, and prod recovers'],
    [
      { rewinds: 'restore' },
      'deploy failed',
      'there is no other way on: what is in the database is known only',
    ],
  ] as const)(
    'to what is parked (%o) the way out is whole without what it follows',
    (rewinding, what, last) => {
      for (const name of ['abort', 'back'] as const) {
        const verdict = decide(change({ phase: 'parked', ...rewinding }), {
          ...givenDecision('irina'),
          name,
        });
        const refusal = splitRefusal(verdict.accepted ? 'accepted' : verdict.refused);
        expect(refusal.what).toBe(`${what} and a person must look`);
        expect(refusal.wayOut).toMatch(/^mend what slipway status prod says, then slipway retry prod; /);
        expect(refusal.wayOut).toContain(`; ${last}`);
      }
    },
  );

  it('takes no token while gates run, which would be over before it is heard; a signature keeps', () => {
    const rules = [givenRule(1, null)];
    const by = (scheme: 'oidc' | 'ssh', phase: 'gates' | 'approvals'): unknown => {
      const statement =
        scheme === 'oidc'
          ? { scheme, payload: '{}', token: 'a.b.c' }
          : { scheme, payload: '{}', signature: 'x' };
      const decision = { ...givenDecision('irina', { statement }), name: 'approve' as const };
      return decide(promotion({ phase, rules, refusesUnsigned: true }), decision);
    };
    expect(by('oidc', 'gates')).toMatchObject({
      refused: expect.stringMatching(/^the gates of prod still run.*approve again once/) as unknown,
    });
    for (const [scheme, phase] of [
      ['ssh', 'gates'],
      ['oidc', 'approvals'],
    ] as const)
      expect(by(scheme, phase)).toMatchObject({ accepted: true });
  });

  it('takes the same decision once', () => {
    const taken = { ...givenDecision('irina', { decisionId: 'one' }), name: 'abort' as const };
    expect(decide(change({ taken: ['one'] }), taken)).toEqual({ accepted: true, effect: 'none' });
    expect(decide(change(), taken)).toEqual({ accepted: true, effect: 'abort' });
  });

  it.each([
    [change({ phase: 'ended' }), 'abort', /has ended/],
    [change({ phase: 'unwinding' }), 'abort', /already being undone/],
    [change({ phase: 'parked' }), 'abort', /slipway retry prod; to give up, Terminate its lane/],
    [change({ switched: true, hasPrevious: false }), 'back', /first release has nothing to go back to/],
    [change({ switched: true }), 'switchTraffic', /has been switched; slipway back/],
    [promotion({ phase: 'changing' }), 'reject', /slipway abort/],
    [promotion({ phase: 'ended' }), 'approve', /has ended/],
    [environment(), 'unfreeze', /not frozen/],
    [environment(), 'resume', /waits for nobody/],
    [environment(), 'retryStep', /decided by the change of prod/],
  ] as const)('%o refuses %s', (state, name, refusal) => {
    const verdict = decide(state, { ...givenDecision('irina'), name });
    expect(verdict).toMatchObject({ accepted: false, refused: expect.stringMatching(refusal) });
  });

  it.each([
    [change({ phase: 'awaiting-switch', switchers: ['leads', 'oncall'] }), 'switchTraffic', 'switch'],
    [environment({ freezers: ['leads', 'oncall'] }), 'freeze', 'freeze'],
    [environment({ freezers: ['leads', 'oncall'], freeze: FROZEN }), 'unfreeze', 'unfreeze'],
  ] as const)('%o takes %s signed only, where the policy says who may', (state, name, command) => {
    const decision = { ...givenDecision('irina'), name };
    expect(decide(state, decision)).toMatchObject({
      accepted: false,
      refused: expect.stringMatching(
        new RegExp(`signed by somebody of leads or oncall; slipway ${command} prod signs it`),
      ),
    });
    expect(decide(state, { ...decision, statement: SIGNED }).accepted).toBe(true);
  });

  it('takes an approval signed only, where no other can count, and says so last', () => {
    const state = promotion({ refusesUnsigned: true });
    const platform = { group: 'platform' };
    expect(approve(state, 'irina', platform)).toBe(
      'the policy wants it signed; slipway approve prod signs it, and with --print writes what temporal workflow signal sends',
    );
    expect(approve(state, 'irina', { ...platform, statement: SIGNED })).toBeNull();
    // a signature would not help either
    expect(approve(state, 'vera', platform)).toMatch(/asked for this release/);
    expect(approve(state, 'irina', { group: 'nobody' })).toMatch(/no approval of group nobody is asked for/);
  });

  it('goes back and stops by anybody’s word, whoever may do the rest', () => {
    const switched = change({ phase: 'stepping', switched: true, switchers: ['leads'] });
    for (const name of ['back', 'abort'] as const)
      expect(decide(switched, { ...givenDecision('irina'), name }).accepted).toBe(true);
  });

  it.each([
    ['2026-11-14T09:00:00Z', /is over/],
    ['tomorrow', /is no time/],
  ])('a freeze until %s is refused', (until, refusal) => {
    const verdict = decide(environment(), { ...givenDecision('irina', { until }), name: 'freeze' });
    expect(verdict).toMatchObject({ accepted: false, refused: expect.stringMatching(refusal) });
  });

  it('a freeze until later, or for good, is accepted', () => {
    for (const until of [null, '2026-12-01T00:00:00Z']) {
      expect(decide(environment(), { ...givenDecision('irina', { until }), name: 'freeze' }).accepted).toBe(
        true,
      );
    }
  });
});
