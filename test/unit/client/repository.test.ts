import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { onItsBranch } from '../../../client/branch-of-commit.js';
import { findRepository, resolveRef } from '../../../client/repository.js';
import { createRepository, type TestRepository } from '../../support/repository.js';

// git and the first load of a command take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

describe('from what people type to a commit', () => {
  let repository: TestRepository;
  let first: string;
  let second: string;
  beforeEach(async () => {
    repository = await createRepository();
    first = await repository.commit('feat: one', { 'a.txt': '1' });
    await repository.git('tag', '-a', 'v1.0.0', '-m', 'one');
    second = await repository.commit('fix: two\n\nbody', { 'a.txt': '2' }, 'Ünal <unal@example.com>');
    await repository.git('branch', 'release/1.x', first);
  });
  afterEach(() => repository.remove());

  const resolve = (argument: string | null, env: Record<string, string> = {}, commit?: string) =>
    resolveRef(repository.folder, argument, env, commit);

  it('takes the branch that is checked out', async () => {
    const found = await resolve(null);
    expect(found).toMatchObject({ ref: { kind: 'branch', name: 'main' }, version: second.slice(0, 7) });
    expect(found.commit).toMatchObject({
      sha: second,
      subject: 'fix: two',
      author: 'Ünal',
      authorEmail: 'unal@example.com',
    });
  });

  it('takes a commit that is to go to an environment as the one branch it takes and that contains it', async () => {
    const named = await resolve(first.slice(0, 7));
    const goingTo = (...from: string[]) => {
      const takes = from.map((branch) => ({ kind: 'branch' as const, branch }));
      return onItsBranch(repository.folder, named, new Map([['stage', { from: takes }]]), ['stage']);
    };
    expect(named.ref.kind).toBe('commit');
    expect(await goingTo('main')).toEqual({ ...named, ref: { kind: 'branch', name: 'main' } });
    expect((await goingTo('release/*')).ref).toEqual({ kind: 'branch', name: 'release/1.x' });
    // several contain it, or none that the environment takes: nothing is guessed
    for (const from of [['main', 'release/*'], ['develop'], []])
      expect(await goingTo(...from)).toEqual(named);
    const newer = await resolve(second.slice(0, 7));
    const environments = new Map([['stage', { from: [{ kind: 'branch' as const, branch: 'release/*' }] }]]);
    expect(await onItsBranch(repository.folder, newer, environments, ['stage'])).toEqual(newer);
  });

  it('takes tags, branches with slashes, full names and commits', async () => {
    expect(await resolve('v1.0.0')).toMatchObject({
      ref: { kind: 'tag', name: 'v1.0.0' },
      version: 'v1.0.0',
      commit: { sha: first },
    });
    expect(await resolve('refs/tags/v1.0.0')).toMatchObject({ ref: { kind: 'tag', name: 'v1.0.0' } });
    expect(await resolve('release/1.x')).toMatchObject({
      ref: { kind: 'branch', name: 'release/1.x' },
      commit: { sha: first },
    });
    expect(await resolve(first.slice(0, 10))).toMatchObject({ ref: { kind: 'commit', name: first } });
  });

  it('takes another commit of a branch, where it is named', async () => {
    expect(await resolve('main', {}, first.slice(0, 9))).toMatchObject({
      ...{ ref: { kind: 'branch', name: 'main' }, version: first.slice(0, 7), commit: { sha: first } },
    });
    for (const [ref, commit] of [
      ['v1.0.0', first],
      [first, first],
      ['main', 'v1.0.0'],
      ['main', '--upload-pack=touch'],
      ['main', 'abcdef0'],
    ] as const)
      await expect(resolve(ref, {}, commit)).rejects.toMatchObject({ exit: 2 });
  });

  it('prefers the tag of a name, unless told the branch', async () => {
    await repository.git('branch', 'v1.0.0', second);
    expect((await resolve('v1.0.0')).commit.sha).toBe(first);
    expect(await resolve('refs/heads/v1.0.0')).toMatchObject({
      ref: { kind: 'branch' },
      commit: { sha: second },
    });
  });

  it('takes what CI says: the ref for the environment, the sha for the commit', async () => {
    expect(await resolve(null, { GITHUB_REF: 'refs/heads/main', GITHUB_SHA: first })).toMatchObject({
      ref: { kind: 'branch', name: 'main' },
      commit: { sha: first },
    });
    expect(await resolve(null, { GITHUB_REF: 'refs/tags/v1.0.0' })).toMatchObject({
      ref: { kind: 'tag' },
      commit: { sha: first },
    });
    await expect(resolve(null, { GITHUB_REF: 'refs/pull/7/merge' })).rejects.toMatchObject({
      exit: 2,
      where: 'GITHUB_REF',
    });
  });

  it('takes the tag on a detached head, else the commit', async () => {
    await repository.git('checkout', '--quiet', first);
    expect(await resolve(null)).toMatchObject({ ref: { kind: 'tag', name: 'v1.0.0' } });
    await repository.git('checkout', '--quiet', second);
    expect(await resolve(null)).toMatchObject({ ref: { kind: 'commit', name: second } });
  });

  it.each(['nope', '--upload-pack=touch /tmp/x', 'main; rm -rf /', 'main:a.txt', '@{-1}', ''])(
    'refuses %j with exit 2',
    async (name) => {
      await expect(resolve(name)).rejects.toMatchObject({ exit: 2 });
    },
  );

  it('says the form of a version tag for one that is malformed', async () => {
    await expect(resolve('v1.2')).rejects.toMatchObject({
      exit: 2,
      wayOut: expect.stringContaining('v1.2.0'),
    });
  });

  it('names the repository for the worker: given, origin, or this folder', async () => {
    expect((await findRepository(repository.folder, null)).url).toBe(repository.folder);
    await repository.git('remote', 'add', 'origin', 'git@example.com:team/app.git');
    expect((await findRepository(repository.folder, null)).url).toBe('git@example.com:team/app.git');
    expect((await findRepository(repository.folder, 'https://example.com/x.git')).url).toBe(
      'https://example.com/x.git',
    );
    expect((await findRepository(repository.folder, '../other')).url).toBe(
      path.resolve(repository.folder, '../other'),
    );
    await repository.git('remote', 'set-url', 'origin', 'https://ci-token:s3cret@example.com/app.git');
    expect((await findRepository(repository.folder, null)).url).toBe('https://example.com/app.git');
    await repository.git('remote', 'set-url', 'origin', './bare.git');
    expect((await findRepository(repository.folder, null)).url).toBe(
      path.join(repository.folder, 'bare.git'),
    );
  });

  it('refuses a folder that is no repository', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slipway-none-'));
    try {
      await expect(findRepository(folder, null)).rejects.toMatchObject({
        exit: 2,
        what: 'not a git repository',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
