/** A hundred switches while clients of four kinds ask without a pause; every answer is looked at. */
import { setTimeout as delay } from 'node:timers/promises';
import { withEnds } from './ends.js';
import { startMixedLoad } from './mixed-load.js';
import { row, type Benchmark, type Row } from './rows.js';
import {
  ENVIRONMENT,
  PIPELINE,
  releaseAndWait,
  startSwitchingWorld,
  type SwitchedProxy,
  untilRolledBack,
} from './switching-world.js';
import { startTemporalStage } from './temporal-stage.js';

const SWITCHES = 100;
/** So that the long requests of one switch reach into the next ones. */
const BETWEEN_MS = 100;

export const haproxyUnderLoad: Benchmark = {
  name: 'load-haproxy',
  about: `${SWITCHES} switches under load, haproxy`,
  run: (say) => switchUnderLoad('haproxy', say),
};

export const nginxUnderLoad: Benchmark = {
  name: 'load-nginx',
  about: `${SWITCHES} switches under load, nginx: the honest count`,
  run: (say) => switchUnderLoad('nginx', say),
};

export const traefikUnderLoad: Benchmark = {
  name: 'load-traefik',
  about: `${SWITCHES} switches under load, traefik`,
  run: (say) => switchUnderLoad('traefik', say),
};

export const caddyUnderLoad: Benchmark = {
  name: 'load-caddy',
  about: `${SWITCHES} switches under load, caddy that reads a file`,
  run: (say) => switchUnderLoad('caddy', say),
};

export const caddyAdminUnderLoad: Benchmark = {
  name: 'load-caddy-admin',
  about: `${SWITCHES} switches under load, caddy's admin API: the honest count`,
  run: (say) => switchUnderLoad('caddy-admin', say),
};

/** Those that lose nothing; of the others the count is told. */
const LOSSLESS: SwitchedProxy[] = ['haproxy', 'traefik', 'caddy'];

async function switchUnderLoad(kind: SwitchedProxy, say: (text: string) => void): Promise<Row[]> {
  return withEnds(async (ends) => {
    const world = await startSwitchingWorld(ends, kind);
    const { client } = await startTemporalStage(ends, { pipeline: PIPELINE, workers: 1 });
    await releaseAndWait(client, world, await world.publish('v1.0.0', { bake: false }));
    await releaseAndWait(client, world, await world.publish('v2.0.0', { bake: false }));
    const load = startMixedLoad(world.url);
    await delay(500);
    for (let turn = 0; turn < SWITCHES; turn += 1) {
      const version = turn % 2 === 0 ? 'v1.0.0' : 'v2.0.0';
      await untilRolledBack(client, await client.requestRollback(ENVIRONMENT, { version }));
      await delay(BETWEEN_MS);
    }
    const results = await load.stop();
    const total = results.reduce((sum, { requests }) => sum + requests, 0);
    const failed = results.reduce((sum, each) => sum + each.failed, 0);
    for (const { kind: sort, requests, failed: bad, why } of results)
      say(`${sort}: ${requests} requests, ${bad} failed ${bad === 0 ? '' : JSON.stringify(why)}`);
    return [
      row(`${kind}: requests during ${SWITCHES} switches`, total, 'requests'),
      row(`${kind}: failed of these`, failed, 'requests', LOSSLESS.includes(kind) ? 0 : null),
    ];
  });
}
