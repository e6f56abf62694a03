/** `{logs: PATTERN}` on a real Swarm, with stacks and with a team's own command: which lines count, and when none is known. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOG_COUNT } from '../../activities/checks/log-count.js';
import { createNewLogs, type ReadNewLogs } from '../../activities/platforms/open-platform.js';
import { swarm } from '../../activities/platforms/swarm.js';
import { stack } from '../../activities/platforms/stack.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import type { CheckOutcome, Target } from '../../workflows/activity-contract.js';
import { givenPlanInPlace } from '../support/given.js';
import { hostsKnowing } from '../support/hosts.js';
import { watchLogs, type LogsPlan, type LogWatch } from '../support/log-watch.js';
import { plantToken } from '../support/planted.js';
import { until } from '../support/processes.js';
import { startSshd, type Sshd } from '../support/sshd.js';
import { startSwarmWorld, type SwarmWorld } from '../support/swarm-world.js';
import { NO_REPOSITORY } from '../support/no-repository.js';

const TOKEN = plantToken('tok-');
const secrets = createSecrets({ TOKEN });

const watch = (read: ReadNewLogs, target: Target, deployedMsAgo: number | null): LogWatch =>
  watchLogs({ read, target, deployedMsAgo, secrets });

describe('on a Swarm', () => {
  let world: SwarmWorld;
  let read: ReadNewLogs;

  beforeAll(async () => {
    world = await startSwarmWorld();
    await world.logIn();
    read = createNewLogs({ hosts: world.hosts, secrets, ...NO_REPOSITORY });
  });
  afterAll(() => world?.stop());

  async function containersOf(service: string): Promise<string[]> {
    const filter = `label=com.docker.swarm.service.name=${service}`;
    const ids = await world.docker('ps', '-q', '--filter', filter);
    return ids.split('\n').filter((id) => id !== '');
  }

  /** As the application itself would. */
  async function writes(service: string, line: string): Promise<void> {
    const [container = ''] = await containersOf(service);
    await world.docker('exec', container, '/bin/sh', '-c', `echo "${line}" > /proc/1/fd/1`);
  }

  /** A service on v1 that has written an error of its own, and a target for v2. */
  async function givenService(name: string, ...options: string[]): Promise<Target> {
    await world.docker(
      ...['service', 'create', '--name', name, '--detach', '--with-registry-auth'],
      ...['--update-monitor', '500ms', '--stop-grace-period', '1s', '--restart-delay', '100ms'],
      ...options,
      world.image('v1'),
    );
    await until('the service to run', async () => (await containersOf(name)).length > 0);
    return world.target('v2', world.plan({ kind: 'swarm', service: name, fields: {} }));
  }

  const loggedBy = (target: Target): Promise<string> => swarm.logs(world.context(target), 100);

  it('counts what this release wrote since it was deployed, each line once', async () => {
    const target = await givenService('counted');
    await writes('counted', 'ERROR of the release before');
    await until('the old error to be in the log', async () => (await loggedBy(target)).includes('before'));
    await swarm.deploy(world.context(target));
    const { ask, logCounts } = watch(read, target, 60_000);
    expect(await ask()).toMatchObject({
      verdict: 'passed',
      detail: '0 lines match ERROR|Traceback, at most 0',
    });

    await secrets.resolve('env:TOKEN');
    await writes('counted', `ERROR no login with ${TOKEN}`);
    await writes('counted', 'all is well');
    await until('the new error to be counted', async () => (await ask()).verdict === 'failed');
    const found = await ask();
    expect(found.detail).toBe(
      '1 line matches ERROR|Traceback, at most 0 | swarm-1: ERROR no login with [env:TOKEN]',
    );
    expect(await ask({ max: 1 })).toMatchObject({ verdict: 'passed' });

    // a worker that takes over counts on from the heartbeat
    const handed: unknown = JSON.parse(JSON.stringify(logCounts.get('clean-logs')));
    const taken = watch(read, target, 60_000);
    taken.logCounts.set('clean-logs', LOG_COUNT.parse(handed));
    expect((await taken.ask()).detail).toMatch(/^1 line matches/);
  });

  it('leaves out what was written before the deploy by a process that was kept', async () => {
    const target = await givenService('kept');
    const again = { ...target, artifacts: world.target('v1', target.plan).artifacts };
    await writes('kept', 'ERROR long ago');
    await until('the line to be in the log', async () => (await loggedBy(again)).includes('long ago'));
    expect(await watch(read, again, 60_000).ask()).toMatchObject({ verdict: 'failed' });
    expect(await watch(read, again, 0).ask()).toMatchObject({ verdict: 'passed' });
  });

  it('counts the last words of a process that died, on every replica', async () => {
    const target = await givenService('dies', '--replicas', '2');
    const { ask } = watch(read, { ...target, artifacts: world.target('v1', target.plan).artifacts }, 60_000);
    await ask();
    const [first = ''] = await containersOf('dies');
    await world.docker(
      'exec',
      first,
      '/bin/sh',
      '-c',
      'echo "Traceback (most recent call last)" > /proc/1/fd/1',
    );
    await world.docker('kill', first);
    await until('its last words to be counted', async () => (await ask()).verdict === 'failed');
    await until('a new process in its place', async () => (await containersOf('dies')).length === 2);
    for (let again = 0; again < 3; again += 1) expect((await ask()).detail).toMatch(/^1 line matches/);
  });

  it('is inconclusive, never green, where nobody keeps the log or the service is gone', async () => {
    const target = await givenService('silent', '--log-driver', 'none');
    const silent = { ...target, artifacts: world.target('v1', target.plan).artifacts };
    expect(await watch(read, silent, 60_000).ask()).toMatchObject({
      verdict: 'inconclusive',
      detail: expect.stringContaining('does not support reading') as string,
    });
    const gone = { ...target, plan: world.plan({ kind: 'swarm', service: 'no-such', fields: {} }) };
    await expect(watch(read, gone, 60_000).ask()).rejects.toThrow(/no-such/);
    expect(await watch(read, target, null).ask()).toMatchObject({ verdict: 'inconclusive' });
  });

  it('of a stack: every service of it', async () => {
    const service = (): object => ({
      image: world.image('v1'),
      deploy: { update_config: { monitor: '500ms' } },
    });
    const file = { version: '3.8', services: { web: service(), worker: service() } };
    const text = JSON.stringify(file).replace(world.image('v1'), `${world.repository}:\${IMAGE_TAG}`);
    const platform: PlatformPlan = {
      kind: 'stack',
      files: { live: text, blue: '', green: '' },
      names: { live: 'shop', blue: '', green: '' },
    };
    const target = world.target('v2', world.plan(platform));
    const context = world.context(target);
    await stack.deploy(context);
    const { ask } = watch(read, target, 60_000);
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    await writes('shop_worker', 'ERROR in the worker');
    await until('the error to be counted', async () => (await ask()).verdict === 'failed');
  });
});

describe('by a team’s own command', () => {
  let sshd: Sshd;
  let folder: string;
  let log: string;
  const hosts = () => hostsKnowing(sshd.knownHostsPath);
  let opened: ReturnType<typeof hosts>;

  beforeAll(async () => {
    sshd = await startSshd();
    folder = await mkdtemp(path.join(tmpdir(), 'slw-logs-'));
    log = path.join(folder, 'log');
    opened = hosts();
  });
  afterAll(async () => {
    await opened.close();
    await sshd.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function targetWith(logs: string): Target {
    const platform: PlatformPlan = {
      ...{ kind: 'command', command: 'true', inspect: null, restore: null, retire: null, on: 'host' },
      logs,
    };
    const plan = givenPlanInPlace({
      ...{ platform, hosts: [{ name: 'web-1', address: sshd.destination }] },
      ssh: { user: null, port: null, key: `file:${sshd.keyPath}`, knownHosts: null, jump: [] },
    });
    return {
      ...{ plan, token: 1, version: 'v2', artifacts: [], colour: null, live: null },
      commit: { sha: 'a'.repeat(40), subject: '', author: '', authorEmail: '', committedAt: '', authors: [] },
    };
  }

  /** Lines are `SECONDS text`: what an application's log has. */
  const since = `awk -v now="$(date +%s)" -v s="$SLIPWAY_LOG_SECONDS" '$1 >= now - s' `;
  const now = () => Math.floor(Date.now() / 1000);
  const ask = (logs: string, change: Partial<LogsPlan> = {}): Promise<CheckOutcome> =>
    watch(createNewLogs({ hosts: opened, secrets, ...NO_REPOSITORY }), targetWith(logs), 60_000).ask(change);

  it('counts what the command prints of the seconds since the deploy, anew each time', async () => {
    await writeFile(log, `${now() - 600} ERROR of the release before\n${now()} all is well\n`);
    const { ask: again } = watch(
      createNewLogs({ hosts: opened, secrets, ...NO_REPOSITORY }),
      targetWith(since + log),
      60_000,
    );
    expect(await again()).toMatchObject({ verdict: 'passed' });
    await writeFile(log, `${now()} ERROR one\n`, { flag: 'a' });
    expect(await again()).toMatchObject({ verdict: 'failed' });
    expect((await again()).detail).toMatch(/^1 line matches .* \| web-1: \d+ ERROR one$/);
  });

  it.each([
    ['it fails', 'echo ERROR-free so far; exit 3', /logs exited 3/],
    ['it is not there', 'no-such-program', /logs exited 127/],
    ['it prints more than is read', 'yes fine | head -c 100000', /more than 64 KB/],
  ])('is inconclusive when %s', async (_, command, why) => {
    const found = await ask(command, { pattern: '^FATAL' });
    expect(found).toMatchObject({ verdict: 'inconclusive', detail: expect.stringMatching(why) as string });
  });

  it('fails all the same when enough is known', async () => {
    expect(await ask('echo FATAL; exit 3', { pattern: '^FATAL' })).toMatchObject({ verdict: 'failed' });
  });

  it('is not held up by a pattern and a line that are made for it', async () => {
    await writeFile(log, `${now()} ${'a'.repeat(16_000)}!\n`);
    // a backtracking engine would still be at it when the sun goes out
    expect(await ask(since + log, { pattern: '(a+)+$' })).toMatchObject({ verdict: 'passed' });
  });
});
