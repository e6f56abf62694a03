/** A compose project on a real host, new for each test: its folder, releases of it, and what really runs. */
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { compose } from '../../activities/platforms/compose.js';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import type { PreflightFinding, Target } from '../../workflows/activity-contract.js';
import { must } from './base-image.js';
import { startSwarmWorld, type Release, type SwarmWorld, type WorldOptions } from './swarm-world.js';

export const HEALTHY = 'healthcheck: {test: [CMD, test, -d, /bin], interval: 300ms}';
/** REPOSITORY is filled in when the file is put there. */
export const WEB = `
services:
  web:
    image: REPOSITORY:\${IMAGE_TAG}
    stop_grace_period: 1s
    ${HEALTHY}
`;

export interface Settings {
  target?: Partial<Target>;
  plan?: Partial<EnvironmentPlan>;
  platform?: Partial<Extract<PlatformPlan, { kind: 'compose' }>>;
  context?: Partial<PlatformContext>;
}

export interface ComposeScene {
  world: SwarmWorld;
  /** Of the project of this test. */
  name: string;
  /** Tests so far. */
  count: number;
  folder(): string;
  /** Puts files into the project's folder. */
  given(files: Record<string, string>): Promise<void>;
  on(release: Release, settings?: Settings): PlatformContext;
  /** Claims, and records what is there as a history keeps it. */
  recorded(context: PlatformContext): Promise<unknown>;
  /** As the team does it without us. */
  byHand(release: Release, ...services: string[]): Promise<void>;
  /** What compose has made first when it makes the service web anew: a container that was never started. */
  halfMake(release: Release, port: number): Promise<void>;
  /** Service, release and container of everything the project has. */
  running(project?: string): Promise<{ service: string; release: string; id: string }[]>;
  releases(project?: string): Promise<Record<string, string>>;
  /** Of an environment variable of the service web. */
  valueOf(project: string, variable: string): Promise<string>;
  /** Findings of preflight in this state, as lines. */
  problems(context: PlatformContext, state?: PreflightFinding['state']): Promise<string[]>;
}

/** One host for all tests of a file. */
export function useComposeScene(options: WorldOptions = {}): ComposeScene {
  let world: SwarmWorld | undefined;
  const scene: ComposeScene = {
    get world() {
      if (world === undefined) throw new Error('the host is not up yet');
      return world;
    },
    name: '',
    count: 0,
    folder: () => `/home/deploy/${scene.name}`,
    given: async (files) => {
      for (const [file, text] of Object.entries(files)) {
        const argv = ['sh', '-c', 'mkdir -p "$0" && cat >"$0/$1"', scene.folder(), file];
        const stdin = text.replaceAll('REPOSITORY', scene.world.repository);
        await must(scene.world.host.run(argv, { stdin, asUser: true }));
      }
    },
    on: (release, { target = {}, plan = {}, platform = {}, context = {} } = {}) => {
      const whole: PlatformPlan = {
        kind: 'compose',
        folder: scene.folder(),
        file: null,
        services: [],
        ...platform,
      };
      // a fence of its own per test
      const of = scene.world.plan(whole, { name: `prod-${scene.count}`, timeoutMs: 30_000, ...plan });
      return scene.world.context(scene.world.target(release, of, target), context);
    },
    recorded: async (context) => {
      await context.host.claim(context.fence);
      await compose.claim(context);
      const prior: unknown = JSON.parse(JSON.stringify(await compose.recordPrior(context)));
      await compose.proveWayBack(context, prior);
      return prior;
    },
    byHand: async (release, ...services) => {
      const tag = `${release}@${scene.world.digests[release]}`;
      const up = `cd "$0" && IMAGE_TAG=${tag} docker compose up --detach "$@"`;
      await must(scene.world.host.run(['sh', '-c', up, scene.folder(), ...services], { asUser: true }));
    },
    halfMake: async (release, port) => {
      const old = await scene.world.docker('inspect', '--format', '{{.Id}}', `${scene.name}-web-1`);
      const each =
        '{{range $name, $value := .Config.Labels}}{{println (printf "%s=%s" $name $value)}}{{end}}';
      const listed = await scene.world.docker('inspect', '--format', each, old);
      const labels = listed.split('\n').map((line) => `--label=${line}`);
      const name = `--name=${old.slice(0, 12)}_${scene.name}-web-1`;
      const { repository, digests } = scene.world;
      const image = `${repository}@${digests[release]}`;
      const hash = '--label=com.docker.compose.config-hash=another';
      await scene.world.docker('create', name, ...labels, hash, `--publish=${port}:80`, image);
    },
    running: async (project = scene.name) => {
      const format = '{{.Label "com.docker.compose.service"}} {{.Image}} {{.ID}}';
      const label = `label=com.docker.compose.project=${project}`;
      const listed = await scene.world.docker('ps', '--no-trunc', '--filter', label, '--format', format);
      const lines = listed.split('\n').filter((line) => line !== '');
      return lines
        .map((line) => {
          const [service = '', image = '', id = ''] = line.split(' ');
          const known = Object.entries(scene.world.digests).find(([, digest]) => image.includes(digest));
          return { service, release: known?.[0] ?? image, id };
        })
        .sort((one, other) => (one.service < other.service ? -1 : 1));
    },
    releases: async (project) =>
      Object.fromEntries((await scene.running(project)).map(({ service, release }) => [service, release])),
    valueOf: (project, variable) =>
      scene.world.docker('exec', `${project}-web-1`, 'sh', '-c', `echo "$${variable}"`),
    problems: async (context, state = 'problem') => {
      const found = (await compose.preflight(context)).filter((each) => each.state === state);
      return found.map(({ thing, message, wayOut }) => `${thing}: ${message}; ${wayOut ?? ''}`);
    },
  };
  beforeAll(async () => {
    world = await startSwarmWorld(options);
    await world.logIn();
  });
  afterAll(() => world?.stop());
  beforeEach(() => {
    scene.count += 1;
    scene.name = `shop${scene.count}`;
  });
  return scene;
}

export function refusal(what: RegExp, why?: RegExp): unknown {
  return expect.objectContaining({
    type: expect.stringMatching(/^(Refused|BadInput)$/) as string,
    message: expect.stringMatching(what) as string,
    ...(why === undefined
      ? {}
      : { details: [expect.objectContaining({ why: expect.stringMatching(why) as string })] }),
  });
}
