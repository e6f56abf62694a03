/** Every verb of the command, from the command line to the workflows on a real Temporal, with fake activities. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { compilePlan, loadPipeline } from '../../pipeline/index.js';
import type { ReleasePlan } from '../../pipeline/plan.js';
import type { InspectInput } from '../../workflows/activity-contract.js';
import type { ReleaseRequest } from '../../workflows/messages.js';
import { breakActivity, environmentKey, mend, release as letGo } from '../support/fake-world.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { type CommandRun, readJson, slipway } from '../support/slipway-command.js';
import { type Harness, quiet, startHarness, until } from '../support/workflow-harness.js';
import { startWorkers } from '../support/workers.js';

const pipelineText = (pipeline: string, prod: string): string => `pipeline: ${pipeline}
image: {folder: app}
environments:
  stage:
    from: [{branch: main}, {branch: "hotfix/*"}]
    hosts: [local]
    platform: {command: "deploy {tag}"}
    url: http://127.0.0.1:1
    checks: [/health]
  ${prod}:
    production: true
    from: {tag: "v*.*.*"}
    start: manual
    approvals: [{count: 1, by: unverified}]
    hosts: [local]
    platform: {command: "deploy {colour} {tag}", retire: "stop {colour}"}
    strategy: blue-green
    url: http://127.0.0.1:1
    checks: [/health]
    traffic: {command: "switch {colour}", current: "current", switch: manual, colours: {blue: "http://127.0.0.1:2", green: "http://127.0.0.1:3"}, confirm: {header: X-Colour}}
    bake: {for: 1s, checks: [/health]}
`;

let harness: Harness;
let repository: TestRepository;
let endWorkers: () => Promise<void>;
let native: NativeConnection;
/** One environment per test, so that no test sees another's. */
let prod: string;
let pipeline: string;
const looked: InspectInput[] = [];

/** What the worker would compile: the same compiler, the file of the commit asked for. */
function planOf(request: ReleaseRequest): ReleasePlan {
  const loaded = loadPipeline(Buffer.from(pipelineText(request.pipeline, prod)), 'slipway.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  return compilePlan({
    file: loaded.file,
    files: new Map(),
    repository: { url: request.repositoryUrl },
    commit: {
      sha: request.commit,
      subject: 'feat: one',
      author: 'Anna',
      authorEmail: 'anna@example.com',
      committedAt: '2026-11-14T09:00:00Z',
      authors: ['anna@example.com'],
    },
    ref: request.ref,
    version: request.version,
    to: request.to,
    changedPaths: null,
  });
}

function env(actor: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    SLIPWAY_TASK_QUEUE: harness.taskQueue,
    SLIPWAY_ACTOR: actor,
    ...more,
  };
}

function run(
  line: string,
  actor = 'oleg',
  more: { env?: Record<string, string>; answer?: string } = {},
): Promise<CommandRun> {
  const { answer } = more;
  return slipway(line.split(' '), {
    cwd: repository.folder,
    env: env(actor, more.env),
    ...(answer === undefined ? {} : { answer }),
  });
}

/** The states of `slipway status prod --json`, until `probe` likes them. */
async function untilStatus(
  what: string,
  probe: (environment: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> {
  return until(what, async () => {
    const { data } = readJson(await run(`status ${prod} --json`));
    const [environment] = data['environments'] as Record<string, unknown>[];
    return environment !== undefined && probe(environment) ? environment : null;
  });
}

const waitsFor = (text: string) =>
  untilStatus(`${prod} waits for ${text}`, (environment) =>
    JSON.stringify(environment).includes(`"waitingFor":"${text}`),
  );

/** v1 is live on prod, step by step as people do it. */
async function bringLive(version: string): Promise<void> {
  const started = await run(`release ${version} --to ${prod} --until waiting`, 'irina');
  expect(started, started.err).toMatchObject({ exit: 0 });
  expect(await run(`approve ${prod} --yes`)).toMatchObject({ exit: 0, err: '' });
  await waitsFor('switch');
  expect(await run(`switch ${prod}`)).toMatchObject({ exit: 0, err: '' });
  await untilStatus(
    `${version} is live`,
    ({ live, inFlight }) => inFlight === undefined && JSON.stringify(live ?? null).includes(`"${version}"`),
  );
}

beforeAll(async () => {
  quiet();
  harness = await startHarness({ workers: false, plan: planOf });
  native = await NativeConnection.connect({ address: inject('temporalAddress') });
  endWorkers = await startWorkers(native, harness.taskQueue, inject('workflowBundle'), {
    ...harness.activities,
    inspectEnvironment: (input) => {
      looked.push(input);
      const bad = {
        where: 'local',
        thing: 'registry',
        state: 'problem' as const,
        message: 'no credentials',
        wayOut: 'docker login',
      };
      return Promise.resolve({
        findings:
          input.plan.name === 'stage'
            ? [bad]
            : [{ ...bad, state: 'ok' as const, message: 'logged in', wayOut: null }],
        log: [{ host: 'local', text: 'one\n\u001b[31mtwo\n' }],
      });
    },
  });
});

afterAll(async () => {
  await endWorkers();
  await native.close();
  await harness.close();
});

beforeEach(async () => {
  const id = randomUUID().slice(0, 8);
  prod = `prod-${id}`;
  pipeline = `cli-${id}`;
  repository = await createRepository();
  await repository.commit('feat: one', {
    'slipway.yaml': pipelineText(pipeline, prod),
    'app/index.html': '1',
  });
  await repository.git('tag', 'v1.0.0');
  await repository.commit('feat: two', { 'app/index.html': '2' });
  await repository.git('tag', 'v2.0.0');
  return () => repository.remove();
});

describe('a release, said with the command', () => {
  it('waits for its approver, for the switch, and then is live', async () => {
    const plan = await run(`plan v1.0.0 --to ${prod}`);
    expect(plan).toMatchObject({ exit: 0, err: '' });
    expect(plan.out).toContain('nothing yet');
    expect(plan.out).toContain(`Nothing was changed. Do it: slipway release v1.0.0 --to ${prod}`);

    const started = await run(`release v1.0.0 --to ${prod} --until waiting`, 'irina');
    expect(started, started.err).toMatchObject({ exit: 0 });
    expect(started.out).toContain('WAITING for 1 approval');
    expect(started.out).toContain('identity: unverified');

    const again = readJson(await run(`release v1.0.0 --to ${prod} --until started --json`, 'irina'));
    expect(again.data).toMatchObject({ joined: true });

    const requester = await run(`approve ${prod} --yes`, 'irina');
    expect(requester).toMatchObject({ exit: 5 });
    expect(requester.err).toContain('irina asked for this release and may not approve it');

    const declined = await run(`approve ${prod}`, 'oleg', { answer: 'n' });
    expect(declined).toMatchObject({ exit: 5 });
    expect(declined.out).toContain('sha256:');
    expect(declined.out).toContain('Nothing was changed.');
    expect(await run(`approve ${prod}`)).toMatchObject({ exit: 2 });
    expect(await run(`approve ${prod}`, 'oleg', { answer: 'yes' })).toMatchObject({ exit: 0, err: '' });

    await waitsFor('switch');
    const watched = await run(`watch ${prod} --until waiting`);
    expect(watched).toMatchObject({ exit: 0 });
    expect(watched.out).toContain('WAITING for switch');
    expect(watched.out).toContain('deploy');
    expect(watched.out).toContain(`slipway switch ${prod}`);
    expect(await run(`switch ${prod}`)).toMatchObject({ exit: 0 });

    await untilStatus('it is live', ({ live }) => live !== null);
    const status = await run('status');
    expect(status.out).toContain(`${prod}  v1.0.0 blue`);
    const known = await run(`plan v2.0.0 --to ${prod} --json`);
    expect(readJson(known).data).toMatchObject({
      version: 'v2.0.0',
      refused: [],
      live: { [prod]: { version: 'v1.0.0' } },
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
      expect(await run(`release --to ${prod}`, 'irina', { env: job })).toMatchObject({ exit: 0 });
      const output = readFileSync(files.GITHUB_OUTPUT, 'utf8');
      expect(output).toMatch(/^state=waiting\nurl=http.*\ndigest=sha256:[0-9a-f]+\n$/);
      expect(readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8')).toContain('waits for 1 approval');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('ends with 6 when --timeout ends first, and the release goes on', async () => {
    const run6 = await run(`release v1.0.0 --to ${prod} --timeout 2s`, 'irina');
    expect(run6).toMatchObject({ exit: 6 });
    expect(run6.out).toContain('The release goes on');
    await waitsFor('1 approval');
  });

  it('Ctrl-C ends only the view: 130, and the release goes on', async () => {
    const pressed = new AbortController();
    const answer = await slipway(['release', 'v1.0.0', '--to', prod], {
      cwd: repository.folder,
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
    await repository.git('branch', 'hotfix/x', 'main');
    breakActivity(harness.world, environmentKey(pipeline, 'stage'), 'preflight', 'hang-before', {
      times: -1,
    });
    const start = async (ref: string) =>
      readJson(await run(`release ${ref} --until started --json`, 'irina')).data;
    const first = await start('main');
    const second = await start('hotfix/x');
    expect([first['joined'], second['joined']]).toEqual([false, false]);
    expect(second['workflowId']).toBe(`${String(first['workflowId'])}/hotfix-x`);
    expect(await start('main')).toMatchObject({ joined: true, workflowId: first['workflowId'] });
    expect(await start('hotfix/x')).toMatchObject({ joined: true, workflowId: second['workflowId'] });
    mend(harness.world, environmentKey(pipeline, 'stage'));
    letGo(harness.world, environmentKey(pipeline, 'stage'), 'preflight');
  });

  it('ends with 5 when it is rejected: nothing was touched', async () => {
    await run(`release v1.0.0 --to ${prod} --until waiting`, 'irina');
    const watching = run(`watch ${prod} --json`);
    expect(await run(`reject ${prod} --yes --reason later`)).toMatchObject({ exit: 0 });
    const watched = await watching;
    expect(watched.exit).toBe(5);
    const events = watched.out
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(events.at(-1)).toMatchObject({ event: 'end', ok: false, exit: 5 });
  });

  it('ends with 3 and tells what was undone when the new version is sick', async () => {
    await bringLive('v1.0.0');
    breakActivity(harness.world, environmentKey(pipeline, prod), 'verify', 'say-no', { times: -1 });
    const failing = run(`release v2.0.0 --to ${prod}`, 'irina');
    await waitsFor('1 approval');
    await run(`approve ${prod} --yes`);
    const failed = await failing;
    expect(failed.exit).toBe(3);
    expect(failed.out).toContain('FAILED in verify, UNDONE');
    expect(failed.out).toContain('exit 3: failed, everything undone, the old version serves');
    mend(harness.world, environmentKey(pipeline, prod));
  });
});

describe('steering a change', () => {
  it('pauses, resumes, aborts, and says when there is nothing to steer', async () => {
    await run(`release v1.0.0 --to ${prod} --until waiting`, 'irina');
    expect(await run(`pause ${prod}`)).toMatchObject({ exit: 0 });
    const twice = await run(`pause ${prod}`);
    expect(twice).toMatchObject({ exit: 5 });
    expect(twice.err).toContain('already paused');
    expect(await run(`resume ${prod}`)).toMatchObject({ exit: 0 });
    const early = await run(`switch ${prod}`);
    expect(early).toMatchObject({ exit: 5 });
    expect(early.err).toContain('no change is in flight');

    await run(`approve ${prod} --yes`);
    await waitsFor('switch');
    expect(await run(`retry ${prod}`)).toMatchObject({ exit: 5 });
    expect(await run(`skip-host ${prod} nowhere`)).toMatchObject({ exit: 5 });
    expect(await run(`back ${prod}`)).toMatchObject({ exit: 5 });
    const aborted = await run(`abort ${prod}`);
    expect(aborted, aborted.err).toMatchObject({ exit: 0 });
    expect(aborted.out).toContain('ABORTED');
    expect(await run(`abort ${prod}`)).toMatchObject({ exit: 5 });
  });

  it('retries the step that holds', async () => {
    breakActivity(harness.world, environmentKey(pipeline, prod), 'verify', 'inconclusive', { times: -1 });
    await run(`release v1.0.0 --to ${prod} --until waiting`, 'irina');
    await run(`approve ${prod} --yes`);
    await untilStatus('verify holds', ({ inFlight }) =>
      JSON.stringify(inFlight ?? null).includes('"state":"waiting"'),
    );
    mend(harness.world, environmentKey(pipeline, prod));
    expect(await run(`retry ${prod}`)).toMatchObject({ exit: 0 });
    await waitsFor('switch');
    expect(await run(`abort ${prod} --until started`)).toMatchObject({ exit: 0 });
  });

  it('rolls back to the last good release, and to one by name', async () => {
    await bringLive('v1.0.0');
    expect(await run(`rollback ${prod} --yes`)).toMatchObject({ exit: 5 });
    await bringLive('v2.0.0');
    const unknown = await run(`rollback ${prod} v9.9.9 --yes`);
    expect(unknown).toMatchObject({ exit: 5 });
    expect(unknown.err).toContain(`good on ${prod}: v2.0.0, v1.0.0`);
    const back = await run(`rollback ${prod} --yes`);
    expect(back, back.err + back.out).toMatchObject({ exit: 0 });
    await untilStatus('v1 is back', ({ live }) => JSON.stringify(live).includes('"v1.0.0"'));
    const again = readJson(await run(`rollback ${prod} v2.0.0 --yes --json`));
    expect(again).toMatchObject({ exit: 0, data: { proof: 'unverified', result: { clean: true } } });
  });

  it('rollback of an open change after its switch is back', async () => {
    await bringLive('v1.0.0');
    breakActivity(harness.world, environmentKey(pipeline, prod), 'bake', 'hang-before', { times: -1 });
    await run(`release v2.0.0 --to ${prod} --until waiting`, 'irina');
    await run(`approve ${prod} --yes`);
    await waitsFor('switch');
    await run(`switch ${prod}`);
    await until('it bakes', () =>
      harness.world.read().arrived.includes(`${environmentKey(pipeline, prod)} bake`),
    );
    const back = await run(`rollback ${prod} --yes`);
    expect(back, back.err + back.out).toMatchObject({ exit: 0 });
    expect(back.out).toContain(`traffic of ${prod} goes back to v1.0.0`);
    mend(harness.world, environmentKey(pipeline, prod));
    await untilStatus(
      'v1 serves',
      ({ live, inFlight }) => inFlight === undefined && JSON.stringify(live).includes('"v1.0.0"'),
    );
  });

  it('freezes before the first release, and opens again', async () => {
    expect(await run(`freeze ${prod} --until 12h --reason holidays`)).toMatchObject({ exit: 0 });
    const status = await run(`status ${prod}`);
    expect(status.out).toMatch(/frozen until .* oleg: holidays \(identity: unverified\)/);
    expect(await run(`freeze ${prod} --until yesterday`)).toMatchObject({ exit: 2 });
    expect(await run(`unfreeze ${prod}`)).toMatchObject({ exit: 0 });
    expect(await run(`unfreeze ${prod}`)).toMatchObject({ exit: 5 });
  });
});

describe('looking from the worker', () => {
  it('doctor exits 5 when a release would stop, and says the way out', async () => {
    const doctor = await run('doctor stage');
    expect(doctor).toMatchObject({ exit: 5 });
    expect(doctor.out).toContain('registry: no credentials');
    expect(doctor.out).toContain('docker login');
    expect(await run(`doctor ${prod}`)).toMatchObject({ exit: 0 });
    expect(await run('doctor nowhere')).toMatchObject({ exit: 2 });
  });

  it('logs come without control characters, one event per line under --json', async () => {
    expect(await run(`logs ${prod}`)).toMatchObject({ exit: 5 });
    await bringLive('v1.0.0');
    expect(await run(`logs ${prod} --step deploy --lines 7`)).toMatchObject({ exit: 0, out: 'one\ntwo\n' });
    expect(looked.at(-1)).toMatchObject({ what: 'logs', step: 'deploy', lines: 7 });
    const json = await run(`logs ${prod} --json`);
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
