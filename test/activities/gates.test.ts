import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { describe, expect, it, vi } from 'vitest';
import type { GatePlan } from '../../pipeline/plan.js';
import { givenGateScene } from '../support/gate-scene.js';

const scene = givenGateScene({ scrub: (text) => text.replaceAll('s3cret', '***') });
const { repository, start, ask } = scene;

function command(text: string, timeoutMs = 60_000): GatePlan {
  return { name: 'tests', kind: 'run', command: text, timeoutMs, report: {}, options: {} };
}

async function expectGone(pidFile: string): Promise<void> {
  const pid = (await readFile(pidFile, 'utf8')).trim();
  expect(pid).toMatch(/^\d+$/);
  await vi.waitFor(() => expect(existsSync(`/proc/${pid}`)).toBe(false), { timeout: 50_000 });
}

describe('a command gate', () => {
  it('passes on exit 0 in a clean checkout, told what it looks at and none of the secrets of the worker', async () => {
    vi.stubEnv('PROD_SSH_KEY', 's3cret-key');
    const sha = await repository.commit('one', {
      'check.sh': 'env > "$1"; cat marker >> "$1"',
      marker: 'clean',
    });
    await repository.commit('two', { marker: 'newer' });
    const out = path.join(scene.folder, 'out');
    const item = await ask(command(`sh check.sh ${out}`), sha);
    vi.unstubAllEnvs();
    expect(item).toMatchObject({ kind: 'gate', name: 'tests', verdict: 'pass', by: null });
    const seen = await readFile(out, 'utf8');
    expect(seen).toContain(`SLIPWAY_COMMIT=${sha}\n`);
    expect(seen).toContain('SLIPWAY_REF=v1.0.0\n');
    expect(seen).toContain('SLIPWAY_PIPELINE=shop\n');
    expect(seen.endsWith('clean')).toBe(true);
    expect(seen).not.toContain('s3cret');
  });

  it('has the names filled in that are known, and leaves the variables of the shell alone', async () => {
    const sha = await repository.commit('one', {});
    const digest = `sha256:${'a'.repeat(64)}`;
    const artifacts = [{ name: 'shop', kind: 'image' as const, repository: 'cr.io/shop', digest }];
    const text = 'image=x; test "{image} {version} {commit} ${image}" = "$EXPECTED"';
    const expected = `cr.io/shop@${digest} v1.0.0 ${sha} x`;
    const gate = command(`EXPECTED='${expected}'; ${text}`);
    expect(await start(gate, sha, { artifacts }).ended).toMatchObject({ verdict: 'pass' });
    expect(await ask(command('trivy image {image}'), sha)).toMatchObject({
      verdict: 'error',
      note: expect.stringContaining('nothing is built yet'),
    });
    await expect(start(command('echo {version}'), sha, { version: 'v1$(id)' }).ended).rejects.toThrow(
      'a shell would interpret',
    );
  });

  it('fails with what the command said last, scrubbed', async () => {
    const sha = await repository.commit('one', {});
    const item = await ask(command('echo 3 tests failed; echo token s3cret >&2; exit 3'), sha);
    expect(item).toMatchObject({ verdict: 'fail', note: 'exit 3:\n3 tests failed\ntoken ***' });
  });

  it('keeps the note short', async () => {
    const sha = await repository.commit('one', {});
    const item = await ask(command('yes noise | head -c 1000000; echo the end; exit 1'), sha);
    expect(item.note?.length).toBeLessThan(2100);
    expect(item.note).toMatch(/the end$/);
  });

  it('cannot be asked when the command does not exist', async () => {
    const sha = await repository.commit('one', {});
    expect(await ask(command('./no-such-script.sh'), sha)).toMatchObject({ verdict: 'error' });
  });

  it('fails at its deadline and leaves no process behind', async () => {
    const sha = await repository.commit('one', {});
    const pidFile = path.join(scene.folder, 'pid');
    const item = await ask(command(`sleep 600 & echo $! > ${pidFile}; echo waiting; wait`, 300), sha);
    expect(item).toMatchObject({
      verdict: 'fail',
      note: expect.stringContaining('not done within 0.3s:\nwaiting'),
    });
    await expectGone(pidFile);
  });

  it('does not wait for what the command left in the background', async () => {
    const sha = await repository.commit('one', {});
    const pidFile = path.join(scene.folder, 'pid');
    expect(await ask(command(`sleep 600 & echo $! > ${pidFile}`), sha)).toMatchObject({ verdict: 'pass' });
    await expectGone(pidFile);
  });

  it('ends with the release that asked', async () => {
    const sha = await repository.commit('one', {});
    const pidFile = path.join(scene.folder, 'pid');
    const { environment, ended } = start(command(`echo $$ > ${pidFile}; exec sleep 600`), sha);
    await vi.waitFor(async () => expect(await readFile(pidFile, 'utf8')).toMatch(/\d\n/), {
      timeout: 50_000,
    });
    environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    await expect(ended).rejects.toBeInstanceOf(CancelledFailure);
    await expectGone(pidFile);
  });

  it('is done again after a worker that stopped', async () => {
    const sha = await repository.commit('one', {});
    const pidFile = path.join(scene.folder, 'pid');
    const { environment, ended } = start(command(`echo $$ > ${pidFile}; exec sleep 600`), sha);
    await vi.waitFor(async () => expect(await readFile(pidFile, 'utf8')).toMatch(/\d\n/), {
      timeout: 50_000,
    });
    environment.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
    await expect(ended).rejects.toMatchObject({ nonRetryable: false, message: 'gate tests was interrupted' });
  });
});

describe('merged-into', () => {
  const gate: GatePlan = {
    name: 'hotfix',
    kind: 'merged-into',
    branches: ['main', 'develop'],
    timeoutMs: 60_000,
  };

  it('fails a hotfix that is not yet in develop, and passes once it is', async () => {
    await repository.commit('one', { a: '1' });
    await repository.git('branch', 'develop');
    const hotfix = await repository.commit('hotfix', { a: '2' });
    const short = hotfix.slice(0, 12);
    const item = await ask(gate, hotfix);
    expect(item.verdict).toBe('fail');
    expect(item.note).toBe(
      `${short} is not yet in develop; merge it there and release again: git switch develop && git merge ${short} && git push`,
    );
    await repository.git('checkout', '--quiet', 'develop');
    await repository.git('merge', '--quiet', '--no-ff', '--message=merge', 'main');
    expect(await ask(gate, hotfix)).toMatchObject({ verdict: 'pass', note: 'in main and develop' });
  });

  it('names a branch that does not exist', async () => {
    const sha = await repository.commit('one', { a: '1' });
    const item = await ask(gate, sha);
    expect(item).toMatchObject({
      verdict: 'fail',
      note: expect.stringContaining('there is no branch develop'),
    });
  });
});

it.each([
  { name: 'ci', kind: 'github-checks', checks: ['lint'], of: null, timeoutMs: 1000 },
  { name: 'ci', kind: 'pull-request', title: 'conventional', timeoutMs: 1000 },
] satisfies GatePlan[])('a gate of kind $kind of a repository elsewhere is an error', async (gate) => {
  const sha = await repository.commit('one', {});
  expect(await ask(gate, sha)).toMatchObject({
    verdict: 'error',
    note: expect.stringContaining('not one of a repository on github.com; give https://github.com/'),
  });
});
