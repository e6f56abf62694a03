/** Platform `swarm` against a real Swarm over SSH: the truth instead of the exit code, and the way back. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import { swarm } from '../../activities/platforms/swarm.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { startSwarmWorld, type Release, type SwarmWorld } from '../support/swarm-world.js';

let world: SwarmWorld;
let service: string;
let plan: EnvironmentPlan;
let count = 0;

beforeAll(async () => {
  world = await startSwarmWorld();
  await world.logIn();
});

afterAll(() => world?.stop());

/** A service on v1, as a team has it before it knows of us. */
async function givenService(...options: string[]): Promise<void> {
  count += 1;
  service = `app-${count}`;
  plan = world.plan({ kind: 'swarm', service, fields: {} });
  const common = ['--name', service, '--detach', '--update-monitor', '700ms', '--stop-grace-period', '1s'];
  await world.docker(
    'service',
    'create',
    '--with-registry-auth',
    ...common,
    '--restart-delay',
    '200ms',
    ...options,
    world.image('v1'),
  );
  await expect.poll(() => runningTasks(), { timeout: 20_000 }).not.toBe('');
}

function on(release: Release, change: Partial<Target> = {}): PlatformContext {
  return world.context(world.target(release, plan, change));
}

const imageInSpec = (): Promise<string> =>
  world.docker('service', 'inspect', '--format', '{{.Spec.TaskTemplate.ContainerSpec.Image}}', service);
const runningTasks = (): Promise<string> =>
  world.docker('service', 'ps', '-q', '--filter', 'desired-state=running', service);

describe('a good release', () => {
  beforeEach(() => givenService());

  test('is deployed by digest, and undone to exactly what was there', async () => {
    const context = on('v2');
    const before = await runningTasks();
    await swarm.claim(context);
    expect(await runningTasks()).toBe(before);
    const prior = await swarm.recordPrior(context);
    expect(await swarm.proveWayBack(context, prior)).toContain(world.digests.v1);
    expect(await swarm.deploy(context)).toContain('1 of 1');
    expect(await imageInSpec()).toBe(world.image('v2'));
    expect(await swarm.logs(context, 10)).toContain('started v2');
    expect(await swarm.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await imageInSpec()).toBe(world.image('v1'));
    expect(await swarm.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
  });
});
