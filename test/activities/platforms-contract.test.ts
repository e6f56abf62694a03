/** What every platform keeps: one suite, each platform a row. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { platformFor, PLATFORMS } from '../../activities/platforms/platform-for.js';
import { keeperOf, type Platform, type PlatformContext } from '../../activities/platforms/platform.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import type { Target } from '../../workflows/activity-contract.js';
import { must } from '../support/base-image.js';
import { givenHelm, type HelmScene } from '../support/helm-chart.js';
import { startKubernetesWorld, type KubernetesWorld } from '../support/kubernetes-world.js';
import { startSwarmWorld, type Release, type SwarmWorld } from '../support/swarm-world.js';

let world: SwarmWorld;
let cluster: KubernetesWorld;
let helm: HelmScene;
let name: string;
let count = 0;

beforeAll(async () => {
  [world, cluster] = await Promise.all([startSwarmWorld(), startKubernetesWorld()]);
  [helm] = await Promise.all([givenHelm(cluster), world.logIn()]);
});

afterAll(async () => {
  await world?.stop();
  await helm?.stop();
  await cluster?.stop();
});

type Version = 'v1' | 'v2' | 'v3';

interface Row {
  kind: keyof typeof PLATFORMS;
  /** Where it runs. */
  on(): Pick<SwarmWorld | KubernetesWorld, 'context' | 'plan'> & {
    target(version: Version, plan: EnvironmentPlan, change: Partial<Target>): Target;
  };
  plan(): PlatformPlan;
  /** v1 as it was before anybody released through us. */
  begin(): Promise<void>;
  /** `v1`, `v2` …: what really runs. */
  runs(): Promise<string>;
  /** Somebody deploys v3 by hand. */
  meddle(): Promise<void>;
}

const versionOf = (image: string): string =>
  Object.entries(world.digests).find(([, digest]) => image.includes(digest))?.[0] ?? image;

const file = (): string => `/home/deploy/${name}`;

const ROWS: Row[] = [
  {
    kind: 'swarm',
    on: () => world,
    plan: () => ({ kind: 'swarm', service: name, fields: {} }),
    begin: async () => {
      const options = ['--detach', '--with-registry-auth', '--name', name, '--update-monitor', '500ms'];
      await world.docker('service', 'create', ...options, '--stop-grace-period', '1s', world.image('v1'));
      await expect.poll(() => running(name), { timeout: 60_000 }).toBe('v1');
    },
    runs: () => running(name),
    meddle: () => byHand(name),
  },
  {
    kind: 'stack',
    on: () => world,
    plan: () => {
      const text = `
version: "3.8"
services:
  web:
    image: ${world.repository}:\${IMAGE_TAG}
    stop_grace_period: 1s
    deploy: {update_config: {monitor: 500ms}}
`;
      const all = (value: string): { live: string; blue: string; green: string } => ({
        live: value,
        blue: value,
        green: value,
      });
      return { kind: 'stack', files: all(text), names: all(name) };
    },
    begin: async () => {
      await platform.deploy(on('v1', 0));
    },
    runs: () => running(`${name}_web`),
    meddle: () => byHand(`${name}_web`),
  },
  {
    kind: 'compose',
    on: () => world,
    plan: () => ({ kind: 'compose', folder: file(), file: null, services: ['web'] }),
    begin: async () => {
      const text = `
services:
  web:
    image: ${world.repository}:\${IMAGE_TAG}
    stop_grace_period: 1s
    healthcheck: {test: ["CMD", "test", "-d", "/bin"], interval: 300ms}
`;
      const script = 'mkdir "$0" && cat >"$0/compose.yaml"';
      await must(world.host.run(['sh', '-c', script, file()], { stdin: text, asUser: true }));
      await composeByHand('v1');
    },
    runs: async () => {
      const label = `label=com.docker.compose.project=${name}`;
      return versionOf(await world.docker('ps', '--no-trunc', '--filter', label, '--format', '{{.Image}}'));
    },
    meddle: () => composeByHand('v3'),
  },
  {
    kind: 'command',
    on: () => world,
    plan: () => ({
      kind: 'command',
      command: `echo {tag} > ${file()}`,
      inspect: `cat ${file()}`,
      restore: `echo {previous-tag} > ${file()}`,
      retire: `rm -f ${file()}`,
      on: 'host',
    }),
    begin: async () => {
      await platform.deploy(on('v1', 0));
    },
    runs: async () => (await world.host.run(['cat', file()])).stdout.trim(),
    // What a command wrote can only be judged by what inspect says after restore.
    meddle: async () => {
      await world.host.run(['sh', '-c', `rm ${file()} && mkdir ${file()}`]);
    },
  },
  {
    kind: 'kubernetes',
    on: () => cluster,
    plan: () => cluster.platform(name),
    begin: () => cluster.createWorkload(name, 'v1'),
    runs: () => cluster.runs(name),
    meddle: () => cluster.setImage(name, cluster.image('v3')),
  },
  {
    kind: 'helm',
    on: () => helm,
    plan: () => helm.platform(name),
    begin: async () => {
      await helm.installByHand(name, 'v1');
      await expect.poll(() => cluster.runs(name), { timeout: 60_000 }).toBe('v1');
    },
    runs: () => cluster.runs(name),
    meddle: () => helm.installByHand(name, 'v3'),
  },
];

async function running(service: string): Promise<string> {
  const filters = [
    '--filter',
    'desired-state=running',
    '--no-trunc',
    '--format',
    '{{.Image}} {{.CurrentState}}',
  ];
  const lines = (await world.docker('service', 'ps', ...filters, service)).split('\n');
  return lines.map((line) => (line.includes(' Running ') ? versionOf(line) : line)).join(' ');
}

/** As the team does it without us. */
async function composeByHand(release: Release): Promise<void> {
  const up = `cd "$0" && IMAGE_TAG=${release}@${world.digests[release]} docker compose up --detach --wait`;
  await must(world.host.run(['sh', '-c', up, file()], { asUser: true }));
}

async function byHand(service: string): Promise<void> {
  const image = world.image('v3');
  await world.docker('service', 'update', '--detach', '--with-registry-auth', '--image', image, service);
}

let row: Row;
let platform: Platform;

function on(version: Version, token: number, change: Partial<PlatformContext> = {}): PlatformContext {
  const { plan, target, context } = row.on();
  // A fence of its own per test.
  return context(target(version, plan(row.plan(), { name: `prod-${count}` }), { token }), change);
}

async function begun(context: PlatformContext): Promise<unknown> {
  await keeperOf(platform, context).claim(context.fence);
  await platform.claim(context);
  return await platform.recordPrior(context);
}

test('every kind that can be carried out is a row here', () => {
  expect(ROWS.map(({ kind }) => kind).sort()).toEqual(Object.keys(PLATFORMS).sort());
});

describe.each(ROWS)('platform $kind', (each) => {
  beforeEach(async () => {
    count += 1;
    name = `thing-${count}`;
    row = each;
    platform = platformFor(each.plan());
    await each.begin();
  });

  test('preflight finds nothing wrong and changes nothing', async () => {
    const context = on('v2', 1);
    expect((await platform.preflight(context)).filter(({ state }) => state === 'problem')).toEqual([]);
    expect(await row.runs()).toBe('v1');
  });

  test('deploys, deploys again as if nothing were, undoes, and undoes again', async () => {
    const context = on('v2', 1);
    const prior = await begun(context);
    expect(await row.runs()).toBe('v1');
    expect(await platform.proveWayBack(context, prior)).not.toBe('');
    await platform.deploy(context);
    await platform.deploy(context);
    expect(await row.runs()).toBe('v2');
    // What a history has kept is JSON.
    const kept: unknown = JSON.parse(JSON.stringify(prior));
    expect(await platform.undo(context, kept)).toMatchObject({ outcome: 'undone' });
    expect(await row.runs()).toBe('v1');
    await platform.undo(context, kept);
    expect(await row.runs()).toBe('v1');
  });

  test('who only looks finds the way back of what was released, whoever runs it, and writes nothing', async () => {
    const context = on('v2', 1);
    await begun(context);
    await platform.deploy(context);
    const proven = async (): Promise<string> => {
      const looking = on('v2', 0);
      const found = (await platform.preflight(looking)).filter(({ state }) => state === 'problem');
      expect(found).toEqual([]);
      return await platform.proveWayBack(looking, await platform.recordPrior(looking));
    };
    const kept = async (): Promise<string> =>
      (
        await world.host.run(
          ['sh', '-c', `ls -R ~/.slipway; docker image ls --format '{{.ID}} {{.Tag}}' | sort`],
          { asUser: true },
        )
      ).stdout;
    const before = await kept();
    expect(await proven()).not.toBe('');
    expect([await kept(), await row.runs()]).toEqual([before, 'v2']);
    if (row.kind === 'command') return;
    await row.meddle();
    await expect.poll(row.runs, { timeout: 60_000 }).toBe('v3');
    const meddled = await kept();
    expect(await proven()).not.toBe('');
    expect([await kept(), await row.runs()]).toEqual([meddled, 'v3']);
  });

  test('undo of what never happened is no failure', async () => {
    const context = on('v2', 1);
    const prior = await begun(context);
    await platform.undo(context, prior);
    expect(await row.runs()).toBe('v1');
  });

  test('a worker that stops in the middle leaves it going; the next one finishes and can undo', async () => {
    const context = on('v2', 1);
    const prior = await begun(context);
    const stopping = new AbortController();
    const first = platform.deploy({
      ...context,
      signal: stopping.signal,
      progress: () => stopping.abort('detach'),
    });
    await first.catch(() => undefined);
    await platform.deploy(context);
    expect(await row.runs()).toBe('v2');
    await platform.undo(context, prior);
    expect(await row.runs()).toBe('v1');
  });

  test('an older change cannot write any more', async () => {
    const older = on('v2', 1);
    const prior = await begun(older);
    await begun(on('v2', 2));
    await expect(platform.deploy(older)).rejects.toMatchObject({ type: 'StaleFence' });
    expect(await row.runs()).toBe('v1');
    // Whatever undo of the older one does, it does not write either.
    await platform.undo(older, prior).then(
      ({ outcome }) => expect(outcome).toBe('never-ran'),
      (error: unknown) => expect(error).toMatchObject({ type: 'StaleFence' }),
    );
  });

  test("a stranger's work in between is not undone over", async () => {
    const context = on('v2', 1);
    const prior = await begun(context);
    await platform.deploy(context);
    await row.meddle();
    await expect(platform.undo(context, prior)).rejects.toMatchObject({ nonRetryable: true });
    expect(await row.runs()).not.toBe('v1');
  });

  test('stands still when it is left alone', async () => {
    const context = on('v1', 1);
    let seen = await platform.observe(context);
    const standsStill = async (): Promise<boolean> => {
      const before = seen;
      seen = await platform.observe(context);
      return seen === before;
    };
    await expect.poll(standsStill, { timeout: 60_000, interval: 500 }).toBe(true);
  });
});
