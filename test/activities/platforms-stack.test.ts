/** Platform `stack` against a real Swarm over SSH: the file is git's, every service is waited for, undo is exact. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import { stack } from '../../activities/platforms/stack.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { startSwarmWorld, type Release, type SwarmWorld } from '../support/swarm-world.js';

let world: SwarmWorld;
let name: string;
let count = 0;

beforeAll(async () => {
  world = await startSwarmWorld();
  await world.logIn();
});

afterAll(() => world?.stop());

beforeEach(() => {
  count += 1;
  name = `shop-${count}`;
});

const TEMPLATE = `
version: "3.8"
x-quick: &quick
  stop_grace_period: 1s
  deploy: {update_config: {monitor: 700ms}, restart_policy: {delay: 200ms}}
services:
  web:
    <<: *quick
    image: REPOSITORY:\${IMAGE_TAG}
    environment: {GREETING: "\${GREETING:-none}"}
    networks: [inner]
    volumes: ["data:/data"]
  job:
    <<: *quick
    image: REPOSITORY:\${IMAGE_TAG}
    networks: [inner]
networks: {inner: {}}
volumes: {data: {}}
`;

function planFor(text: string): EnvironmentPlan {
  const filled = text.replaceAll('REPOSITORY', world.repository);
  const each = (value: string): { live: string; blue: string; green: string } => ({
    live: value,
    blue: value,
    green: value,
  });
  return world.plan({
    kind: 'stack',
    files: each(filled),
    names: { live: name, blue: `${name}-blue`, green: `${name}-green` },
  });
}

function on(release: Release, change: Partial<Target> = {}, text = TEMPLATE): PlatformContext {
  return world.context(world.target(release, planFor(text), change));
}

const images = (): Promise<string> =>
  world.docker('stack', 'services', '--format', '{{.Name}} {{.Image}}', name);

describe('a first release', () => {
  test('is created, labelled, and removed again by undo, its volume kept', async () => {
    const context = on('v1');
    await stack.claim(context);
    const prior = await stack.recordPrior(context);
    expect(prior).toBeNull();
    expect(await stack.deploy(context)).toContain(`${name}_web 1 of 1`);
    expect(await images()).toContain(`${name}_web ${world.image('v1')}`);
    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await images()).toBe('');
    expect(await world.docker('network', 'ls', '-q', '--filter', `name=${name}_inner`)).toBe('');
    expect(await world.docker('volume', 'ls', '-q')).toContain(`${name}_data`);
    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
  });
});
