/**
 * Bad luck that is the world's, not the file's, through the command and a real worker: each a clear error with the way
 * out, the documented exit code, and nothing touched. (No Temporal and no worker: workflows/client-unreachable. Names
 * and texts that somebody chose badly: bad-luck-names. Mistakes in the file: unit/client/bad-input.)
 */
import { execFile } from 'node:child_process';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commitTag, hashBuildInputs, LABEL } from '../../activities/build/build-command.js';
import { SlipwayClient } from '../../client/release-client.js';
import { PLAN_VERSION, type ReleasePlan } from '../../pipeline/plan.js';
import {
  type BadLuckScene,
  type BadLuckStage,
  setBadLuckScene,
  setBadLuckStage,
  UNTOUCHED,
} from '../support/bad-luck-scene.js';
import { until } from '../support/processes.js';
import { startRegistry, type TestRegistry } from '../support/registry.js';
import { readJson } from '../support/slipway-command.js';
import { like } from '../support/told.js';

const exec = promisify(execFile);

let stage: BadLuckStage;
let scene: BadLuckScene;
beforeAll(async () => {
  stage = await setBadLuckStage();
});
afterAll(() => stage.stop());
beforeEach(async () => {
  scene = await setBadLuckScene(stage);
});
afterEach(() => scene.end());

/** What a release says that is refused with exit 5, on the screen as in JSON; the host is as it was, to the byte. */
async function refusal(): Promise<Record<string, unknown>> {
  const before = await scene.photographHost();
  const answer = readJson(await scene.run('release', '--to', 'prod', '--json'));
  expect(answer).toMatchObject({ ok: false, exit: 5 });
  const screen = await scene.run('release', '--to', 'prod');
  expect(screen.exit).toBe(5);
  for (const label of ['what', 'where', 'way out'])
    expect(screen.out).toMatch(new RegExp(`^  ${label} +\\S`, 'm'));
  expect(screen.out).toContain('exit 5: refused, nothing touched');
  expect(await scene.photographHost()).toEqual(before);
  expect(await scene.environment()).toMatchObject(UNTOUCHED);
  expect(await scene.environment()).not.toHaveProperty('inFlight');
  return answer.error ?? {};
}

function onHost(): RegExp {
  return new RegExp(`^prod host ${scene.sshd.destination}$`);
}

describe('a host that does not let us in', () => {
  test.each([
    [
      'its host key has changed',
      () => scene.sshd.changeHostKey(),
      {
        what: /the host key of .* changed: it offers ssh-ed25519 SHA256:.*known_hosts:1 has/,
        wayOut: /compare with ssh-keygen -lf there and replace that line/,
      },
    ],
    [
      'it refuses the key',
      () => scene.sshd.refuseKeys(),
      {
        what: /refused user .*; offered: ssh-ed25519 SHA256:/,
        wayOut: /add the public key to .*authorized_keys/,
      },
    ],
    [
      'our key can be read by others',
      () => chmod(scene.sshd.keyPath, 0o644),
      { what: /has mode 644: others can read it/, wayOut: /chmod 600 .*user_key/ },
    ],
    [
      'our key is not there',
      () => rm(scene.sshd.keyPath),
      {
        what: /cannot be read by the worker \(ENOENT\)/,
        where: /secrets of the worker/,
        wayOut: /put the value there, readable by the worker's user/,
      },
    ],
    [
      'our key is no key',
      () => writeFile(scene.sshd.keyPath, '-----BEGIN OPENSSH PRIVATE KEY-----\nnope\n', { mode: 0o600 }),
      { what: /the key file:.* cannot be read/, wayOut: /ssh-keygen -t ed25519/ },
    ],
  ])('%s', async (_name, happen, told) => {
    await scene.commitPipeline();
    await happen();
    expect(await refusal()).toMatchObject(like({ where: onHost(), ...told }));
  });
});

test('a full disk on the host', async () => {
  await scene.commitPipeline();
  const { home } = scene.sshd;
  await exec('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', home]);
  try {
    await exec('sh', ['-c', 'cat /dev/zero >"$1/filler" 2>/dev/null; true', 'sh', home]);
    expect(await refusal()).toMatchObject(
      like({
        where: onHost(),
        what: /no space left on the disk of the home folder: 0 KB/,
        wayOut: /free some \(df -h ~ shows/,
      }),
    );
  } finally {
    await exec('umount', [home]);
  }
});

test('less room on the host than the file asks for', async () => {
  await scene.commitPipeline({ environment: '    preflight: { disk: 900000GB }' });
  expect(await refusal()).toMatchObject(
    like({ where: onHost(), what: /GB free, needs 900000\.0 GB/, wayOut: /free some: docker system df/ }),
  );
});

test('a port that must be free is taken', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await scene.commitPipeline({ environment: `    preflight: { ports: [${port}] }` });
  try {
    expect(await refusal()).toMatchObject(
      like({
        where: onHost(),
        what: /something listens there already/,
        wayOut: new RegExp(`ss -ltnp 'sport = :${port}'`),
      }),
    );
  } finally {
    server.close();
  }
});

describe('a registry', () => {
  let registry: TestRegistry;
  beforeEach(async () => {
    registry = await startRegistry();
  });
  afterEach(() => registry.stop());

  /** The commit's image is in the registry already, so that no build is needed. */
  async function commitWithImage(): Promise<string> {
    const commit = await scene.commitPipeline({ image: `${registry.server}/shop` });
    const plan = readJson(await scene.run('plan', '--to', 'prod', '--json')).data as unknown as ReleasePlan;
    const [artifact] = plan.artifacts;
    if (artifact?.kind !== 'image') throw new Error('the plan has no image');
    const labels = { [LABEL.revision]: commit, [LABEL.inputs]: hashBuildInputs(artifact) };
    await registry.putImage('shop', commitTag(commit), labels);
    return commit;
  }

  test.each([
    [
      401,
      { what: /wants a login/, wayOut: /give the pipeline file registry: \{username, password: env:NAME\}/ },
    ],
    [403, { what: /may not .* there/, wayOut: /give a login .* rights on/ }],
  ])('that answers %i stops the release before anything is touched', async (status, told) => {
    await commitWithImage();
    registry.fail({ status, headers: { 'www-authenticate': 'Basic realm="shop"' } });
    expect(await refusal()).toMatchObject(like({ ...told, where: new RegExp(registry.server) }));
  });

  test.each([
    [429, /tried again: .*\/shop.*: .* says too many requests/],
    [500, /tried again: .*\/shop.*: .* answered 500/],
  ])('that answers %i is asked again until it answers, and says so meanwhile', async (status, says) => {
    const commit = await commitWithImage();
    registry.fail({ status, headers: { 'retry-after': '1' } });
    const waited = await scene.run('release', '--to', 'prod', '--timeout', '4s');
    expect(waited.exit).toBe(6);
    expect(waited.out).toMatch(says);
    expect(waited.out).toContain('The release goes on: slipway status');
    const following = scene.run('release', '--to', 'prod', '--json');
    registry.requests.length = 0;
    await until('the registry to be asked again', () => Promise.resolve(registry.requests.length > 1));
    expect(await scene.released()).toEqual([]);
    registry.heal();
    expect(readJson(await following)).toMatchObject({ ok: true, exit: 0 });
    expect(await scene.released()).toEqual([`app-${commit}`]);
  });
});

describe('a plan of another version', () => {
  test('that no Slipway wrote is refused where it enters the worker', async () => {
    await scene.commitPipeline();
    const plan = readJson(await scene.run('plan', '--to', 'prod', '--json')).data as unknown as ReleasePlan;
    const [environment] = plan.environments;
    if (environment === undefined) throw new Error('the plan has no environment');
    const client = await SlipwayClient.connect({
      ...{ pipeline: scene.pipeline, by: 'oleg' },
      env: { TEMPORAL_ADDRESS: stage.temporal },
    });
    const look = { what: 'doctor', step: null, host: null, lines: 5, live: null } as const;
    await expect(client.inspect({ ...look, plan: { ...environment, planVersion: 0 } })).rejects.toMatchObject(
      {
        exit: 5,
        what: 'the worker could not look: this plan has planVersion 0, which no version of Slipway wrote',
        where: 'plan',
        wayOut: 'start the release again',
      },
    );
    expect((await client.inspect({ ...look, plan: environment })).findings).not.toEqual([]);
    expect(environment.planVersion).toBe(PLAN_VERSION);
    await client.close();
  });
});
