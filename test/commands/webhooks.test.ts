/** GitHub's deliveries against a real Temporal: each push has one release, whatever goes wrong on the way. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, inject, it } from 'vitest';
import { readPush } from '../../client/webhooks/read-push.js';
import { releaseOfPush } from '../../client/webhooks/release-of-push.js';
import { releaseId, WORKFLOW } from '../../workflows/names.js';
import { environmentKey } from '../support/fake-world.js';
import { setClientScene } from '../support/client-scene.js';
import { startRelay } from '../support/relay.js';
import { startReceiver } from '../support/serve-scene.js';
import { slipway } from '../support/slipway-command.js';
import {
  deliver,
  type Delivered,
  GITHUB_NAME,
  payloadsOf,
  pushOf,
  SECRET,
  sign,
} from '../support/webhooks.js';
import { until } from '../support/workflow-harness.js';

const scene = setClientScene();

interface Run {
  workflowId: string;
  runId: string;
  status: string;
}

/** Every run of this test's releases, at this id or beside it. */
async function runsOf(version: string): Promise<Run[]> {
  const id = releaseId(scene.pipeline, version);
  const query = `WorkflowType = 'release' AND (WorkflowId = '${id}' OR WorkflowId STARTS_WITH '${id}/')`;
  const runs: Run[] = [];
  for await (const { workflowId, runId, status } of scene.harness.client.workflow.list({ query }))
    runs.push({ workflowId, runId, status: status.name });
  return runs;
}

/** Its result once the release has ended; rejects when it has failed. */
function endOf(version: string): Promise<{ headline: string }> {
  return scene.harness.client.workflow.getHandle(releaseId(scene.pipeline, version)).result();
}

const headOf = async (ref: string): Promise<string> => scene.repository.git('rev-parse', `${ref}^{commit}`);

function outcomesOf(answers: Delivered[]): unknown[] {
  return answers.map(({ body }) => body['outcome']);
}

describe('a push', () => {
  it('to a branch starts the release the pipeline file says, once, also when it is delivered again', async () => {
    const { url, lines } = await startReceiver(scene);
    const after = await headOf('main');
    const version = after.slice(0, 7);
    const push = pushOf({ ref: 'refs/heads/main', after });
    const id = randomUUID();
    const first = await deliver(url, 'push', push, { id });
    const workflowId = releaseId(scene.pipeline, version);
    expect(first).toMatchObject({ status: 202, body: { outcome: 'started', releases: [{ workflowId }] } });
    expect(await endOf(version)).toMatchObject({ headline: expect.stringContaining('is live on stage') });

    const again = await deliver(url, 'push', push, { id });
    const renamed = await deliver(url, 'push', push);
    expect(outcomesOf([again, renamed])).toEqual(['again', 'again']);
    await until('the run is listed', async () => (await runsOf(version)).length > 0);
    expect(await runsOf(version)).toHaveLength(1);
    expect(lines().slice(1)).toMatchObject([
      {
        ...{ event: 'delivery', delivery: id, githubEvent: 'push', status: 202, outcome: 'started' },
        ...{
          ref: 'branch main',
          commit: after,
          by: 'Codertocat',
          releases: [{ workflowId, how: 'started' }],
        },
      },
      { delivery: id, outcome: 'again' },
      { outcome: 'again' },
    ]);
  });

  it('that is delivered twenty times at once, under one name and under twenty, has one release', async () => {
    const { url } = await startReceiver(scene);
    const after = await headOf('main');
    const push = pushOf({ ref: 'refs/heads/main', after });
    const id = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, turn) => deliver(url, 'push', push, turn < 10 ? { id } : {})),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202));
    expect(outcomesOf(answers).filter((outcome) => outcome === 'started')).toHaveLength(1);
    const version = after.slice(0, 7);
    await endOf(version);
    await until('the run is listed', async () => (await runsOf(version)).length > 0);
    expect(await runsOf(version)).toHaveLength(1);
  });

  it('of a tag whose environment is started by hand starts nothing there, and says how', async () => {
    const { url } = await startReceiver(scene);
    const push = pushOf({ ref: 'refs/tags/v1.0.0', after: await headOf('v1.0.0') });
    expect(await deliver(url, 'push', push)).toMatchObject({ body: { outcome: 'started' } });
    // what GitHub sends beside it for the same tag
    const [create] = payloadsOf('create');
    expect(await deliver(url, 'create', { ...create, ref: 'v1.0.0' })).toMatchObject({
      body: { outcome: 'ignored' },
    });
    const { headline } = await endOf('v1.0.0');
    expect(headline).toContain('nothing to do');
    expect(headline).toContain(`slipway release v1.0.0 --to ${scene.prod}`);
  });

  it('of a ref that no environment takes is nothing to do, and no failure', async () => {
    const { url } = await startReceiver(scene);
    const after = await headOf('main');
    await deliver(url, 'push', pushOf({ ref: 'refs/heads/feature/x', after }));
    const { headline } = await endOf(after.slice(0, 7));
    expect(headline).toContain('nothing to do');
    expect(headline).toContain('stage: does not take branch feature/x');
  });

  it('to a branch named $(reboot) is a release of that name, and nothing else', async () => {
    const { url, lines } = await startReceiver(scene);
    const after = await headOf('main');
    const push = pushOf({ ref: 'refs/heads/hotfix/$(reboot)', after });
    expect(await deliver(url, 'push', push)).toMatchObject({ body: { outcome: 'started' } });
    expect(await endOf(after.slice(0, 7))).toMatchObject({
      headline: expect.stringContaining('is live on stage'),
    });
    expect(lines()[1]).toMatchObject({ ref: 'branch hotfix/$(reboot)' });
  });

  it('back to an earlier commit is a push of its own', async () => {
    const { url } = await startReceiver(scene);
    const [one, two] = [await headOf('v1.0.0'), await headOf('main')];
    const push = (before: string, after: string, pushedAtMs: number) =>
      deliver(url, 'push', pushOf({ ref: 'refs/heads/main', before, after, pushedAtMs }));
    const began = Date.now();
    const first = await push('0'.repeat(40), one, began - 5_000);
    await endOf(one.slice(0, 7));
    await push(one, two, began);
    await endOf(two.slice(0, 7));
    // seconds are all that GitHub tells
    const back = await push(two, one, Date.now() + 2_000);
    expect(outcomesOf([first, back])).toEqual(['started', 'started']);
    await endOf(one.slice(0, 7));
    await until('both are listed', async () => (await runsOf(one.slice(0, 7))).length === 2);
  });
});

describe('beside people', () => {
  it('joins what they have started, and does not start it again when it has ended', async () => {
    const { url } = await startReceiver(scene);
    await scene.run('freeze stage --until 12h --yes');
    const started = await scene.run('release main --until started');
    expect(started, started.err).toMatchObject({ exit: 0 });
    const after = await headOf('main');
    const push = pushOf({ ref: 'refs/heads/main', after });
    expect(await deliver(url, 'push', push)).toMatchObject({ body: { outcome: 'joined' } });
    await scene.run('unfreeze stage --yes');
    await endOf(after.slice(0, 7));
    expect(await deliver(url, 'push', push)).toMatchObject({ body: { outcome: 'again' } });
    await until('the run is listed', async () => (await runsOf(after.slice(0, 7))).length > 0);
    expect(await runsOf(after.slice(0, 7))).toHaveLength(1);
  });

  it('remembers a push whose id a release to other environments has taken since', async () => {
    const { url } = await startReceiver(scene);
    const push = pushOf({ ref: 'refs/tags/v1.0.0', after: await headOf('v1.0.0') });
    await deliver(url, 'push', push);
    await endOf('v1.0.0');
    await until('it is listed as ended', async () => (await runsOf('v1.0.0'))[0]?.status === 'COMPLETED');
    const byHand = await scene.run(`release v1.0.0 --to ${scene.prod} --until waiting`);
    expect(byHand, byHand.err).toMatchObject({ exit: 0 });
    expect(await deliver(url, 'push', push)).toMatchObject({ body: { outcome: 'again' } });
    expect(await runsOf('v1.0.0')).toHaveLength(2);
    await scene.run(`abort ${scene.prod} --yes`);
  });
});

it('an environment does no push twice, also when Temporal has forgotten its release', async () => {
  const { url } = await startReceiver(scene);
  const after = await headOf('main');
  const version = after.slice(0, 7);
  const push = pushOf({ ref: 'refs/heads/main', after });
  await deliver(url, 'push', push);
  await endOf(version);
  const deploys = (): number => {
    const { calls } =
      scene.harness.world.glance().environments[environmentKey(scene.pipeline, 'stage')] ?? {};
    return calls?.filter((call) => call === 'deploy').length ?? 0;
  };
  expect(deploys()).toBe(1);
  // what the receiver sends when nothing is remembered
  const reading = readPush(push);
  if (reading.kind !== 'push') throw new Error(JSON.stringify(reading));
  const { pipeline, repository, harness } = scene;
  const route = { pipeline, github: GITHUB_NAME, repositoryUrl: repository.folder, file: 'slipway.yaml' };
  await harness.client.workflow.start(WORKFLOW.release, {
    ...{ workflowId: releaseId(pipeline, version), taskQueue: harness.taskQueue },
    args: [releaseOfPush(reading.push, route, 'another')],
  });
  await endOf(version);
  expect(deploys()).toBe(1);
});

describe('what starts nothing', () => {
  it.each([
    ['a bad signature', 'push', { secret: 'guessed' }, {}, 401],
    ['a deleted branch', 'push', {}, { deleted: true, after: '0'.repeat(40), head_commit: null }, 202],
    ['another repository', 'push', {}, { repository: { id: 1, full_name: 'mallory/Hello-World' } }, 202],
    ['an event that is not known', 'no_such_event', {}, {}, 202],
    [
      'a merge told as a pull request',
      'pull_request',
      {},
      { action: 'closed', pull_request: { merged: true } },
      202,
    ],
    ['a push with no commit', 'push', {}, { after: 'main' }, 400],
  ] as const)('%s', async (_, event, more, changes, status) => {
    const { url } = await startReceiver(scene);
    const after = await headOf('main');
    const push = { ...pushOf({ ref: 'refs/heads/main', after }), ...changes };
    expect(await deliver(url, event, push, more)).toMatchObject({
      ...{ status, body: { outcome: status === 202 ? 'ignored' : 'refused', releases: [] } },
    });
    // what comes after it and is answered is all there is
    const other = pushOf({ ref: 'refs/heads/hotfix/1', after });
    expect(await deliver(url, 'push', other)).toMatchObject({ body: { outcome: 'started' } });
    await endOf(after.slice(0, 7));
    await until('the run is listed', async () => (await runsOf(after.slice(0, 7))).length > 0);
    expect(await runsOf(after.slice(0, 7))).toHaveLength(1);
  });
});

describe('Temporal is away', () => {
  it('503 with Retry-After, /healthz says so, and the same delivery starts when it is back', async () => {
    const relay = await startRelay(inject('temporalAddress'));
    const { url, lines } = await startReceiver(scene, { TEMPORAL_ADDRESS: relay.address });
    const health = new URL('/healthz', url);
    expect((await fetch(health)).status).toBe(200);
    const after = await headOf('main');
    const push = pushOf({ ref: 'refs/heads/main', after });
    const id = randomUUID();

    relay.cut();
    expect(await deliver(url, 'push', push, { id })).toMatchObject({
      ...{ status: 503, retryAfter: expect.stringMatching(/^\d+$/) },
      body: { outcome: 'unavailable', why: expect.stringContaining('deliver it again'), releases: [] },
    });
    const ill = await fetch(health);
    expect([ill.status, await ill.json()]).toMatchObject([503, { ok: false }]);
    expect(lines().at(-1)).toMatchObject({ status: 503, delivery: id });

    relay.mend();
    await until('it is well again', async () => (await fetch(health)).status === 200);
    expect(await deliver(url, 'push', push, { id })).toMatchObject({ body: { outcome: 'started' } });
    await endOf(after.slice(0, 7));
  });

  it('at the start: exit 8, as every command', async () => {
    const flags = ['--pipeline', 'shop', '--repository', 'https://github.com/acme/shop'];
    const env = { SLIPWAY_WEBHOOK_SECRET: SECRET, TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const run = await slipway(['serve', '--port', '0', '--json', ...flags], { cwd: '/', env });
    expect(run).toMatchObject({ exit: 8, err: '' });
    expect(JSON.parse(run.out)).toMatchObject({ command: 'serve', ok: false, exit: 8 });
  });
});

it('Ctrl-C lets a delivery in progress end: it is answered, and its release is there', async () => {
  const { url, stop } = await startReceiver(scene);
  const after = await headOf('main');
  const body = JSON.stringify(pushOf({ ref: 'refs/heads/main', after }));
  const request = httpRequest(url, {
    method: 'POST',
    headers: {
      ...{
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        expect: '100-continue',
      },
      ...{ 'x-github-event': 'push', 'x-github-delivery': randomUUID() },
      'x-hub-signature-256': sign(body),
    },
  });
  request.flushHeaders();
  // the server has it in its hands
  await once(request, 'continue');
  const ended = stop();
  await until('nobody listens any more', async () => !(await accepts(new URL(url).port)));
  request.end(body);
  const [response] = (await once(request, 'response')) as [{ statusCode: number }];
  expect(response.statusCode).toBe(202);
  expect(await ended).toMatchObject({ exit: 130 });
  await endOf(after.slice(0, 7));
});

async function accepts(port: string): Promise<boolean> {
  const socket = connect(Number(port), '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
