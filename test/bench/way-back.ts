/** From a person's decision until a client of the proxy gets the old colour: `back`, and a rollback that is warm. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SlipwayClient } from '../../client/index.js';
import type { Colour } from '../../pipeline/plan.js';
import { environmentId, laneId } from '../../workflows/names.js';
import { until } from '../support/processes.js';
import { withEnds, type Ends } from './ends.js';
import { percentile, row, type Benchmark, type Row } from './rows.js';
import {
  ENVIRONMENT,
  PIPELINE,
  releaseAndWait,
  startRelease,
  startSwitchingWorld,
  type SwitchingWorld,
  untilBaking,
  untilIdle,
  untilRolledBack,
} from './switching-world.js';
import { startTemporalStage, type TemporalStage } from './temporal-stage.js';
import { watchColour } from './watch-colour.js';

const TIMES = 100;
const KILLS = 20;

export const wayBack: Benchmark = {
  name: 'way-back',
  about: `back and warm rollback, decision to observed old colour, ${TIMES} times each`,
  run: (say) =>
    withEnds(async (ends) => {
      const scene = await setScene(ends);
      const rollbacks = await measure(TIMES, () => rollBack(scene));
      say(`rollbacks: median ${percentile(rollbacks, 0.5).toFixed(0)} ms`);
      const backs = await measure(TIMES, () => goBack(scene));
      say(`backs: median ${percentile(backs, 0.5).toFixed(0)} ms`);
      return [...rowsOf('warm rollback', rollbacks), ...rowsOf('back', backs)];
    }),
};

export const wayBackWithKills: Benchmark = {
  name: 'way-back-kill',
  about: `the same with the worker killed in the middle, ${KILLS} times each, two workers`,
  run: (say) =>
    withEnds(async (ends) => {
      const scene = await setScene(ends);
      const rows: Row[] = [];
      for (const [name, workflowId, decide] of [
        ['warm rollback, worker killed', environmentId(PIPELINE, ENVIRONMENT), rollBack],
        ['back, worker killed', laneId(PIPELINE, ENVIRONMENT), goBack],
      ] as const) {
        let turn = 0;
        const times = await measure(KILLS, async () => {
          const afterMs = (turn * 7) % 70;
          // by turns the worker that knows the workflow, and the other, which may hold the activity
          const knowing = turn % 2 === 0;
          turn += 1;
          const tookMs = await decide(scene, () => killOne(scene.stage, workflowId, { afterMs, knowing }));
          say(`${name} after ${afterMs} ms: ${tookMs.toFixed(0)} ms`);
          return tookMs;
        });
        rows.push(
          row(`${name}: median of ${times.length}`, percentile(times, 0.5), 'ms'),
          row(`${name}: slowest of ${times.length}`, Math.max(...times), 'ms', 5000),
        );
      }
      return rows;
    }),
};

interface Good {
  version: string;
  colour: Colour;
}

interface Scene {
  stage: TemporalStage;
  client: SlipwayClient;
  watch: ReturnType<typeof watchColour>;
  /** Two good releases, one in each colour; a third would bake for an hour. */
  live: Good;
  warm: Good;
  startBaking: () => Promise<{ workflowId: string }>;
}

async function setScene(ends: Ends): Promise<Scene> {
  const world = await startSwitchingWorld(ends, 'haproxy');
  const stage = await startTemporalStage(ends, { pipeline: PIPELINE, workers: 2 });
  const { client } = stage;
  const warm = await releaseGood(client, world, 'v1.0.0');
  const live = await releaseGood(client, world, 'v2.0.0');
  const baking = await world.publish('v3.0.0', { bake: true });
  const watch = watchColour(world.url);
  ends.push(() => watch.stop());
  return {
    stage,
    client,
    watch,
    live,
    warm,
    startBaking: async () => {
      const started = await startRelease(client, world, baking);
      await untilBaking(client);
      return started;
    },
  };
}

async function releaseGood(client: SlipwayClient, world: SwitchingWorld, version: string): Promise<Good> {
  await releaseAndWait(client, world, await world.publish(version, { bake: false }));
  const colour = (await client.status(ENVIRONMENT))?.live?.colour;
  if (colour == null) throw new Error(`${version} has no colour`);
  return { version, colour };
}

/** The two releases take turns; each is the warm one when it is asked for. */
async function rollBack(scene: Scene, meanwhile: () => Promise<void> = nothing): Promise<number> {
  const { live, warm } = scene;
  await scene.watch.sees(live.colour);
  const decidedAt = performance.now();
  const [request, , seenAt] = await Promise.all([
    scene.client.requestRollback(ENVIRONMENT, { version: warm.version }),
    meanwhile(),
    scene.watch.sees(warm.colour),
  ]);
  [scene.live, scene.warm] = [warm, live];
  await untilRolledBack(scene.client, request);
  return seenAt - decidedAt;
}

async function goBack(scene: Scene, meanwhile: () => Promise<void> = nothing): Promise<number> {
  const old = scene.live.colour;
  const release = await scene.startBaking();
  await scene.watch.sees(old === 'blue' ? 'green' : 'blue');
  const decidedAt = performance.now();
  const [, , seenAt] = await Promise.all([
    scene.client.back(ENVIRONMENT),
    meanwhile(),
    scene.watch.sees(old),
  ]);
  await untilIdle(scene.client);
  // a release that was switched back ends Failed; while it runs, the same one would be joined
  await scene.client.link.client.workflow
    .getHandle(release.workflowId)
    .result()
    .catch(() => null);
  return seenAt - decidedAt;
}

async function nothing(): Promise<void> {}

async function measure(times: number, once: () => Promise<number>): Promise<number[]> {
  const taken: number[] = [];
  for (let turn = 0; turn < times; turn += 1) taken.push(await once());
  return taken;
}

function rowsOf(name: string, times: number[]): Row[] {
  return [
    row(`${name}: median of ${times.length}`, percentile(times, 0.5), 'ms', 100),
    row(`${name}: p99 of ${times.length}`, percentile(times, 0.99), 'ms', 250),
  ];
}

/** SIGKILL; the supervisor starts it again after half a second. */
async function killOne(
  { client, workers }: TemporalStage,
  workflowId: string,
  { afterMs, knowing }: { afterMs: number; knowing: boolean },
): Promise<void> {
  const [pid] = await Promise.all([lastWorkerOf(client, workflowId), delay(afterMs)]);
  const victim = workers.find((worker) => (worker.pid() === pid) === knowing);
  if (victim === undefined) throw new Error(`no worker has the pid ${pid}`);
  const old = victim.pid();
  victim.signal('SIGKILL');
  await until('the worker to be started again', async () => victim.pid() !== old);
  await victim.ready();
}

/** Process id of the worker that had the workflow's last task, and keeps it cached. */
async function lastWorkerOf(client: SlipwayClient, workflowId: string): Promise<number> {
  const history = await client.link.client.workflow.getHandle(workflowId).fetchHistory();
  const identities = (history.events ?? []).flatMap((event) => {
    const identity = event.workflowTaskCompletedEventAttributes?.identity;
    return identity == null ? [] : [identity];
  });
  return Number.parseInt(identities.at(-1) ?? '', 10);
}
