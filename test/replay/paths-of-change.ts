/** One run per path of the change: what is recorded, and must replay for as long as such runs may be open. */
import {
  changeOf,
  decideOn,
  givenScene,
  runChange,
  startChange,
  waitsFor,
  type Scene,
} from '../support/change-scene.js';
import { bakesWith } from '../support/compared-check.js';
import { givenPlan, givenPlanInPlace, givenTraffic, SIGNED } from '../support/given.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { Decision } from '../../workflows/messages.js';
import type { Harness } from '../support/workflow-harness.js';
import { laneId } from '../../workflows/names.js';

/** Carries the path out and gives the id of the workflow to keep. */
export type Path = (harness: Harness) => Promise<string>;

const BY_HAND = { traffic: givenTraffic({ switch: 'manual' }) };

export function laneOf({ plan }: Scene): string {
  return laneId(plan.pipeline, plan.name);
}

async function deployColour(harness: Harness): Promise<string> {
  const scene = givenScene(harness, givenPlan());
  await runChange(harness, changeOf(scene));
  return laneOf(scene);
}

async function rollBackWarm(harness: Harness): Promise<string> {
  const scene = givenScene(harness, givenPlan(), { live: 'v3', warm: 'v2' });
  await runChange(harness, changeOf(scene, 'v2', 'rollback'));
  return laneOf(scene);
}

async function switchByHand(
  harness: Harness,
  plan: EnvironmentPlan,
  word: Partial<Decision> = {},
): Promise<string> {
  const scene = givenScene(harness, plan);
  const handle = await startChange(harness, changeOf(scene));
  await waitsFor(handle, 'switch');
  await decideOn(handle, 'switchTraffic', word);
  await handle.result();
  return laneOf(scene);
}

async function loseItsPatience(harness: Harness): Promise<string> {
  const scene = givenScene(harness, givenPlan({ timeoutMs: 1_000, traffic: givenTraffic({ drainMs: 10 }) }));
  scene.break('bake', 'inconclusive', { times: -1 });
  await runChange(harness, changeOf(scene));
  return laneOf(scene);
}

export const PATHS_OF_CHANGE: Record<string, Path> = {
  // The history of this name is from before the environment was told of the switch beside it.
  'change-deployed': deployColour,
  'change-deployed-and-told': deployColour,
  'change-first-release': async (harness) => {
    const scene = givenScene(harness, givenPlan(), { live: null });
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-in-place': async (harness) => {
    const scene = givenScene(harness, givenPlanInPlace());
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-on-hosts-one-by-one': async (harness) => {
    const scene = givenScene(harness, givenPlanInPlace());
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-with-a-host-in-quarantine': async (harness) => {
    const rollout = { batch: 1, maxFailures: 1, failedHost: 'quarantine' as const };
    const scene = givenScene(harness, givenPlanInPlace({ rollout }));
    scene.break('deploy', 'refuse', { host: 'web-2' });
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-undone-on-hosts-one-by-one': async (harness) => {
    const scene = givenScene(harness, givenPlanInPlace());
    scene.break('deploy', 'refuse', { host: 'web-2' });
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-readmitted': async (harness) => {
    const scene = givenScene(harness, givenPlanInPlace());
    const input = changeOf(scene, 'v1', 'readmit');
    await runChange(harness, { ...input, request: { ...input.request, hosts: ['web-2'] } });
    return laneOf(scene);
  },
  'change-switched-in-steps': async (harness) => {
    const traffic = givenTraffic({ weights: [5, 25, 100], stepMs: 1_000 });
    const scene = givenScene(harness, givenPlan({ traffic }));
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-measured-before-its-deploy': async (harness) => {
    const plan = givenPlanInPlace();
    const scene = givenScene(harness, { ...plan, ...bakesWith(plan) });
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-switched-by-hand': (harness) => switchByHand(harness, givenPlan(BY_HAND)),
  'change-switched-by-a-signed-word': (harness) =>
    switchByHand(harness, givenPlan({ ...BY_HAND, may: { switch: ['leads'] } }), { statement: SIGNED }),
  'change-waits-for-switch': async (harness) => {
    const scene = givenScene(harness, givenPlan(BY_HAND));
    await waitsFor(await startChange(harness, changeOf(scene)), 'switch');
    return laneOf(scene);
  },
  'change-failed-before-traffic': async (harness) => {
    const scene = givenScene(harness, givenPlan());
    scene.break('verify', 'say-no');
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-failed-in-bake': async (harness) => {
    const scene = givenScene(harness, givenPlan({ traffic: givenTraffic({ drainMs: 10 }) }));
    scene.break('bake', 'say-no');
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  // The history of this name is from before the patience of a step was a timer.
  'change-tried-until-the-clock-said-so': loseItsPatience,
  'change-tried-until-a-timer-said-so': loseItsPatience,
  'change-switched-back': async (harness) => {
    const scene = givenScene(harness, givenPlan());
    scene.break('bake', 'hang-before');
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('bake');
    await decideOn(handle, 'back');
    await handle.result();
    return laneOf(scene);
  },
  'change-cancelled': async (harness) => {
    const scene = givenScene(harness, givenPlan());
    scene.break('deploy', 'hang-before');
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('deploy');
    await handle.cancel();
    await handle.result();
    return laneOf(scene);
  },
  'change-held-and-retried': async (harness) => {
    const scene = givenScene(harness, givenPlan());
    scene.break('verify', 'inconclusive');
    const handle = await startChange(harness, changeOf(scene));
    await waitsFor(handle, 'could not be made');
    await decideOn(handle, 'retryStep');
    await handle.result();
    return laneOf(scene);
  },
  'change-paused-and-resumed': async (harness) => {
    const scene = givenScene(harness, givenPlan());
    scene.break('deploy', 'hang-before');
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('deploy');
    await decideOn(handle, 'pause');
    scene.release('deploy');
    await waitsFor(handle, 'resume');
    await decideOn(handle, 'resume');
    await handle.result();
    return laneOf(scene);
  },
  'change-parked': async (harness) => {
    const scene = givenScene(harness, givenPlan());
    scene.break('verify', 'say-no');
    scene.break('undoDeploy', 'foreign');
    const handle = await startChange(harness, changeOf(scene));
    await waitsFor(handle, 'a person: undo of deploy failed');
    await decideOn(handle, 'retryStep');
    await handle.result();
    return laneOf(scene);
  },
  'change-superseded': async (harness) => {
    const scene = givenScene(harness, givenPlan());
    scene.break('bake', 'hang-before');
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('bake');
    await handle.signal('superseded', { environment: scene.plan.name, version: 'v3', commit: 'abc' });
    await handle.result();
    return laneOf(scene);
  },
  // The history of this name is from before the environment knew by itself where a warm rollback goes.
  'change-warm-rollback': rollBackWarm,
  'change-warm-rollback-known': rollBackWarm,
  'change-retired': async (harness) => {
    const scene = givenScene(harness, givenPlan(), { live: 'v3', warm: 'v2' });
    await runChange(harness, changeOf(scene, 'v2', 'retire'));
    return laneOf(scene);
  },
  'change-recovered': async (harness) => {
    const scene = givenScene(harness, givenPlan());
    scene.break('bake', 'hang-before');
    const input = changeOf(scene);
    const handle = await startChange(harness, input);
    await scene.arrived('bake');
    await handle.terminate('slipway unlock');
    const target = {
      ...input.request,
      colour: 'green' as const,
      token: 2,
      at: '2026-11-14T10:00:00Z',
      by: 'oleg',
    };
    const prior = Object.entries(scene.now()?.hosts ?? {}).map(([host, { hostId }]) => ({
      host,
      hostId,
      platform: null,
    }));
    const cutover = {
      token: 2,
      requestId: input.request.requestId,
      previous: scene.live,
      target,
      prior,
      switching: true,
    };
    const recovering = { token: 2, cutover, request: input.request };
    await runChange(harness, changeOf(scene, 'v2', 'recover', { token: 3, recovering }));
    return laneOf(scene);
  },
};
