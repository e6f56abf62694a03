/** What a commit's own code cannot do when the policy says who it runs as. On real processes, files and users. */
import { existsSync } from 'node:fs';
import { chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRunGate } from '../../activities/gates/run-gate.js';
import type { JobUser } from '../../activities/job-user/job-user.js';
import { createSource, type Source } from '../../activities/source/source.js';
import type { GatePlan } from '../../pipeline/plan.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { givenGateDependencies, subjectOf } from '../support/gate-scene.js';
import { givenJobScene, type JobScene } from '../support/job-users.js';
import { startLonelyWorker } from '../support/lonely-worker.js';
import { markedSleeps, processesWith, untilGone, untilRuns } from '../support/processes.js';
import { createRepository, type TestRepository } from '../support/repository.js';

const { nap, endAll } = markedSleeps();
const NOTHING = {
  notFound: false,
  cancelRequested: false,
  paused: false,
  timedOut: false,
  workerShutdown: false,
  reset: false,
};

let scene: JobScene;
let repository: TestRepository;
let source: Source;
let sha: string;
let nobody: JobUser;

beforeAll(async () => {
  [scene, repository] = await Promise.all([givenJobScene(), createRepository()]);
  source = createSource({ cacheFolder: path.join(scene.folder, 'data', 'cache') });
  await repository.commit('feat: one', { 'a.txt': 'one' });
  await repository.git('tag', 'v0.9.0');
  sha = await repository.commit('feat: two', {
    'test.sh': '#!/bin/sh\necho tested\n',
    'read-only/file': 'x',
  });
  nobody = await scene.user();
});

afterAll(async () => {
  await endAll();
  await Promise.all([scene.stop(), repository.remove()]);
});

function start(command: string, user: JobUser | null, change: Partial<GatePlan & { kind: 'run' }> = {}) {
  const environment = new MockActivityEnvironment();
  const runGate = createRunGate(givenGateDependencies({ source, jobUser: () => Promise.resolve(user) }));
  const gate: GatePlan = {
    name: 'tests',
    kind: 'run',
    command,
    timeoutMs: 60_000,
    report: {},
    options: {},
    ...change,
  };
  const plan = subjectOf(repository.folder, sha);
  const ended: Promise<EvidenceItem> = environment.run(runGate, { gate, plan });
  return { environment, ended };
}

const ask = (
  command: string,
  user: JobUser | null,
  change?: Partial<GatePlan & { kind: 'run' }>,
): Promise<EvidenceItem> => start(command, user, change).ended;

/** Each succeeds as the worker's own user, so each of them is one that the other user is kept from. */
const ATTACKS: [string, (given: JobScene) => string][] = [
  ['reads the seal key', ({ sealFolder }) => `cat ${sealFolder}/*.pem ${sealFolder}/key.pem`],
  ['lists whom the worker trusts', ({ sealFolder }) => `ls ${sealFolder}/trusted`],
  ['puts a key of its own beside it', ({ sealFolder }) => `touch ${sealFolder}/trusted/mine.pem`],
  ['reads the worker’s environment', () => `cat /proc/${process.pid}/environ`],
  ['reads the environment of whoever started it', () => 'cat /proc/$PPID/environ'],
  ['reads the memory of the worker', () => `head -c 0 /proc/${process.pid}/mem`],
  ['signals the worker', () => `kill -0 ${process.pid}`],
  ['changes the policy', ({ policyFile }) => `: >> ${policyFile}`],
  ['replaces the policy', ({ folder }) => `touch ${folder}/new && rm ${folder}/new`],
  ['reads another repository’s clone', ({ folder }) => `ls ${folder}/data/cache/git`],
  ['reads the shadow file', () => 'cat /etc/shadow'],
  ['becomes root', () => 'setpriv --reuid=0 --clear-groups true'],
  ['mounts', () => 'unshare --mount sh -c "mount -t tmpfs tmpfs /mnt"'],
];

describe.each([true, false])('with processes of its own: %s, commit code that', (hasOwnProcesses) => {
  it.each(ATTACKS)('%s fails', async (_what, attack) => {
    const command = `{ ${attack(scene)}; } >/dev/null || exit 1`;
    expect(await ask(command, null)).toMatchObject({ verdict: 'pass' });
    expect(await ask(command, { ...nobody, hasOwnProcesses })).toMatchObject({ verdict: 'fail' });
  });

  it('asks for nothing special passes, and leaves nothing', async () => {
    const command = [
      'test "$(id -un) $(id -gn) $(id -G)" = "nobody nogroup 65534"',
      'test "$HOME" != /nonexistent && mkdir -p "$HOME/.npm/_cacache" && echo x > "$HOME/.npmrc"',
      'echo "$(mktemp)" | grep -q "^$TMPDIR/"',
      'mkdir -p node_modules/a && echo x > node_modules/a/index.js && echo y >> test.sh',
      'git status --porcelain | grep -q "M test.sh"',
      'test "$(git describe --tags)" = "v0.9.0-1-g$(git rev-parse --short HEAD)"',
      'git log --oneline | wc -l | grep -qx "2"',
      'chmod 500 read-only',
      'test "$(cat)" = ""',
      '! env | grep -q "SLIPWAY_JOB_\\|SSH_AUTH_SOCK"',
      'printf "%s" "$SLIPWAY_COMMIT" | grep -qx "[0-9a-f]*"',
      'grep -q "NoNewPrivs:.*1" /proc/self/status && grep -q "CapBnd:.*0000000000000000" /proc/self/status',
    ].join(' || exit 9\n');
    const before = await checkouts();
    const item = await ask(`${command} || exit 9`, { ...nobody, hasOwnProcesses });
    expect(item).toMatchObject({ verdict: 'pass', note: 'exit 0' });
    expect(await checkouts()).toEqual(before);
  });

  it('says its own exit code, and what cannot be found', async () => {
    const user = { ...nobody, hasOwnProcesses };
    expect(await ask('echo no; exit 7', user)).toMatchObject({ verdict: 'fail', note: 'exit 7:\nno' });
    expect(await ask('no-such-program', user)).toMatchObject({
      verdict: 'error',
      note: expect.stringContaining('cannot be run on the worker as nobody') as unknown,
    });
  });

  it('is ended with all it started when the release is cancelled', async () => {
    const [first, second] = hasOwnProcesses ? [nap(1), nap(2)] : [nap(3), nap(4)];
    const user = { ...nobody, hasOwnProcesses };
    const { environment, ended } = start(`sh -c '${first} & ${second}' & wait`, user);
    await untilRuns(second);
    environment.cancel('CANCELLED', { ...NOTHING, cancelRequested: true });
    await expect(ended).rejects.toBeInstanceOf(CancelledFailure);
    await untilGone(first, second);
  });

  it('ends in its own way first, and has its deadline', async () => {
    const user = { ...nobody, hasOwnProcesses };
    const item = await ask(
      "trap 'echo tidied; exit 3' TERM; echo waiting; while :; do sleep 0.05; done",
      user,
      { timeoutMs: 2_000 },
    );
    expect(item).toMatchObject({
      verdict: 'fail',
      note: expect.stringMatching(/^not done within 2s:\nwaiting\n(Terminated\n)?tidied/) as unknown,
    });
  });
});

async function checkouts(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('slipway-checkout-')).sort();
}

describe('jobs of the same user', () => {
  it('with processes of their own leave none behind that could look into the next', async () => {
    const away = nap(5);
    const begins = `setsid -f sh -c 'touch begun; exec ${away}'; until [ -e begun ]; do sleep 0.02; done`;
    await ask(begins, { ...nobody, hasOwnProcesses: true });
    expect(await processesWith(away)).toEqual([]);
  });

  it('see neither the processes nor the checkouts of each other', async () => {
    const other = nap(6);
    const { environment, ended } = start(`echo secret > of-the-other; ${other}`, nobody);
    await untilRuns(other);
    const spying = `cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o '${other.replace('sleep ', 'slee[p] ')}'; ls ${tmpdir()}/slipway-checkout-*/*`;
    const item = await ask(`${spying}; exit 1`, nobody);
    expect(item.note).not.toContain(other);
    expect(item.note).toContain('cannot access');
    const seen = await ask(`${spying}; exit 1`, { ...nobody, hasOwnProcesses: false });
    expect(seen.note).toContain(other);
    environment.cancel('CANCELLED', { ...NOTHING, cancelRequested: true });
    await expect(ended).rejects.toBeInstanceOf(CancelledFailure);
  });
});

it('a worker that is killed leaves nothing of its jobs', async () => {
  const [near, away] = [nap(7), nap(8)];
  const argv = ['sh', '-c', `setsid -f ${away}; ${near} & wait`];
  const worker = startLonelyWorker({ argv, user: nobody });
  await untilRuns(near, away);
  worker.kill('SIGKILL');
  await untilGone(near, away);
  expect([...(await processesWith(near)), ...(await processesWith(away))]).toEqual([]);
});

describe('a report', () => {
  const JUNIT = '<testsuite tests="1" failures="0"><testcase name="a"/></testsuite>';
  const report = { report: { junit: 'out/junit.xml' } } as const;

  it('is read from the checkout of that user', async () => {
    const item = await ask(`mkdir out; echo '${JUNIT}' > out/junit.xml`, nobody, report);
    expect(item).toMatchObject({ verdict: 'pass', reportSha: expect.any(String) as unknown });
  });

  it('is not a way to have the worker read what the user may not', async () => {
    const key = path.join(scene.sealFolder, 'key.pem');
    for (const trick of [`mkdir out; ln -s ${key} out/junit.xml`, `ln -s ${scene.sealFolder} out`]) {
      const file = trick.startsWith('mkdir') ? 'out/junit.xml' : 'out/key.pem';
      const item = await ask(trick, nobody, { report: { junit: file } });
      expect(item).toMatchObject({ verdict: 'fail', note: expect.stringMatching(/link/) as unknown });
      expect(item.reportSha).toBeUndefined();
    }
  });
});

it('what the user leaves in the way of the removal is not followed', async () => {
  const kept = path.join(scene.folder, 'kept');
  await writeFile(kept, 'kept');
  await ask(`ln -s ${scene.folder} link; mkdir deep; ln -s ${kept} deep/link; chmod 000 deep`, nobody);
  expect(await readFile(kept, 'utf8')).toBe('kept');
});

it('variables that a shell or a linker would act upon reach the command and nothing that has rights', async () => {
  const proof = path.join(scene.folder, 'ran-as-root');
  const script = path.join(scene.folder, 'startup.sh');
  await writeFile(script, `[ "$(/usr/bin/id -u)" != 0 ] || : > ${proof}\n`);
  await chmod(script, 0o755);
  const { runProcess } = await import('../../activities/processes/run-process.js');
  const { tail } = await runProcess({
    argv: ['/bin/sh', '-c', 'echo "$PATH $ENV $LD_PRELOAD"'],
    cwd: '/',
    env: { PATH: scene.folder, ENV: script, BASH_ENV: script, LD_PRELOAD: '' },
    user: nobody,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
  });
  expect(tail).toBe(`${scene.folder} ${script} \n`);
  expect(existsSync(proof)).toBe(false);
});
