/** Somebody who may write to the namespace, against whoever types `slipway`: what they sign, and what their terminal does. */
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SlipwayClient } from '../../client/release-client.js';
import type { Announcement, ProgressStatus } from '../../workflows/messages.js';
import { setForgedScene } from '../support/forged-scene.js';
import { ARTIFACT, forgedStatuses, HOUR_MS, NOT_OURS, OBEYED, VERSION } from '../support/forged-statuses.js';
import { givenArtifacts, givenCommit, givenPlan, givenRecord, givenRequest } from '../support/given.js';
import { givePersonKey } from '../support/people.js';
import { givenReleaseStatus } from '../unit/client/given-status.js';

const scene = setForgedScene();
const { environmentOf, waitingOn, announced } = forgedStatuses(scene);

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

  it('and for what was on the screen, whatever the promotion says by then', async () => {
    const [, , key = ''] = await givenKey();
    const reply = { accepted: true, refused: null, state: '' };
    const id = await scene.promotion('stage', { status: waitingOn('stage'), reply });
    await scene.environment('stage', environmentOf('stage', { announced: [announced(id)] }));
    const client = await SlipwayClient.connect({ pipeline: scene.pipeline, by: 'oleg', env: scene.env() });
    onTestFinished(() => client.close());
    const shown = await client.progress(id);
    const artifacts = [{ ...ARTIFACT, digest: `sha256:${'e'.repeat(64)}` }];
    await scene.become(id, waitingOn('stage', { artifacts, commit: givenCommit({ sha: 'e'.repeat(40) }) }));
    await client.approve('stage', { shown, key });
    const [decision] = await scene.heard(id);
    const said: unknown = JSON.parse(decision?.statement?.payload ?? '');
    expect(said).toMatchObject({ commit: shown?.commit.sha, digests: [shown?.artifacts[0]?.digest] });
    expect(decision?.digest).toBe(shown?.artifacts[0]?.digest);
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
