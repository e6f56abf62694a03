/** Switch and rollback where the policy says who may. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { EnvironmentRequest } from '../../workflows/messages.js';
import { SIGNAL } from '../../workflows/names.js';
import { decideOn, statusOf } from '../support/change-scene.js';
import { type EnvironmentScene, givenVersion } from '../support/environment-scene.js';
import { givenPlanInPlace } from '../support/given.js';
import { badCopyOf, deniedOf, IRINA, MAY, OLEG, type Printed, SignedScene } from '../support/signed-scene.js';
import { readJson, slipway } from '../support/slipway-command.js';
import { until } from '../support/workflow-harness.js';

let scene: SignedScene;
beforeAll(async () => {
  scene = await SignedScene.start();
});
afterAll(() => scene.end());

/** By every command that looks, in each of its forms. */
async function expectShown({ plan }: EnvironmentScene, text: string): Promise<void> {
  for (const line of [`watch ${plan.name} --until waiting`, `status ${plan.name}`])
    expect((await scene.run(line)).out, line).toContain(text);
  for (const line of [`watch ${plan.name} --until waiting --json`, `status ${plan.name} --json`])
    expect((await scene.run(line)).out, line).toContain('"why":"oleg@example.com is not in group leads"');
}

describe('a switch by hand', () => {
  it('goes on by the word of somebody who may, and its seal goes with it', async () => {
    const prod = scene.byHand();
    const { requestId } = await prod.ask(givenVersion(prod.plan, 1));
    const { lane, asked } = await scene.waitsForSwitch(prod);
    expect(asked.switching).toEqual({ requestId, token: 1, groups: ['leads'] });

    const denied = await scene.run(`switch ${prod.plan.name} --json`, OLEG);
    expect([denied.exit, deniedOf(denied)]).toEqual([5, 'oleg@example.com is not in group leads']);
    const forged = await scene.run(`switch ${prod.plan.name} --json`, IRINA, OLEG);
    expect([forged.exit, deniedOf(forged)]).toEqual([
      5,
      "the signature does not hold: its key is oleg@example.com's, not irina@example.com's",
    ]);
    const shown = await statusOf(lane);
    expect(shown).toMatchObject({ waitingFor: 'switch', claims: 0, denials: [{ by: OLEG }, { by: IRINA }] });
    expect(shown.report).toContain('not counted: switch by oleg@example.com: is not in group leads');
    // what does not count starts no clock again
    expect(shown.waitingSince).toBe(asked.waitingSince);

    await expectShown(prod, 'not counted: switch by oleg@example.com: is not in group leads');

    const told = await scene.run(`switch ${prod.plan.name}`, OLEG);
    expect(told.err).toBe(`✗ oleg@example.com is not in group leads
  where     ${prod.plan.name}
  way out   ask somebody of leads, or the owner of the worker changes groups in its policy.yaml
  nothing was changed
`);
    const keyless = await slipway(['switch', prod.plan.name, '--pipeline', 'shop', '--json'], {
      cwd: scene.folder,
      env: {
        ...{ TEMPORAL_ADDRESS: inject('temporalAddress'), SLIPWAY_TASK_QUEUE: scene.harness.taskQueue },
        ...{ SLIPWAY_ACTOR: IRINA, HOME: scene.folder },
      },
    });
    expect([keyless.exit, readJson(keyless).error?.['what']]).toEqual([
      5,
      'there is no SSH key to sign with',
    ]);

    const done = await scene.run(`switch ${prod.plan.name} --reason looks-good`);
    expect(done, done.err).toMatchObject({ exit: 0, out: expect.stringContaining('(signed)') as unknown });
    expect((await prod.ended(requestId)).state).toBe('succeeded');
    const word = 'switch by irina@example.com (signed): looks-good';
    expect((await statusOf(lane)).report).toContain(word);
    // also once it is live, and long after
    const status = await scene.run(`status ${prod.plan.name}`);
    expect(status.out).toContain(`✓ ${word}`);
    expect(status.out).toContain('not counted: switch by oleg@example.com: is not in group leads');
    const { data } = readJson(await scene.run(`status ${prod.plan.name} --json`));
    const decisions = [{ decision: 'switch', by: IRINA, proof: 'ssh', reason: 'looks-good' }];
    const denials = [{ by: OLEG }, { by: IRINA }, { by: OLEG }];
    expect(data['environments']).toMatchObject([{ denials: [], live: { decisions, denials } }]);
    const [moved] = scene.switched.filter(({ plan }) => plan.name === prod.plan.name);
    expect(moved?.decisions).toMatchObject([
      { name: 'switch', by: IRINA, verdict: 'approved', proof: 'ssh', reason: 'looks-good' },
    ]);
  });

  it('does not go on by a word that is not signed, however it is sent', async () => {
    const prod = scene.byHand();
    await prod.ask(givenVersion(prod.plan, 1));
    const { lane } = await scene.waitsForSwitch(prod);
    await lane.signal('switchTraffic', { by: IRINA });
    expect(await decideOn(lane, 'switchTraffic', { by: IRINA })).toMatchObject({
      accepted: false,
      refused: `the policy wants it signed by somebody of leads; slipway switch ${prod.plan.name} signs it, and with --print writes what temporal workflow signal sends`,
    });
    await lane.signal('approve', { by: OLEG });
    await lane.signal('reject', { by: OLEG });
    // nobody has had an answer to these
    expect(await statusOf(lane)).toMatchObject({
      waitingFor: 'switch',
      denials: [
        {
          by: IRINA,
          decision: 'switch',
          why: expect.stringContaining('the policy wants it signed') as unknown,
        },
        { by: OLEG, decision: 'approval', why: expect.stringContaining('approvals are over') as unknown },
        { by: OLEG, decision: 'rejection', why: expect.stringContaining('approvals are over') as unknown },
      ],
    });
    expect(scene.heard).not.toContain(`${prod.plan.name} switch`);

    // stopping needs no signature
    expect(await scene.run(`abort ${prod.plan.name} --until done`, OLEG)).toMatchObject({ exit: 0 });
    expect(prod.serving()).toBe('nothing');
  });

  it('goes on by a raw signal with the printed statement, for this change only', async () => {
    const prod = scene.byHand();
    const first = await prod.ask(givenVersion(prod.plan, 1));
    const { lane } = await scene.waitsForSwitch(prod);
    const printed = JSON.parse((await scene.run(`switch ${prod.plan.name} --print`)).out) as Printed;
    // a bad copy of it, under its own id, does not keep it out
    await lane.signal('switchTraffic', badCopyOf(printed));
    await until('the copy is denied', async () => (await statusOf(lane)).denials?.length === 1);
    await lane.signal('switchTraffic', printed);
    expect((await prod.ended(first.requestId)).state).toBe('succeeded');

    const second = await prod.ask(givenVersion(prod.plan, 2));
    await scene.waitsForSwitch(prod, 2);
    await lane.signal('switchTraffic', printed);
    const { denials = [] } = await until('it is denied', async () => {
      const status = await statusOf(lane);
      return (status.denials ?? []).length > 0 && status;
    });
    expect(denials[0]?.why).toBe('it was signed for another version');
    expect(await scene.run(`switch ${prod.plan.name}`)).toMatchObject({ exit: 0 });
    expect((await prod.ended(second.requestId)).state).toBe('succeeded');
  });
});

describe('a rollback', () => {
  it('comes in by the word of somebody who may, verified before it stands in the queue', async () => {
    const prod = scene.givenEnvironment(MAY, { bake: null });
    await prod.release(1);
    await prod.release(2);
    const unsigned = await prod.ended(await prod.rollback());
    expect(unsigned).toMatchObject({ state: 'failed', clean: true, steps: [] });
    expect(unsigned.failure).toMatchObject({
      what: 'that v1 comes back is not signed',
      wayOut: expect.stringContaining(`slipway rollback ${prod.plan.name} v1 signs it`) as unknown,
    });
    expect(scene.heard).not.toContain(`${prod.plan.name} rollback`);
    // nobody has had an answer to it
    const shown = `not counted: rollback by oleg: the policy wants it signed by somebody of leads; slipway rollback ${prod.plan.name} v1 signs it`;
    expect((await scene.run(`status ${prod.plan.name}`)).out).toContain(shown);
    const handle = scene.harness.client.workflow.getHandle(prod.id);
    await until('it is shown where no worker is', async () =>
      String((await handle.describe()).memo?.['report']).includes(shown),
    );

    const denied = await scene.run(`rollback ${prod.plan.name} --yes`, OLEG);
    expect(denied.exit).toBe(5);
    expect(denied.out).toContain('the word of oleg@example.com does not count');
    const status = await prod.status();
    expect(status).toMatchObject({ token: 2, claims: 0, denials: [{ by: 'oleg' }, { by: OLEG }] });

    const done = await scene.run(`rollback ${prod.plan.name} --yes --reason orders-fail`);
    expect(done, done.err).toMatchObject({ exit: 0 });
    // shown before it is asked for
    expect(done.out).toMatch(/^ {2}reason {4}orders-fail$/m);
    expect(prod.serving()).toBe('v1');
    const word = 'rollback by irina@example.com (signed): orders-fail';
    expect(done.out).toContain(`  decided  ✓ ${word}`);
    expect((await scene.run(`status ${prod.plan.name}`)).out).toContain(word);
    expect((await statusOf(scene.harness.client.workflow.getHandle(prod.lane))).report).toContain(word);
    const [moved] = scene.switched.filter(
      ({ plan, kind }) => plan.name === prod.plan.name && kind === 'rollback',
    );
    const said = { name: 'rollback', by: IRINA, proof: 'ssh', reason: 'orders-fail' };
    expect(moved?.decisions).toMatchObject([said]);
    // nothing of the word stays with the release
    expect((await prod.status()).live?.evidence).toEqual([]);
  });

  it('comes in by a raw signal with the printed statement, once', async () => {
    const prod = scene.givenEnvironment(MAY, { bake: null });
    for (const number of [1, 2]) await prod.release(number);
    const printed = await scene.run(`rollback ${prod.plan.name} v1 --print`);
    const asked = JSON.parse(printed.out) as Extract<EnvironmentRequest, { type: 'rollback' }> & Printed;
    const { statement: _, ...unsigned } = asked;
    for (const bad of [badCopyOf(asked), unsigned]) {
      await prod.send(SIGNAL.request, bad);
      expect((await prod.ended(asked.requestId)).state).toBe('failed');
    }
    for (const sent of [asked, badCopyOf(asked)]) await prod.send(SIGNAL.request, sent);
    await prod.until('it has come back', ({ live, claims }) => live?.version === 'v1' && claims === 0);
    expect((await prod.ended(asked.requestId)).state).toBe('succeeded');
    await prod.release(3);
    await prod.send(SIGNAL.request, asked);
    const again = { ...asked, requestId: 'another' };
    await prod.send(SIGNAL.request, again);
    expect((await prod.ended('another')).failure?.what).toContain('signed for another request');
    expect(prod.serving()).toBe('v3');
  });

  it('of what is deployed again takes the same word, and undoing it none', async () => {
    const prod = scene.givenEnvironment(MAY, { bake: null });
    for (const number of [1, 2]) await prod.release(number);
    const printed = await scene.run(`rollback ${prod.plan.name} v2 --print`);
    const { requestId, actor, reason, statement } = JSON.parse(printed.out) as Extract<
      EnvironmentRequest,
      { type: 'rollback' }
    >;
    const redeploy = { type: 'redeploy' as const, requestId: 'unsigned', actor, reason };
    await prod.send(SIGNAL.request, redeploy);
    expect((await prod.ended('unsigned')).failure?.what).toBe('that v2 comes back is not signed');
    prod.break('verify', 'say-no');
    await prod.send(SIGNAL.request, { ...redeploy, requestId, statement });
    expect(await prod.ended(requestId)).toMatchObject({ state: 'failed', clean: true });
    expect(prod.serving()).toBe('v2');
  });

  const { strategy, traffic, steps } = givenPlanInPlace();
  it.each([
    ['in place', { strategy, traffic, steps }],
    ['to a warm colour, which is tried as a cold one then', { bake: null }],
  ])('%s that a worker refuses ends the command with 5: nothing was touched', async (_how, change) => {
    const prod = scene.givenEnvironment(undefined, change);
    for (const number of [1, 2]) await prod.release(number);
    for (const activity of ['switchTraffic', 'preflight'] as const) prod.break(activity, 'refuse');
    const { exit, out } = await scene.run(`rollback ${prod.plan.name} --yes`);
    expect([exit, out]).toEqual([5, expect.stringContaining('exit 5: refused, nothing touched')]);
    expect(prod.serving()).toBe('v2');
  });

  it('waits for no worker where the policy does not say who may', async () => {
    const prod = scene.givenEnvironment(undefined, { bake: null });
    for (const number of [1, 2]) await prod.release(number);
    expect(await scene.run(`rollback ${prod.plan.name} --yes`, OLEG)).toMatchObject({ exit: 0 });
    expect(scene.heard.filter((each) => each.startsWith(prod.plan.name))).toEqual([]);
  });
});
