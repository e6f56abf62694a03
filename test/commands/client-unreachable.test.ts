/** Nobody answers: no Temporal, no worker, a worker that went away. Exit 8, what is wrong, and the way out. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connectToTemporal } from '../../client/connect.js';
import { SlipwayClient } from '../../client/release-client.js';
import { releaseId } from '../../workflows/names.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { startRelay } from '../support/relay.js';
import { readJson, slipway } from '../support/slipway-command.js';
import { smallPipeline } from '../support/small-pipeline.js';
import { freePort } from '../support/sshd.js';

let repository: TestRepository;
beforeAll(async () => {
  repository = await createRepository();
  await repository.commit('feat: one', { 'slipway.yaml': smallPipeline('lonely'), 'app/a': '1' });
});
afterAll(() => repository.remove());

const run = (line: string, env: Record<string, string>) =>
  slipway(line.split(' '), { cwd: repository.folder, env: { SLIPWAY_ACTOR: 'oleg', ...env } });

describe('no Temporal', () => {
  it.each(['status', 'release', 'approve prod --yes', 'freeze prod', 'doctor'])(
    'slipway %s exits 8 with the way out',
    async (line) => {
      const address = `127.0.0.1:${String(await freePort())}`;
      const answer = await run(line, { TEMPORAL_ADDRESS: address });
      expect(answer).toMatchObject({ exit: 8, out: '' });
      expect(answer.err).toContain('Temporal cannot be reached');
      expect(answer.err).toContain(address);
      expect(answer.err).toContain('slipway up');
      expect(answer.err).not.toContain('at Object.');
    },
  );

  it('plan still plans, and says what it could not ask', async () => {
    const answer = await run('plan', { TEMPORAL_ADDRESS: `127.0.0.1:${String(await freePort())}` });
    expect(answer).toMatchObject({ exit: 0, err: '' });
    expect(answer.out).toContain('live state unknown: Temporal cannot be reached');
    expect(answer.out).toContain("the worker's policy is unknown: no worker could be asked");
  });

  it('under --json the error is in the object', async () => {
    const answer = await run('status --json', {
      TEMPORAL_ADDRESS: `127.0.0.1:${String(await freePort())}`,
    });
    expect(readJson(answer)).toMatchObject({
      ok: false,
      exit: 8,
      error: { what: 'Temporal cannot be reached', docs: 'docs/commands.md#temporal' },
    });
  });

  it('names a namespace that is not there, and a profile that cannot be read', async () => {
    const namespace = await run('status', {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: 'nowhere',
    });
    expect(namespace).toMatchObject({ exit: 8 });
    expect(namespace.err).toContain('nowhere');
    const profile = await run('status --profile nobody', {
      TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml',
    });
    expect(profile).toMatchObject({ exit: 8 });
    expect(profile.err).toContain('nobody');
  });
});

describe('Temporal goes away', () => {
  it('and a client that is closed while it asks says so, and ends nothing else', async () => {
    const relay = await startRelay(inject('temporalAddress'));
    const link = await connectToTemporal({ env: { TEMPORAL_ADDRESS: relay.address } });
    const client = new SlipwayClient(link, { pipeline: 'lonely', by: 'oleg' });
    relay.cut();
    const answer = client.status('prod').catch((error: unknown) => error);
    await expect.poll(() => relay.refused()).toBeGreaterThan(0);
    await client.close();
    expect(await answer).toMatchObject({
      exit: 8,
      what: 'the connection was closed before there was an answer',
    });
  });
});

describe('no worker', () => {
  it('starts nothing and says which task queue nobody polls', async () => {
    const taskQueue = `deserted-${randomUUID()}`;
    const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), SLIPWAY_TASK_QUEUE: taskQueue };
    const answer = await run('release', env);
    expect(answer).toMatchObject({ exit: 8, out: '' });
    expect(answer.err).toContain('no worker polls here');
    expect(answer.err).toContain(taskQueue);
    expect(answer.err).toContain('slipway worker');
    const link = await connectToTemporal({ env });
    const version = (await repository.git('rev-parse', 'HEAD')).slice(0, 7);
    await expect(link.client.workflow.getHandle(releaseId('lonely', version)).describe()).rejects.toThrow();
    await link.close();
  });

  it('a release that is already under way is followed no longer than patience lasts', async () => {
    const env = {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      SLIPWAY_TASK_QUEUE: `deserted-${randomUUID()}`,
    };
    const client = new SlipwayClient(await connectToTemporal({ env, answerMs: 500 }), {
      pipeline: 'lonely',
      by: 'oleg',
    });
    const workflowId = `release/lonely/${randomUUID()}`;
    await client.link.client.workflow.start('release', {
      workflowId,
      taskQueue: client.link.taskQueue,
      args: [],
    });
    const seen: string[] = [];
    const follow = async (): Promise<void> => {
      for await (const progress of client.followRelease({ workflowId }, { patienceMs: 1_000 }))
        seen.push(progress.kind);
    };
    await expect(follow()).rejects.toMatchObject({
      exit: 8,
      what: 'no worker polls here, so nobody can answer or act',
    });
    expect(seen).toEqual(['silence']);
    await client.link.client.workflow.getHandle(workflowId).terminate('test is over');
    await client.close();
  });
});
