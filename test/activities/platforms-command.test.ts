/** Platform `command` over SSH: a team's own commands, journalled, with what is known of the release. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fenceFor } from '../../activities/fence-for.js';
import { command } from '../../activities/platforms/command.js';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import type { Host, Hosts } from '../../activities/hosts/host.js';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import type { Target } from '../../workflows/activity-contract.js';
import { givenCommit, givenTarget } from '../support/given.js';
import { hostPlan, hostsKnowing, reaching } from '../support/hosts.js';
import { failureOf } from '../support/failure-of.js';
import { startSshd, type Sshd } from '../support/sshd.js';
import { teamCommands } from '../../activities/platforms/team-command.js';
import { NO_REPOSITORY } from '../support/no-repository.js';

let sshd: Sshd;
let hosts: Hosts;
let host: Host;
let folder: string;
let count = 0;

beforeAll(async () => {
  sshd = await startSshd();
  hosts = hostsKnowing(sshd.knownHostsPath);
  host = await hosts.open(reaching(sshd), hostPlan(sshd.destination));
});

afterAll(async () => {
  await hosts?.close();
  await sshd?.stop();
});

beforeEach(async () => {
  count += 1;
  folder = path.join(sshd.home, `app-${count}`);
  await host.run({ argv: ['mkdir', '-p', folder], timeoutMs: 5_000 });
});

const COMMANDS = {
  kind: 'command',
  command: 'echo {tag} > RELEASE',
  inspect: 'cat RELEASE',
  restore: 'echo {previous-tag} > RELEASE; echo {previous-tag} >> RESTORED',
  retire: 'rm -f RELEASE',
  on: 'host',
} satisfies PlatformPlan;

function on(
  commands: Partial<Record<keyof typeof COMMANDS | 'logs', unknown>>,
  change: Partial<Target> = {},
): PlatformContext {
  const inFolder = (text: unknown): unknown =>
    typeof text === 'string' ? `cd ${folder} && { ${text}; }` : text;
  const platform = { ...COMMANDS, ...commands };
  const plan = {
    ...reaching(sshd),
    // One fence per test.
    name: `prod-${count}`,
    timeoutMs: 20_000,
    platform: {
      ...platform,
      command: inFolder(platform.command),
      inspect: inFolder(platform.inspect),
      restore: inFolder(platform.restore),
      retire: inFolder(platform.retire),
      ...('logs' in platform ? { logs: inFolder(platform.logs) } : {}),
    } as PlatformPlan,
  };
  const target = givenTarget(plan, change);
  return {
    host,
    target,
    fence: fenceFor(target),
    env: { TOKEN: 'a b $c' },
    dockerSecrets: {},
    progress: () => undefined,
    signal: new AbortController().signal,
    operationId: (step) => `${target.token}-${step}`,
    registryLogin: null,
    insecureRegistries: [],
    checkout: () => Promise.reject(new Error('there is no checkout here')),
    teamCommand: teamCommands(NO_REPOSITORY, target, new AbortController().signal),
    cluster: () => Promise.reject(new Error('there is no cluster here')),
  };
}

const read = (name: string): Promise<string> => readFile(path.join(folder, name), 'utf8');

/** A zombie nobody has collected yet is dead. */
async function isAlive(): Promise<boolean> {
  const pid = (await read('PID')).trim();
  const { stdout } = await host.run({ argv: ['ps', '-o', 'stat=', '-p', pid], timeoutMs: 5_000 });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

function live(context: PlatformContext, version: string): NonNullable<Target['live']> {
  return {
    version,
    commit: givenCommit(),
    artifacts: [{ name: 'app', kind: 'folder', repository: 'site', digest: `sha256:${'1'.repeat(64)}` }],
    plan: context.target.plan,
    colour: null,
    token: 0,
    at: '2026-11-21T00:00:00Z',
    by: 'anna',
  };
}

test('commands are told of the release by name and by environment, values unharmed', async () => {
  const context = on({
    command:
      'printf "%s\\n" "{tag} {digest} {version} {commit} {a,b}" "$SLIPWAY_TAG $SLIPWAY_DIGEST $IMAGE_TAG" "$TOKEN" > RELEASE',
  });
  await command.deploy(context);
  const digest = `sha256:${'2'.repeat(64)}`;
  expect(await read('RELEASE')).toBe(
    `v2 ${digest} v2 ${givenCommit().sha} {a,b}\nv2 ${digest} v2@${digest}\na b $c\n`,
  );
});

describe('with colours, restore is told of what the colour held, not of the other colour', () => {
  const held = `sha256:${'3'.repeat(64)}`;
  const restore =
    'echo "{previous-tag} {previous-digest}" > TOLD; printf "v1\\n%s\\n" {previous-digest} > RELEASE';
  const idle = (inspect: string): PlatformContext => {
    const context = on({ inspect, restore }, { colour: 'green' });
    return { ...context, target: { ...context.target, live: { ...live(context, 'v1.5'), colour: 'blue' } } };
  };

  test('by what inspect printed of it', async () => {
    await host.run({ argv: ['sh', '-c', `printf 'v1\n${held}\n' >${folder}/RELEASE`], timeoutMs: 5_000 });
    const context = idle('cat RELEASE');
    const prior = await command.recordPrior(context);
    await command.deploy(context);
    expect(await command.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await read('TOLD')).toBe(`v1 ${held}\n`);
  });

  test('or it is refused before anything is touched', async () => {
    const context = idle('echo v1');
    const proving = command.proveWayBack(context, await command.recordPrior(context));
    await expect(proving).rejects.toMatchObject({
      message: expect.stringContaining('{previous-digest} has no value here') as string,
      details: [{ wayOut: expect.stringContaining('let it print the digest') as string }],
    });
  });
});

test('a command that fails is Refused with what it said', async () => {
  await expect(command.deploy(on({ command: 'echo playbook broke >&2; exit 4' }))).rejects.toMatchObject({
    type: 'Refused',
    message: expect.stringContaining('the deploy command exited 4') as string,
    details: [expect.objectContaining({ why: expect.stringContaining('playbook broke') as string })],
  });
});

test.each([
  ['cat RELASE', 'it exited 1', 'RELASE: No such file'],
  ['true', 'it printed nothing', null],
])('a deploy that inspect `%s` cannot see is not believed', async (inspect, ended, why) => {
  await expect(command.deploy(on({ inspect }))).rejects.toMatchObject({
    type: 'Refused',
    message: expect.stringContaining(`inspect finds nothing there: ${ended}`) as string,
    details: [{ why: why === null ? null : (expect.stringContaining(why) as string) }],
  });
});

test('a command that never ends is ended at the deadline, with all it started', async () => {
  const context = on({ command: 'sleep 1000 & echo $! > PID; wait' });
  context.target.plan = { ...context.target.plan, timeoutMs: 1_000 };
  await expect(command.deploy(context)).rejects.toMatchObject({
    type: 'Refused',
    message: expect.stringContaining('was not done in') as string,
  });
  expect(await isAlive()).toBe(false);
});

test('a worker that stops detaches; the next attempt attaches and nothing runs twice', async () => {
  const context = on({
    command: 'echo run >> RUNS; while [ ! -e GO ]; do sleep 0.05; done; echo {tag} > RELEASE',
  });
  const stopping = new AbortController();
  const first = failureOf(command.deploy({ ...context, signal: stopping.signal }));
  await expect.poll(() => read('RUNS').catch(() => ''), { timeout: 60_000 }).toBe('run\n');
  stopping.abort('detach');
  expect(await first).toBeDefined();
  const second = command.deploy(context);
  await host.run({ argv: ['touch', `${folder}/GO`], timeoutMs: 5_000 });
  await second;
  expect([await read('RUNS'), await read('RELEASE')]).toEqual(['run\n', 'v2\n']);
});

test('a real cancel ends the command on the host', async () => {
  const context = on({ command: 'echo $$ > PID; while :; do sleep 0.05; done' });
  const cancelling = new AbortController();
  const ended = failureOf(command.deploy({ ...context, signal: cancelling.signal }));
  await expect.poll(() => read('PID').catch(() => ''), { timeout: 60_000 }).not.toBe('');
  cancelling.abort('kill');
  expect(await ended).toBeDefined();
  expect(await isAlive()).toBe(false);
});

describe('the way back', () => {
  test('restores what inspect said, also for a first release over an older way of working', async () => {
    await host.run({ argv: ['sh', '-c', `echo v1 > ${folder}/RELEASE`], timeoutMs: 5_000 });
    const context = on({});
    const prior = await command.recordPrior(context);
    expect(await command.proveWayBack(context, prior)).toContain('echo v1 > RELEASE');
    await command.deploy(context);
    expect(await command.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await read('RELEASE')).toBe('v1\n');
  });

  test('without restore the deploy command runs again for the release before', async () => {
    const context = on({ restore: null });
    context.target.live = live(context, 'v1');
    await host.run({ argv: ['sh', '-c', `echo v1 > ${folder}/RELEASE`], timeoutMs: 5_000 });
    const prior = await command.recordPrior(context);
    await command.deploy(context);
    expect(await command.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await read('RELEASE')).toBe('v1\n');
  });

  test('a restore that restores nothing is not believed', async () => {
    await host.run({ argv: ['sh', '-c', `echo v1 > ${folder}/RELEASE`], timeoutMs: 5_000 });
    const context = on({ restore: 'true' });
    const prior = await command.recordPrior(context);
    await command.deploy(context);
    await expect(command.undo(context, prior)).rejects.toMatchObject({
      type: 'ForeignHand',
      message: expect.stringContaining('inspect says "v2"') as string,
    });
  });

  test('a first release is retired again', async () => {
    const context = on({});
    const prior = await command.recordPrior(context);
    expect(prior).toBeNull();
    await command.deploy(context);
    expect(await command.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    await expect(read('RELEASE')).rejects.toThrow('ENOENT');
    expect(await command.undo(context, prior)).toMatchObject({ outcome: 'undone' });
  });

  test('half a first release, which inspect does not see, is retired too', async () => {
    const context = on({ command: 'touch HALF; exit 1', retire: 'rm HALF' });
    await expect(command.deploy(context)).rejects.toMatchObject({ type: 'Refused' });
    expect(await command.undo(context, null)).toMatchObject({ outcome: 'undone' });
    await expect(read('HALF')).rejects.toThrow('ENOENT');
  });

  test('a retire that fails where inspect finds nothing says so and is enough', async () => {
    const nothing = on({ retire: 'echo no such shop >&2; exit 3' });
    const undone = await command.undo(nothing, null);
    expect(undone).toMatchObject({ outcome: 'undone' });
    expect(undone.note).toMatch(/^inspect finds nothing, as before; .*the undo command exited 3/);
    await expect(command.undo(on({ inspect: 'echo v2', retire: 'exit 3' }), null)).rejects.toMatchObject({
      type: 'Refused',
    });
    expect(await command.undo(on({ retire: null }), null)).toMatchObject({ outcome: 'never-ran' });
  });

  test('there is none without restore, retire and an earlier release, and preflight says so', async () => {
    const context = on({ restore: null, retire: null });
    const findings = await command.preflight(context);
    expect(findings[0]).toMatchObject({ thing: 'restore', state: 'warning' });
    const [restored] = await command.preflight(on({ restore: './restore {previous-tag}' }));
    expect(restored).toMatchObject({ thing: 'restore', state: 'ok', message: 'by its restore command' });
    await command.deploy(context);
    await expect(command.undo(context, null)).rejects.toMatchObject({ type: 'Refused' });
  });
});

describe('inspect, before a release relies on it,', () => {
  const asked = async (inspect: string | null, change: Partial<Target> = {}) =>
    (await command.preflight(on({ inspect }, change))).filter(({ thing }) => thing === 'inspect');

  test('says what is there, or that nothing is', async () => {
    expect(await asked('echo v1')).toMatchObject([{ state: 'ok', message: 'says v1' }]);
    expect(await asked('echo no such release >&2; exit 1')).toMatchObject([
      { state: 'ok', message: 'nothing is there yet: it exited 1: no such release' },
    ]);
    expect(await asked('true')).toMatchObject([
      { state: 'ok', message: 'nothing is there yet: it printed nothing' },
    ]);
    expect(await asked(null)).toEqual([]);
  });

  test.each([
    ['no-such-program', /exited 127: .*not found/],
    ['/etc/passwd', /exited 126: .*denied/],
  ])('as %s cannot be run, which keeps a new release out and no way back', async (inspect, words) => {
    const message = expect.stringMatching(words) as string;
    const wayOut = expect.stringContaining('correct inspect') as string;
    expect(await asked(inspect)).toMatchObject([{ state: 'problem', message, wayOut }]);
    expect(await asked(inspect, { kind: 'deploy' })).toMatchObject([{ state: 'problem' }]);
    for (const kind of ['rollback', 'redeploy', 'readmit'] as const)
      expect(await asked(inspect, { kind })).toMatchObject([{ state: 'warning', message, wayOut }]);
  });

  test('finds nothing although something is live: a warning', async () => {
    const before = live(on({}), 'v1');
    expect(await asked('exit 3', { live: before })).toMatchObject([
      { state: 'warning', message: 'finds nothing although v1 is live: it exited 3' },
    ]);
    expect(await asked('exit 3', { live: before, colour: 'green' })).toMatchObject([{ state: 'ok' }]);
  });
});

test('a version a shell would interpret is refused before anything runs', async () => {
  const context = on({}, { version: 'v2;reboot' });
  await expect(command.deploy(context)).rejects.toMatchObject({
    type: 'BadInput',
    message: expect.stringContaining('v2;reboot') as string,
  });
  await expect(read('RELEASE')).rejects.toThrow('ENOENT');
});

test('preflight names what the host lacks', async () => {
  const context = on({});
  await rm(path.join(folder, '.env'), { force: true });
  context.target.plan = {
    ...context.target.plan,
    preflight: {
      registryLogin: false,
      commands: ['sh', 'no-such-program'],
      files: [`${folder}/.env`, '/etc/passwd'],
      ports: [sshd.port],
      diskBytes: 1e18,
    },
  };
  const findings = await command.preflight(context);
  expect(findings.filter(({ state }) => state === 'problem').map(({ thing }) => thing)).toEqual([
    'disk',
    `port ${sshd.port}`,
    `file ${folder}/.env`,
    'command no-such-program',
  ]);
});

test('of docker a plugin is looked for; other words are never run to see whether they are there', async () => {
  const context = on({});
  const plugins = path.join(folder, 'docker');
  await writeFile(plugins, '#!/bin/sh\necho "$*" >> "$0.asked"; echo buildx; echo compose\n', {
    mode: 0o755,
  });
  context.target.plan = {
    ...context.target.plan,
    preflight: {
      ...context.target.plan.preflight,
      commands: ['docker compose', 'docker comp', 'docker rm -f web', `touch ${folder}/run`],
    },
  };
  const withDocker: Host = {
    ...host,
    run: (command) =>
      host.run({ ...command, argv: ['env', `PATH=${folder}:${process.env['PATH']}`, ...command.argv] }),
  };
  const findings = await command.preflight({ ...context, host: withDocker });
  const commands = findings.filter(({ thing }) => thing.startsWith('command '));
  expect(commands.map(({ thing, state }) => [thing, state])).toEqual([
    ['command docker compose', 'ok'],
    ['command docker comp', 'problem'],
    ['command docker rm -f web', 'problem'],
    [`command touch ${folder}/run`, 'problem'],
  ]);
  expect([...new Set((await read('docker.asked')).trim().split('\n'))]).toEqual([
    'info --format {{range .ClientInfo.Plugins}}{{println .Name}}{{end}}',
  ]);
  await expect(read('run')).rejects.toThrow('ENOENT');
});

test('ports are free before the first release, and its own afterwards', async () => {
  const context = on({});
  context.target.plan = {
    ...context.target.plan,
    preflight: { ...context.target.plan.preflight, ports: [sshd.port] },
  };
  const problems = async (of: PlatformContext): Promise<string[]> =>
    (await command.preflight(of)).filter(({ state }) => state === 'problem').map(({ thing }) => thing);
  expect(await problems(context)).toEqual([`port ${sshd.port}`]);
  const later = { ...context, target: { ...context.target, live: live(context, 'v1') } };
  expect(await problems(later)).toEqual([]);
  await command.deploy(context);
  expect(await problems(context)).toEqual([]);
});

test('logs are the last lines of what its command prints, whatever it exits with', async () => {
  const context = on({ logs: 'echo one; echo two; echo "of {tag}" >&2; exit 3' });
  expect(await command.logs(context, 2)).toBe('two\nof v2');
  expect(await command.logs(on({}), 2)).toBe('');
});

test('a deploy that fails says what the service says', async () => {
  const context = on({ command: 'echo is unhealthy >&2; exit 1', logs: 'echo no route to redis; exit 1' });
  await expect(command.deploy(context)).rejects.toMatchObject({
    details: [{ why: "is unhealthy\nthe service's log:\nno route to redis" }],
  });
});
