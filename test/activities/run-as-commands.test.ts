/** Commands and checks of an environment on the worker itself, as the user of the policy. */
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askRunCheck } from '../../activities/checks/run.js';
import type { Host, Hosts } from '../../activities/hosts/host.js';
import { createHosts } from '../../activities/hosts/hosts.js';
import type { JobUsers } from '../../activities/job-user/job-users.js';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import { requireSuccess } from '../../activities/platforms/docker-command.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { createSource } from '../../activities/source/source.js';
import { withCheckout } from '../../activities/source/checkout.js';
import { givenCheckScene, runCheck, type CheckScene } from '../support/check-scene.js';
import { environmentFor, fenceOf, hostPlan, silent } from '../support/hosts.js';
import { givenJobScene, type JobScene } from '../support/job-users.js';
import { markedSleeps, processesWith, untilGone, untilRuns } from '../support/processes.js';

const { nap, endAll } = markedSleeps();
let scene: JobScene;
let jobUsers: JobUsers;
let hosts: Hosts;
let host: Host;
/** The worker's own. */
let home: string;
const before = process.env['HOME'];
const place = process.cwd();

beforeAll(async () => {
  scene = await givenJobScene();
  home = await mkdtemp(path.join(tmpdir(), 'slw-home-'));
  process.env['HOME'] = home;
  jobUsers = scene.jobUsers();
  const secrets = createSecrets({});
  hosts = createHosts({
    resolveSecret: secrets.resolve,
    scrub: secrets.scrub,
    knownHostsPath: '/dev/null',
    logger: silent,
    jobUserOf: jobUsers.ofEnvironment,
  });
  host = await hosts.open(environmentFor(), hostPlan('local'));
});

afterAll(async () => {
  process.chdir(place);
  await endAll();
  if (before === undefined) delete process.env['HOME'];
  else process.env['HOME'] = before;
  await hosts.close();
  await Promise.all([scene.stop(), rm(home, { recursive: true, force: true })]);
});

const sh = (text: string): string[] => ['sh', '-c', text];
const TEAMS = { isTeams: true, timeoutMs: 30_000 } as const;

describe('a team’s command on the worker', () => {
  it('is that user’s, and has its words, environment, folder and stdin as they are', async () => {
    const asked = {
      argv: ['sh', '-c', 'printf "%s|" "$(id -un)" "$A" "$1" "$(pwd)" "$HOME"; cat', 'sh', `it's $HOME\n;`],
      env: { A: "multi\nline 'quoted' $HOME" },
      stdin: 'from stdin: é\n',
      ...TEAMS,
    };
    process.chdir(scene.folder);
    const words = `nobody|multi\nline 'quoted' $HOME|it's $HOME\n;|`;
    expect(await host.run({ ...asked, cwd: '/tmp' })).toMatchObject({
      exitCode: 0,
      stdout: `${words}/tmp|/nonexistent|from stdin: é\n`,
    });
    expect(await host.run({ ...asked, fence: fenceOf('words', 1) })).toMatchObject({
      exitCode: 0,
      stdout: `${words}${scene.folder}|/nonexistent|from stdin: é\n`,
    });
    // where it may not be it does not stay
    process.chdir(home);
    const long = { ...asked, fence: fenceOf('words', 1), operationId: '1-words' };
    expect(await host.runLong(long)).toMatchObject({
      exitCode: 0,
      command: expect.stringMatching(/^sh -c 'printf/) as unknown,
      stdout: `${words}/|/nonexistent|from stdin: é\n`,
    });
  });

  it('while what Slipway does there stays the worker’s', async () => {
    const own = await host.run({ argv: ['id', '-un'], timeoutMs: 10_000 });
    expect([own.stdout, own.ranAs]).toEqual(['root\n', undefined]);
    const teams = await host.run({ argv: ['id', '-un'], ...TEAMS });
    expect([teams.stdout, teams.ranAs]).toEqual(['nobody\n', 'nobody']);
  });

  it('that is refused says as whom it ran, or nobody knew whose rights were too few', async () => {
    const long = { argv: sh('mkdir /not-here'), fence: fenceOf('refused', 1), operationId: '1-deploy' };
    const result = await host.runLong({ ...long, ...TEAMS });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a refusal looks at
    const context = {
      ...{ host, target: { plan: environmentFor() } },
      signal: new AbortController().signal,
    } as unknown as PlatformContext;
    expect(() => requireSuccess(context, result, 'the deploy command')).toThrow(
      /the deploy command exited 1, run as nobody/,
    );
  });

  it.each([
    ['reads the seal key', () => `cat ${scene.sealFolder}/key.pem`],
    ['reads the worker’s environment', () => `cat /proc/${process.pid}/environ`],
    ['signals the worker', () => `kill -0 ${process.pid}`],
    ['changes the policy', () => `: >> ${scene.policyFile}`],
    ['lists the journals', () => `ls ${home}/.slipway`],
    ['lifts the fence', () => `echo 99 > ${home}/.slipway/fences/shop/prod`],
  ])('cannot do what the worker can: %s', async (_what, attack) => {
    await host.claim(fenceOf('attacks', 1));
    const result = await host.run({ argv: sh(attack()), ...TEAMS });
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toMatch(/[Pp]ermission denied|not permitted|cannot create/);
  });

  it('cannot write its own result, nor another’s', async () => {
    const fence = fenceOf('forged', 3);
    const text = `d=$SLIPWAY_JOURNAL; echo 0 > "$d/rc"; mkdir "$d/../3-next" && echo 0 > "$d/../3-next/rc"; rm "$d/token"; exit 5`;
    const result = await host.runLong({ argv: sh(text), ...TEAMS, fence, operationId: '3-deploy' });
    expect(result.exitCode).toBe(5);
    const journal = path.join(home, '.slipway', 'journal', fence.pipeline, fence.environment);
    expect(await readdir(journal)).toEqual(['3-deploy']);
    expect((await readFile(path.join(journal, '3-deploy', 'rc'), 'utf8')).trim()).toBe('5');
    expect((await stat(path.join(home, '.slipway'))).mode & 0o777).toBe(0o700);
  });

  it('is ended with all it started', async () => {
    const [first, second] = [nap(1), nap(2)];
    const stopping = new AbortController();
    const ended = host.runLong({
      argv: sh(`${first} & ${second}`),
      ...TEAMS,
      fence: fenceOf('ended', 1),
      operationId: '1-deploy',
      signal: stopping.signal,
    });
    await untilRuns(second);
    stopping.abort('kill');
    expect(await ended).toMatchObject({ cancelled: true });
    expect([...(await processesWith(first)), ...(await processesWith(second))]).toEqual([]);
  });

  it('that takes too long is ended as well, and a newer token ends what is left', async () => {
    const [late, stale] = [nap(3), nap(4)];
    const result = await host.run({ argv: sh(late), isTeams: true, timeoutMs: 300 });
    expect(result.timedOut).toBe(true);
    await untilGone(late);
    const detaching = new AbortController();
    const left = host.runLong({
      argv: sh(stale),
      ...TEAMS,
      fence: fenceOf('stale', 1),
      operationId: '1-deploy',
      signal: detaching.signal,
    });
    await untilRuns(stale);
    detaching.abort('detach');
    await left;
    expect(await host.killStale(fenceOf('stale', 2))).toEqual(['1-deploy']);
    expect(await processesWith(stale)).toEqual([]);
  });
});

describe('the user', () => {
  it('may be another one for an environment', async () => {
    await scene.writePolicy('run-as: {user: nobody}', 'run-as: {user: daemon}');
    const plan = { ...environmentFor(), pipeline: 'shop', name: 'prod' };
    const prod = await hosts.open(plan, hostPlan('local'));
    expect((await prod.run({ argv: ['id', '-un'], ...TEAMS })).stdout).toBe('daemon\n');
    const dev = await hosts.open({ ...plan, name: 'dev' }, hostPlan('local'));
    expect((await dev.run({ argv: ['id', '-un'], ...TEAMS })).stdout).toBe('nobody\n');
    expect((await jobUsers.ofGates())?.name).toBe('nobody');
  });
});

describe('a check', () => {
  let checks: CheckScene;
  beforeAll(async () => {
    checks = await givenCheckScene();
  });
  afterAll(() => checks.stop());

  it('runs in its checkout, as that user, with the environment’s secrets and none of the worker’s', async () => {
    const target = checks.target();
    const source = createSource({ cacheFolder: path.join(scene.folder, 'data', 'checks') });
    const mirror = await source.fetchCommit(target.plan.repository.url, target.commit.sha);
    const user = await scene.user();
    vi.stubEnv('VAULT_TOKEN', 'hvs.worker');
    const text = 'id -un; cat smoke.sh | head -1; touch here "$HOME/here"; env; exit 1';
    const found = await withCheckout({ mirror, commit: target.commit.sha, user }, (checkout) =>
      askRunCheck(runCheck({ command: text }), checks.context({ checkout, env: { TOKEN_OF_PROD: 'given' } })),
    );
    vi.unstubAllEnvs();
    expect(found).toMatchObject({ verdict: 'failed' });
    expect(found.detail).toContain('worker: exit 1: nobody\n#!/bin/sh\n');
    expect(found.detail).toContain('TOKEN_OF_PROD=given');
    expect(found.detail).toMatch(/HOME=.*slipway-checkout-/);
    expect(found.detail).not.toContain('hvs.worker');
  });
});
