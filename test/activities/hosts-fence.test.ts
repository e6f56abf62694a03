/** The fence of an environment on a host: who may still write there. */
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Fence } from '../../activities/hosts/host.js';
import { givenHost, HOST_KINDS } from '../support/host-kinds.js';
import { fenceOf } from '../support/hosts.js';
import { markedSleeps, processesWith, until, untilRuns } from '../support/processes.js';

const { nap, endAll } = markedSleeps();

describe.each(HOST_KINDS)('the fence on a host %s', (_kind, start) => {
  const subject = givenHost(start, endAll);

  test('is written once per token, with the host’s own id', async () => {
    const first = await subject.host.claim(fenceOf('claims', 4));
    expect(first.previousToken).toBe(0);
    expect(first.hostId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await subject.host.claim(fenceOf('claims', 4))).toEqual({
      hostId: first.hostId,
      previousToken: 4,
    });
    expect(await subject.host.claim(fenceOf('claims', 9))).toEqual({
      hostId: first.hostId,
      previousToken: 4,
    });
    expect(await subject.host.claim(fenceOf('elsewhere', 1))).toEqual({
      hostId: first.hostId,
      previousToken: 0,
    });
    expect(await readFile(path.join(subject.home, '.slipway/fences/shop/claims'), 'utf8')).toBe('9\n');
    expect((await stat(path.join(subject.home, '.slipway'))).mode & 0o777).toBe(0o700);
  });

  test('refuses whoever is behind: claims, commands and files, leaving nothing', async () => {
    await subject.host.claim(fenceOf('stale', 7));
    const file = path.join(subject.home, 'config');
    await writeFile(file, 'before');
    const stale = { type: 'StaleFence', nonRetryable: true };
    const old = fenceOf('stale', 6);
    await expect(subject.host.claim(old)).rejects.toMatchObject(stale);
    await expect(
      subject.host.run({ argv: ['rm', file], timeoutMs: 10_000, fence: old }),
    ).rejects.toMatchObject(stale);
    await expect(subject.host.writeFile(file, 'after', { fence: old })).rejects.toMatchObject(stale);
    await expect(
      subject.host.runLong({ argv: ['rm', file], timeoutMs: 10_000, fence: old, operationId: '6-deploy' }),
    ).rejects.toMatchObject(stale);
    await expect(subject.host.killStale(old)).rejects.toMatchObject(stale);
    expect(await readFile(file, 'utf8')).toBe('before');
    expect(await readdir(path.join(subject.home, '.slipway/journal/shop/stale'))).toEqual([]);
    await expect(subject.host.claim(old)).rejects.toThrow(
      /a newer change owns stale \(token 7, ours is 6\); nothing was changed/,
    );
  });

  test('refuses a token that nobody could ever be above', async () => {
    await subject.host.claim(fenceOf('leap', 7));
    const leaps = {
      type: 'Refused',
      message: expect.stringContaining('far above the last one seen there (7)'),
    };
    for (const token of [Number.MAX_SAFE_INTEGER, 2_000_000]) {
      await expect(subject.host.claim(fenceOf('leap', token))).rejects.toMatchObject(leaps);
      const run = { argv: ['true'], timeoutMs: 10_000, fence: fenceOf('leap', token) };
      await expect(subject.host.run(run)).rejects.toMatchObject(leaps);
    }
    expect(await subject.host.claim(fenceOf('leap', 8))).toMatchObject({ previousToken: 7 });
    expect(await subject.host.claim(fenceOf('leap', 1000))).toMatchObject({ previousToken: 8 });
  });

  test('once its undo has begun, nothing of a change goes forward any more; its way back and the next one do', async () => {
    const file = path.join(subject.home, 'undone config');
    await writeFile(file, 'before');
    const claimed = fenceOf('undone', 7);
    const forward: Fence = { ...claimed, way: 'forward' };
    const back: Fence = { ...claimed, way: 'back' };
    const run = (fence: Fence) => subject.host.run({ argv: ['true'], timeoutMs: 10_000, fence });
    await subject.host.claim(claimed);
    expect((await run(forward)).exitCode).toBe(0);

    await subject.host.claim(back, '');
    const late = {
      type: 'StaleFence',
      message: expect.stringMatching(/the undo of this change has begun \(token 7\)/) as unknown,
    };
    await expect(subject.host.claim(forward)).rejects.toMatchObject(late);
    await expect(run(forward)).rejects.toMatchObject(late);
    await expect(subject.host.writeFile(file, 'after', { fence: forward })).rejects.toMatchObject(late);
    const long = { argv: ['rm', file], timeoutMs: 10_000, fence: forward, operationId: '7-deploy' };
    await expect(subject.host.runLong(long)).rejects.toMatchObject(late);
    expect(await readFile(file, 'utf8')).toBe('before');
    expect((await run(back)).exitCode).toBe(0);
    expect((await run({ ...forward, token: 8 })).exitCode).toBe(0);
  });

  test('fenced commands give their own result, whatever it is, and leave no trace', async () => {
    const fence = fenceOf('fenced', 3);
    for (const exitCode of [0, 1, 74, 97]) {
      const result = await subject.host.run({
        argv: ['sh', '-c', `cat; echo No space left on device >&2; exit ${exitCode}`],
        stdin: 'in',
        env: { A: '1' },
        timeoutMs: 10_000,
        fence,
      });
      expect(result).toMatchObject({ exitCode, stdout: 'in', stderr: 'No space left on device\n' });
    }
    expect(await readdir(path.join(subject.home, '.slipway/journal/shop/fenced'))).toEqual([]);
  });

  test('a newer holder ends the short and long commands of the older ones, and only theirs', async () => {
    const old = fenceOf('takeover', 3);
    const other = fenceOf('bystander', 3);
    const short = subject.host.run({ argv: nap(3).split(' '), timeoutMs: 60_000, fence: old });
    const long = subject.host.runLong({
      argv: ['sh', '-c', `${nap(3)} & ${nap(3)}`],
      timeoutMs: 60_000,
      fence: old,
      operationId: '3-deploy',
    });
    const bystander = subject.host.runLong({
      argv: nap(4).split(' '),
      timeoutMs: 60_000,
      fence: other,
      operationId: '3-deploy',
    });
    await until('the commands', async () => (await processesWith(nap(3))).length >= 4);
    await untilRuns(nap(4));
    const { host } = await subject.another();
    const killed = await host.killStale(fenceOf('takeover', 4));
    expect(killed).toContain('3-deploy');
    expect(killed).toHaveLength(2);
    expect(await processesWith(nap(3))).toEqual([]);
    expect(await processesWith(nap(4))).not.toEqual([]);
    expect(await long).toMatchObject({ cancelled: true, exitCode: null });
    expect((await short).exitCode).not.toBe(0);
    // nothing of the old holder can begin any more
    await expect(subject.host.run({ argv: ['true'], timeoutMs: 10_000, fence: old })).rejects.toMatchObject({
      type: 'StaleFence',
    });
    expect(await host.killStale(fenceOf('takeover', 4))).toEqual([]);
    expect(await host.killStale(fenceOf('bystander', 4))).toEqual(['3-deploy']);
    expect(await bystander).toMatchObject({ cancelled: true });
  });

  test('a fence file that holds no number is not taken for zero', async () => {
    await subject.host.claim(fenceOf('broken', 3));
    await writeFile(path.join(subject.home, '.slipway/fences/shop/broken'), 'x');
    await expect(subject.host.claim(fenceOf('broken', 4))).rejects.toThrow(
      /broken does not hold a number; write the highest token/,
    );
  });
});
