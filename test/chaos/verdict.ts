/** What must be true when all is quiet: the environment's word, the host's and the proxy's are the same. */
import type { SlipwayClient } from '../../client/release-client.js';
import type { EnvironmentStatus } from '../../workflows/messages.js';
import { WORKFLOW } from '../../workflows/names.js';
import { ENVIRONMENTS, type EnvironmentName, type Story } from './release-lane.js';
import { inspectSlot, runningOperations, SLOTS, type Slot } from './shop.js';
import type { Stage } from './stage.js';

/** Everything that is wrong, in words; empty = as it must be. */
export async function findWrongs(stage: Stage, client: SlipwayClient, stories: Story[]): Promise<string[]> {
  const wrongs = judgeEnds(stories);
  const expected: Record<Slot, string | null> = { blue: null, green: null, stage: null };
  for (const environment of ENVIRONMENTS) {
    const status = await client.status(environment);
    if (status === null) continue;
    wrongs.push(...judgeMemory(environment, status, stories));
    const { live, warm } = status;
    if (live !== null) expected[live.colour ?? 'stage'] = live.commit.sha;
    if (warm?.record.colour != null) expected[warm.record.colour] = warm.record.commit.sha;
    if (live !== null) wrongs.push(...(await askUsers(stage, environment, live)));
  }
  for (const slot of SLOTS) {
    const found = await inspectSlot(stage.sshd.home, slot);
    if (found !== expected[slot])
      wrongs.push(`host: ${slot} runs ${found ?? 'nothing'}, not ${expected[slot] ?? 'nothing'}`);
  }
  for (const operation of await runningOperations(stage.sshd.home))
    wrongs.push(`host: ${operation} still runs`);
  for await (const run of client.link.client.workflow.list({ query: "ExecutionStatus = 'Running'" })) {
    if (run.type !== WORKFLOW.environment) wrongs.push(`${run.workflowId} is still open`);
  }
  for (const worker of stage.workers)
    // 8 says that Temporal was away when it started: that is why there is somebody who starts it again
    for (const code of worker.unasked().filter((each) => each !== 8))
      wrongs.push(`a worker ended by itself with ${code}`);
  return wrongs;
}

function judgeEnds(stories: Story[]): string[] {
  return stories.flatMap(({ version, quality, end }) => [
    ...(end?.promotions ?? []).filter(({ clean }) => !clean).map(({ headline }) => `not clean: ${headline}`),
    ...(quality === 'sick' && end?.state === 'succeeded'
      ? [`${version} succeeded although it was sick`]
      : []),
  ]);
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
  live: NonNullable<EnvironmentStatus['live']>,
): Promise<string[]> {
  const url = environment === 'prod' ? stage.proxyUrl : `http://127.0.0.1:${stage.scenery.ports.stage}`;
  const wrongs: string[] = [];
  for (let time = 0; time < 5; time += 1) {
    const answer = await fetch(`${url}/orders`, { headers: { connection: 'close' } }).catch(() => null);
    const seen =
      answer === null ? 'nothing' : `${answer.headers.get('x-version')} ${answer.headers.get('x-colour')}`;
    const wanted = `${live.version} ${live.colour ?? 'stage'}`;
    if (answer?.status !== 200 || seen !== wanted)
      wrongs.push(`${environment} answers ${answer?.status} ${seen}, but ${wanted} is recorded as live`);
  }
  return [...new Set(wrongs)];
}
