/** What must be true when all is quiet: the environment's word, the hosts' and the proxy's are the same. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EnvironmentStatus } from '../../workflows/messages.js';
import { WORKFLOW } from '../../workflows/names.js';
import { judgeSwarm } from './judge-swarm.js';
import { runningOperations } from './operations.js';
import { SLOTS, WEB_PORTS, type Slot } from './places.js';
import type { EnvironmentName, Lane, Story } from './release-lane.js';
import { inspectSlot } from './shop.js';
import type { Stage } from './stage.js';

type Remember = (environment: EnvironmentName) => Promise<EnvironmentStatus | null>;

/** Everything that is wrong, in words; empty = as it must be. */
export async function findWrongs(stage: Stage, lanes: Lane[], stories: Story[]): Promise<string[]> {
  const wrongs = judgeEnds(stories);
  const remember: Remember = async (environment) =>
    (await lanes.find((lane) => lane.environment === environment)?.client.status(environment)) ?? null;
  // first: its host may still be healing, and users are asked when it has
  const swarm = async (): Promise<{ stack: EnvironmentStatus | null; swarm: EnvironmentStatus | null }> => ({
    stack: await remember('stack'),
    swarm: await remember('swarm'),
  });
  wrongs.push(...(await judgeSwarm(stage, swarm)));
  wrongs.push(...(await untilNothingStirs(lanes, remember)), ...(await judgeShop(stage, remember)));
  for (const { environment } of lanes) {
    const status = await remember(environment);
    if (status === null) continue;
    wrongs.push(...judgeMemory(environment, status, stories));
    if (status.live !== null) wrongs.push(...(await askUsers(stage, environment, status.live)));
  }
  for (const { home } of [stage.sshd, stage.swarm])
    for (const operation of await runningOperations(home)) wrongs.push(`host: ${operation} still runs`);
  const running = lanes[0]?.client.link.client.workflow.list({ query: "ExecutionStatus = 'Running'" });
  for await (const run of running ?? []) {
    if (run.type !== WORKFLOW.environment) wrongs.push(`${run.workflowId} is still open`);
  }
  for (const worker of stage.workers)
    // 8 says that Temporal was away when it started: that is why there is somebody who starts it again
    for (const code of worker.unasked().filter((each) => each !== 8))
      wrongs.push(`a worker ended by itself with ${code}`);
  return wrongs;
}

/** What was kept warm is stopped when its time has come, also after the last release: not while we look. */
const STIRS_AT_MOST_MS = 60_000;
const LOOKING_TAKES_MS = 5_000;

async function untilNothingStirs(lanes: Lane[], remember: Remember): Promise<string[]> {
  const givenUpAt = Date.now() + STIRS_AT_MOST_MS;
  for (;;) {
    const stirring: string[] = [];
    for (const { environment } of lanes) {
      const status = await remember(environment);
      const retireAt = status?.warm == null ? Infinity : Date.parse(status.warm.retireAt);
      const isBusy = status?.inFlight != null || (status?.queue.length ?? 0) > 0;
      if (isBusy || retireAt < Date.now() + LOOKING_TAKES_MS) stirring.push(environment);
    }
    if (stirring.length === 0) return [];
    if (Date.now() > givenUpAt) return stirring.map((environment) => `${environment} never comes to rest`);
    await delay(200);
  }
}

function judgeEnds(stories: Story[]): string[] {
  return stories.flatMap(({ version, quality, end }) => [
    ...(end?.promotions ?? []).filter(({ clean }) => !clean).map(({ headline }) => `not clean: ${headline}`),
    ...(quality === 'sick' && end?.state === 'succeeded'
      ? [`${version} succeeded although it was sick`]
      : []),
  ]);
}

async function judgeShop(stage: Stage, remember: Remember): Promise<string[]> {
  const expected: Record<Slot, string | null> = { blue: null, green: null, stage: null };
  for (const environment of ['prod', 'stage'] as const) {
    const status = await remember(environment);
    for (const record of [status?.live, status?.warm?.record])
      if (record != null) expected[record.colour ?? 'stage'] = record.commit.sha;
  }
  const wrongs: string[] = [];
  for (const slot of SLOTS) {
    const found = await inspectSlot(stage.sshd.home, slot);
    if (found !== expected[slot])
      wrongs.push(`host: ${slot} runs ${found ?? 'nothing'}, not ${expected[slot] ?? 'nothing'}`);
  }
  return wrongs;
}

function judgeMemory(environment: EnvironmentName, status: EnvironmentStatus, stories: Story[]): string[] {
  const { live, needsPerson, good } = status;
  const wrongs: string[] = [];
  if (needsPerson !== null) wrongs.push(`${environment} needs a person: ${needsPerson}`);
  for (const record of [...good, ...(live === null ? [] : [live])]) {
    const story = stories.find((each) => each.version === record.version);
    if (story?.environment !== environment)
      wrongs.push(`${environment} has ${record.version} of somebody else`);
    if (story?.quality !== 'good')
      wrongs.push(`${environment} calls ${record.version} good, which is ${story?.quality}`);
  }
  if (live !== null && !good.some((record) => record.version === live.version))
    wrongs.push(`${environment} serves ${live.version}, which is not among its good releases`);
  return wrongs;
}

async function askUsers(
  stage: Stage,
  environment: EnvironmentName,
  { version, colour }: NonNullable<EnvironmentStatus['live']>,
): Promise<string[]> {
  const url = {
    prod: stage.urls.shop,
    stage: `http://127.0.0.1:${stage.scenery.ports.stage}`,
    stack: stage.urls.web,
    swarm: `http://${stage.swarm.address}:${WEB_PORTS.swarm}`,
  }[environment];
  const wanted = `200 ${version} ${colour ?? 'no colour'}`;
  const wrongs = new Set<string>();
  for (let time = 0; time < 5; time += 1) {
    const answer = await fetch(`${url}/orders`, { headers: { connection: 'close' } }).catch(() => null);
    const text = (await answer?.text())?.trim();
    const seen = `${answer?.status} ${text} ${answer?.headers.get('x-colour') ?? 'no colour'}`;
    if (seen !== wanted) wrongs.add(`${environment} answers ${seen}, but ${wanted} is recorded as live`);
  }
  return [...wrongs];
}
