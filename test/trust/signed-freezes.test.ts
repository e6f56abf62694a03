/** Freezes where the policy says who may, and reasons that are signed with every word. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SIGNAL } from '../../workflows/names.js';
import { statusOf } from '../support/change-scene.js';
import { givenVersion } from '../support/environment-scene.js';
import { givenDecision } from '../support/given.js';
import { badCopyOf, deniedOf, IRINA, MAY, OLEG, type Printed, SignedScene } from '../support/signed-scene.js';
import { readJson } from '../support/slipway-command.js';
import { until } from '../support/workflow-harness.js';

let scene: SignedScene;
beforeAll(async () => {
  scene = await SignedScene.start();
});
afterAll(() => scene.end());

describe('a freeze', () => {
  it('begins and ends by the word of somebody who may', async () => {
    const prod = scene.givenEnvironment(MAY);
    const { name } = prod.plan;
    await prod.release(1);
    const unsigned = await prod.decide('freeze', { by: IRINA });
    expect(unsigned).toMatchObject({
      accepted: false,
      refused: expect.stringContaining('of leads') as unknown,
    });
    expect((await scene.run(`freeze ${name} --json`, OLEG)).exit).toBe(5);
    expect((await prod.status()).freeze).toBeNull();

    const frozen = await scene.run(`freeze ${name} --until 12h --reason holidays`);
    expect(frozen, frozen.err).toMatchObject({
      exit: 0,
      out: expect.stringContaining('is frozen by') as unknown,
    });
    const signed = { by: IRINA, proof: 'ssh', reason: 'holidays', isReasonSigned: true };
    expect((await prod.status()).freeze).toMatchObject(signed);

    const handle = scene.harness.client.workflow.getHandle(prod.id);
    await handle.signal('unfreeze', givenDecision(IRINA));
    const denied = await scene.run(`unfreeze ${name} --json`, OLEG);
    expect([denied.exit, deniedOf(denied)]).toEqual([5, 'oleg@example.com is not in group leads']);
    const { freeze, denials, claims } = await prod.status();
    expect({ freeze, denials, claims }).toMatchObject({ freeze: { by: IRINA }, claims: 0 });
    // also the one that was sent past the command
    const byPolicy = 'the policy wants it signed by somebody of leads';
    expect(denials).toMatchObject([
      { by: OLEG, decision: 'freeze', why: 'oleg@example.com is not in group leads' },
      { by: IRINA, decision: 'unfreeze', why: expect.stringContaining(byPolicy) as unknown },
      { by: OLEG, decision: 'unfreeze' },
    ]);
    await until('the environment shows it where no worker is', async () => {
      const { memo } = await handle.describe();
      return String(memo?.['report']).includes(`not counted: unfreeze by ${IRINA}: ${byPolicy}`);
    });

    const status = await scene.run(`status ${name}`);
    expect(status.out).toContain(`not counted: unfreeze by ${IRINA}: ${byPolicy}`);
    expect(await scene.run(`status ${name} --json`)).toMatchObject({
      out: expect.stringContaining(byPolicy) as unknown,
    });

    const printed = JSON.parse((await scene.run(`unfreeze ${name} --print`)).out) as Printed;
    await handle.signal('unfreeze', badCopyOf(printed));
    await prod.until('the copy is denied', (status) => status.denials?.length === 4);
    await handle.signal('unfreeze', printed);
    await prod.until('it is open', (status) => status.freeze === null);
    // the same word again opens nothing
    expect(await scene.run(`freeze ${name}`)).toMatchObject({ exit: 0 });
    await handle.signal('unfreeze', printed);
    await handle.signal('unfreeze', { ...printed, decisionId: randomUUID() });
    await prod.until('it is denied', (status) => status.denials?.length === 5);
    expect((await prod.status()).freeze).toMatchObject({ by: IRINA });
  });

  it('does not begin for another reason than was signed, nor does any other word count with one', async () => {
    const prod = scene.byHand();
    const { name } = prod.plan;
    await prod.ask(givenVersion(prod.plan, 1));
    const { lane } = await scene.waitsForSwitch(prod);
    const print = async (line: string): Promise<object> =>
      JSON.parse((await scene.run(`${line} --print --reason as-agreed`)).out) as object;
    const exchange = (said: object): object => ({ ...said, reason: 'nobody asked for this' });
    const why = 'its reason is not the one that was signed';

    const word = await print(`switch ${name}`);
    expect(word).toMatchObject({ reason: 'as-agreed' });
    await lane.signal('switchTraffic', exchange(word));
    const { denials } = await until('the switch is denied', async () => {
      const status = await statusOf(lane);
      return (status.denials ?? []).length > 0 && status;
    });
    expect(denials).toMatchObject([{ by: IRINA, decision: 'switch', why }]);
    await lane.signal('switchTraffic', word);
    await prod.until('v1 is live', ({ live, inFlight }) => live?.version === 'v1' && inFlight === null);

    const freeze = await print(`freeze ${name}`);
    const handle = scene.harness.client.workflow.getHandle(prod.id);
    await handle.signal('freeze', exchange(freeze));
    const denied = await prod.until('the freeze is denied', (status) => status.denials?.length === 1);
    expect(denied).toMatchObject({ freeze: null, denials: [{ by: IRINA, decision: 'freeze', why }] });
    await handle.signal('freeze', freeze);
    await prod.until('it is frozen', (status) => status.freeze?.reason === 'as-agreed');

    const rollback = await print(`rollback ${name} v1`);
    await prod.send(SIGNAL.request, exchange(rollback));
    const back = await prod.until('the rollback is denied', (status) => status.denials?.length === 2);
    expect(back.denials?.[1]).toMatchObject({ decision: 'rollback', why });
  });

  it.each([
    ['two lines', 'one\ntwo', /--reason has line breaks/],
    ['what turns text around', '\u202egnp.exe', /characters that nobody sees/],
    ['more than anybody reads', 'x'.repeat(1001), /--reason has 1001 characters, at most 1000 are kept/],
  ])('is not signed for a reason with %s, and nothing is sent', async (_what, reason, what) => {
    const prod = scene.givenEnvironment(MAY);
    const { name } = prod.plan;
    await prod.release(1);
    for (const line of [`freeze ${name}`, `rollback ${name} v1 --yes`]) {
      const refused = await scene.run(`${line} --reason ${reason}`);
      expect(refused.exit, line).toBe(2);
      expect(refused.err, line).toMatch(what);
    }
    expect(scene.heard.filter((each) => each.startsWith(name))).toEqual([]);
    expect(await prod.status()).toMatchObject({ freeze: null, queue: [], inFlight: null, processed: [{}] });
  });

  it('begins and ends while a change is in flight, and the answer is not about that one', async () => {
    const prod = scene.givenEnvironment(undefined);
    const { name } = prod.plan;
    const deploy = prod.hold('deploy');
    const { requestId } = await prod.ask(givenVersion(prod.plan, 1));
    await deploy.arrived();
    const goesOn = 'v1 (deploy) is in flight and goes on';
    const { exit, out } = await scene.run(`freeze ${name}`);
    expect([exit, ...out.split('\n').slice(1)]).toEqual([0, `  ${goesOn}`, '']);
    expect((await prod.status()).freeze).toMatchObject({ by: IRINA });
    const opened = await scene.run(`unfreeze ${name} --json`);
    expect(readJson(opened)).toMatchObject({ exit: 0, data: { accepted: true, state: goesOn } });
    expect((await prod.status()).freeze).toBeNull();
    deploy.release();
    expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded' });
  });

  it('that is not there cannot end, and the way out stands apart', async () => {
    const prod = scene.givenEnvironment(MAY);
    const { name } = prod.plan;
    await prod.release(1);
    expect(readJson(await scene.run(`unfreeze ${name} --json`)).error).toMatchObject({
      what: `${name} is not frozen`,
      where: name,
      wayOut: `slipway status ${name}`,
    });
  });
});
