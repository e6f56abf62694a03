/** What must be true on the Swarm host when all is quiet: the recorded releases run there, by digest, and nothing else. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { EnvironmentStatus } from '../../../workflows/messages.js';
import type { ReleaseRecord } from '../../../workflows/result.js';
import { must } from '../../support/base-image.js';
import type { DockerHost } from '../../support/docker-host.js';
import { compare, imageOf, linesOf, onceHealed } from '../compare.js';
import type { Remember } from '../ground.js';
import { SERVICE } from './web.js';

interface SwarmMemories {
  stack: EnvironmentStatus | null;
  swarm: EnvironmentStatus | null;
}

interface SwarmStage {
  host: DockerHost;
  /** What the service of `swarm` ran before the first release. */
  firstImage: string;
  remember: Remember;
}

/** Swarm starts what a dead engine has dropped by itself, once the engine is back. */
export function judgeSwarm(stage: SwarmStage): Promise<string[]> {
  return onceHealed(async () => {
    const { remember } = stage;
    return await lookOnce(stage, { stack: await remember('stack'), swarm: await remember('swarm') });
  });
}

async function lookOnce(stage: SwarmStage, memories: SwarmMemories): Promise<string[]> {
  const services = await readServices(stage);
  const wrongs: string[] = [];
  const expected = expectServices(memories, stage.firstImage);
  for (const [name, image] of Object.entries(expected)) {
    const found = services.get(name)?.image ?? 'nothing';
    if (found !== image) wrongs.push(`service ${name} is ${found}, not ${image}`);
  }
  for (const [name, { status }] of services) {
    if (expected[name] === undefined) wrongs.push(`service ${name} is left over`);
    if (status !== '' && status !== 'completed') wrongs.push(`the update of service ${name} is ${status}`);
  }
  const wanted = Object.entries(expected).map(([name, image]) => `${name} ${image}`);
  wrongs.push(...compare('swarm host: tasks', await readTasks(stage, services), wanted));
  wrongs.push(...compare('swarm host: containers', await readContainers(stage), wanted));
  wrongs.push(
    ...(await findThings(
      stage,
      stacksOf(memories).map(({ name }) => name),
    )),
  );
  return wrongs;
}

/** The image each service must be at. */
function expectServices(memories: SwarmMemories, firstImage: string): Record<string, string> {
  const { swarm } = memories;
  const stacks = stacksOf(memories).map(({ name, record }) => [`${name}_httpd`, imageOf(record)]);
  return { [SERVICE]: swarm?.live == null ? firstImage : imageOf(swarm.live), ...Object.fromEntries(stacks) };
}

/** One per colour that is live or kept warm. */
function stacksOf({ stack }: SwarmMemories): { name: string; record: ReleaseRecord }[] {
  return [stack?.live, stack?.warm?.record].flatMap((record) =>
    record == null ? [] : [{ name: `web-${record.colour}`, record }],
  );
}

interface Found {
  image: string;
  status: string;
}

async function readServices(stage: SwarmStage): Promise<Map<string, Found>> {
  const format =
    '{{.Spec.Name}}|{{.Spec.TaskTemplate.ContainerSpec.Image}}|{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}';
  const names = await ask(stage, ['service', 'ls', '--quiet']);
  if (names.length === 0) return new Map();
  const lines = await ask(stage, ['service', 'inspect', '--format', format, ...names]);
  return new Map(
    lines.map((line) => {
      const [name = '', image = '', status = ''] = line.split('|');
      return [name, { image, status }];
    }),
  );
}

async function readTasks(stage: SwarmStage, services: Map<string, Found>): Promise<string[]> {
  if (services.size === 0) return [];
  const format = '{{.Name}}|{{.Image}}|{{.CurrentState}}';
  const argv = ['service', 'ps', '--no-trunc', '--filter', 'desired-state=running', '--format', format];
  return (await ask(stage, [...argv, ...services.keys()])).map((line) => {
    const [name = '', image = '', state = ''] = line.split('|');
    const service = name.replace(/\.\d+$/, '');
    return state.startsWith('Running') ? `${service} ${image}` : `${service} ${image} ${state}`;
  });
}

async function readContainers(stage: SwarmStage): Promise<string[]> {
  const format = '{{.Label "com.docker.swarm.service.name"}} {{.Image}}';
  return await ask(stage, ['ps', '--no-trunc', '--format', format]);
}

/** What a stack is made of besides services, and what its deploys leave in the home. */
async function findThings(stage: SwarmStage, stacks: string[]): Promise<string[]> {
  const networks = await ask(stage, [
    ...['network', 'ls', '--filter', 'label=com.docker.stack.namespace', '--format', '{{.Name}}'],
  ]);
  const wrongs = compare(
    'swarm host: networks of stacks',
    networks,
    stacks.map((name) => `${name}_default`),
  );
  for (const kind of ['volume', 'config', 'secret'])
    wrongs.push(...compare(`swarm host: ${kind}s`, await ask(stage, [kind, 'ls', '--quiet']), []));
  const folder = path.join(stage.host.home, '.slipway/stacks');
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const wanted = stacks.flatMap((name) => [name, `${name}/slipway.yml`, `${name}/stack.yml`]);
  return [...wrongs, ...compare('swarm host: stack files', files, wanted)];
}

async function ask({ host }: SwarmStage, argv: string[]): Promise<string[]> {
  return linesOf(await must(host.docker(argv)));
}
