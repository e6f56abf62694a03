/** Somebody who may write to the namespace, against whoever types `slipway` and the jobs that do: answers that are none. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { environmentId, promotionId, releaseId } from '../../workflows/names.js';
import { setForgedScene, type Stranger } from '../support/forged-scene.js';
import { ARTIFACT, forgedStatuses, NOT_OURS, OBEYED, VERSION } from '../support/forged-statuses.js';
import { givenPlan, givenRecord, givenRequest } from '../support/given.js';
import { createRepository } from '../support/repository.js';
import { startReceiver } from '../support/serve-scene.js';
import type { CommandRun } from '../support/slipway-command.js';
import { until } from '../support/until.js';
import { deliver, pushOf } from '../support/webhooks.js';
import { givenReleaseStatus } from '../unit/client/given-status.js';

const scene = setForgedScene();
const { environmentOf, waitingOn, announced } = forgedStatuses(scene);

describe('what is no status', () => {
  const odd: [string, () => unknown][] = [
    ['nothing', () => null],
    ['a word', () => 'x'],
    ['an empty object', () => ({})],
    ['a list where text should be', () => environmentOf('stage', { headline: [] as never })],
    ['a release without a commit', () => environmentOf('stage', { live: { version: 'v1' } as never })],
    ['a million releases', () => environmentOf('stage', { good: Array<never>(1_000_000).fill(0 as never) })],
    [
      'a value nested 500 times',
      () => environmentOf('stage', { token: JSON.parse('['.repeat(500) + ']'.repeat(500)) }),
    ],
  ];
  it.each(odd)('%s: is said so, by every command, and nothing is done', async (_what, status) => {
    await scene.environment('stage', status());
    const commands = [
      ['status', 'stage'],
      ['watch', 'stage'],
      ['approve', 'stage', '--yes'],
      ['reject', 'stage'],
      ['rollback', 'stage', '--yes'],
      ['logs', 'stage'],
      ['abort', 'stage'],
      ['freeze', 'stage'],
      ['switch', 'stage'],
    ];
    for (const words of commands) {
      const run = await scene.run(words);
      expect(run, words.join(' ')).toMatchObject({ exit: 8, err: expect.stringContaining(NOT_OURS) });
      expect(run.err).not.toContain('This is a bug');
    }
  });

  const NOT_TAKEN = 'what was asked is not answered as a worker of ours answers';

  it.each<[Stranger, string]>([
    ['deaf', 'did not register a handler'],
    ['loud', 'loud'],
  ])('a workflow of somebody else (%s) is said to be one', async (type, why) => {
    await scene.stranger(type, environmentId(scene.pipeline, 'stage'));
    for (const words of [
      ['status', 'stage'],
      ['approve', 'stage'],
      ['freeze', 'stage'],
      ['logs', 'stage'],
    ]) {
      const run = await scene.run(words);
      expect(run, words.join(' ')).toMatchObject({ exit: 8, err: expect.stringContaining(NOT_TAKEN) });
      expect(run.err).toContain(why);
      expect(run.err).not.toMatch(OBEYED);
    }
  });

  it('a decision that nobody takes is told', async () => {
    const id = promotionId(scene.pipeline, 'stage', '1');
    await scene.stranger('halfDeaf', id, waitingOn('stage', { approving: undefined as never }));
    await scene.environment('stage', environmentOf('stage', { announced: [announced(id)] }));
    const run = await scene.run(['approve', 'stage', '--yes']);
    expect(run).toMatchObject({ exit: 8, err: expect.stringContaining(NOT_TAKEN) });
  });

  const cutOff = (encoding: string) => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const bad = { metadata: { encoding: bytes(encoding) }, data: bytes('{') };
    return { aim: bad, call: bad };
  };

  it('a memo that cannot be decoded is told', async () => {
    const memo = cutOff('json/plain');
    await scene.stranger('deaf', releaseId(scene.pipeline, 'v1.0.0'), null, memo);
    const run = await releaseInJob();
    expect(run).toMatchObject({ exit: 8, err: expect.stringContaining(NOT_TAKEN) });
  });

  it.each(['json/plain', 'binary/encrypted'])(
    'a memo of %s that cannot be read is told to GitHub, and the delivery is taken once it is gone',
    async (encoding) => {
      const { url } = await startReceiver({
        pipeline: scene.pipeline,
        env: (_actor, more) => ({ ...scene.env(), ...more }),
        repository: scene,
      });
      const push = pushOf({ ref: 'refs/heads/main', after: '0123456789'.repeat(4) });
      const workflowId = releaseId(scene.pipeline, '0123456');
      await scene.stranger('deaf', workflowId, null, cutOff(encoding));
      const { status, retryAfter, body } = await deliver(url, 'push', push);
      expect(body).toMatchObject({ outcome: 'unavailable', why: expect.stringContaining(workflowId) });
      expect({ status, retryAfter }).toMatchObject({ status: 503, retryAfter: expect.any(String) });
      expect(body['why']).toContain('deliver it again');
      await scene.forget(workflowId);
      const again = await until('it is taken', async () => {
        const answered = await deliver(url, 'push', push);
        return answered.status === 503 ? null : answered;
      });
      expect(again).toMatchObject({ status: 202, body: { outcome: 'started' } });
    },
  );

  it('hides no other environment', async () => {
    await scene.environment('odd', {});
    await scene.environment('odd/stage', environmentOf('odd/stage'));
    await scene.environment('stage', environmentOf('stage', { needsPerson: 'look at web-2' }));
    // Temporal's list follows what is started in its own time
    const shown = await until('both are listed', async () => {
      const run = await scene.run(['status']);
      return ['odd ', 'stage '].every((name) => run.out.includes(name)) && run;
    });
    expect(shown).toMatchObject({ exit: 0, err: '' });
    expect(shown.out).toContain(`unknown: ${NOT_OURS}`);
    expect(shown.out).toContain('needs a person: look at web-2');
    const { out } = await scene.run(['status', '--json']);
    expect(JSON.parse(out)).toMatchObject({
      data: { environments: [{ name: 'odd', health: 'unknown', unknown: NOT_OURS }, { name: 'stage' }] },
    });
  });

  it.each<[string, (plan: Record<string, unknown>) => unknown]>([
    ['nothing', () => ({})],
    ['another host', (plan) => ({ ...plan, hosts: [] })],
    ['approvals that are none', (plan) => ({ ...plan, approvals: [{ count: 'x' }] })],
  ])('slipway plan says that the policy is unknown where it answers %s', async (_what, change) => {
    const repository = await createRepository();
    onTestFinished(() => repository.remove());
    await repository.commit('one', { 'slipway.yaml': pipelineFile(), 'app/x': '1' });
    await repository.git('tag', 'v1.0.0');
    const local = await scene.run(['plan', 'v1.0.0', '--json'], { cwd: repository.folder });
    const { data }: { data: { environments: Record<string, unknown>[] } } = JSON.parse(local.out);
    scene.seen = {
      findings: [],
      log: [],
      policy: { plan: change(data.environments[0] ?? {}), problems: [] },
    };
    const run = await scene.run(['plan', 'v1.0.0'], { cwd: repository.folder });
    expect(run).toMatchObject({ exit: 0, err: '' });
    expect(run.out.replaceAll(/\s+/g, ' ')).toContain(`the worker's policy is unknown: ${NOT_OURS}`);
  });

  it('a change in flight names no promotion of elsewhere', async () => {
    const request = givenRequest(givenPlan(), VERSION, 'deploy', { promotionId: 'promotion/other/stage/x' });
    await scene.environment(
      'stage',
      environmentOf('stage', { inFlight: { request, token: 1, cutover: null } }),
    );
    // so it is the change itself that is followed, and there is none
    const run = await scene.run(['watch', 'stage']);
    expect(run).toMatchObject({ exit: 5, err: expect.stringContaining('it has ended meanwhile') });
  });

  it('odd announcements are nothing on its way, and hide nothing', async () => {
    const status = waitingOn('stage', { approving: undefined as never });
    const id = await scene.promotion('stage', {
      status,
      reply: { accepted: false, refused: 'heard', state: '' },
    });
    const strange = [null, 5, {}, { ...announced(id), since: 'never' }, announced('promotion/other/stage/x')];
    await scene.environment(
      'stage',
      environmentOf('stage', { announced: [...strange, announced(id)] as never }),
    );
    const run = await scene.run(['approve', 'stage', '--yes']);
    expect(run).toMatchObject({ exit: 5, err: expect.stringContaining('heard') });
  });

  it.each<[string, unknown, number, string]>([
    ['a reply', 'yes', 8, 'reply is not what it should be'],
    ['a refusal', { accepted: false, refused: 'no \u001b[2J', state: '' }, 5, '✗ no'],
  ])('%s to a decision is read as one', async (_what, reply, exit, said) => {
    const id = await scene.promotion('stage', {
      status: waitingOn('stage', { approving: undefined as never }),
      reply,
    });
    await scene.environment('stage', environmentOf('stage', { announced: [announced(id)] }));
    const run = await scene.run(['approve', 'stage', '--yes']);
    expect(run).toMatchObject({ exit, err: expect.stringContaining(said) });
    expect(run.err).not.toMatch(OBEYED);
  });

  it.each<[string, { result: unknown } | { failure: string; details: unknown[] }]>([
    ['a result', { result: { promotions: 5 } }],
    ['the result of a failure', { failure: 'x', details: [{ headline: 'x', state: 'failed' }] }],
  ])('%s that is none counts as unknown: a person, now', async (_what, end) => {
    const id = await scene.promotion('stage', { status: waitingOn('stage'), end });
    await scene.environment('stage', environmentOf('stage', { announced: [announced(id)] }));
    expect(await scene.run(['watch', 'stage'])).toMatchObject({ exit: 4 });
  });

  it('what a stranger looked at on our queue is none of it', async () => {
    await scene.environment(
      'stage',
      environmentOf('stage', { live: givenRecord(givenPlan(), VERSION, null) }),
    );
    scene.seen = { log: [{ host: 5 }] };
    const run = await scene.run(['logs', 'stage']);
    expect(run).toMatchObject({ exit: 8, err: expect.stringContaining('answer.findings') });
  });
});

const pipelineFile = (): string => `pipeline: ${scene.pipeline}
image: {folder: app}
checks: {ok: {run: 'true'}}
environments:
  stage: {from: {tag: 'v*'}, hosts: [local], platform: {command: deploy}, checks: [ok]}
`;

/** When it was shown, whoever looked has seen enough. */
const STEP = { name: 'seen-step', state: 'succeeded' as const, tookMs: null, note: null };

/** `slipway release v1.0.0` in a job of GitHub's; what the job got. */
async function releaseInJob(more: string[] = []): Promise<CommandRun & { outputs: string; summary: string }> {
  const repository = await createRepository();
  onTestFinished(() => repository.remove());
  await repository.commit('one', { 'slipway.yaml': pipelineFile(), 'app/x': '1' });
  await repository.git('tag', 'v1.0.0');
  const place = (name: string): string => path.join(scene.folder, name);
  const read = (name: string): string => (existsSync(place(name)) ? readFileSync(place(name), 'utf8') : '');
  const env = {
    CI: '1',
    GITHUB_ACTIONS: 'true',
    GITHUB_OUTPUT: place('output'),
    GITHUB_STEP_SUMMARY: place('summary'),
  };
  const seen = new AbortController();
  const onOutput = (out: string): void => {
    if (out.includes(NOT_OURS) || out.includes(STEP.name)) seen.abort();
  };
  const options = { cwd: repository.folder, env, interrupted: seen.signal, onOutput };
  const run = await scene.run(['release', 'v1.0.0', '--until', 'done', ...more], options);
  return { ...run, outputs: read('output'), summary: read('summary') };
}

describe('a job of GitHub', () => {
  it('gets no digest that its next steps would run', async () => {
    const artifacts = [{ ...ARTIFACT, digest: '$(reboot)' }];
    await scene.release('v1.0.0', {
      status: givenReleaseStatus({ pipeline: scene.pipeline, artifacts, steps: [STEP] }),
    });
    const { exit, outputs } = await releaseInJob();
    expect(exit).toBe(130);
    expect(outputs).toContain('state=pending');
    expect(outputs).not.toContain('reboot');
  });

  it('shows a report without pictures, tags and links that lead elsewhere', async () => {
    const report = [
      '## x',
      '![pixel](https://evil.example.com/x.png) [approve here](https://evil.example.com) <img src=x>',
      '[ours](/namespaces/default/workflows/x) https://evil.example.com www.evil.example.com @everyone',
    ].join('\n');
    await scene.release('v1.0.0', {
      status: givenReleaseStatus({ pipeline: scene.pipeline, report, steps: [STEP] }),
    });
    const { summary } = await releaseInJob();
    expect(summary).toContain('## x');
    expect(summary).toContain('/namespaces/default/workflows/x)');
    for (const rendered of ['![', '](https://evil', '<img', ' https://', 'www.evil', '@everyone'])
      expect(summary).not.toContain(rendered);
  });

  it('ends at its --timeout, however many promotions there are to look at', async () => {
    const workflowId = await scene.promotion('stage', { status: waitingOn('stage', { headline: 'seen' }) });
    const promotions = Array.from({ length: 2000 }, () => ({
      environment: 'stage',
      workflowId,
      state: 'waiting' as const,
    }));
    await scene.release('v1.0.0', { status: givenReleaseStatus({ pipeline: scene.pipeline, promotions }) });
    const { exit, out } = await releaseInJob(['--json', '--timeout', '1s']);
    expect(exit).toBe(6);
    // it was in the middle of its first look
    expect(JSON.parse(out)).toMatchObject({ data: { promotions: [] } });
  });
});
