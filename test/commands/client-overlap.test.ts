/** A release beside another of the same version: joined or refused where their environments overlap; and two that wait are told apart. */
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { setClientScene } from '../support/client-scene.js';
import { breakActivity, environmentKey, mend, release as letGo } from '../support/fake-world.js';
import { givePersonKey } from '../support/people.js';
import { readJson } from '../support/slipway-command.js';
import { until } from '../support/workflow-harness.js';

const scene = setClientScene(`  eu:
    from: [{branch: main}, {branch: "hotfix/*"}]
    approvals: [{count: 1, by: unverified}]
    hosts: [local]
    platform: {command: "deploy {tag}"}
    url: http://127.0.0.1:1
    checks: [/health]
gates: {lint: {run: make lint}}
release: {gates: [lint], force: {group: leads, gates: [lint]}}
`);
const { run } = scene;

const start = async (line: string) => readJson(await run(`release ${line} --until started --json`, 'irina'));

/** null = nothing is on its way there. */
async function untilWaits(environment: string, text: string | null): Promise<void> {
  await until(`${environment} waits for ${String(text)}`, async () => {
    const said = JSON.stringify(readJson(await run(`status ${environment} --json`)).data);
    return text === null ? said.includes('"waiting":[]') : said.includes(`"waitingFor":"${text}`);
  });
}

/** Stage is kept from ending, so that whoever goes there is under way. */
function holdStage(): void {
  breakActivity(scene.harness.world, environmentKey(scene.pipeline, 'stage'), 'preflight', 'hang-before', {
    times: -1,
  });
}
afterEach(() => {
  mend(scene.harness.world, environmentKey(scene.pipeline, 'stage'));
  letGo(scene.harness.world, environmentKey(scene.pipeline, 'stage'), 'preflight');
});

describe('a release of the same ref that overlaps with one under way', () => {
  it('joins the one that goes to all it would go to, by --to or without', async () => {
    holdStage();
    const whole = await start('main');
    expect(whole.data).toMatchObject({ joined: false });
    const part = await run('release main --to eu --until started', 'oleg');
    expect(part, part.err).toMatchObject({ exit: 0 });
    expect(part.out).toContain('is under way to eu, stage, joined');
    for (const line of ['main --to eu', 'main --to stage', 'main --to eu,stage', 'main'])
      expect((await start(line)).data).toMatchObject({ joined: true, workflowId: whole.data['workflowId'] });
    // nobody waits twice
    const approved = await run('approve eu --yes');
    expect(approved, approved.err).toMatchObject({ exit: 0 });
  });

  it('is refused where the one under way goes to a part only, and says what to type', async () => {
    expect((await start('main --to eu')).data).toMatchObject({ joined: false });
    const refused = await start('main');
    expect(refused).toMatchObject({ exit: 5, ok: false });
    expect(refused.error).toMatchObject({
      what: expect.stringMatching(/^\w{7} is under way to eu already$/) as unknown,
      wayOut: 'follow it: slipway watch eu; the rest: slipway release main --to stage',
    });
    holdStage();
    expect((await start('main --to stage')).data).toMatchObject({ joined: false });
    // the second id is found in Temporal's list, which is a moment late
    await until('both are in the way', async () => {
      const { error } = await start('main');
      return JSON.stringify(error).includes('slipway watch eu, slipway watch stage');
    });
  });

  it('is no force of it', async () => {
    const key = path.join(scene.repository.folder, 'key');
    await givePersonKey(key, 'irina');
    await start('main --to eu');
    const force = `--force lint --ticket OPS-1 --reason urgent --key ${key} --yes`;
    for (const line of [`main ${force}`, `main --to eu ${force}`])
      expect(await start(line)).toMatchObject({ exit: 5 });
    expect((await run('approve eu --yes')).out).not.toContain('FORCED');
  });

  it('starts anew where the one under way has come to its end', async () => {
    holdStage();
    const whole = await start('main');
    await untilWaits('eu', '1 approval');
    expect(await run('reject eu --yes')).toMatchObject({ exit: 0 });
    await untilWaits('eu', null);
    const again = await start('main --to eu');
    expect(again.data, JSON.stringify(again)).toMatchObject({ joined: false });
    expect(again.data['workflowId']).not.toBe(whole.data['workflowId']);
  });
});

describe('two of one version that wait for the same environment', () => {
  it('are told apart in errors and screens by what the commands take', async () => {
    await scene.repository.git('branch', 'hotfix/x', 'main');
    await start('main --to eu');
    await untilWaits('eu', '1 approval');
    // the same commit of another branch is another release
    await start('hotfix/x');
    const names = await until('both wait', async () => {
      const { environments } = readJson(await run('status eu --json')).data as { environments: Waiting[] };
      const waiting = environments.flatMap((each) => each.waiting);
      return waiting.length === 2 && waiting.map(({ requestId }) => requestId);
    });
    const [first = '', second = ''] = names;
    const asked = await run('approve eu --yes');
    expect(asked).toMatchObject({ exit: 2 });
    for (const name of names) expect(asked.err).toContain(`${name} (waiting since`);
    expect(asked.err).toContain(`say which: slipway approve eu --version ${first}`);
    const screen = await run('status eu');
    for (const name of names) expect(screen.out).toContain(`${name} waits: 1 approval`);

    for (const verb of ['watch', 'abort', 'pause', 'reject'])
      expect(await run(`${verb} eu --yes`), verb).toMatchObject({ exit: 2 });
    expect(await run(`watch eu --version ${second} --until waiting`)).toMatchObject({ exit: 0 });
    expect(await run(`pause eu --version ${second}`)).toMatchObject({ exit: 0 });
    expect(await run(`reject eu --version ${second} --yes`)).toMatchObject({ exit: 0 });
    const approved = await run(`approve eu --version ${first} --yes`);
    expect(approved, approved.err).toMatchObject({ exit: 0 });
  });
});

interface Waiting {
  waiting: { requestId: string }[];
}
