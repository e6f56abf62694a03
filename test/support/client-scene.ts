/** A pipeline with stage and a blue/green prod on a real Temporal, with fake activities, steered by the command. */
import { randomUUID } from 'node:crypto';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, inject } from 'vitest';
import { compilePlan, loadPipeline } from '../../pipeline/index.js';
import type { ReleasePlan } from '../../pipeline/plan.js';
import type { InspectInput } from '../../workflows/activity-contract.js';
import type { ReleaseRequest } from '../../workflows/messages.js';
import { createRepository, type TestRepository } from './repository.js';
import { type CommandRun, readJson, slipway } from './slipway-command.js';
import { type Harness, quiet, startHarness, until } from './workflow-harness.js';
import { startWorkers } from './workers.js';

type StatusData = Record<string, unknown>;

export interface ClientScene {
  readonly harness: Harness;
  /** Two commits, tagged v1.0.0 and v2.0.0. */
  readonly repository: TestRepository;
  /** One environment and pipeline per test, so that no test sees another's. */
  readonly prod: string;
  readonly pipeline: string;
  /** What the worker was asked to look at. */
  readonly looked: InspectInput[];
  env(actor: string, more?: Record<string, string>): Record<string, string>;
  run(
    line: string,
    actor?: string,
    more?: { env?: Record<string, string>; answer?: string },
  ): Promise<CommandRun>;
  /** What `slipway status prod --json` says, once `probe` likes it. */
  untilStatus(what: string, probe: (environment: StatusData) => boolean): Promise<StatusData>;
  waitsFor(text: string): Promise<StatusData>;
  /** Releases to prod step by step, as people do it. */
  bringLive(version: string): Promise<void>;
}

const pipelineText = (pipeline: string, prod: string, more: string): string => `pipeline: ${pipeline}
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
${more}`;

/** Registers its own hooks: call it once, at the top of a test file. `more` is added to the pipeline file. */
export function setClientScene(more = ''): ClientScene {
  let harness: Harness;
  let native: NativeConnection;
  let endWorkers: () => Promise<void>;
  let repository: TestRepository;
  let prod: string;
  let pipeline: string;
  const looked: InspectInput[] = [];

  /** What the worker would compile: the same compiler, the file of the commit asked for. */
  function planOf(request: ReleaseRequest): ReleasePlan {
    const loaded = loadPipeline(Buffer.from(pipelineText(request.pipeline, prod, more)), 'slipway.yaml');
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
      unasked: request.trigger === 'push',
    });
  }

  function env(actor: string, others: Record<string, string> = {}): Record<string, string> {
    return {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      SLIPWAY_TASK_QUEUE: harness.taskQueue,
      SLIPWAY_ACTOR: actor,
      ...others,
    };
  }

  function run(
    line: string,
    actor = 'oleg',
    given: { env?: Record<string, string>; answer?: string } = {},
  ): Promise<CommandRun> {
    const { answer } = given;
    return slipway(line.split(' '), {
      cwd: repository.folder,
      env: env(actor, given.env),
      ...(answer === undefined ? {} : { answer }),
    });
  }

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
      'slipway.yaml': pipelineText(pipeline, prod, more),
      'app/index.html': '1',
    });
    await repository.git('tag', 'v1.0.0');
    await repository.commit('feat: two', { 'app/index.html': '2' });
    await repository.git('tag', 'v2.0.0');
    return () => repository.remove();
  });

  return {
    get harness() {
      return harness;
    },
    get repository() {
      return repository;
    },
    get prod() {
      return prod;
    },
    get pipeline() {
      return pipeline;
    },
    looked,
    ...{ env, run, untilStatus, waitsFor, bringLive },
  };
}
