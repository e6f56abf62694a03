/** Every verb of the command, from the command line to the workflows on a real Temporal, with fake activities. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { laneId, SIGNAL } from '../../workflows/names.js';
import { setClientScene } from '../support/client-scene.js';
import { breakActivity, environmentKey, mend, release as letGo } from '../support/fake-world.js';
import { readJson, slipway } from '../support/slipway-command.js';
import { until } from '../support/workflow-harness.js';

const scene = setClientScene();
const { bringLive, env, run, untilStatus, waitsFor } = scene;

describe('a release, said with the command', () => {
  it('waits for its approver, for the switch, and then is live', async () => {
    const plan = await run(`plan v1.0.0 --to ${scene.prod}`);
    expect(plan).toMatchObject({ exit: 0, err: '' });
    expect(plan.out).toContain('nothing yet');
    expect(plan.out).toContain(`Nothing was changed. Do it: slipway release v1.0.0 --to ${scene.prod}`);

    const started = await run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    expect(started, started.err).toMatchObject({ exit: 0 });
    expect(started.out).toContain('WAITING for 1 approval');
    expect(started.out).toContain('identity: unverified');

    const again = readJson(await run(`release v1.0.0 --to ${scene.prod} --until started --json`, 'irina'));
    expect(again.data).toMatchObject({ joined: true });

    const requester = await run(`approve ${scene.prod} --yes`, 'irina');
    expect(requester).toMatchObject({ exit: 5 });
    expect(requester.err).toContain('irina asked for this release and may not approve it');

    const declined = await run(`approve ${scene.prod}`, 'oleg', { answer: 'n' });
    expect(declined).toMatchObject({ exit: 5 });
    expect(declined.out).toContain('sha256:');
    expect(declined.out).toContain('Nothing was changed.');
    expect(await run(`approve ${scene.prod}`)).toMatchObject({ exit: 2 });
    const approved = await run(`approve ${scene.prod}`, 'oleg', { answer: 'yes' });
    expect(approved).toMatchObject({ exit: 0, err: '' });
    const [, told = ''] = approved.out.split('✓ approved');
    expect(told).toContain(`${scene.pipeline} v1.0.0 → ${scene.prod}: `);
    expect(told).not.toContain('waits for 1 approval');

    await waitsFor('switch');
    const watched = await run(`watch ${scene.prod} --until waiting`);
    expect(watched).toMatchObject({ exit: 0 });
    expect(watched.out).toContain('WAITING for switch');
    expect(watched.out).toContain('deploy');
    expect(watched.out).toContain(`slipway switch ${scene.prod}`);
    expect(await run(`switch ${scene.prod}`)).toMatchObject({ exit: 0 });

    await untilStatus('it is live', ({ live }) => live !== null);
    const status = await run('status');
    expect(status.out).toContain(`${scene.prod}  v1.0.0 blue`);
    const known = await run(`plan v2.0.0 --to ${scene.prod} --json`);
    expect(readJson(known).data).toMatchObject({
      version: 'v2.0.0',
      refused: [],
      live: { [scene.prod]: { version: 'v1.0.0' } },
    });
  });

  it('follows to the end and exits 0 when it is live', async () => {
    const started = run(`release main --timeout 60s --json`, 'irina');
    const finished = readJson(await started);
    expect(finished).toMatchObject({ ok: true, exit: 0 });
    expect(finished.data).toMatchObject({
      state: 'succeeded',
      promotions: [{ environment: 'stage', state: 'succeeded', identity: 'unverified' }],
    });
  });

  it('gives a CI job its summary, its outputs, and a green end while people decide', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slipway-job-'));
    const files = {
      GITHUB_OUTPUT: path.join(folder, 'output'),
      GITHUB_STEP_SUMMARY: path.join(folder, 'summary'),
    };
    try {
      const job = { CI: 'true', GITHUB_ACTIONS: 'true', GITHUB_REF: 'refs/tags/v1.0.0', ...files };
      expect(await run(`release --to ${scene.prod}`, 'irina', { env: job })).toMatchObject({ exit: 0 });
      const output = readFileSync(files.GITHUB_OUTPUT, 'utf8');
      expect(output).toMatch(/^state=waiting\nurl=http.*\ndigest=sha256:[0-9a-f]+\n$/);
      expect(readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8')).toContain('waits for 1 approval');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('ends with 6 when --timeout ends first, and the release goes on', async () => {
    const run6 = await run(`release v1.0.0 --to ${scene.prod} --timeout 2s`, 'irina');
    expect(run6).toMatchObject({ exit: 6 });
    expect(run6.out).toContain('The release goes on');
    await waitsFor('1 approval');
  });

  it('Ctrl-C ends only the view: 130, and the release goes on', async () => {
    const pressed = new AbortController();
    const answer = await slipway(['release', 'v1.0.0', '--to', scene.prod], {
      cwd: scene.repository.folder,
      env: env('irina'),
      interrupted: pressed.signal,
      onOutput: (out) => {
        if (out.includes('waits for 1 approval')) pressed.abort();
      },
    });
    expect(answer).toMatchObject({ exit: 130 });
    expect(answer.out).toContain('The release goes on');
    await waitsFor('1 approval');
  });

  it('one commit on two branches is two releases, and a re-run joins its own', async () => {
    await scene.repository.git('branch', 'hotfix/x-', 'main');
    await scene.repository.git('branch', 'hotfix/x;', 'main');
    breakActivity(scene.harness.world, environmentKey(scene.pipeline, 'stage'), 'preflight', 'hang-before', {
      times: -1,
    });
    const start = async (ref: string) =>
      readJson(await run(`release ${ref} --until started --json`, 'irina')).data;
    const first = await start('main');
    const second = await start('hotfix/x-');
    const third = await start('hotfix/x;');
    expect([first['joined'], second['joined'], third['joined']]).toEqual([false, false, false]);
    for (const { workflowId } of [second, third])
      expect(workflowId).toMatch(/^release\/.*\/hotfix-x--[0-9a-f]{8}$/);
    expect(third['workflowId']).not.toBe(second['workflowId']);
    expect(await start('main')).toMatchObject({ joined: true, workflowId: first['workflowId'] });
    expect(await start('hotfix/x-')).toMatchObject({ joined: true, workflowId: second['workflowId'] });
    mend(scene.harness.world, environmentKey(scene.pipeline, 'stage'));
    letGo(scene.harness.world, environmentKey(scene.pipeline, 'stage'), 'preflight');
  });

  it('is watched to its end also by who comes a moment too late', async () => {
    await bringLive('v1.0.0');
    const late = await run(`watch ${scene.prod} --until done`);
    expect(late, late.err).toMatchObject({ exit: 0 });
    expect(late.out).toContain('v1.0.0');
    // the next one is meant once it has been started, also before it has made its plan
    breakActivity(scene.harness.world, '-', 'resolvePlan', 'hang-before');
    await run(`release v2.0.0 --to ${scene.prod} --until started`, 'irina');
    await until('it is listed', async () => (await run(`watch ${scene.prod}`)).exit === 5);
    mend(scene.harness.world, '-');
    letGo(scene.harness.world, '-', 'resolvePlan');
    await waitsFor('1 approval');
    await run(`reject ${scene.prod} --yes`);
    await untilStatus('nothing waits', ({ waiting }) => JSON.stringify(waiting) === '[]');
    expect(await run(`watch ${scene.prod} --version v2.0.0`)).toMatchObject({ exit: 5 });
    expect(await run(`watch ${scene.prod} --version v1.0.0`)).toMatchObject({ exit: 0 });
    const never = await run(`watch ${scene.prod} --version v9.9.9`);
    expect(never.err).toContain('nothing of v9.9.9 is in flight');
  });

  it('says that a freeze is what it waits for, whose and until when', async () => {
    expect(await run(`freeze ${scene.prod} --until 12h --reason holidays`, 'oleg')).toMatchObject({
      exit: 0,
    });
    await run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    await run(`approve ${scene.prod} --yes`);
    const said = await waitsFor('the end of a freeze by oleg (identity: unverified), until ');
    const [{ state, ends }] = said['waiting'] as [{ state: string; ends: { at: string; then: string } }];
    expect({ state, then: ends.then }).toEqual({ state: 'waiting', then: 'opens' });
    expect(said['freeze']).toMatchObject({ until: ends.at });
    for (const line of [
      `watch ${scene.prod} --until waiting`,
      `release v1.0.0 --to ${scene.prod} --until waiting`,
    ]) {
      const watched = await run(line, 'irina');
      expect(watched, line).toMatchObject({ exit: 0 });
      expect(watched.out).toMatch(/WAITING for the end of a freeze by oleg .*: holidays/);
      expect(watched.out).toContain(`slipway unfreeze ${scene.prod}`);
    }
    expect(await run(`unfreeze ${scene.prod}`)).toMatchObject({ exit: 0 });
    await waitsFor('switch');
    await run(`abort ${scene.prod} --until done`);
  });

  it('ends with 5 when it is rejected: nothing was touched', async () => {
    await run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    const watching = run(`watch ${scene.prod} --json`);
    const endless = await run(`reject ${scene.prod} --yes --reason ${'x'.repeat(10_001)}`);
    expect(endless).toMatchObject({ exit: 2, out: '' });
    expect(endless.err).toContain('reason of a decision has at most 10000 characters; shorten it');
    expect(await run(`reject ${scene.prod} --yes --reason later`)).toMatchObject({ exit: 0 });
    const watched = await watching;
    expect(watched.exit).toBe(5);
    const events = watched.out
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(events.at(-1)).toMatchObject({ event: 'end', ok: false, exit: 5 });
  });

  it('ends with 7 when a newer release takes its place, and says which', async () => {
    await run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    const { waiting } = await waitsFor('1 approval');
    const [{ workflowId }] = waiting as [{ workflowId: string }];
    const watching = run(`watch ${scene.prod} --json`);
    await scene.harness.client.workflow
      .getHandle(workflowId)
      .signal(SIGNAL.superseded, { environment: scene.prod, version: 'v2.0.0' });
    const watched = await watching;
    expect(watched.exit).toBe(7);
    const end: unknown = JSON.parse(watched.out.trim().split('\n').at(-1) ?? '');
    const reason = `${scene.pipeline} v1.0.0 → ${scene.prod}: superseded by v2.0.0, nothing was touched`;
    expect(end).toMatchObject({ event: 'end', ok: false, exit: 7, state: 'superseded', reason });
    const late = await run(`watch ${scene.prod} --version v1.0.0`);
    expect(late.out).toContain('why      superseded by v2.0.0, nothing was touched');
  });

  it('ends with 3 and tells what was undone when the new version is sick', async () => {
    await bringLive('v1.0.0');
    breakActivity(scene.harness.world, environmentKey(scene.pipeline, scene.prod), 'verify', 'say-no', {
      times: -1,
    });
    const failing = run(`release v2.0.0 --to ${scene.prod}`, 'irina');
    await waitsFor('1 approval');
    await run(`approve ${scene.prod} --yes`);
    const failed = await failing;
    expect(failed.exit).toBe(3);
    expect(failed.out).toContain('FAILED in verify, UNDONE');
    expect(failed.out).toContain('exit 3: failed, everything undone, the old version serves');
    mend(scene.harness.world, environmentKey(scene.pipeline, scene.prod));
  });
});

describe('steering a change', () => {
  it('pauses, resumes, aborts, and says when there is nothing to steer', async () => {
    await run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    expect(await run(`pause ${scene.prod}`)).toMatchObject({ exit: 0 });
    const twice = await run(`pause ${scene.prod}`);
    expect(twice).toMatchObject({ exit: 5 });
    expect(twice.err).toContain('already paused');
    expect(await run(`resume ${scene.prod}`)).toMatchObject({ exit: 0 });
    const early = await run(`switch ${scene.prod}`);
    expect(early).toMatchObject({ exit: 5 });
    expect(early.err).toContain('no change is in flight');

    await run(`approve ${scene.prod} --yes --reason OPS-412`);
    await waitsFor('switch');
    expect((await run(`watch ${scene.prod} --until waiting`)).out).toMatch(/approved ✓ .*: OPS-412\n/);
    expect(await run(`retry ${scene.prod}`)).toMatchObject({ exit: 5 });
    expect(await run(`skip-host ${scene.prod} nowhere`)).toMatchObject({ exit: 5 });
    expect(await run(`back ${scene.prod}`)).toMatchObject({ exit: 5 });
    const aborted = await run(`abort ${scene.prod} --reason wrong-tag`);
    expect(aborted, aborted.err).toMatchObject({ exit: 0 });
    expect(aborted.out).toContain('ABORTED');
    expect(aborted.out).toMatch(/decided {2}.*✓ abort by \S+ \(identity: unverified\): wrong-tag/s);
    expect(await run(`abort ${scene.prod}`)).toMatchObject({ exit: 5 });
  });

  it('retries the step that holds', async () => {
    breakActivity(scene.harness.world, environmentKey(scene.pipeline, scene.prod), 'verify', 'inconclusive', {
      times: -1,
    });
    await run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    await run(`approve ${scene.prod} --yes`);
    await untilStatus('verify holds', ({ inFlight }) =>
      JSON.stringify(inFlight ?? null).includes('"state":"waiting"'),
    );
    const { environments } = readJson(await run(`status ${scene.prod} --json`)).data;
    expect(environments).toMatchObject([
      { inFlight: { failure: { what: expect.stringContaining('health') as string }, unwind: [] } },
    ]);
    mend(scene.harness.world, environmentKey(scene.pipeline, scene.prod));
    expect(await run(`retry ${scene.prod}`)).toMatchObject({ exit: 0 });
    await waitsFor('switch');
    expect(await run(`abort ${scene.prod} --until started`)).toMatchObject({ exit: 0 });
  });

  it('rolls back to the last good release, and to one by name', async () => {
    await bringLive('v1.0.0');
    expect(await run(`rollback ${scene.prod} --yes`)).toMatchObject({ exit: 5 });
    // nobody is asked, and nothing is sent
    const there = await run(`rollback ${scene.prod} v1.0.0`);
    expect(there, there.err).toMatchObject({ exit: 0, err: '' });
    expect(there.out).toMatch(
      /^✓ nothing to do: v1\.0\.0 has been live on \S+ since \d+ \w+ \d\d:\d\d UTC\n$/,
    );
    await bringLive('v2.0.0');
    const unknown = await run(`rollback ${scene.prod} v9.9.9 --yes`);
    expect(unknown).toMatchObject({ exit: 5 });
    expect(unknown.err).toContain(`slipway rollback ${scene.prod} VERSION; good there: v1.0.0`);
    const back = await run(`rollback ${scene.prod} --yes`);
    expect(back, back.err + back.out).toMatchObject({ exit: 0 });
    await untilStatus('v1 is back', ({ live }) => JSON.stringify(live).includes('"v1.0.0"'));
    const again = readJson(await run(`rollback ${scene.prod} v2.0.0 --yes --json`));
    expect(again).toMatchObject({ exit: 0, data: { proof: 'unverified', result: { clean: true } } });
  });

  it('rollback of an open change after its switch is back', async () => {
    await bringLive('v1.0.0');
    breakActivity(scene.harness.world, environmentKey(scene.pipeline, scene.prod), 'bake', 'hang-before', {
      times: -1,
    });
    await run(`release v2.0.0 --to ${scene.prod} --until waiting`, 'irina');
    await run(`approve ${scene.prod} --yes`);
    await waitsFor('switch');
    await run(`switch ${scene.prod}`);
    await until('it bakes', () =>
      scene.harness.world.read().arrived.includes(`${environmentKey(scene.pipeline, scene.prod)} bake`),
    );
    const back = await run(`rollback ${scene.prod} --yes`);
    expect(back, back.err + back.out).toMatchObject({ exit: 0 });
    expect(back.out).toContain(`traffic of ${scene.prod} goes back to v1.0.0`);
    mend(scene.harness.world, environmentKey(scene.pipeline, scene.prod));
    await untilStatus(
      'v1 serves',
      ({ live, inFlight }) => inFlight === undefined && JSON.stringify(live).includes('"v1.0.0"'),
    );
  });

  it('a rollback whose lane is terminated is failed and undone for all who look', async () => {
    const key = environmentKey(scene.pipeline, scene.prod);
    await bringLive('v1.0.0');
    await bringLive('v2.0.0');
    breakActivity(scene.harness.world, key, 'verify', 'hang-before');
    const arrivals = (): number =>
      scene.harness.world.read().arrived.filter((each) => each === `${key} verify`).length;
    const before = arrivals();
    const asked = run(`rollback ${scene.prod} v1.0.0 --yes`);
    await until('it is verified', () => arrivals() > before);
    let isWatched = false;
    const watching = slipway(['watch', scene.prod], {
      cwd: scene.repository.folder,
      env: env('oleg'),
      onOutput: (out) => (isWatched ||= out.includes('verify')),
    });
    await until('it is watched', () => isWatched);
    await scene.harness.client.workflow.getHandle(laneId(scene.pipeline, scene.prod)).terminate('by hand');
    const all = [await asked, await watching, await run(`watch ${scene.prod} --version v1.0.0`)];
    for (const { exit, out } of all) {
      expect(exit, out).toBe(3);
      expect(out).toContain('the change to v1.0.0 was ended from outside and has been undone');
      expect(out).toContain(`slipway rollback ${scene.prod} v1.0.0`);
      expect(out).toMatch(/v2\.0\.0( is live)?, as before/);
      expect(out).not.toContain('LIVE');
    }
    mend(scene.harness.world, key);
    letGo(scene.harness.world, key, 'verify');
  });

  it('a second rollback beside the first neither undoes it nor goes further', async () => {
    const key = environmentKey(scene.pipeline, scene.prod);
    await bringLive('v1.0.0');
    await bringLive('v2.0.0');
    breakActivity(scene.harness.world, key, 'verify', 'hang-before', { times: -1 });
    const arrivals = (): number =>
      scene.harness.world.read().arrived.filter((each) => each === `${key} verify`).length;
    const before = arrivals();
    expect(await run(`rollback ${scene.prod} --yes --until started`)).toMatchObject({ exit: 0 });
    await until('it is verified', () => arrivals() > before);
    for (const line of [`rollback ${scene.prod} --yes`, `rollback ${scene.prod} v1.0.0 --yes`]) {
      const second = await run(line);
      expect(second, second.out).toMatchObject({ exit: 5 });
      expect(second.err).toContain('a rollback to v1.0.0 is under way already');
    }
    mend(scene.harness.world, key);
    letGo(scene.harness.world, key, 'verify');
    await untilStatus(
      'v1 is back',
      ({ live, inFlight }) => inFlight === undefined && JSON.stringify(live).includes('"v1.0.0"'),
    );
  });

  it('freezes before the first release, and opens again', async () => {
    expect(await run(`freeze ${scene.prod} --until 12h --reason holidays`)).toMatchObject({ exit: 0 });
    const status = await run(`status ${scene.prod}`);
    expect(status.out).toMatch(/frozen until .* oleg: holidays \(identity: unverified\)/);
    expect(await run(`freeze ${scene.prod} --until yesterday`)).toMatchObject({ exit: 2 });
    expect(await run(`unfreeze ${scene.prod}`)).toMatchObject({ exit: 0 });
    expect(await run(`unfreeze ${scene.prod}`)).toMatchObject({ exit: 5 });
  });
});

describe('looking from the worker', () => {
  it('doctor exits 5 when a release would stop, and says the way out', async () => {
    const doctor = await run('doctor stage');
    expect(doctor).toMatchObject({ exit: 5 });
    expect(doctor.err).toContain('the worker looks at stage, 1 host ...');
    expect(doctor.out).toContain('registry: no credentials');
    expect(doctor.out).toContain('docker login');
    expect(await run(`doctor ${scene.prod}`)).toMatchObject({ exit: 0 });
    expect((await run('doctor stage --json')).err).toBe('');
    expect(await run('doctor nowhere')).toMatchObject({ exit: 2 });
  });

  it('logs come without control characters, one event per line under --json', async () => {
    expect(await run(`logs ${scene.prod}`)).toMatchObject({ exit: 5 });
    await bringLive('v1.0.0');
    expect(await run(`logs ${scene.prod} --step deploy --lines 7`)).toMatchObject({
      exit: 0,
      out: 'one\ntwo\n',
    });
    expect(scene.looked.at(-1)).toMatchObject({ what: 'logs', step: 'deploy', lines: 7 });
    for (const [wish, what, wayOut] of [
      ['--step deplyo', 'deplyo is not known on', 'one of deploy, restore, redeploy, undo, retire'],
      ['--host web-9', 'web-9 is not known on', 'one of local'],
    ]) {
      const refused = await run(`logs ${scene.prod} ${wish}`);
      expect(refused).toMatchObject({ exit: 2, out: '' });
      expect(refused.err).toContain(what);
      expect(refused.err).toContain(wayOut);
    }
    const asked = await run(`logs ${scene.prod} --step retire-blue --host local`);
    expect(asked).toMatchObject({ exit: 0 });
    const onlyOne = await run(`rollback ${scene.prod} --yes`);
    expect(onlyOne).toMatchObject({ exit: 5 });
    expect(onlyOne.err).toMatch(/no earlier good release[^]*the way is forward: slipway release REF --to/);
    const json = await run(`logs ${scene.prod} --json`);
    expect(
      json.out
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
    ).toEqual([
      { schema: 1, event: 'log', host: 'local', line: 'one' },
      { schema: 1, event: 'log', host: 'local', line: 'two' },
    ]);
  });
});
