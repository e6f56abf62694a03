/** A team's commands on the worker: in the files of the commit, also when the worker stops in the middle of one. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { createDatabaseActivities } from '../../activities/database/create-database-activities.js';
import type { Hosts } from '../../activities/hosts/host.js';
import { openPlatform, type PlatformDependencies } from '../../activities/platforms/open-platform.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { createSource } from '../../activities/source/source.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { givenCommit, givenTarget } from '../support/given.js';
import { environmentFor, hostsKnowing } from '../support/hosts.js';
import { givenJobScene } from '../support/job-users.js';
import { NO_REPOSITORY } from '../support/no-repository.js';
import { until } from '../support/processes.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { runActivity } from '../support/run-activity.js';

const WORKER = { name: 'worker', address: 'local' };

let home: string;
let repository: TestRepository;
let hosts: Hosts;
let dependencies: PlatformDependencies;

beforeAll(async () => {
  repository = await createRepository();
});
afterAll(() => repository.remove());

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'slw-worker-'));
  vi.stubEnv('HOME', home);
  hosts = hostsKnowing('/nowhere');
  const source = createSource({ cacheFolder: path.join(home, 'cache') });
  dependencies = { ...NO_REPOSITORY, hosts, source, secrets: createSecrets({}) };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hosts.close();
  await rm(home, { recursive: true, force: true });
});

/** `deploy.sh` notes where it is and what release its files are of; `before` is what it waits for. */
async function commit(release: string, before = 'true'): Promise<string> {
  const script = `set -eu\npwd > "$1/where"\n${before}\ncp release "$1/release"\n`;
  return await repository.commit(release, { 'deploy.sh': script, release });
}

function onWorker(sha: string, change: Partial<EnvironmentPlan> = {}, target: Partial<Target> = {}): Target {
  const plan: EnvironmentPlan = {
    ...environmentFor(),
    repository: { url: repository.folder },
    platform: {
      kind: 'command',
      ...{ command: `sh deploy.sh ${home}`, inspect: `cat ${home}/release`, restore: null, retire: null },
      on: 'worker',
    },
    ...change,
  };
  return givenTarget(plan, { commit: givenCommit({ sha }), ...target });
}

async function open(target: Target, signal = new AbortController().signal) {
  const manners = { progress: () => undefined, signal, operationId: (step: string) => step };
  const opened = await openPlatform(dependencies, target, WORKER, manners);
  const { context, platform } = opened;
  await context.host.claim(context.fence, context.operationId('*'));
  return { context, platform };
}

const noted = async (name: string): Promise<string> =>
  (await readFile(path.join(home, name), 'utf8').catch(() => '')).trim();
const isThere = async (folder: string): Promise<boolean> => (await stat(folder).catch(() => null)) !== null;

it('deploy in the files of the release, undo in those of the one before, and leave none behind', async () => {
  const [old, now] = [await commit('v1'), await commit('v2')];
  const first = await open(onWorker(old));
  await first.platform.deploy(first.context);
  expect(await noted('release')).toBe('v1');
  expect(await isThere(await noted('where'))).toBe(false);

  const live = { ...onWorker(old), at: '', by: 'anna' };
  const next = await open(onWorker(now, {}, { token: 9, live }));
  const prior = await next.platform.recordPrior(next.context);
  await next.platform.deploy(next.context);
  expect(await noted('release')).toBe('v2');
  expect(await next.platform.undo(next.context, prior)).toMatchObject({ outcome: 'undone' });
  expect(await noted('release')).toBe('v1');
  expect(await isThere(await noted('where'))).toBe(false);
});

it('goes on where the worker stops, is attached to, and takes its files away at its end', async () => {
  const target = onWorker(await commit('v3', `until [ -e "$1/go" ] || [ ! -d "$1" ]; do sleep 0.05; done`));
  const stopping = new AbortController();
  const stopped = await open(target, stopping.signal);
  const deploying = stopped.platform.deploy(stopped.context).catch((error: unknown) => error);
  await until('it runs', async () => (await noted('where')) !== '');
  const folder = await noted('where');
  stopping.abort('detach');
  expect(await deploying).toBe('detach');
  expect(await readdir(folder)).toContain('deploy.sh');

  const again = await open(target);
  const attached = again.platform.deploy(again.context);
  await writeFile(path.join(home, 'go'), '');
  expect(await attached).toBe('deployed');
  expect(await noted('release')).toBe('v3');
  expect(await noted('where'), 'it was not started again').toBe(folder);
  expect(await isThere(folder)).toBe(false);
});

it('run as the user that the policy names, in files that are its own', async () => {
  const jobs = await givenJobScene();
  onTestFinished(() => jobs.stop());
  const user = await jobs.user();
  const jobUserOf = () => Promise.resolve(user);
  await hosts.close();
  hosts = hostsKnowing('/nowhere', {}, createSecrets({}), jobUserOf);
  dependencies = { ...dependencies, hosts, jobUserOf };
  await Promise.all([chmod(home, 0o755), mkdir(path.join(home, 'out'))]);
  await chmod(path.join(home, 'out'), 0o777);
  const script = 'set -eu\nid -un > "$1/who"\nstat -c %U deploy.sh > "$1/owner"\npwd > "$1/where"\n';
  const sha = await repository.commit('as somebody', { 'deploy.sh': script });
  const platform = { kind: 'command', command: `sh deploy.sh ${home}/out`, inspect: null } as const;
  const target = onWorker(sha, { platform: { ...platform, restore: null, retire: null, on: 'worker' } });
  const opened = await open(target);
  await opened.platform.deploy(opened.context);
  expect([await noted('out/who'), await noted('out/owner')]).toEqual([user.name, user.name]);
  expect(await isThere(await noted('out/where'))).toBe(false);
});

it('ask and change a database with what the commit brings', async () => {
  const sha = await repository.commit('migrations', {
    'migrate.sh': `cat newest > ${home}/revision\n`,
    'current.sh': `cat ${home}/revision 2>/dev/null || true\n`,
    newest: '0042\n',
  });
  const none = { inside: null, revert: null, restore: null };
  const backup = `touch ${home}/{backup}`;
  const database = { ...none, backup, migrate: 'sh migrate.sh', current: 'sh current.sh' };
  const { backupDatabase, migrateDatabase, readDatabase } = createDatabaseActivities(dependencies);
  const target = onWorker(sha, { database });
  expect(await runActivity(readDatabase, { target })).toEqual({ revision: 'base' });
  expect(await runActivity(migrateDatabase, { target, before: { revision: 'base' } })).toMatchObject({
    after: { revision: '0042' },
    note: 'base to 0042',
  });
  // any worker may run it, so no host has it
  const made = await runActivity(backupDatabase, { target });
  expect([made.host, await isThere(path.join(home, made.name))]).toEqual([undefined, true]);
});
