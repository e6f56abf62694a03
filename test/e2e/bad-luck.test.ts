/**
 * Bad luck that is the world's, not the file's, through the command and a real worker: each a clear error with the way
 * out, the documented exit code, and nothing touched. (No Temporal and no worker: workflows/client-unreachable.)
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commitTag, hashBuildInputs, LABEL } from '../../activities/build/build-command.js';
import { SlipwayClient } from '../../client/release-client.js';
import { PLAN_VERSION, type ReleasePlan } from '../../pipeline/plan.js';
import { startEmbeddedTemporal, type EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { part } from '../support/parts.js';
import { readOrNull, until } from '../support/processes.js';
import { startRegistry, type TestRegistry } from '../support/registry.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { type CommandRun, readJson, slipway } from '../support/slipway-command.js';
import { freePort, startSshd, type Sshd } from '../support/sshd.js';
import { superviseWorker, type SupervisedWorker } from '../support/supervised-worker.js';

const exec = promisify(execFile);

let folder: string;
let temporal: EmbeddedTemporal;
let worker: SupervisedWorker;
let programs: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-bad-luck-'));
  programs = path.join(folder, 'bin');
  await mkdir(programs);
  // what a branch named $(reboot) would start
  await writeFile(path.join(programs, 'reboot'), `#!/bin/sh\ntouch ${folder}/rebooted\n`);
  await chmod(path.join(programs, 'reboot'), 0o755);
  temporal = await startEmbeddedTemporal({
    port: await freePort(),
    uiPort: await freePort(),
    dataFolder: path.join(folder, 'temporal'),
    inMemory: true,
    env: { ...process.env, TEMPORAL_CLI_PATH: await part('temporal') },
  });
  worker = await superviseWorker(path.join(folder, 'worker'), temporal.address, {
    PATH: `${programs}:${process.env['PATH']}`,
  });
});
afterAll(async () => {
  await worker.stop();
  await temporal.stop();
  await rm(folder, { recursive: true, force: true });
});

let pipeline: string;
let sshd: Sshd;
let repository: TestRepository;

beforeEach(async () => {
  pipeline = `shop-${randomUUID().slice(0, 8)}`;
  sshd = await startSshd({ env: { PATH: `${programs}:${process.env['PATH']}` } });
  repository = await createRepository();
});
afterEach(async () => {
  await sshd.stop();
  await repository.remove();
});

interface Change {
  image?: string;
  registry?: string;
  environment?: string;
}

/** In place, so small that nothing in it can go wrong by itself. */
async function commitPipeline(change: Change = {}, subject = 'feat: one'): Promise<string> {
  return await repository.commit(subject, {
    'app/a': '1',
    known_hosts: (await readOrNull(sshd.knownHostsPath)) ?? '',
    'slipway.yaml': `pipeline: ${pipeline}
image: ${change.image ?? '{ folder: app }'}
${change.registry ?? ''}
checks:
  there: { run: 'test -f ${sshd.home}/app-{commit}', on: host, timeout: 10s }
environments:
  prod:
    from: [{ branch: '*' }, { tag: 'v*.*.*' }]
    hosts: ["${sshd.destination}"]
    ssh: { key: "file:${sshd.keyPath}", known-hosts: known_hosts }
    timeout: 20s
    platform:
      command: touch ${sshd.home}/app-{commit}
      inspect: cd ${sshd.home} && ls -t | sed -n 's/^app-//p' | head -1
      retire: rm -f ${sshd.home}/app-*
    checks: [there]
${change.environment ?? ''}
`,
  });
}

function run(...argv: string[]): Promise<CommandRun> {
  const env = { TEMPORAL_ADDRESS: temporal.address, SLIPWAY_ACTOR: 'oleg', HOME: folder };
  return slipway(argv, { cwd: repository.folder, env });
}

/** What the releases have put on the host. */
async function released(): Promise<string[]> {
  return (await readdir(sshd.home)).filter((name) => name.startsWith('app-'));
}

async function expectUntouched(): Promise<void> {
  expect(await released()).toEqual([]);
  const status = readJson(await run('status', 'prod', '--json'));
  expect(status.data).toMatchObject({ environments: [{ live: null, queue: [] }] });
  expect(status.data).not.toHaveProperty('environments.0.inFlight');
}

describe('a host that does not let us in', () => {
  test.each([
    [
      'its host key has changed',
      () => sshd.changeHostKey(),
      { what: /host key/i, wayOut: /ssh-keygen -lf there and replace that line/ },
    ],
    ['it refuses the key', () => sshd.refuseKeys(), { what: /key/i, wayOut: /authorized_keys/ }],
    [
      'our key can be read by others',
      () => chmod(sshd.keyPath, 0o644),
      { what: /read|open to|permission/i, wayOut: /chmod 600/ },
    ],
  ])('%s', async (_name, happen, told) => {
    await commitPipeline();
    await happen();
    const answer = readJson(await run('release', '--to', 'prod', '--json'));
    expect(answer).toMatchObject({ ok: false, exit: 5 });
    expect(answer.error).toMatchObject({
      what: expect.stringMatching(told.what),
      wayOut: expect.stringMatching(told.wayOut),
    });
    await expectUntouched();
  });
});

test('a full disk on the host', async () => {
  await commitPipeline();
  await exec('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', sshd.home]);
  try {
    await exec('sh', ['-c', 'cat /dev/zero >"$1/filler" 2>/dev/null; true', 'sh', sshd.home]);
    const answer = readJson(await run('release', '--to', 'prod', '--json'));
    expect(answer).toMatchObject({ ok: false, exit: 5 });
    expect(answer.error).toMatchObject({ what: expect.stringContaining('no space left on the disk') });
    await expectUntouched();
  } finally {
    await exec('umount', [sshd.home]);
  }
});

test('a port that must be free is taken', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await commitPipeline({ environment: `    preflight: { ports: [${port}] }` });
  const answer = readJson(await run('release', '--to', 'prod', '--json'));
  server.close();
  expect(answer).toMatchObject({ ok: false, exit: 5 });
  expect(answer.error).toMatchObject({
    what: expect.stringContaining('something listens there already'),
    wayOut: expect.stringContaining(`ss -ltnp 'sport = :${port}'`),
  });
  await expectUntouched();
});

describe('a registry', () => {
  let registry: TestRegistry;
  beforeEach(async () => {
    registry = await startRegistry();
  });
  afterEach(() => registry.stop());

  /** The commit's image is in the registry already, so that no build is needed. */
  async function commitWithImage(): Promise<string> {
    const commit = await commitPipeline({ image: `${registry.server}/shop` });
    const plan = readJson(await run('plan', '--to', 'prod', '--json')).data as unknown as ReleasePlan;
    const [artifact] = plan.artifacts;
    if (artifact?.kind !== 'image') throw new Error('the plan has no image');
    const labels = { [LABEL.revision]: commit, [LABEL.inputs]: hashBuildInputs(artifact) };
    await registry.putImage('shop', commitTag(commit), labels);
    return commit;
  }

  test('that wants another login stops the release before anything is touched', async () => {
    await commitWithImage();
    registry.fail({ status: 401, headers: { 'www-authenticate': 'Basic realm="shop"' } });
    const answer = readJson(await run('release', '--to', 'prod', '--json'));
    expect(answer).toMatchObject({ ok: false, exit: 5 });
    expect(answer.error).toMatchObject({
      what: expect.stringContaining('wants a login'),
      wayOut: expect.stringContaining('registry: {username'),
    });
    expect(await released()).toEqual([]);
  });

  test.each([429, 500])('that answers %i is asked again until it answers', async (status) => {
    const commit = await commitWithImage();
    registry.requests.length = 0;
    registry.fail({ status, headers: { 'retry-after': '1' } });
    const following = run('release', '--to', 'prod', '--json');
    await until('the registry to be asked again', () => Promise.resolve(registry.requests.length > 1));
    expect(await released()).toEqual([]);
    registry.heal();
    expect(readJson(await following)).toMatchObject({ ok: true, exit: 0 });
    expect(await released()).toEqual([`app-${commit}`]);
  });
});

describe('names that a shell would run', () => {
  const NAMES = ['$(reboot)', '`reboot`', '$(touch${IFS}pwned);reboot', "';reboot;'", '--upload-pack=reboot'];

  async function commitOnBranch(branch: string): Promise<string> {
    const commit = await commitPipeline();
    await repository.git('update-ref', `refs/heads/${branch}`, commit);
    return commit;
  }

  async function expectNothingRan(): Promise<void> {
    expect(await readOrNull(path.join(folder, 'rebooted'))).toBeNull();
    expect(await readdir(sshd.home)).not.toContain('pwned');
    expect(await released()).toEqual([]);
  }

  test.each(NAMES)('a branch called %s is refused before anything is sent', async (branch) => {
    await commitOnBranch(branch);
    const answer = await run('release', `refs/heads/${branch}`, '--to', 'prod');
    expect(answer).toMatchObject({ exit: 2, out: '' });
    expect(answer.err).toContain('characters that a shell or a registry could read as something else');
    expect(answer.err).toContain('rename it with letters, digits');
    await expectNothingRan();
  });

  test.each(NAMES)('a branch called %s is refused by the worker too, whoever asks', async (name) => {
    const commit = await commitOnBranch(name);
    const client = await SlipwayClient.connect({
      ...{ pipeline, by: 'oleg' },
      env: { TEMPORAL_ADDRESS: temporal.address },
    });
    const started = await client.startRelease({
      repositoryUrl: repository.folder,
      file: 'slipway.yaml',
      ref: { kind: 'branch', name },
      ...{ commit, version: 'v1.0.0', to: ['prod'] },
    });
    const handle = client.link.client.workflow.getHandle(started.workflowId);
    await expect(handle.result()).rejects.toMatchObject({
      cause: {
        message: expect.stringMatching(/rename it with letters, digits|cannot be the name of a branch/),
      },
    });
    await client.close();
    await expectNothingRan();
  });

  test('an image name with a command in it is refused, with its place in the file', async () => {
    await commitPipeline({ image: "'registry.example.com/shop$(reboot)'" });
    const answer = await run('release', '--to', 'prod');
    expect(answer).toMatchObject({ exit: 2, out: '' });
    expect(answer.err).toMatch(/slipway\.yaml:2:\d+/);
    await expectNothingRan();
  });
});

test('a commit subject with escape codes goes through a whole release and shows none', async () => {
  // oxlint-disable-next-line no-control-regex -- what a terminal would obey, line breaks aside
  const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;
  const commit = await commitPipeline({}, 'fix: \u001b[31mred\u001b]0;title\u0007 $(reboot) \u001b[2Jgone');
  const answer = await run('release', 'main', '--to', 'prod');
  expect(answer).toMatchObject({ exit: 0, err: '' });
  expect(await released()).toEqual([`app-${commit}`]);
  const plan = await run('plan', 'main', '--to', 'prod');
  const status = await run('status', 'prod');
  for (const screen of [answer.out, plan.out, status.out]) {
    expect(screen).not.toBe('');
    expect(screen).not.toMatch(obeyed);
  }
  expect(plan.out).toContain('$(reboot)');
  expect(await readOrNull(path.join(folder, 'rebooted'))).toBeNull();
});

describe('a plan of another version', () => {
  test('that no Slipway wrote is refused where it enters the worker', async () => {
    await commitPipeline();
    const plan = readJson(await run('plan', '--to', 'prod', '--json')).data as unknown as ReleasePlan;
    const [environment] = plan.environments;
    if (environment === undefined) throw new Error('the plan has no environment');
    const client = await SlipwayClient.connect({
      ...{ pipeline, by: 'oleg' },
      env: { TEMPORAL_ADDRESS: temporal.address },
    });
    const look = { what: 'doctor', step: null, host: null, lines: 5, live: null } as const;
    await expect(client.inspect({ ...look, plan: { ...environment, planVersion: 0 } })).rejects.toMatchObject(
      {
        exit: 5,
        why: expect.stringContaining(
          'planVersion 0, which no version of Slipway wrote; start the release again',
        ),
      },
    );
    expect((await client.inspect({ ...look, plan: environment })).findings).not.toEqual([]);
    expect(environment.planVersion).toBe(PLAN_VERSION);
    await client.close();
  });
});
