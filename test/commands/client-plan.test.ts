/** `slipway plan` prints exactly what the worker compiles: both asked about one repository, compared whole. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createFindLive } from '../../activities/environment/live-release.js';
import { createResolvePlan } from '../../activities/source/resolve-plan.js';
import { createSource } from '../../activities/source/source.js';
import { createPolicyStore, type PolicyStore } from '../../activities/trust/policy-store.js';
import type { ReleasePlan } from '../../pipeline/plan.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { readJson, slipway, type CommandRun } from '../support/slipway-command.js';
import { type Harness, quiet, startHarness, until } from '../support/workflow-harness.js';
import { startWorkers } from '../support/workers.js';
import { NO_POLICY } from '../support/sealed.js';

const exec = promisify(execFile);

const pipelineText = (pipeline: string): string => `pipeline: ${pipeline}
image: {folder: app}
defaults:
  hosts: [local]
  platform: {command: "deploy {tag}"}
  url: http://127.0.0.1:1
  checks: [/health]
  ssh: {known-hosts: deploy/known_hosts}
environments:
  dev:
    from: {branch: main}
    paths-ignore: [docs/**, "*.md"]
  stage:
    from: [{branch: main}, {tag: "v*.*.*"}]
    start: manual
  prod:
    production: true
    from: {tag: "v*.*.*"}
    after: stage
    start: manual
    approvals: [{count: 1, by: unverified}]
  next:
    from: {branch: next}
  live:
    from: {branch: main}
    after: next
    start: manual
`;

let harness: Harness;
let native: NativeConnection;
let endWorkers: () => Promise<void>;
let cacheFolder: string;
let repository: TestRepository;
/** Of the worker that is asked about a plan; it has none until a test gives it one. */
let policy: PolicyStore = NO_POLICY;
/** Every plan the worker has compiled, newest last. */
const compiled: ReleasePlan[] = [];

beforeAll(async () => {
  quiet();
  cacheFolder = await mkdtemp(path.join(tmpdir(), 'slw-cache-'));
  harness = await startHarness({ workers: false });
  const resolvePlan = createResolvePlan({
    source: createSource({ cacheFolder }),
    policy: NO_POLICY,
    findLive: createFindLive({
      askEnvironment: harness.activities.askEnvironment,
      policy: NO_POLICY,
      judge: { wasLetIn: () => false },
    }),
  });
  native = await NativeConnection.connect({ address: inject('temporalAddress') });
  endWorkers = await startWorkers(native, harness.taskQueue, inject('workflowBundle'), {
    ...harness.activities,
    inspectEnvironment: async (input) => {
      await policy.read();
      return harness.activities.inspectEnvironment(input);
    },
    resolvePlan: async (request) => {
      const plan = await resolvePlan(request);
      compiled.push(plan);
      return plan;
    },
  });
});

afterAll(async () => {
  await endWorkers();
  await native.close();
  await harness.close();
  await rm(cacheFolder, { recursive: true });
});

beforeEach(async () => {
  repository = await createRepository();
  // Neither the encoding nor the mail map of somebody's own git may reach a plan.
  await repository.git('config', 'i18n.logOutputEncoding', 'ISO-8859-1');
  await repository.git('config', 'log.showSignature', 'true');
  await repository.commit('feat: größer als « avant »', {
    'slipway.yaml': pipelineText(`plan-${randomUUID().slice(0, 8)}`),
    'deploy/known_hosts': '\ufeff127.0.0.1 ssh-ed25519 AAAA\n',
    'app/index.html': '1',
    '.mailmap': 'Anna <nobody@example.com> <anna@example.com>\n',
  });
  return () => repository.remove();
});

function run(line: string, folder = repository.folder): Promise<CommandRun> {
  return slipway(line.split(' '), {
    cwd: folder,
    env: {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      SLIPWAY_TASK_QUEUE: harness.taskQueue,
      SLIPWAY_ACTOR: 'irina',
    },
  });
}

type Planned = ReleasePlan & { hash: string; uncertain: string[]; refused: unknown[] };

async function plan(words: string): Promise<Planned> {
  const answer = await run(`plan ${words} --json`);
  expect(answer.err).toBe('');
  return readJson(answer).data as unknown as Planned;
}

/** The plan as the command prints it, then a release of the same; the worker's plan must be that very one. */
async function expectSame(words: string): Promise<ReleasePlan> {
  const {
    hash,
    live: _live,
    wayBack: _way,
    refused,
    uncertain,
    ...printed
  } = (await plan(words)) as Planned & {
    live: unknown;
    wayBack: unknown;
  };
  expect(uncertain).toEqual([]);
  expect(refused).toEqual([]);
  const before = compiled.length;
  const released = await run(`release ${words}`);
  expect(released, released.out + released.err).toMatchObject({ exit: 0 });
  const theirs = await until('the worker’s plan', () => compiled[before]);
  expect(printed).toEqual(theirs);
  expect(hash).toBe(theirs.planHash);
  return theirs;
}

describe('slipway plan and the worker', () => {
  it('agree on a branch and a tag, before anything is live and after', async () => {
    expect((await expectSame('main')).environments.map(({ name }) => name)).toEqual(['dev']);
    await repository.git('tag', '--annotate', 'v1.0.0', '--message', 'one');
    const tagged = await expectSame('v1.0.0 --to stage');
    expect(tagged.commit.subject).toBe('feat: größer als « avant »');
    expect(tagged.environments[0]?.ssh.knownHosts).toMatch(/^\ufeff127/);
  });

  it('agree on who wrote what an environment does not serve yet', async () => {
    await expectSame('main');
    await repository.commit('fix: a', { 'app/a': '1' }, 'Irina <IRINA@Example.com>');
    const text =
      'feat: b\n\nCo-authored-by: Oleg <oleg@example.com>\nCo-authored-by: Anna <anna@example.com>';
    await repository.commit(text, { 'app/b': '1' }, 'Ünal <unal@example.com>');
    const { commit } = await expectSame('main');
    expect(commit.authors).toEqual([
      'anna@example.com',
      'irina@example.com',
      'oleg@example.com',
      'unal@example.com',
    ]);
  });

  it('agree on what is left undone, and say it before a release and as it starts', async () => {
    const file = pipelineText(`plan-${randomUUID().slice(0, 8)}`);
    await repository.commit('feat: tell', { 'slipway.yaml': `${file}notify: [{slack: env:SLACK}]\n` });
    const line = file.split('\n').length;
    const notYet = [
      { what: 'notify', where: `slipway.yaml:${line}:1`, meanwhile: expect.any(String) as string },
    ];
    const said = `notify is not carried out yet (slipway.yaml:${line}:1)`;
    expect((await run('plan main')).out).toContain(said);
    expect((await run('release main')).out).toContain(said);
    expect((await expectSame('main')).notYet).toEqual(notYet);
    expect(readJson(await run('release main --json')).data).toMatchObject({ notYet });
  });

  it('agree that a docs-only push starts nothing', async () => {
    await expectSame('main');
    await repository.commit('docs: more', { 'docs/a b.txt': '1', 'README.md': '1' });
    const { environments, skipped } = await expectSame('main');
    expect(environments).toEqual([]);
    expect(skipped).toContainEqual({ environment: 'dev', why: 'only paths in paths-ignore have changed' });
    const screen = await run('plan main');
    expect(screen).toMatchObject({ exit: 0, err: '' });
    expect(screen.out).toContain('dev is left out: only paths in paths-ignore have changed');
    expect(screen.out).toContain('Nothing was changed. Nothing would be.');
    // Asked for by name it is released all the same, and nothing but itself was live there.
    expect((await expectSame('main --to dev')).environments).toHaveLength(1);
  });

  it('agree that prod refuses what was not good on stage, and say what was built there already', async () => {
    await repository.git('tag', 'v1.0.0');
    const refused = await run('plan v1.0.0 --to prod');
    expect(refused).toMatchObject({ exit: 5 });
    expect(refused.out).toContain('✗ not good on stage yet');
    expect(refused.out).toContain('slipway release v1.0.0 --to stage first');
    expect(await run('release v1.0.0 --to prod')).toMatchObject({ exit: 5 });

    await expectSame('v1.0.0 --to stage');
    const good = await run('plan v1.0.0 --to prod');
    expect(good).toMatchObject({ exit: 0, err: '' });
    expect(good.out).toMatch(/✓ good on stage since \d+ \w+ \d\d:\d\d UTC/);
    expect(good.out).toMatch(/app: sha256:\w{12}, already built for stage/);
    expect(good.out).toContain('not anna@example.com (author), not the requester');
  });

  it('name the commit that a merge brought, where it changed nothing and was good before', async () => {
    await repository.git('switch', '--quiet', '--create', 'next');
    const tested = await repository.commit('feat: next', { 'app/next': '1' });
    await expectSame('next');
    await repository.git('switch', '--quiet', 'main');
    await repository.git('merge', '--quiet', '--no-ff', '--message=Merge pull request #1', 'next');
    const merged = await plan('main --to live');
    const merge = await repository.git('rev-parse', 'HEAD');
    const way = `slipway release main --commit ${tested.slice(0, 12)} --to live`;
    expect(merged.commit).toMatchObject({ sha: merge, sameFilesAs: [tested] });
    expect(merged.refused).toMatchObject([
      {
        what: `${merge.slice(0, 7)} (${merge.slice(0, 7)}) was not good on next, and live comes after it`,
        wayOut: `${merge.slice(0, 7)} only merges ${tested.slice(0, 12)}, which was good on next and has the same files: ${way}`,
      },
    ]);
    const refused = await run('release main --to live');
    expect(refused).toMatchObject({ exit: 5 });
    expect(refused.out).toContain(way);
    // and that is a way out
    expect(await run(`plan ${way.slice('slipway release '.length)}`)).toMatchObject({ exit: 0 });
    const released = await expectSame(way.slice('slipway release '.length));
    expect(released.commit.sha).toBe(tested);
    expect(released.ref).toEqual({ kind: 'branch', name: 'main' });
    // a merge that changes something is another release
    await repository.git('switch', '--quiet', 'next');
    await repository.commit('feat: more', { 'app/next': '2' });
    await expectSame('next');
    await repository.git('switch', '--quiet', 'main');
    await repository.commit('fix: past next', { 'app/fix': '1' });
    await repository.git('merge', '--quiet', '--no-ff', '--message=Merge pull request #2', 'next');
    const other = await plan('main --to live');
    expect(other.commit).not.toHaveProperty('sameFilesAs');
    expect(other.refused).toMatchObject([{ wayOut: expect.stringMatching(/--to next first$/) }]);
  });

  it('refuse a commit that the branch does not contain', async () => {
    await repository.git('switch', '--quiet', '--create', 'next');
    const stranger = await repository.commit('feat: next', { 'app/next': '1' });
    await repository.git('switch', '--quiet', 'main');
    const refused = await run(`release main --commit ${stranger.slice(0, 9)} --to live`);
    expect(refused.exit).not.toBe(0);
    expect(refused.out + refused.err).toContain('the branch does not contain');
  });

  it('have no log where the file does not say how one is printed, and say so', async () => {
    expect(await run('release main')).toMatchObject({ exit: 0 });
    const none = await run('logs dev');
    expect(none).toMatchObject({ exit: 5, out: '' });
    expect(none.err).toContain('has no logs command');
    expect(none.err).toContain('add logs: to the platform');
    expect(none.err).toContain('slipway logs dev --step deploy');
    expect((await run('logs dev -f')).exit).toBe(5);
    const told: unknown = JSON.parse((await run('logs dev --json')).out);
    expect(told).toMatchObject({ ok: false, exit: 5, error: { where: 'dev' } });
    expect((await run('logs dev --step deploy')).err).toBe('There is no log of deploy.\n');
  });

  it.each([
    [
      'may be written by others',
      'pipelines: {}\n',
      0o666,
      "the worker's policy may be written by others (mode 666)",
      (file: string) => `chmod go-w ${file} on the worker`,
    ],
    [
      'has a mistake in it',
      'pipelines: [\n',
      0o600,
      'the worker could not look: ',
      (file: string) => `slipway policy check ${file} shows every error`,
    ],
  ])(
    'refuse everything where the policy of the worker %s, and say what mends it',
    async (_what, text, mode, what, wayOut) => {
      const file = path.join(repository.folder, 'policy.yaml');
      await writeFile(file, text, { mode: 0o600 });
      await chmod(file, mode);
      policy = createPolicyStore(file, { isDemo: false });
      const shown = await run('plan main');
      const told = readJson(await run('plan main --json'));
      policy = NO_POLICY;
      expect(shown.exit).toBe(5);
      expect(shown.out).toContain('A release would be refused.');
      expect(shown.out).not.toContain('Do it');
      expect(told.data['uncertain']).toEqual([]);
      expect(told.data['refused']).toMatchObject([
        {
          what: expect.stringContaining(what) as unknown,
          where: expect.stringContaining(file) as unknown,
          wayOut: wayOut(file),
        },
      ]);
      expect(told).toMatchObject({ exit: 5, error: { wayOut: wayOut(file) } });
    },
  );

  it('say where a clone knows too little to agree', async () => {
    await expectSame('main');
    await repository.commit('feat: two', { 'app/a': '2' });
    const clone = await mkdtemp(path.join(tmpdir(), 'slw-clone-'));
    try {
      await exec('git', ['clone', '--quiet', '--depth', '1', `file://${repository.folder}`, clone]);
      const shallow = await run('plan main', clone);
      expect(shallow).toMatchObject({ exit: 0, err: '' });
      expect(shallow.out).toMatch(/\? dev serves [0-9a-f]{7}, which this clone has not got: git fetch/);
      expect(shallow.out).toContain('? this clone is shallow');
      const as = ['-c', 'user.name=Anna', '-c', 'user.email=anna@example.com'];
      await exec('git', ['-C', clone, ...as, 'commit', '--quiet', '--allow-empty', '--message', 'three']);
      expect((await run('plan main', clone)).out).toMatch(/\? [0-9a-f]{7} is not on origin's main/);
    } finally {
      await rm(clone, { recursive: true });
    }
  });
});
