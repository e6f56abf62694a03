import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withCheckout } from '../../activities/source/checkout.js';
import { archiveFolder, readFileAtCommit } from '../../activities/source/files-at-commit.js';
import { withObjects } from '../../activities/source/git-objects.js';
import { askMirror, checkRefHolds, isAncestor, readRef } from '../../activities/source/history.js';
import { createListAncestors } from '../../activities/source/list-ancestors.js';
import { createSource, type Mirror, type Source } from '../../activities/source/source.js';
import { gatherGitFacts } from '../../pipeline/index.js';
import type { ReleaseRef } from '../../pipeline/plan.js';
import { FAILURE } from '../../workflows/failures.js';
import { createRepository, type TestRepository } from '../support/repository.js';

let repository: TestRepository;
let cacheFolder: string;
let source: Source;

beforeEach(async () => {
  repository = await createRepository();
  cacheFolder = await mkdtemp(path.join(tmpdir(), 'slw-cache-'));
  source = createSource({ cacheFolder });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await repository.remove();
  await rm(cacheFolder, { recursive: true, force: true });
});

const readAt = (mirror: Mirror, commit: string, file: string) =>
  withObjects(mirror, (objects) => readFileAtCommit(objects, commit, file));

const holds = (mirror: Mirror, ref: ReleaseRef, commit: string) =>
  withObjects(mirror, (objects) => checkRefHolds(objects, ref, commit));

const badInput = { type: FAILURE.badInput, nonRetryable: true };

describe('the mirror', () => {
  it('fetches what is new and forgets what was deleted', async () => {
    const first = await repository.commit('one', { a: '1' });
    await repository.git('branch', 'feature/x');
    const mirror = await source.fetch(repository.folder);
    await holds(mirror, { kind: 'branch', name: 'feature/x' }, first);

    const second = await repository.commit('two', { a: '2' });
    await repository.git('branch', '-D', 'feature/x');
    // a branch that was a folder of branches before
    await repository.git('branch', 'feature');
    await source.fetch(repository.folder);
    await holds(mirror, { kind: 'branch', name: 'feature' }, second);
    await expect(holds(mirror, { kind: 'branch', name: 'feature/x' }, first)).rejects.toMatchObject(badInput);
  });

  it('serves many askers of one repository at once', async () => {
    const sha = await repository.commit('one', { a: '1' });
    const other = createSource({ cacheFolder });
    const mirrors = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 === 0 ? source : other).fetchCommit(repository.folder, sha),
      ),
    );
    expect(new Set(mirrors.map((mirror) => mirror.folder)).size).toBe(1);
  });

  it('recovers from a fetch that died holding a lock', async () => {
    await repository.commit('one', { a: '1' });
    const mirror = await source.fetch(repository.folder);
    const lock = path.join(mirror.folder, 'refs/heads/main.lock');
    await writeFile(lock, '');
    await utimes(lock, new Date(0), new Date(0));
    const second = await repository.commit('two', { a: '2' });
    await source.fetch(repository.folder);
    await holds(mirror, { kind: 'branch', name: 'main' }, second);
    expect(existsSync(lock)).toBe(false);
  });

  it('finds a commit that is on no branch', async () => {
    await repository.git('config', 'uploadpack.allowAnySHA1InWant', 'true');
    await repository.commit('one', { a: '1' });
    const lost = await repository.commit('lost', { a: 'lost' });
    await repository.git('reset', '--quiet', '--hard', 'HEAD~1');
    const mirror = await source.fetchCommit(repository.folder, lost);
    expect(await readAt(mirror, lost, 'a')).toBe('lost');
  });

  it.each([
    ['a repository that is not there', () => path.join(tmpdir(), 'no-such-repository')],
    ['an option in disguise', () => '--upload-pack=touch /tmp/owned'],
    ['a transport that runs programs', () => 'ext::sh -c touch% /tmp/owned'],
    ['an ssh host that is an option', () => 'ssh://-oProxyCommand=touch/x'],
    ['a relative path', () => '../somewhere'],
  ])('refuses %s', async (_, url) => {
    await expect(source.fetch(url())).rejects.toMatchObject(badInput);
  });

  it('refuses a commit the repository does not have', async () => {
    await repository.commit('one', { a: '1' });
    await expect(source.fetchCommit(repository.folder, 'ab'.repeat(20))).rejects.toMatchObject(badInput);
    await expect(source.fetchCommit(repository.folder, 'HEAD')).rejects.toMatchObject(badInput);
  });
});

describe('history', () => {
  it('reads the facts of a commit and who worked on it since the live one', async () => {
    const live = await repository.commit('start', { a: '1' }, 'Old <old@example.com>');
    await repository.commit(
      'fix: b\n\nCo-authored-by: Oleg <Oleg@example.com>',
      { a: '2' },
      'Irina <irina@example.com>',
    );
    const head = await repository.commit('feat: \u001b[31mred', { a: '3' });
    const mirror = await source.fetch(repository.folder);
    const gather = (served: string[]) =>
      gatherGitFacts(askMirror(mirror), head, new Map(served.map((sha) => [sha, sha])));
    const { commit: facts } = await gather([live]);
    expect(facts).toMatchObject({
      sha: head,
      subject: 'feat:  [31mred',
      author: 'Anna',
      authorEmail: 'anna@example.com',
      authors: ['anna@example.com', 'irina@example.com', 'oleg@example.com'],
    });
    expect(Number.isNaN(Date.parse(facts.committedAt))).toBe(false);
    expect((await gather([])).commit.authors).toEqual(['anna@example.com']);
    expect((await gather([head])).commit.authors).toEqual(['anna@example.com']);
  });

  it('knows the parents that a merge has the files of, whether they are live, new or neither', async () => {
    const first = await repository.commit('one', { a: '1' }, 'Old <old@example.com>');
    await repository.git('checkout', '--quiet', '-b', 'side');
    const tested = await repository.commit('two', { b: '1' }, 'Irina <irina@example.com>');
    await repository.git('checkout', '--quiet', 'main');
    await repository.git('merge', '--quiet', '--no-ff', '-m', 'merge', 'side');
    const merge = await repository.git('rev-parse', 'HEAD');
    const mirror = await source.fetch(repository.folder);
    const gather = async (...live: string[]) =>
      (await gatherGitFacts(askMirror(mirror), merge, new Map(live.map((sha) => [sha, sha])))).commit;
    for (const live of [[], [first], [tested], [tested, first], [merge]]) {
      const { sha, sameFilesAs, authors } = await gather(...live);
      expect({ live, sha, sameFilesAs }).toEqual({ live, sha: merge, sameFilesAs: [tested] });
      expect(authors.includes('irina@example.com')).toBe(live.includes(first));
    }
  });

  it('knows a commit that is older than what is live', async () => {
    const old = await repository.commit('one', { a: '1' }, 'Old <old@example.com>');
    const live = await repository.commit('two', { b: '1' });
    const mirror = await source.fetch(repository.folder);
    const { commit, changedPaths } = await gatherGitFacts(askMirror(mirror), old, new Map([['prod', live]]));
    expect(commit).toMatchObject({ sha: old, subject: 'one', authors: ['old@example.com'] });
    expect(changedPaths.get('prod')).toEqual(['b']);
  });

  it('asks what an environment serves, and leaves out what the repository has not got', async () => {
    const one = await repository.commit('one', { a: '1' }, 'Old <old@example.com>');
    const head = await repository.commit('two', { b: '1' });
    const mirror = await source.fetch(repository.folder);
    const live = new Map([
      ['dev', head],
      ['stage', one],
      ['prod', 'ab'.repeat(20)],
    ]);
    const { commit, changedPaths } = await gatherGitFacts(askMirror(mirror), head, live);
    expect(commit.authors).toEqual(['anna@example.com']);
    expect([...changedPaths]).toEqual([
      ['dev', []],
      ['stage', ['b']],
    ]);
    await expect(gatherGitFacts(askMirror(mirror), 'ab'.repeat(20), live)).rejects.toThrow('ab'.repeat(20));
  });

  it('hands nothing to git that an environment says is live and is no commit', async () => {
    const head = await repository.commit('one', { a: '1' });
    const mirror = await source.fetch(repository.folder);
    const written = path.join(cacheFolder, 'written');
    const live = new Map([
      ['dev', `--output=${written}`],
      ['prod', `-O${written}`],
    ]);
    const { commit, changedPaths } = await gatherGitFacts(askMirror(mirror), head, live);
    expect(commit.authors).toEqual(['anna@example.com']);
    expect([...changedPaths]).toEqual([]);
    expect(existsSync(written)).toBe(false);
  });

  it('knows order and difference', async () => {
    const one = await repository.commit('one', { a: '1', 'docs/x.md': '1' });
    const two = await repository.commit('two', { 'docs/new\nline;$(x).md': '1', 'docs/x.md': null });
    const mirror = await source.fetch(repository.folder);
    expect(await isAncestor(mirror, one, two)).toBe(true);
    expect(await isAncestor(mirror, two, one)).toBe(false);
    const { changedPaths } = await gatherGitFacts(askMirror(mirror), two, new Map([['prod', one]]));
    expect(changedPaths.get('prod')).toEqual(['docs/new\nline;$(x).md', 'docs/x.md']);
  });

  it('says which of the announced commits are older, ignoring ones that are gone', async () => {
    const one = await repository.commit('one', { a: '1' });
    const two = await repository.commit('two', { a: '2' });
    await repository.git('checkout', '--quiet', '-b', 'side', one);
    const side = await repository.commit('side', { b: '1' });
    const listAncestors = createListAncestors({ source });
    const candidates = [one, side, two, 'cd'.repeat(20), '--all'];
    const input = { repositoryUrl: repository.folder, commit: two, candidates };
    expect(await new MockActivityEnvironment().run(listAncestors, input)).toEqual({ ancestors: [one] });
  });

  it('holds a tag to its commit and a branch to its history', async () => {
    const one = await repository.commit('one', { a: '1' });
    await repository.git('tag', '--annotate', 'v1.0.0', '--message=one');
    await repository.git('tag', 'v1.0.0-light');
    const two = await repository.commit('two', { a: '2' });
    const mirror = await source.fetch(repository.folder);
    await holds(mirror, { kind: 'tag', name: 'v1.0.0' }, one);
    await holds(mirror, { kind: 'tag', name: 'v1.0.0-light' }, one);
    await holds(mirror, { kind: 'branch', name: 'main' }, one);
    await holds(mirror, { kind: 'commit', name: two }, two);
    for (const ref of [
      { kind: 'tag', name: 'v1.0.0' },
      { kind: 'tag', name: 'v2.0.0' },
      { kind: 'branch', name: 'develop' },
      { kind: 'commit', name: one },
      { kind: 'branch', name: '--help' },
      { kind: 'branch', name: 'main..x' },
      { kind: 'branch', name: 'main^{tree}' },
    ] as const) {
      await expect(holds(mirror, ref, two)).rejects.toMatchObject(badInput);
    }
  });

  it('takes branch names as text, whatever they contain', async () => {
    const sha = await repository.commit('one', { a: '1' });
    const name = "feat/$(id);`id`&'x'|#";
    await repository.git('branch', name);
    const mirror = await source.fetch(repository.folder);
    expect(await withObjects(mirror, (objects) => readRef(objects, { kind: 'branch', name }))).toBe(sha);
  });
});

describe('files at a commit', () => {
  it('reads text as it was, not as it is', async () => {
    const one = await repository.commit('one', { 'slipway.yaml': 'pipeline: old\n' });
    await repository.commit('two', { 'slipway.yaml': 'pipeline: new\n' });
    const mirror = await source.fetch(repository.folder);
    expect(await readAt(mirror, one, './slipway.yaml')).toBe('pipeline: old\n');
    expect(await readAt(mirror, one, 'missing.yaml')).toBeNull();
  });

  it('refuses links, folders, large files, other encodings and paths outside', async () => {
    await symlink('/etc/passwd', path.join(repository.folder, 'link'));
    await writeFile(path.join(repository.folder, 'latin1'), Buffer.from([0x66, 0xfc, 0x72]));
    await writeFile(path.join(repository.folder, 'large'), Buffer.alloc(17 * 1024 * 1024, 97));
    const sha = await repository.commit('one', { 'folder/a': '1' });
    const mirror = await source.fetch(repository.folder);
    for (const file of ['link', 'latin1', 'large', 'folder', '../x', '/etc/passwd', '--help', ':(glob)*']) {
      await expect(readAt(mirror, sha, file)).rejects.toMatchObject(badInput);
    }
  });

  it('gives a folder the same digest every time and another for another commit', async () => {
    const one = await repository.commit('one', { 'shop/index.html': 'v1', other: 'x' });
    const two = await repository.commit('two', { 'shop/index.html': 'v2' });
    const mirror = await source.fetch(repository.folder);
    const digests: string[] = [];
    for (const commit of [one, one, two]) {
      const archive = await archiveFolder({ mirror, commit, folder: 'shop', cacheFolder });
      digests.push(archive.digest);
      expect(existsSync(archive.file)).toBe(true);
    }
    expect(digests[0]).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digests[1]).toBe(digests[0]);
    expect(digests[2]).not.toBe(digests[0]);
    expect(await readdir(path.join(cacheFolder, 'archives'))).toHaveLength(2);
    for (const folder of ['nothing', 'other', '..']) {
      await expect(archiveFolder({ mirror, commit: one, folder, cacheFolder })).rejects.toMatchObject(
        badInput,
      );
    }
  });
});

describe('a clean checkout', () => {
  it('holds the commit without running what the repository brings, and goes away', async () => {
    const sha = await repository.commit('one', { 'a.txt': 'line\r\n', '.gitattributes': '*.txt text\n' });
    await repository.commit('two', { 'a.txt': 'newer' });
    const mirror = await source.fetch(repository.folder);
    let seen = '';
    await withCheckout({ mirror, commit: sha, user: null }, async ({ folder }) => {
      seen = folder;
      expect(await readFile(path.join(folder, 'a.txt'), 'utf8')).toBe('line\n');
      expect(existsSync(path.join(folder, '.git/hooks'))).toBe(false);
    });
    expect(existsSync(seen)).toBe(false);
    const failing = withCheckout({ mirror, commit: sha, user: null }, ({ folder }) => {
      seen = folder;
      throw new Error('the work failed');
    });
    await expect(failing).rejects.toThrow('the work failed');
    expect(existsSync(seen)).toBe(false);
  });

  it('asks no server that a commit names for its large files', async () => {
    const asked = path.join(cacheFolder, 'asked');
    const filter = `[filter "lfs"]\n\tsmudge = touch ${asked}; cat\n\trequired = true\n`;
    await writeFile(path.join(cacheFolder, '.gitconfig'), filter);
    vi.stubEnv('HOME', cacheFolder);
    const commit = await repository.commit('large', {
      '.gitattributes': '*.bin filter=lfs\n',
      '.lfsconfig': '[lfs]\n\turl = https://evil.example.com\n',
      'site/a.bin': 'version https://git-lfs.github.com/spec/v1\n',
    });
    const mirror = await source.fetch(repository.folder);
    await archiveFolder({ mirror, commit, folder: 'site', cacheFolder });
    await withCheckout({ mirror, commit, user: null }, async ({ folder }) => {
      expect(await readFile(path.join(folder, 'site/a.bin'), 'utf8')).toContain('git-lfs');
    });
    expect(existsSync(asked)).toBe(false);
  });
});
