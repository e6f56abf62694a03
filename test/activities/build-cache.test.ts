/** `cache: github`: the cache of GitHub Actions in a job of it, none and the reason anywhere else. */
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startActionsCache, type ActionsCache } from '../support/actions-cache.js';
import { useBuilds } from '../support/builds.js';
import { part } from '../support/parts.js';

const builds = useBuilds();
let cache: ActionsCache;

beforeEach(async () => {
  cache = await startActionsCache();
});
afterEach(() => cache.stop());

/** One layer is random: where it is the same again, it was not made again. */
const LAYERS = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox cat /proc/sys/kernel/random/uuid > /id"]
COPY last /last
`;

async function inJob<Result>(work: () => Promise<Result>): Promise<Result> {
  const names = Object.keys(cache.variables);
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const [name, value] of Object.entries(cache.variables)) vi.stubEnv(name, value);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) vi.stubEnv(name, value);
  }
}

const forgetLayers = () =>
  builds.dockerd.docker(['buildx', 'prune', '--all', '--force', '--builder', builds.buildkit.builderName]);

it('keeps layers for the next job, each image its own', async () => {
  await copyFile(await part('busybox'), path.join(builds.repository.folder, 'busybox'));
  const one = await builds.repository.commit('one', { Dockerfile: LAYERS, last: '1' });
  const two = await builds.repository.commit('two', { last: '2' });
  const app = builds.image({ cache: 'github' });
  const run = (commit: string) => inJob(() => builds.run(commit, [app], builds.buildkit.builderName).ended);
  const first = await run(one);
  expect(first).not.toHaveProperty('note');
  const scope = new RegExp(`^index-${app.repository}-`);
  expect(cache.keys().filter((key) => scope.test(key))).toHaveLength(1);
  await forgetLayers();
  const second = await run(two);
  const [before, after] = [await builds.layersOf(first.artifacts), await builds.layersOf(second.artifacts)];
  expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
  expect(after[2]).not.toBe(before[2]);
  expect(builds.registry.requests.filter((line) => line.includes('buildcache'))).toEqual([]);
});

it('is left out of a build that is in no job, and its step says why', async () => {
  const commit = await builds.repository.commit('one', {
    Dockerfile: 'FROM scratch\nCOPY last /\n',
    last: '1',
  });
  const app = builds.image({ cache: 'github' });
  const { note } = await builds.run(commit, [app], builds.buildkit.builderName).ended;
  expect(note).toMatch(/^built without a cache: .*no ACTIONS_RUNTIME_TOKEN; elsewhere say cache: registry$/);
  expect(cache.asked).toEqual([]);
});

it('fails no build when it does not answer', async () => {
  const commit = await builds.repository.commit('one', {
    Dockerfile: 'FROM scratch\nCOPY last /\n',
    last: '1',
  });
  const app = builds.image({ cache: 'github' });
  cache.stop();
  const built = await inJob(() => builds.run(commit, [app], builds.buildkit.builderName).ended);
  expect(built).toMatchObject({ adopted: false, artifacts: [{ name: 'app' }] });
});
