/** What must be true on the Swarm host when all is quiet: the recorded releases run there, by digest, and nothing else. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { EnvironmentStatus } from '../../workflows/messages.js';
import type { ReleaseRecord } from '../../workflows/result.js';
import type { Stage } from './stage.js';
import { SERVICE } from './web.js';

/** Swarm starts what a dead engine has dropped by itself, once the engine is back. */
const SWARM_HEALS_WITHIN_MS = 60_000;

export interface SwarmMemories {
  stack: EnvironmentStatus | null;
  swarm: EnvironmentStatus | null;
}

/** Asks again while Swarm may still be healing; what is wrong after that is wrong. */
export async function judgeSwarm(stage: Stage, remember: () => Promise<SwarmMemories>): Promise<string[]> {
  const givenUpAt = Date.now() + SWARM_HEALS_WITHIN_MS;
  for (;;) {
    const wrongs = await lookOnce(stage, await remember());
    if (wrongs.length === 0 || Date.now() > givenUpAt) return wrongs;
    await delay(500);
  }
}

async function lookOnce(stage: Stage, memories: SwarmMemories): Promise<string[]> {
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
  wrongs.push(...compare('tasks', await readTasks(stage, services), wanted));
  wrongs.push(...compare('containers', await readContainers(stage), wanted));
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

function imageOf({ artifacts }: ReleaseRecord): string {
  return artifacts.map(({ repository, digest }) => `${repository}@${digest}`).join(', ');
}

interface Found {
  image: string;
  status: string;
}

async function readServices(stage: Stage): Promise<Map<string, Found>> {
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

async function readTasks(stage: Stage, services: Map<string, Found>): Promise<string[]> {
  if (services.size === 0) return [];
  const format = '{{.Name}}|{{.Image}}|{{.CurrentState}}';
  const argv = ['service', 'ps', '--no-trunc', '--filter', 'desired-state=running', '--format', format];
  return (await ask(stage, [...argv, ...services.keys()])).map((line) => {
    const [name = '', image = '', state = ''] = line.split('|');
    const service = name.replace(/\.\d+$/, '');
    return state.startsWith('Running') ? `${service} ${image}` : `${service} ${image} ${state}`;
  });
}

async function readContainers(stage: Stage): Promise<string[]> {
  const format = '{{.Label "com.docker.swarm.service.name"}} {{.Image}}';
  return await ask(stage, ['ps', '--no-trunc', '--format', format]);
}

/** What a stack is made of besides services, and what its deploys leave in the home. */
async function findThings(stage: Stage, stacks: string[]): Promise<string[]> {
  const networks = await ask(stage, [
    ...['network', 'ls', '--filter', 'label=com.docker.stack.namespace', '--format', '{{.Name}}'],
  ]);
  const wrongs = compare(
    'networks of stacks',
    networks,
    stacks.map((name) => `${name}_default`),
  );
  for (const kind of ['volume', 'config', 'secret'])
    wrongs.push(...compare(`${kind}s`, await ask(stage, [kind, 'ls', '--quiet']), []));
  const folder = path.join(stage.swarm.home, '.slipway/stacks');
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const wanted = stacks.flatMap((name) => [name, `${name}/slipway.yml`, `${name}/stack.yml`]);
  return [...wrongs, ...compare('stack files', files, wanted)];
}

function compare(what: string, found: string[], wanted: string[]): string[] {
  const list = (texts: string[]): string => texts.toSorted().join(', ') || 'none';
  return list(found) === list(wanted) ? [] : [`swarm host: ${what} are ${list(found)}, not ${list(wanted)}`];
}

async function ask({ swarm }: Stage, argv: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await swarm.docker(argv);
  if (exitCode !== 0) throw new Error(`docker ${argv.join(' ')}: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}
