/** Approvals of a plan that a worker sealed: counted once a worker has looked at them, and shown when they do not count. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { ApprovalRule, EnvironmentPlan } from '../../pipeline/plan.js';
import type { Decision } from '../../workflows/messages.js';
import { breakActivity, mend, release as letGo } from '../support/fake-world.js';
import { givenDecision, givenPlan, givenRule, SIGNED } from '../support/given.js';
import { givePersonKey } from '../support/people.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { readJson, slipway } from '../support/slipway-command.js';
import { useHarness } from '../support/use-harness.js';
import { startHarness, until } from '../support/workflow-harness.js';

const denies = (by: string): string | null => (by === 'mallory' ? 'its key is revoked' : null);
const harness = useHarness(() => startHarness({ denies }));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-approvals-'));
  await givePersonKey(path.join(folder, 'key'), 'oleg@example.com');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const rule = (count: number, group: string | null, by: ApprovalRule['by'] = 'ssh'): ApprovalRule =>
  givenRule(count, group, { by });

const sealed = (
  approvals: ApprovalRule[],
  protectedBy: EnvironmentPlan['policy'] = { rules: [] },
): EnvironmentPlan =>
  givenPlan({
    approvals,
    seal: { statement: '{}', keyId: 'k', signature: 's' },
    ...(protectedBy === undefined ? {} : { policy: protectedBy }),
  });

const environmentOf = async (promotion: PromotionScene): Promise<string> =>
  (await promotion.status()).environment;

/** Signed, as far as a workflow sees. */
const signed = (by: string, more: Partial<Decision> = {}): Decision =>
  givenDecision(by, { statement: SIGNED, ...more });

const start = (plan: EnvironmentPlan): Promise<PromotionScene> =>
  PromotionScene.start(harness, givenPromotion(plan, 1));

describe('approvals of a sealed plan', () => {
  it('go on with what a worker verified, and hand it to the change', async () => {
    const promotion = await start(sealed([rule(1, 'platform')]));
    const asked = await promotion.waitsFor('1 approval (platform)');
    expect(asked.approving).toMatchObject({ mustSign: true, expiresMs: 3_600_000 });
    const reason = 'OPS-412';
    const statement = SIGNED;
    expect(
      await promotion.decide('approve', 'irina', { group: 'platform', reason, statement }),
    ).toMatchObject({
      accepted: true,
    });
    const { state, change, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    const shown = await promotion.status();
    expect(shown.approvals).toMatchObject([{ by: 'irina', reason }]);
    expect(shown.report).toContain(`approval of irina: ${reason}`);
    expect(evidence).toMatchObject([
      { kind: 'approval', by: 'irina', verdict: 'approved', proof: 'ssh' },
      { kind: 'wait', name: 'freeze' },
    ]);
    expect(change?.live?.evidence).toEqual(evidence);
  });

  it('have no reason where it was not signed with them', async () => {
    const promotion = await start(sealed([rule(1, null)]));
    await promotion.waitsFor('1 approval');
    const statement = { ...SIGNED, payload: '{"slipway":"approval/1"}' };
    await promotion.decide('approve', 'irina', { statement, reason: 'whoever passed it on' });
    await promotion.end();
    const { approvals, report } = await promotion.status();
    expect(approvals).toMatchObject([{ by: 'irina' }]);
    expect(JSON.stringify({ approvals, report })).not.toContain('passed it on');
  });

  it('are shown and recorded when they do not count, and the wait goes on', async () => {
    const promotion = await start(sealed([rule(1, null)]));
    await promotion.waitsFor('1 approval');
    const decisionId = 'decision-1';
    expect(await promotion.decide('approve', 'mallory', { statement: SIGNED, decisionId })).toMatchObject({
      accepted: true,
    });
    const denied = await promotion.until('the denial', ({ denials = [] }) => denials.length > 0);
    const denial = { by: 'mallory', why: 'its key is revoked', decisionId, decision: 'approval' };
    expect(denied.denials).toMatchObject([denial]);
    expect(denied.report).toContain('not counted: approval by mallory: its key is revoked');
    expect(denied).toMatchObject({ approvals: [], claims: 0, state: 'waiting' });
    await promotion.decide('approve', 'irina', { statement: SIGNED });
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence).toMatchObject([
      { by: 'mallory', verdict: 'fail', note: 'its key is revoked' },
      { by: 'irina', verdict: 'approved' },
      { name: 'freeze', verdict: 'pass' },
    ]);
  });

  it('do not count when no worker can look at them', async () => {
    const plan = sealed([rule(1, null)]);
    breakActivity(harness.world, plan.name, 'verifyApproval', 'refuse');
    const promotion = await start(plan);
    await promotion.waitsFor('1 approval');
    await promotion.decide('approve', 'irina', { statement: SIGNED });
    const { denials } = await promotion.until('the denial', ({ denials: all = [] }) => all.length > 0);
    expect(denials).toMatchObject([{ by: 'irina' }]);
    await promotion.decide('approve', 'oleg', { statement: SIGNED });
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('count no more once somebody has rejected, also when nobody has looked at either yet', async () => {
    const promotion = await start(sealed([rule(1, null)]));
    await promotion.waitsFor('1 approval');
    await promotion.handle.signal('reject', givenDecision('olga'));
    // it may have ended by now, and then the server itself takes nothing
    await promotion.handle.signal('approve', signed('irina')).catch(() => undefined);
    const { state, failure, change } = await promotion.end();
    expect({ state, what: failure?.what, change }).toEqual({
      ...{ state: 'failed', what: 'rejected by olga (identity: unverified)', change: null },
    });
  });

  it('are taken once by their id, and one person counts once under whatever id', async () => {
    const promotion = await start(sealed([rule(2, null)]));
    await promotion.waitsFor('2 approvals');
    const said = signed('irina');
    const again = signed('irina', { ...said, decisionId: 'another' });
    for (const decision of [said, said, again]) await promotion.handle.signal('approve', decision);
    const heard = await promotion.until(
      'both ids are heard',
      ({ denials = [], claims }) => denials.length === 1 && claims === 0,
    );
    expect(heard.waitingFor).toContain('1 approval');
    expect(heard.approvals).toMatchObject([{ by: 'irina' }]);
    const why = 'irina has approved already and counts once; somebody else must';
    expect(heard.denials).toMatchObject([{ by: 'irina', why, decisionId: 'another' }]);
    await promotion.decide('approve', 'oleg', { statement: SIGNED });
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('come as signals, early, twice and by several at once', async () => {
    const promotion = await start(sealed([rule(2, null)]));
    for (const by of ['irina', 'irina', 'mallory', 'oleg'])
      await promotion.handle.signal('approve', signed(by));
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence.filter(({ verdict }) => verdict === 'approved').map(({ by }) => by)).toContain('oleg');
  });

  it('that fill no slot are shown with why, and not among the approvals', async () => {
    const promotion = await start(sealed([rule(1, 'platform'), rule(1, 'backend')]));
    await promotion.waitsFor('2 approvals');
    // no worker has found oleg in a group that is asked for
    expect(await promotion.decide('approve', 'oleg', { statement: SIGNED })).toMatchObject({
      accepted: true,
    });
    const denied = await promotion.until('the denial', ({ denials = [] }) => denials.length === 1);
    const why = 'oleg is in none of the groups that are asked for (missing: platform, backend)';
    expect(denied).toMatchObject({ approvals: [], decided: [], denials: [{ by: 'oleg', why }] });
    expect(denied.report).toContain('not counted: approval by oleg: is in none of the groups');
    expect(denied.report).not.toContain('**approved**');

    // two of one group at the same moment: one of them fills nothing
    const platform = { group: 'platform' };
    await promotion.handle.signal('approve', signed('irina', platform));
    await promotion.handle.signal('approve', signed('olga', platform));
    const both = await promotion.until('the other', ({ denials = [] }) => denials.length === 2);
    expect(both).toMatchObject({ approvals: [{ by: 'irina' }], waitingFor: '1 approval (backend)' });
    expect(both.denials?.[1]).toMatchObject({
      by: 'olga',
      why: 'enough of group platform have approved (missing: backend)',
    });
    await promotion.decide('approve', 'olga', { statement: SIGNED, group: 'backend' });
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence.filter(({ verdict }) => verdict === 'approved').map(({ by }) => by)).toEqual([
      'irina',
      'olga',
    ]);
    expect(evidence[0]).toMatchObject({ by: 'oleg', verdict: 'fail', note: why });
  });

  it('end the command with 5 when they fill no slot, and it says why', async () => {
    const plan = sealed([rule(1, 'platform'), rule(1, 'backend')]);
    const promotion = await start(plan);
    await promotion.waitsFor('2 approvals');
    const run = async (line: string) =>
      await slipway([...line.split(' '), plan.name, '--pipeline', plan.pipeline], {
        cwd: folder,
        env: {
          TEMPORAL_ADDRESS: inject('temporalAddress'),
          SLIPWAY_TASK_QUEUE: harness.taskQueue,
          SLIPWAY_ACTOR: 'oleg@example.com',
          SLIPWAY_SIGNING_KEY: path.join(folder, 'key'),
        },
      });
    const why = 'is in none of the groups that are asked for (missing: platform, backend)';
    const approved = await run('approve --yes --reason OPS-412');
    expect(approved).toMatchObject({ exit: 5 });
    // shown before it is signed
    expect(approved.out).toMatch(/^ {2}reason {4}OPS-412$/m);
    expect(approved.err).toContain(`oleg@example.com ${why}`);
    for (const line of ['watch --until waiting', 'status']) {
      const { out } = await run(line);
      expect(out, line).toContain(`not counted: approval by oleg@example.com: ${why}`);
      expect(out, line).not.toContain('approved');
    }

    // of a group that nobody asks, which needs no worker to be known
    const atOnce = 'no approval of group leads is asked for (missing: platform, backend)';
    expect(await run('approve --yes --group leads')).toMatchObject({
      ...{ exit: 5, err: expect.stringContaining(atOnce) as unknown },
    });
    const { data } = readJson(await run('status --json'));
    expect(data).toMatchObject({
      environments: [
        { waiting: [{ denials: [{}, { by: 'oleg@example.com', decision: 'approval', why: atOnce }] }] },
      ],
    });
    await promotion.decide('abort', 'irina');
    await promotion.end();
  });

  it('do not use up their id when they do not count, and do when they do', async () => {
    const promotion = await start(sealed([rule(2, null)]));
    const asked = await promotion.waitsFor('2 approvals');
    const decisionId = 'seen by mallory';
    await promotion.handle.signal('approve', signed('mallory', { decisionId }));
    const denied = await promotion.until(
      'the bad copy is denied',
      ({ denials = [] }) => denials.length === 1,
    );
    // nobody's clock starts again for it
    expect(denied.waitingSince).toBe(asked.waitingSince);
    await promotion.handle.signal('approve', signed('irina', { decisionId }));
    await promotion.until('the word itself counts', ({ decided = [] }) => decided.includes(decisionId));
    await promotion.handle.signal('approve', signed('mallory', { decisionId }));
    await promotion.decide('approve', 'oleg', { statement: SIGNED });
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence.map(({ by, verdict }) => [by, verdict])).toEqual([
      ['mallory', 'fail'],
      ['irina', 'approved'],
      ['oleg', 'approved'],
      [null, 'pass'],
    ]);
  });

  it('that come in a flood keep no room from what counts, and little of them is kept', async () => {
    const promotion = await start(sealed([rule(1, null)]));
    await promotion.waitsFor('1 approval');
    breakActivity(harness.world, await environmentOf(promotion), 'verifyApproval', 'hang-before');
    const flood = async (count: number): Promise<void> => {
      for (let turn = 0; turn < count; turn += 1) {
        const decision = signed('mallory', { reason: `${'x'.repeat(9000)}${turn}` });
        await promotion.handle.signal('approve', decision);
      }
    };
    await flood(25);
    const full = await promotion.until(
      'it is full',
      ({ claims, denials = [] }) => claims === 20 && denials.length === 5,
    );
    expect(full.denials?.[0]?.why).toBe('20 words wait to be looked at; say it again in a moment');
    expect(await promotion.decide('approve', 'irina', { statement: SIGNED })).toMatchObject({
      accepted: false,
      refused: '20 words wait to be looked at; say it again in a moment',
    });
    mend(harness.world, await environmentOf(promotion));
    letGo(harness.world, await environmentOf(promotion), 'verifyApproval');
    await promotion.until('all are heard', ({ claims }) => claims === 0);
    await flood(10);
    const heard = await promotion.until('they are heard', ({ claims }) => claims === 0);
    expect(heard.denials).toHaveLength(20);
    await promotion.decide('approve', 'irina', { statement: SIGNED });
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence.filter(({ verdict }) => verdict === 'fail')).toHaveLength(20);
  });

  it('are no longer looked at once a flood has filled the history, and the way out is said', async () => {
    const promotion = await start(sealed([rule(1, null)]));
    await promotion.waitsFor('1 approval');
    const reason = 'x'.repeat(5000);
    const large = (): Promise<void> => promotion.handle.signal('approve', signed('mallory', { reason }));
    await until('it listens no more', async () => {
      await Promise.all(Array.from({ length: 40 }, large));
      const { denials = [] } = await promotion.status();
      return denials.at(-1)?.why.startsWith('too much was said here that did not count') === true;
    });
    const { refused } = await promotion.decide('approve', 'irina', { statement: SIGNED });
    expect(refused).toMatch(/; slipway abort \S+, then slipway release v1 --to \S+$/);
    // what stops it is heard
    expect(await promotion.decide('abort', 'irina')).toMatchObject({ accepted: true });
    expect(await promotion.end()).toMatchObject({ state: 'aborted', clean: true });
  });

  it('that are not signed are refused at once, and a signal of the kind is shown and recorded', async () => {
    const promotion = await start(sealed([rule(1, null)]));
    const { environment } = await promotion.waitsFor('1 approval');
    const refused = `the policy wants it signed; slipway approve ${environment} signs it, and with --print writes what temporal workflow signal sends`;
    expect(await promotion.decide('approve', 'irina')).toMatchObject({ accepted: false, refused });
    await promotion.handle.signal('approve', givenDecision('oleg'));
    const denied = await promotion.until('both denials', ({ denials = [] }) => denials.length === 2);
    expect(denied).toMatchObject({ claims: 0, approvals: [] });
    expect(denied.denials).toMatchObject([
      { by: 'irina', why: refused },
      { by: 'oleg', why: refused },
    ]);
    expect(denied.report).toContain('not counted: approval by oleg: the policy wants it signed');
    await promotion.decide('approve', 'irina', { statement: SIGNED });
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence).toMatchObject([
      { kind: 'approval', by: 'irina', verdict: 'fail', note: refused },
      { kind: 'approval', by: 'oleg', verdict: 'fail', note: refused },
      { by: 'irina', verdict: 'approved' },
      { name: 'freeze' },
    ]);
    const { events } = await promotion.handle.fetchHistory();
    const asked = events?.filter(
      (each) => each.activityTaskScheduledEventAttributes?.activityType?.name === 'verifyApproval',
    );
    // no worker was asked about the others
    expect(asked).toHaveLength(1);
  });

  it('are a worker’s to judge, signed or not, where one that is not signed may count', async () => {
    const promotion = await start(sealed([rule(1, 'platform'), rule(1, null, 'unverified')]));
    await promotion.waitsFor('2 approvals');
    expect(await promotion.decide('approve', 'irina')).toMatchObject({ accepted: true });
    await promotion.until('it is heard', ({ claims, approvals }) => claims === 0 && approvals.length === 1);
    await promotion.decide('abort', 'irina');
    await promotion.end();
  });

  it('need no signature where nothing protects', async () => {
    const plan = sealed([rule(1, null)]);
    const { policy: _policy, ...open } = plan;
    const promotion = await start(open);
    const asked = await promotion.waitsFor('1 approval');
    expect(asked.approving?.mustSign).toBe(false);
    expect(asked.report).toContain('NOT PROTECTED');
    await promotion.decide('approve', 'irina');
    expect((await promotion.end()).state).toBe('succeeded');
  });
});
