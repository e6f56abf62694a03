/** What must be true when all is quiet: the environment's word, the hosts' and the proxy's are the same. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EnvironmentStatus } from '../../workflows/messages.js';
import { WORKFLOW } from '../../workflows/names.js';
import { askUsers } from './ask-users.js';
import type { Remember } from './ground.js';
import { runningOperations } from './operations.js';
import { insist, type Lane, type Story } from './release-lane.js';
import type { Stage } from './stage.js';

/** Everything that is wrong, in words; empty = as it must be. */
export async function findWrongs(stage: Stage, lanes: Lane[], stories: Story[]): Promise<string[]> {
  const wrongs = judgeEnds(stories);
  const remember: Remember = async (environment) => {
    const lane = lanes.find((each) => each.environment === environment);
    return lane === undefined ? null : await insist(lane, () => lane.client.status(environment));
  };
  // what is warm may be stopped between the look at the record and that at the host
  wrongs.push(...(await untilNothingStirs(lanes, remember)));
  // before users are asked: a host may still be healing
  wrongs.push(...(await stage.judge(remember)), ...(await untilNothingStirs(lanes, remember)));
  for (const { environment, ground } of lanes) {
    const status = await remember(environment);
    if (status === null) continue;
    wrongs.push(...judgeMemory(environment, status, stories));
    if (status.live !== null && ground.users !== null)
      wrongs.push(...(await askUsers(environment, ground.users, status.live)));
  }
  for (const home of stage.homes)
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

function judgeMemory(environment: string, status: EnvironmentStatus, stories: Story[]): string[] {
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
