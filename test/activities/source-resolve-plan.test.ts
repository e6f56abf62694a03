import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReleasePlan } from '../../pipeline/plan.js';
import { createResolvePlan } from '../../activities/source/resolve-plan.js';
import { createSource } from '../../activities/source/source.js';
import type { PolicyStore } from '../../activities/trust/policy-store.js';
import { FAILURE } from '../../workflows/failures.js';
import type { ReleaseRequest } from '../../workflows/messages.js';
import { givenPolicyStore } from '../support/policies.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { NO_POLICY } from '../support/sealed.js';

const FILE = `pipeline: shop
image: cr.example.com/team/shop
defaults:
  paths-ignore: [docs/**, "*.md"]
environments:
  dev:
    from: {branch: develop}
    hosts: [deploy@dev.example.com]
    ssh: {known-hosts: deploy/known_hosts}
    platform: {stack: deploy/dev.yml, name: shop-dev}
    url: http://dev.example.com
    checks: [/health]
  stage:
    from: [{branch: develop}, {branch: main}]
    hosts: [deploy@stage.example.com]
    platform: {swarm: shop_shop}
    url: http://stage.example.com
    checks: [/health]
  prod:
    production: true
    from: {tag: "v*.*.*"}
    start: manual
    hosts: [deploy@prod.example.com]
    platform: {swarm: shop_shop}
    url: http://prod.example.com
    checks: [/health]
`;
const FILES = {
  'slipway.yaml': FILE,
  'deploy/dev.yml': 'services: {shop: {image: "cr.example.com/team/shop:${IMAGE_TAG}"}}\n',
  'deploy/known_hosts': 'dev.example.com ssh-ed25519 AAAA\n',
};

let repository: TestRepository;
let cacheFolder: string;
let live: Record<string, string>;

beforeEach(async () => {
  repository = await createRepository();
  await repository.git('checkout', '--quiet', '-b', 'develop');
  cacheFolder = await mkdtemp(path.join(tmpdir(), 'slw-cache-'));
  live = {};
});

afterEach(async () => {
  await repository.remove();
  await rm(cacheFolder, { recursive: true, force: true });
});

async function resolve(
  commit: string,
  change: Partial<ReleaseRequest> = {},
  policy: PolicyStore = NO_POLICY,
): Promise<ReleasePlan> {
  const resolvePlan = createResolvePlan({
    source: createSource({ cacheFolder }),
    policy,
    findLive: (pipeline, environment) => {
      const commit = live[`${pipeline}/${environment}`];
      return Promise.resolve(commit === undefined ? null : { commit, wasLetIn: false });
    },
  });
  const request: ReleaseRequest = {
    requestId: 'request-1',
    pipeline: 'shop',
    repositoryUrl: repository.folder,
    file: 'slipway.yaml',
    ref: { kind: 'branch', name: 'develop' },
    commit,
    version: '',
    to: [],
    actor: { by: 'anna', proof: 'unverified' },
    reason: null,
    ...change,
  };
  return await new MockActivityEnvironment().run(resolvePlan, request);
}

const names = (plan: ReleasePlan): string[] => plan.environments.map((each) => each.name);
const badInput = (text: string) => ({
  type: FAILURE.badInput,
  nonRetryable: true,
  message: expect.stringContaining(text),
});

describe('a plan', () => {
  it('is compiled from the file and the files it needs, at the commit', async () => {
    const commit = await repository.commit('feat: shop', FILES);
    await repository.commit('break it', { 'slipway.yaml': 'nonsense', 'deploy/dev.yml': null });
    const plan = await resolve(commit);
    expect(names(plan)).toEqual(['dev', 'stage']);
    expect(plan).toMatchObject({
      pipeline: 'shop',
      version: commit.slice(0, 7),
      commit: { sha: commit, subject: 'feat: shop', authors: ['anna@example.com'] },
      repository: { url: repository.folder },
    });
    expect(plan.environments[0]?.ssh.knownHosts).toBe(FILES['deploy/known_hosts']);
    expect(plan.environments[0]?.platform).toMatchObject({ kind: 'stack' });
    expect((await resolve(commit)).planHash).toBe(plan.planHash);
  });

  it('names everybody who wrote what an environment does not serve yet', async () => {
    const first = await repository.commit('one', FILES, 'Old <old@example.com>');
    const second = await repository.commit('two', { a: '1' }, 'Irina <irina@example.com>');
    const third = await repository.commit('three', { a: '2' }, 'Oleg <oleg@example.com>');
    live = { 'shop/dev': second, 'shop/stage': first };
    expect((await resolve(third)).commit.authors).toEqual(['irina@example.com', 'oleg@example.com']);
    live = { 'shop/dev': 'ab'.repeat(20) };
    expect((await resolve(third)).commit.authors).toEqual(['oleg@example.com']);
  });

  it('leaves out the environments for which only ignored paths have changed since what they serve', async () => {
    const first = await repository.commit('one', FILES);
    const code = await repository.commit('code', { 'src/a': '1' });
    const docs = await repository.commit('docs', { 'docs/x.txt': '1', 'README.md': '1' });
    live = { 'shop/dev': code, 'shop/stage': first };
    const plan = await resolve(docs);
    expect(names(plan)).toEqual(['stage']);
    expect(plan.skipped).toEqual([{ environment: 'dev', why: expect.stringContaining('paths-ignore') }]);
    expect(names(await resolve(docs, { to: ['dev'] }))).toEqual(['dev']);
    live = { 'shop/dev': code, 'shop/stage': code };
    expect(names(await resolve(docs))).toEqual([]);
  });
});

describe('where nobody vouches for what is live, nobody approves what they wrote', () => {
  const approved = `${FILE}    approvals: 1\n    self-approval: false\n`;
  const policyWith = (prod: string): PolicyStore =>
    givenPolicyStore(
      `pipelines: {shop: {repositories: [${repository.folder}], environments: {
        dev: {hosts: [deploy@dev.example.com]}, stage: {hosts: [deploy@stage.example.com]},
        prod: {hosts: [deploy@prod.example.com]${prod}}}}}`,
    );
  const toProd = async (commit: string, policy: PolicyStore) => {
    await repository.git('tag', '--force', 'v1.0.0', commit);
    return await resolve(commit, { ref: { kind: 'tag', name: 'v1.0.0' }, to: ['prod'] }, policy);
  };

  it('since the beginning, or since what the owner of the worker names', async () => {
    await repository.commit('one', { ...FILES, 'slipway.yaml': approved }, 'Old <old@example.com>');
    const second = await repository.commit('two', { a: '1' }, 'Irina <irina@example.com>');
    const third = await repository.commit('three', { a: '2' }, 'Oleg <oleg@example.com>');
    const authors = async (policy: PolicyStore) => (await toProd(third, policy)).commit.authors;
    const everybody = ['irina@example.com', 'old@example.com', 'oleg@example.com'];
    expect(await authors(policyWith(''))).toEqual(everybody);
    expect(await authors(policyWith(`, reviewed: ${second}`))).toEqual(['oleg@example.com']);
    // what this repository has not got
    expect(await authors(policyWith(`, reviewed: ${'ab'.repeat(20)}`))).toEqual(everybody);
    live = { 'shop/prod': second };
    expect(await authors(policyWith(''))).toEqual(['oleg@example.com']);
    live = { 'shop/prod': 'ab'.repeat(20) };
    expect(await authors(policyWith(''))).toEqual(everybody);
  });

  it('and only where they could', async () => {
    await repository.commit('one', FILES, 'Old <old@example.com>');
    const next = await repository.commit('two', { a: '1' }, 'Irina <irina@example.com>');
    expect((await resolve(next, {}, policyWith(''))).commit.authors).toEqual(['irina@example.com']);
  });

  it('and more people than a plan can name are too many', async () => {
    const trailers = Array.from({ length: 600 }, (_, nth) => `Co-authored-by: P <p${nth}@example.com>`);
    const commit = await repository.commit(`one\n\n${trailers.join('\n')}`, {
      ...FILES,
      'slipway.yaml': approved,
    });
    await expect(toProd(commit, policyWith(''))).rejects.toMatchObject(
      badInput('601 people wrote what prod does not serve yet'),
    );
  });
});

describe('a plan is refused', () => {
  it('when the branch or tag does not hold the commit', async () => {
    const commit = await repository.commit('one', FILES);
    await repository.git('branch', 'main');
    await repository.git('tag', 'v1.0.0');
    const next = await repository.commit('two', { a: '1' });
    const tag = { kind: 'tag', name: 'v1.0.0' } as const;
    await expect(resolve(next, { ref: { kind: 'branch', name: 'main' } })).rejects.toMatchObject(
      badInput('does not contain'),
    );
    await expect(resolve(next, { ref: tag, to: ['prod'] })).rejects.toMatchObject(
      badInput('the tag points at'),
    );
    expect(names(await resolve(commit, { ref: tag, to: ['prod'] }))).toEqual(['prod']);
  });

  it('when it is to be called otherwise than its ref says', async () => {
    const commit = await repository.commit('one', FILES);
    await repository.git('branch', 'main');
    await repository.git('tag', 'v1.0.0');
    const tag = { kind: 'tag', name: 'v1.0.0' } as const;
    await expect(resolve(commit, { ref: tag, version: 'v2.0.0' })).rejects.toMatchObject(
      badInput('is called v1.0.0, not "v2.0.0"'),
    );
    await expect(resolve(commit, { version: 'v2.0.0' })).rejects.toMatchObject(
      badInput(`is called ${commit.slice(0, 7)}`),
    );
    expect((await resolve(commit, { ref: tag, version: 'v1.0.0' })).version).toBe('v1.0.0');
  });

  it('when a ref fits no environment, or a tag is malformed, with the form it should have', async () => {
    const commit = await repository.commit('one', FILES);
    await repository.git('branch', 'feature');
    await repository.git('tag', 'v1.2');
    const feature = { kind: 'branch', name: 'feature' } as const;
    const tag = { kind: 'tag', name: 'v1.2' } as const;
    await expect(resolve(commit, { ref: feature })).rejects.toMatchObject(badInput('no environment takes'));
    await expect(resolve(commit, { ref: tag })).rejects.toMatchObject(badInput('v1.2.0'));
    await expect(resolve(commit, { to: ['nowhere'] })).rejects.toMatchObject(
      badInput('no environment nowhere'),
    );
  });

  it('but a push, which nobody asked to be released, is nothing to do where no environment takes its ref', async () => {
    const commit = await repository.commit('one', {
      ...FILES,
      'slipway.yaml': `${FILE}release: {gates: [ci]}\ngates:\n  ci: {run: "make test"}\n`,
    });
    await repository.git('branch', 'feature');
    const ref = { kind: 'branch', name: 'feature' } as const;
    const plan = await resolve(commit, { ref, trigger: 'push' });
    expect(plan).toMatchObject({ environments: [], gates: [] });
    expect(plan.skipped).toEqual(
      ['dev', 'prod', 'stage'].map((environment) => ({ environment, why: 'does not take branch feature' })),
    );
    const taken = await resolve(commit, { trigger: 'push' });
    expect(names(taken)).toEqual(['dev', 'stage']);
    expect(taken.gates.map(({ name }) => name)).toEqual(['ci']);
  });

  it('when there is no file, when it is another pipeline, when it has errors: with their places', async () => {
    const none = await repository.commit('one', { a: '1' });
    await expect(resolve(none)).rejects.toMatchObject(badInput('no such file'));
    const other = await repository.commit('two', { ...FILES, 'slipway.yaml': FILE.replace('shop', 'other') });
    await expect(resolve(other)).rejects.toMatchObject(badInput('pipeline other'));
    const text = FILE.replace('from: {branch: develop}', 'form: {branch: develop}');
    const wrong = await repository.commit('three', { ...FILES, 'slipway.yaml': text });
    await expect(resolve(wrong)).rejects.toMatchObject(badInput('slipway.yaml:6:'));
    await expect(resolve(wrong, { file: '../slipway.yaml' })).rejects.toMatchObject(
      badInput('inside the repository'),
    );
  });

  it('when this version cannot carry it out: everything at once, with positions', async () => {
    const dev = '{stack: deploy/dev.yml, name: shop-dev}';
    const blind = (check: string): string => `{command: ./up}\n    bake: {for: 1m, checks: [${check}]}`;
    const [swarm, checks] = [
      '{swarm: shop_shop}',
      ['a', 'b', 'c'].map((name) => `  ${name}: {logs: ERROR}\n`),
    ];
    const environments = FILE.replace(dev, blind('a')).replace(swarm, blind('b')).replace(swarm, blind('c'));
    const text = `${environments}checks:\n${checks.join('')}`;
    const commit = await repository.commit('one', { ...FILES, 'slipway.yaml': text });
    const refused = resolve(commit);
    await expect(refused).rejects.toMatchObject(
      badInput('check logs in dev, whose platform has no logs command'),
    );
    await expect(refused).rejects.toMatchObject({
      message: expect.stringMatching(/^slipway\.yaml:31:\d+, slipway\.yaml:32:\d+: /),
    });
    // what this release does not enter may say what it likes
    await expect(refused).rejects.toMatchObject({ message: expect.not.stringContaining('in prod') });
  });
});
