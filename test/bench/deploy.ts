/**
 * One release of an image that is pushed already, from the request to live with its traffic switched and confirmed,
 * and the same work done by a bare script over one open ssh connection; by turns, on the same host, proxy and registry.
 */
import type { SlipwayClient } from '../../client/index.js';
import type { StepReport } from '../../workflows/result.js';
import { startBareScript } from './bare-script.js';
import { startDockerWorld, type DockerWorld, type HowItRuns, type PushedRelease } from './docker-world.js';
import { withEnds } from './ends.js';
import { percentile, row, rowAgainst, type Benchmark, type Row } from './rows.js';
import { ENVIRONMENT, PIPELINE, startRelease } from './switching-world.js';
import { startTemporalStage } from './temporal-stage.js';

const ROUNDS = 20;
/** A worker runs for weeks: what is measured is not how Node compiles the first deploys. */
const WARM_UP = 5;
/** docker image already pushed, one host over loopback, tiny image; recorded on another machine, not measured here. */
const KAMAL = { name: 'Kamal 2.12 deploy --skip-push, recorded', value: 2.26 };
/** What pull, start, switch and confirmations took a bare script beside it, in seconds: says how fast that machine was. */
const SCRIPT_BESIDE_KAMAL = 0.34;

export const deploy: Benchmark = {
  name: 'deploy',
  about: `deploy of a pushed image with switch against a bare script, ${ROUNDS} rounds by turns`,
  run: (say) => measure(say, { how: 'docker', title: '', shareOfKamal: 0.4 }),
};

export const composeDeploy: Benchmark = {
  name: 'compose',
  about: `the same with docker compose on both sides, ${ROUNDS} rounds by turns`,
  run: (say) => measure(say, { how: 'compose', title: 'compose: ', shareOfKamal: 0.5 }),
};

interface Measured {
  how: HowItRuns;
  /** Before the name of each row. */
  title: string;
  shareOfKamal: number;
}

function measure(say: (text: string) => void, { how, title, shareOfKamal }: Measured): Promise<Row[]> {
  return withEnds(async (ends) => {
    const world = await startDockerWorld(ends, how);
    const script = await startBareScript(ends, world);
    const { client } = await startTemporalStage(ends, {
      pipeline: PIPELINE,
      workers: 1,
      env: { SLIPWAY_INSECURE_REGISTRIES: world.registry },
    });
    const taken = {
      slipway: [] as number[],
      change: [] as number[],
      script: [] as number[],
      onHost: [] as number[],
    };
    for (let round = 1; round <= ROUNDS + WARM_UP; round += 1) {
      // the colour that Slipway's next release takes is the one that does not serve: both go to the same one
      const colour = (await serving(client)) === 'blue' ? 'green' : 'blue';
      const byHand = await world.push(`v0.0.${round}`);
      let onHost = 0;
      const byScript = await timeOf(async () => {
        onHost = await script.deploy(colour, byHand);
      });
      await script.deploy(colour === 'blue' ? 'green' : 'blue', byHand);
      const release = await world.push(`v1.0.${round}`);
      const bySlipway = await timeOf(() => releaseUntilLive(client, world, release));
      const steps = await stepsOfChange(client);
      const inChange = steps.reduce((sum, { tookMs }) => sum + (tookMs ?? 0), 0) / 1000;
      const each = steps.map(({ name, tookMs }) => `${name} ${tookMs}`).join(', ');
      say(`round ${round}: script ${byScript.toFixed(3)} s, Slipway ${bySlipway.toFixed(3)} s (ms: ${each})`);
      if (round <= WARM_UP) continue;
      taken.script.push(byScript);
      taken.onHost.push(onHost);
      taken.slipway.push(bySlipway);
      taken.change.push(inChange);
    }
    const median = (all: number[]): number => percentile(all, 0.5);
    const [slipway, bare, onHost] = [median(taken.slipway), median(taken.script), median(taken.onHost)];
    return [
      row(`${title}bare script, open connection: median of ${ROUNDS}`, bare, 's'),
      rowAgainst(
        `${title}deploy with switch, request to result: median of ${ROUNDS}`,
        slipway,
        's',
        { name: 'bare script', value: bare },
        2,
      ),
      rowAgainst(`${title}the same`, slipway, 's', KAMAL, shareOfKamal),
      // compose takes a script longer than what ran beside Kamal: there it would tell nothing of the machine
      ...(how === 'docker' ? [rowAgainst(`${title}the same`, slipway, 's', scaledKamal(onHost), null)] : []),
      rowAgainst(
        `${title}of it the change itself`,
        median(taken.change),
        's',
        { name: 'bare script', value: bare },
        2,
      ),
    ];
  });
}

/** As a machine takes it on which the script needs `onHost` seconds for what took it 0.34 s beside Kamal. */
function scaledKamal(onHost: number): typeof KAMAL {
  const slower = onHost / SCRIPT_BESIDE_KAMAL;
  return { name: `estimate: Kamal on a machine ${slower.toFixed(2)} × as slow`, value: KAMAL.value * slower };
}

/** As CI does: starts the release and waits for its result. Rejects when it failed. */
async function releaseUntilLive(
  client: SlipwayClient,
  world: DockerWorld,
  release: PushedRelease,
): Promise<void> {
  const { workflowId } = await startRelease(client, world, release);
  await client.link.client.workflow.getHandle(workflowId).result();
}

async function timeOf(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

/** Colour of the release that is live; a first release goes to blue. */
async function serving(client: SlipwayClient): Promise<string> {
  return (await client.status(ENVIRONMENT))?.live?.colour ?? 'green';
}

async function stepsOfChange(client: SlipwayClient): Promise<StepReport[]> {
  return (await client.status(ENVIRONMENT))?.processed[0]?.result.steps ?? [];
}
