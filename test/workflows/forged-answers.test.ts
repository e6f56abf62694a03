/** Somebody who may write to the namespace, against whoever types `slipway`: forged workflows answer it on a real Temporal. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Announcement, EnvironmentStatus, ProgressStatus } from '../../workflows/messages.js';
import type { BuiltArtifact } from '../../workflows/result.js';
import { givenArtifacts, givenCommit, givenPlan, givenRecord, givenRequest } from '../support/given.js';
import { setForgedScene } from '../support/forged-scene.js';
import { givePersonKey } from '../support/people.js';
import { createRepository } from '../support/repository.js';
import { givenEnvironment, givenProgress, givenReleaseStatus } from '../unit/client/given-status.js';

const scene = setForgedScene();
const VERSION = 'v1.4.0';
const HOUR_MS = 3_600_000;
const ARTIFACT: BuiltArtifact = {
  name: 'app',
  kind: 'image',
  repository: 'app',
  digest: `sha256:${'d'.repeat(64)}`,
};

function environmentOf(name: string, more: Partial<EnvironmentStatus> = {}): EnvironmentStatus {
  return givenEnvironment({ pipeline: scene.pipeline, environment: name, ...more });
}

function waitingOn(environment: string, more: Partial<ProgressStatus> = {}): ProgressStatus {
  return givenProgress({
    ...{ pipeline: scene.pipeline, environment, version: VERSION, waitingFor: '1 approval' },
    approving: { requestId: 'request-1', mustSign: true, expiresMs: HOUR_MS },
    ...more,
  });
}

function announced(workflowId: string, version = VERSION): Announcement {
  return {
    ...{ requestId: 'request-1', workflowId, phase: 'waiting', version, commit: givenCommit().sha },
    ...{ supersedes: [], waitingFor: '1 approval', since: '2026-11-14T09:00:00Z', queue: 'newest' },
  };
}

/** `slipway approve stage` finds this promotion. */
async function waitsOnStage(more: Partial<ProgressStatus>): Promise<void> {
  const id = await scene.promotion('stage', { status: waitingOn('stage', more) });
  await scene.environment('stage', environmentOf('stage', { announced: [announced(id, more.version)] }));
}

async function givenKey(): Promise<string[]> {
  const file = path.join(scene.folder, 'key');
  await givePersonKey(file, 'oleg');
  return ['--print', '--key', file];
}

const SIGNED = 'BEGIN SSH SIGNATURE';
const NOT_OURS = 'its answer is none that a worker of ours gives';

describe('a person signs for what they named', () => {
  it('not for the promotion to prod that was announced on stage', async () => {
    const id = await scene.promotion('prod', { status: waitingOn('prod') });
    await scene.environment('stage', environmentOf('stage', { announced: [announced(id)] }));
    const run = await scene.run(['approve', 'stage', ...(await givenKey())]);
    expect(run).toMatchObject({ exit: 5, err: expect.stringContaining('nothing waits for a decision') });
    expect(run.out).not.toContain(SIGNED);
  });

  it.each<[string, () => Partial<ProgressStatus>]>([
    ['another environment', () => ({ environment: 'prod' })],
    ['another pipeline', () => ({ pipeline: 'other' })],
  ])('not for %s, which a promotion to stage says it is of', async (_what, more) => {
    await waitsOnStage(more());
    const run = await scene.run(['approve', 'stage', ...(await givenKey())]);
    expect(run).toMatchObject({ exit: 8, err: expect.stringContaining(NOT_OURS) });
    expect(run.out).not.toContain(SIGNED);
  });

  it('not for a rollback of prod, which stage says it is', async () => {
    const good = ['v2.0.0', 'v1.0.0'].map((version) => givenRecord(givenPlan(), version, null));
    await scene.environment('stage', environmentOf('prod', { live: good[0] ?? null, good }));
    const run = await scene.run(['rollback', 'stage', ...(await givenKey())]);
    expect(run).toMatchObject({ exit: 8, err: expect.stringContaining('status.environment') });
    expect(run.out).not.toContain(SIGNED);
  });

  const switching = { requestId: 'request-1', token: 3, groups: ['platform'] };
  const inFlight = () => ({ request: givenRequest(givenPlan(), VERSION), token: 3, cutover: null });

  it('not for a switch of prod, which the change on stage says it is', async () => {
    await scene.lane('stage', { status: waitingOn('prod', { waitingFor: 'switch', switching }) });
    await scene.environment('stage', environmentOf('stage', { inFlight: inFlight() }));
    const run = await scene.run(['switch', 'stage', ...(await givenKey())]);
    expect(run).toMatchObject({ exit: 8, err: expect.stringContaining('status.environment') });
    expect(run.out).not.toContain(SIGNED);
  });

  it.each([['--print'], []])('not for a switch to another version %s', async (...print) => {
    const evil = waitingOn('stage', { version: 'v6.6.6', waitingFor: 'switch', switching });
    await scene.lane('stage', { status: evil });
    await scene.environment('stage', environmentOf('stage', { inFlight: inFlight() }));
    const [, ...key] = await givenKey();
    const run = await scene.run(['switch', 'stage', '--version', VERSION, ...print, ...key]);
    expect(run).toMatchObject({ exit: 5, err: expect.stringContaining('it is v6.6.6 that waits there') });
    expect(run.out).not.toContain(SIGNED);
  });

  it('and for 72 hours at most', async () => {
    const approving = { requestId: 'request-1', mustSign: true, expiresMs: 1e12 };
    await waitsOnStage({ approving });
    const run = await scene.run(['approve', 'stage', ...(await givenKey())]);
    expect(run.exit, run.err).toBe(0);
    const { statement }: { statement: { payload: string } } = JSON.parse(run.out);
    const { expires }: { expires: string } = JSON.parse(statement.payload);
    expect(Date.parse(expires)).toBeLessThanOrEqual(Date.now() + 72 * HOUR_MS);
  });

  it('not by a key of watch for a promotion that another pipeline has', async () => {
    const id = await scene.promotion('stage', { status: waitingOn('stage') });
    const elsewhere = id.replace(scene.pipeline, 'other');
    const promotions = [{ environment: 'stage', workflowId: elsewhere, state: 'waiting' as const }];
    const release = await scene.release(VERSION, {
      status: givenReleaseStatus({ pipeline: scene.pipeline, version: VERSION, promotions }),
    });
    const building: Announcement = { ...announced(release), phase: 'building' };
    await scene.environment('stage', environmentOf('stage', { announced: [building] }));
    const seen = new AbortController();
    const onOutput = (out: string): void => {
      if (out.includes(NOT_OURS) || out.includes('fix: retry')) seen.abort();
    };
    const run = await scene.run(['watch', 'stage'], { interrupted: seen.signal, onOutput });
    expect(run.out).toContain(NOT_OURS);
  });
});

// oxlint-disable-next-line no-control-regex -- what a terminal would obey
const OBEYED = /(?!\n)[\p{Cc}\p{Cf}]/u;

describe('a terminal', () => {
  it('is not driven by the version in the question, which could draw over the digest above it', async () => {
    const version = `v1\u001b[7A\u001b[2K\r\u202edigest\n  digest    sha256:good`;
    await waitsOnStage({ version });
    const run = await scene.run(['approve', 'stage'], { answer: 'n' });
    expect(run).toMatchObject({ exit: 5, err: '' });
    expect(run.out).not.toMatch(OBEYED);
    expect(run.out).toContain(`Approve v1digest digest sha256:good for stage? [y/N]`);
    expect(run.out).toContain(givenArtifacts(VERSION)[0]?.digest);
  });

  it('has no second line for a name that fills the first', async () => {
    const filler = `x${'\u2800 \u3164'.repeat(20)}${'-'.repeat(70)}  digest    sha256:good`;
    const commit = givenCommit({ author: filler });
    await waitsOnStage({ version: filler, requestedBy: filler, commit, waitingFor: filler });
    const run = await scene.run(['approve', 'stage'], { answer: 'n' });
    expect(run).toMatchObject({ exit: 5, err: '' });
    expect(run.out).not.toContain('sha256:good');
  });

  it.each<[string, Partial<ProgressStatus>]>([
    ['plan', { planHash: '\u001b[1Ax' }],
    ['digest', { artifacts: [{ ...ARTIFACT, digest: 'sha256:x\nplan y' }] }],
    ['commit', { commit: givenCommit({ sha: '\u001b[2J' }) }],
    ['colour', { colour: '\u001b[2J' as never }],
    ['state', { state: '__proto__' as never }],
    ['moment', { waitingSince: '\u001b[2J' }],
  ])('never sees a %s that is none', async (_what, more) => {
    await waitsOnStage(more);
    const shown = await scene.run(['approve', 'stage'], { answer: 'n' });
    expect(shown).toMatchObject({ exit: 8, err: expect.stringContaining(NOT_OURS) });
  });

  it('is not driven by the name of a host in a log, nor by its lines', async () => {
    const live = givenRecord(givenPlan(), VERSION, null);
    await scene.environment('stage', environmentOf('stage', { live }));
    scene.seen = {
      findings: [],
      log: [
        { host: 'web\u001b[2J', text: '\u001b[2Jone\n' },
        { host: 'b', text: 'two' },
      ],
    };
    const run = await scene.run(['logs', 'stage']);
    expect(run).toMatchObject({ exit: 0, out: 'web[2J | one\nb | two\n' });
  });
});

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

  it('hides no other environment', async () => {
    await scene.environment('odd', {});
    await scene.environment('odd/stage', environmentOf('odd/stage'));
    await scene.environment('stage', environmentOf('stage', { needsPerson: 'look at web-2' }));
    const shown = await scene.run(['status']);
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
    ['a refusal', { accepted: false, refused: 'no \u001b[2J', state: '' }, 5, 'stage: no'],
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
async function releaseInJob(
  more: string[] = [],
): Promise<{ exit: number; out: string; outputs: string; summary: string }> {
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
  const { exit, out } = await scene.run(['release', 'v1.0.0', '--until', 'done', ...more], options);
  return {
    exit,
    out,
    outputs: read('output'),
    summary: read('summary'),
  };
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
