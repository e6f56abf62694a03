/** One run per path of a change of several hosts, and of what is said of those that stand apart. */
import { changeOf, givenScene, runChange, startChange } from '../support/change-scene.js';
import { EnvironmentScene } from '../support/environment-scene.js';
import { givenPlanInPlace, givenPlanWithProxies } from '../support/given.js';
import type { Harness } from '../support/workflow-harness.js';
import { laneOf, type Path } from './paths-of-change.js';

const ONE_MAY_FAIL = { batch: 1, maxFailures: 1, failedHost: 'quarantine' as const };

/** Its first host is in quarantine. */
async function givenOneApart(harness: Harness): Promise<EnvironmentScene> {
  const prod = new EnvironmentScene(harness, givenPlanInPlace({ rollout: ONE_MAY_FAIL, bake: null }));
  prod.break('deploy', 'refuse', { host: 'web-1' });
  await prod.release(1);
  return prod;
}

export const PATHS_OF_FLEET: Record<string, Path> = {
  'change-that-tells-of-a-host-in-quarantine': async (harness) => (await givenOneApart(harness)).lane,
  'change-checked-between-batches': async (harness) => {
    const plan = givenPlanInPlace({ rollout: ONE_MAY_FAIL });
    const checks = plan.checks.flatMap((check) =>
      plan.hosts.map(({ name }) => ({ ...check, name: `${check.name} of ${name}`, host: name })),
    );
    const scene = givenScene(harness, { ...plan, checks: [...plan.checks, ...checks] });
    scene.break('verify', 'say-no', { host: 'web-2' });
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-recovered-from-a-readmission': async (harness) => {
    const scene = givenScene(harness, givenPlanInPlace());
    const input = changeOf(scene, 'v1', 'readmit');
    const request = { ...input.request, hosts: ['web-2'] };
    scene.break('deploy', 'hang-before');
    const handle = await startChange(harness, { ...input, request });
    await scene.arrived('deploy');
    await handle.terminate('a person ends it');
    const recovering = { token: 2, cutover: null, request };
    await runChange(harness, changeOf(scene, 'v1', 'recover', { token: 3, recovering }));
    return laneOf(scene);
  },
  'change-switched-on-each-host': async (harness) => {
    const plan = givenPlanWithProxies({ bake: null, rollout: ONE_MAY_FAIL });
    const scene = givenScene(harness, plan);
    scene.break('switchTraffic', 'refuse', { host: 'web-2' });
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-switched-back-on-each-host': async (harness) => {
    const scene = givenScene(harness, givenPlanWithProxies());
    scene.break('bake', 'say-no');
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-readmitted-with-its-traffic': async (harness) => {
    const scene = givenScene(harness, givenPlanWithProxies());
    const input = changeOf(scene, 'v1', 'readmit');
    await runChange(harness, { ...input, request: { ...input.request, hosts: ['web-2'] } });
    return laneOf(scene);
  },
  'environment-asked-about-hosts-apart': async (harness) => {
    const prod = await givenOneApart(harness);
    await prod.decide('skipHost', { host: 'web-1' });
    await prod.decide('retryStep', { host: 'web-1' });
    await prod.until('it is back', ({ apart }) => apart === undefined);
    return prod.id;
  },
};
