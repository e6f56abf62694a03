/** Switch, rollback and freeze where the policy says who may: signed by the command, verified by a worker, on the run's server. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createPolicyStore } from '../../activities/trust/policy-store.js';
import { createVerifyDecision } from '../../activities/trust/verify-decision.js';
import type { EnvironmentPlan, MayRule } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { EnvironmentRequest, SignedStatement } from '../../workflows/messages.js';
import { SIGNAL } from '../../workflows/names.js';
import { decideOn, statusOf } from '../support/change-scene.js';
import { EnvironmentScene, givenVersion } from '../support/environment-scene.js';
import { givenDecision, givenPlan, givenPlanInPlace, givenTraffic } from '../support/given.js';
import { givePersonKey } from '../support/people.js';
import { readJson, slipway, type CommandRun } from '../support/slipway-command.js';
import { startWorkers } from '../support/workers.js';
import { quiet, startHarness, until, type Harness } from '../support/workflow-harness.js';

const IRINA = 'irina@example.com';
const OLEG = 'oleg@example.com';
const MAY: MayRule = { switch: ['leads'], rollback: ['leads'], freeze: ['leads'] };
/** One environment per test, all in the policy. */
const names = Array.from({ length: 19 }, () => `prod-${randomUUID().slice(0, 8)}`);
let folder: string;
let harness: Harness;
let end: () => Promise<void>;
/** What was verified, by environment; and what traffic was moved with. */
const heard: string[] = [];
const switched: Target[] = [];

beforeAll(async () => {
  quiet();
  folder = await mkdtemp(path.join(tmpdir(), 'slw-decisions-'));
  const lines = [IRINA, OLEG].map((name) => givePersonKey(path.join(folder, name), name));
  await writeFile(path.join(folder, 'allowed_signers'), (await Promise.all(lines)).join(''));
  const rules = 'hosts: [], may: {switch: [leads], rollback: [leads], freeze: [leads]}';
  await writeFile(
    path.join(folder, 'policy.yaml'),
    `allowed-signers: allowed_signers
groups: {leads: [${IRINA}], others: [${OLEG}]}
pipelines: {shop: {repositories: [/srv/shop.git], environments: {${names.map((name) => `${name}: {${rules}}`).join(', ')}}}}
`,
  );
  harness = await startHarness({ workers: false });
  const native = await NativeConnection.connect({ address: inject('temporalAddress') });
  const policy = createPolicyStore(path.join(folder, 'policy.yaml'), { isDemo: false });
  const verify = createVerifyDecision({ policy });
  const { activities } = harness;
  const workers = await startWorkers(native, harness.taskQueue, inject('workflowBundle'), {
    ...activities,
    verifyDecision: (claim) => {
      heard.push(`${claim.subject.environment} ${claim.subject.decision}`);
      return verify(claim);
    },
    switchTraffic: (input) => {
      switched.push(input.target);
      return activities.switchTraffic(input);
    },
  });
  end = async () => {
    await workers();
    await native.close();
  };
});
afterAll(async () => {
  await end();
  await harness.close();
  await rm(folder, { recursive: true, force: true });
});

function givenEnvironment(may: MayRule | undefined, change: Partial<EnvironmentPlan> = {}): EnvironmentScene {
  const name = names.pop();
  if (name === undefined) throw new Error('give the policy more environments');
  return new EnvironmentScene(
    harness,
    givenPlan({ name, policy: { rules: [] }, ...(may === undefined ? {} : { may }), ...change }),
  );
}

const byHand = (): EnvironmentScene =>
  givenEnvironment(MAY, { traffic: givenTraffic({ switch: 'manual' }), bake: null });

/** The command with the person's own key, as the person says it. */
async function run(line: string, person = IRINA, key = person): Promise<CommandRun> {
  const env = {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    SLIPWAY_TASK_QUEUE: harness.taskQueue,
    SLIPWAY_ACTOR: person,
    SLIPWAY_SIGNING_KEY: path.join(folder, key),
  };
  return await slipway([...line.split(' '), '--pipeline', 'shop'], { cwd: folder, env });
}

const deniedOf = ({ out }: CommandRun): string => String(readJson({ exit: 0, err: '', out }).data['refused']);

interface Printed {
  statement: SignedStatement;
}

/** As somebody sends it who has seen it, to be first. */
function badCopyOf<Said extends Printed>(said: Said): Said {
  return { ...said, statement: { ...said.statement, signature: 'none' } };
}

/** By every command that looks, in each of its forms. */
async function expectShown({ plan }: EnvironmentScene, text: string): Promise<void> {
  for (const line of [`watch ${plan.name} --until waiting`, `status ${plan.name}`])
    expect((await run(line)).out, line).toContain(text);
  for (const line of [`watch ${plan.name} --until waiting --json`, `status ${plan.name} --json`])
    expect((await run(line)).out, line).toContain('"why":"oleg@example.com is not in group leads"');
}

/** The lane is a run of its own, which begins after the environment has said so. */
async function waitsForSwitch(prod: EnvironmentScene, token = 1) {
  const lane = harness.client.workflow.getHandle(prod.lane);
  const asked = await until('the change waits for a word to switch', async () => {
    const status = await statusOf(lane).catch(() => null);
    return status?.waitingFor === 'switch' && status.switching?.token === token && status;
  });
  return { lane, asked };
}

describe('a switch by hand', () => {
  it('goes on by the word of somebody who may, and its seal goes with it', async () => {
    const prod = byHand();
    const { requestId } = await prod.ask(givenVersion(prod.plan, 1));
    const { lane, asked } = await waitsForSwitch(prod);
    expect(asked.switching).toEqual({ requestId, token: 1, groups: ['leads'] });

    const denied = await run(`switch ${prod.plan.name} --json`, OLEG);
    expect([denied.exit, deniedOf(denied)]).toEqual([5, 'oleg@example.com is not in group leads']);
    const forged = await run(`switch ${prod.plan.name} --json`, IRINA, OLEG);
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

    const told = await run(`switch ${prod.plan.name}`, OLEG);
    expect(told.err).toBe(`✗ oleg@example.com is not in group leads
  where     ${prod.plan.name}
  way out   ask somebody of leads, or the owner of the worker changes groups in its policy.yaml
  nothing was changed
`);
    const keyless = await slipway(['switch', prod.plan.name, '--pipeline', 'shop', '--json'], {
      cwd: folder,
      env: {
        ...{ TEMPORAL_ADDRESS: inject('temporalAddress'), SLIPWAY_TASK_QUEUE: harness.taskQueue },
        ...{ SLIPWAY_ACTOR: IRINA, HOME: folder },
      },
    });
    expect([keyless.exit, readJson(keyless).error?.['what']]).toEqual([
      5,
      'there is no SSH key to sign with',
    ]);

    const done = await run(`switch ${prod.plan.name} --reason looks-good`);
    expect(done, done.err).toMatchObject({ exit: 0, out: expect.stringContaining('(signed)') as unknown });
    expect((await prod.ended(requestId)).state).toBe('succeeded');
    const word = 'switch by irina@example.com (signed): looks-good';
    expect((await statusOf(lane)).report).toContain(word);
    // also once it is live, and long after
    const status = await run(`status ${prod.plan.name}`);
    expect(status.out).toContain(`✓ ${word}`);
    expect(status.out).toContain('not counted: switch by oleg@example.com: is not in group leads');
    const { data } = readJson(await run(`status ${prod.plan.name} --json`));
    const decisions = [{ decision: 'switch', by: IRINA, proof: 'ssh', reason: 'looks-good' }];
    const denials = [{ by: OLEG }, { by: IRINA }, { by: OLEG }];
    expect(data['environments']).toMatchObject([{ denials: [], live: { decisions, denials } }]);
    const [moved] = switched.filter(({ plan }) => plan.name === prod.plan.name);
    expect(moved?.decisions).toMatchObject([
      { name: 'switch', by: IRINA, verdict: 'approved', proof: 'ssh', reason: 'looks-good' },
    ]);
  });

  it('does not go on by a word that is not signed, however it is sent', async () => {
    const prod = byHand();
    await prod.ask(givenVersion(prod.plan, 1));
    const { lane } = await waitsForSwitch(prod);
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
    expect(heard).not.toContain(`${prod.plan.name} switch`);

    // stopping needs no signature
    expect(await run(`abort ${prod.plan.name} --until done`, OLEG)).toMatchObject({ exit: 0 });
    expect(prod.serving()).toBe('nothing');
  });

  it('goes on by a raw signal with the printed statement, for this change only', async () => {
    const prod = byHand();
    const first = await prod.ask(givenVersion(prod.plan, 1));
    const { lane } = await waitsForSwitch(prod);
    const printed = JSON.parse((await run(`switch ${prod.plan.name} --print`)).out) as Printed;
    // a bad copy of it, under its own id, does not keep it out
    await lane.signal('switchTraffic', badCopyOf(printed));
    await until('the copy is denied', async () => (await statusOf(lane)).denials?.length === 1);
    await lane.signal('switchTraffic', printed);
    expect((await prod.ended(first.requestId)).state).toBe('succeeded');

    const second = await prod.ask(givenVersion(prod.plan, 2));
    await waitsForSwitch(prod, 2);
    await lane.signal('switchTraffic', printed);
    const { denials = [] } = await until('it is denied', async () => {
      const status = await statusOf(lane);
      return (status.denials ?? []).length > 0 && status;
    });
    expect(denials[0]?.why).toBe('it was signed for another version');
    expect(await run(`switch ${prod.plan.name}`)).toMatchObject({ exit: 0 });
    expect((await prod.ended(second.requestId)).state).toBe('succeeded');
  });
});

describe('a rollback', () => {
  it('comes in by the word of somebody who may, verified before it stands in the queue', async () => {
    const prod = givenEnvironment(MAY, { bake: null });
    await prod.release(1);
    await prod.release(2);
    const unsigned = await prod.ended(await prod.rollback());
    expect(unsigned).toMatchObject({ state: 'failed', clean: true, steps: [] });
    expect(unsigned.failure).toMatchObject({
      what: 'that v1 comes back is not signed',
      wayOut: expect.stringContaining(`slipway rollback ${prod.plan.name} v1 signs it`) as unknown,
    });
    expect(heard).not.toContain(`${prod.plan.name} rollback`);
    // nobody has had an answer to it
    const shown = `not counted: rollback by oleg: the policy wants it signed by somebody of leads; slipway rollback ${prod.plan.name} v1 signs it`;
    expect((await run(`status ${prod.plan.name}`)).out).toContain(shown);
    const handle = harness.client.workflow.getHandle(prod.id);
    await until('it is shown where no worker is', async () =>
      String((await handle.describe()).memo?.['report']).includes(shown),
    );

    const denied = await run(`rollback ${prod.plan.name} --yes`, OLEG);
    expect(denied.exit).toBe(5);
    expect(denied.out).toContain('the word of oleg@example.com does not count');
    const status = await prod.status();
    expect(status).toMatchObject({ token: 2, claims: 0, denials: [{ by: 'oleg' }, { by: OLEG }] });

    const done = await run(`rollback ${prod.plan.name} --yes --reason orders-fail`);
    expect(done, done.err).toMatchObject({ exit: 0 });
    // shown before it is asked for
    expect(done.out).toMatch(/^ {2}reason {4}orders-fail$/m);
    expect(prod.serving()).toBe('v1');
    const word = 'rollback by irina@example.com (signed): orders-fail';
    expect(done.out).toContain(`  decided  ✓ ${word}`);
    expect((await run(`status ${prod.plan.name}`)).out).toContain(word);
    expect((await statusOf(harness.client.workflow.getHandle(prod.lane))).report).toContain(word);
    const [moved] = switched.filter(({ plan, kind }) => plan.name === prod.plan.name && kind === 'rollback');
    const said = { name: 'rollback', by: IRINA, proof: 'ssh', reason: 'orders-fail' };
    expect(moved?.decisions).toMatchObject([said]);
    // nothing of the word stays with the release
    expect((await prod.status()).live?.evidence).toEqual([]);
  });

  it('comes in by a raw signal with the printed statement, once', async () => {
    const prod = givenEnvironment(MAY, { bake: null });
    for (const number of [1, 2]) await prod.release(number);
    const printed = await run(`rollback ${prod.plan.name} v1 --print`);
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
    const prod = givenEnvironment(MAY, { bake: null });
    for (const number of [1, 2]) await prod.release(number);
    const printed = await run(`rollback ${prod.plan.name} v2 --print`);
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
    const prod = givenEnvironment(undefined, change);
    for (const number of [1, 2]) await prod.release(number);
    for (const activity of ['switchTraffic', 'preflight'] as const) prod.break(activity, 'refuse');
    const { exit, out } = await run(`rollback ${prod.plan.name} --yes`);
    expect([exit, out]).toEqual([5, expect.stringContaining('exit 5: refused, nothing touched')]);
    expect(prod.serving()).toBe('v2');
  });

  it('waits for no worker where the policy does not say who may', async () => {
    const prod = givenEnvironment(undefined, { bake: null });
    for (const number of [1, 2]) await prod.release(number);
    expect(await run(`rollback ${prod.plan.name} --yes`, OLEG)).toMatchObject({ exit: 0 });
    expect(heard.filter((each) => each.startsWith(prod.plan.name))).toEqual([]);
  });
});

describe('a freeze', () => {
  it('begins and ends by the word of somebody who may', async () => {
    const prod = givenEnvironment(MAY);
    const { name } = prod.plan;
    await prod.release(1);
    const unsigned = await prod.decide('freeze', { by: IRINA });
    expect(unsigned).toMatchObject({
      accepted: false,
      refused: expect.stringContaining('of leads') as unknown,
    });
    expect((await run(`freeze ${name} --json`, OLEG)).exit).toBe(5);
    expect((await prod.status()).freeze).toBeNull();

    const frozen = await run(`freeze ${name} --until 12h --reason holidays`);
    expect(frozen, frozen.err).toMatchObject({
      exit: 0,
      out: expect.stringContaining('is frozen by') as unknown,
    });
    const signed = { by: IRINA, proof: 'ssh', reason: 'holidays', isReasonSigned: true };
    expect((await prod.status()).freeze).toMatchObject(signed);

    const handle = harness.client.workflow.getHandle(prod.id);
    await handle.signal('unfreeze', givenDecision(IRINA));
    const denied = await run(`unfreeze ${name} --json`, OLEG);
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

    const status = await run(`status ${name}`);
    expect(status.out).toContain(`not counted: unfreeze by ${IRINA}: ${byPolicy}`);
    expect(await run(`status ${name} --json`)).toMatchObject({
      out: expect.stringContaining(byPolicy) as unknown,
    });

    const printed = JSON.parse((await run(`unfreeze ${name} --print`)).out) as Printed;
    await handle.signal('unfreeze', badCopyOf(printed));
    await prod.until('the copy is denied', (status) => status.denials?.length === 4);
    await handle.signal('unfreeze', printed);
    await prod.until('it is open', (status) => status.freeze === null);
    // the same word again opens nothing
    expect(await run(`freeze ${name}`)).toMatchObject({ exit: 0 });
    await handle.signal('unfreeze', printed);
    await handle.signal('unfreeze', { ...printed, decisionId: randomUUID() });
    await prod.until('it is denied', (status) => status.denials?.length === 5);
    expect((await prod.status()).freeze).toMatchObject({ by: IRINA });
  });

  it('does not begin for another reason than was signed, nor does any other word count with one', async () => {
    const prod = byHand();
    const { name } = prod.plan;
    await prod.ask(givenVersion(prod.plan, 1));
    const { lane } = await waitsForSwitch(prod);
    const print = async (line: string): Promise<object> =>
      JSON.parse((await run(`${line} --print --reason as-agreed`)).out) as object;
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
    const handle = harness.client.workflow.getHandle(prod.id);
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
    const prod = givenEnvironment(MAY);
    const { name } = prod.plan;
    await prod.release(1);
    for (const line of [`freeze ${name}`, `rollback ${name} v1 --yes`]) {
      const refused = await run(`${line} --reason ${reason}`);
      expect(refused.exit, line).toBe(2);
      expect(refused.err, line).toMatch(what);
    }
    expect(heard.filter((each) => each.startsWith(name))).toEqual([]);
    expect(await prod.status()).toMatchObject({ freeze: null, queue: [], inFlight: null, processed: [{}] });
  });

  it('begins and ends while a change is in flight, and the answer is not about that one', async () => {
    const prod = givenEnvironment(undefined);
    const { name } = prod.plan;
    const deploy = prod.hold('deploy');
    const { requestId } = await prod.ask(givenVersion(prod.plan, 1));
    await deploy.arrived();
    const goesOn = 'v1 (deploy) is in flight and goes on';
    const { exit, out } = await run(`freeze ${name}`);
    expect([exit, ...out.split('\n').slice(1)]).toEqual([0, `  ${goesOn}`, '']);
    expect((await prod.status()).freeze).toMatchObject({ by: IRINA });
    const opened = await run(`unfreeze ${name} --json`);
    expect(readJson(opened)).toMatchObject({ exit: 0, data: { accepted: true, state: goesOn } });
    expect((await prod.status()).freeze).toBeNull();
    deploy.release();
    expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded' });
  });

  it('that is not there cannot end, and the way out stands apart', async () => {
    const prod = givenEnvironment(MAY);
    const { name } = prod.plan;
    await prod.release(1);
    expect(readJson(await run(`unfreeze ${name} --json`)).error).toMatchObject({
      what: `${name} is not frozen`,
      where: name,
      wayOut: `slipway status ${name}`,
    });
  });
});
