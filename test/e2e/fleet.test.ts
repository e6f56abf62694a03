/** A release to several real hosts behind sshd, by the command and a real worker: what fails, dies, comes and goes. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  setBadLuckScene,
  setBadLuckStage,
  type BadLuckScene,
  type BadLuckStage,
} from '../support/bad-luck-scene.js';
import { until } from '../support/processes.js';
import { readJson } from '../support/slipway-command.js';
import { startSshd, type Sshd } from '../support/sshd.js';

let stage: BadLuckStage;
let scene: BadLuckScene;
let fleet: Sshd[];

beforeAll(async () => {
  stage = await setBadLuckStage();
});
afterAll(() => stage.stop());

beforeEach(async () => {
  scene = await setBadLuckScene(stage);
  const { keyPath } = scene.sshd;
  const host = { env: { PATH: stage.path }, keyPath };
  fleet = await Promise.all(Array.from({ length: 4 }, () => startSshd(host)));
});
afterEach(async () => {
  for (const sshd of fleet) await sshd.stop();
  await scene.end();
});

/** Says what it does, does nothing while a file `hold` is there, and fails where there is a file `refuse`. */
const DEPLOY = [
  'echo {tag} >> $HOME/begun',
  'while [ -e $HOME/hold ]; do sleep 0.05; done',
  'test ! -e $HOME/refuse || { echo no room for {tag} >&2; exit 1; }',
  'echo {tag} > $HOME/release',
  'echo {tag} >> $HOME/runs',
].join(' && ');

/** Answers the version it is released as. */
async function commit(rollout: string, hosts = fleet): Promise<string> {
  const knownHosts = await Promise.all(fleet.map(({ knownHostsPath }) => readFile(knownHostsPath, 'utf8')));
  const sha = await scene.repository.commit('feat: next', {
    'app/a': String(Math.random()),
    known_hosts: knownHosts.join(''),
    'slipway.yaml': `pipeline: ${scene.pipeline}
image: { folder: app }
checks:
  up: { run: 'test -s $HOME/release && test ! -e $HOME/unwell && test {host} = 127.0.0.1', on: host, timeout: 10s }
environments:
  prod:
    from: { branch: '*' }
    hosts: [${hosts.map(({ destination }) => `"${destination}"`).join(', ')}]
    ssh: { key: "file:${scene.sshd.keyPath}", known-hosts: known_hosts }
    timeout: 30s
    rollout: ${rollout}
    platform:
      command: ${JSON.stringify(DEPLOY)}
      inspect: cat $HOME/release
      restore: echo "{previous-tag}" > $HOME/release
      retire: rm -f $HOME/release
    checks: [up]
`,
  });
  return sha.slice(0, 7);
}

const read = async (sshd: Sshd | undefined, name: string): Promise<string> =>
  (await readFile(path.join(sshd?.home ?? '', name), 'utf8').catch(() => '')).trim();
const releases = (): Promise<string[]> => Promise.all(fleet.map((sshd) => read(sshd, 'release')));
const put = (sshd: Sshd | undefined, name: string): Promise<void> =>
  writeFile(path.join(sshd?.home ?? '', name), '');
const take = (sshd: Sshd | undefined, name: string): Promise<void> => rm(path.join(sshd?.home ?? '', name));

async function release(
  ...more: string[]
): Promise<{ exit: number; data: Record<string, unknown>; error: Record<string, unknown> }> {
  const { exit, data, error } = readJson(
    await scene.run('release', '--to', 'prod', '--json', '--until', 'done', ...more),
  );
  return { exit, data, error: error ?? {} };
}

const all = (version: string): string[] => fleet.map(() => version);

test('comes to all of them, and each runs it once', async () => {
  const version = await commit('{ batch: 2 }');
  expect(await release()).toMatchObject({ exit: 0 });
  expect(await releases()).toEqual(all(version));
  for (const sshd of fleet) expect(await read(sshd, 'runs')).toBe(version);
});

test('one that serves badly stands apart before the next batch, and comes back when a person says so', async () => {
  const rollout = '{ batch: 2, max-failures: 1, failed-host: quarantine }';
  await commit(rollout);
  await release();
  const version = await commit(rollout);
  await put(fleet[0], 'unwell');
  expect(await release()).toMatchObject({ exit: 0 });
  expect(await releases()).toEqual(['', version, version, version]);
  const host = fleet[0]?.destination ?? '';
  expect((await scene.run('status', 'prod')).out).toContain(`${host} quarantined, again `);

  await take(fleet[0], 'unwell');
  expect(readJson(await scene.run('retry', 'prod', '--host', host, '--json')).exit).toBe(0);
  await until(`${host} is back`, async () => {
    const { out } = await scene.run('status', 'prod');
    return out.includes('quarantined') ? null : out;
  });
  expect(await releases()).toEqual(all(version));
});

test('one that refuses takes the others back with it, and is named with what it said', async () => {
  const before = await commit('{ batch: 2 }');
  await release();
  await commit('{ batch: 2 }');
  await put(fleet[2], 'refuse');
  const { exit, error } = await release();
  expect(exit).toBe(3);
  expect(error['what']).toContain(`${fleet[2]?.destination}: `);
  expect(error['why']).toContain('no room for');
  expect(await releases()).toEqual(all(before));
  // the last one was in the same batch, so it had begun; the first two were done
  expect(await scene.environment()).toMatchObject({ live: { version: before } });
});

test('one that refuses stands apart where the plan says so: stopped, shown, and the next release brings it back', async () => {
  await commit('{ batch: 2 }');
  await release();
  const version = await commit('{ batch: 2, max-failures: 1, failed-host: quarantine }');
  await put(fleet[1], 'refuse');
  expect(await release()).toMatchObject({ exit: 0 });
  expect(await releases()).toEqual([version, '', version, version]);
  const { out } = await scene.run('status', 'prod');
  expect(out).toContain(`${fleet[1]?.destination} quarantined, again `);
  await take(fleet[1], 'refuse');
  const next = await commit('{ batch: 2, max-failures: 1, failed-host: quarantine }');
  expect(await release()).toMatchObject({ exit: 0 });
  expect(await releases()).toEqual(all(next));
  expect((await scene.run('status', 'prod')).out).not.toContain('quarantined');
});

test('half of them down: it names them, touches nothing, and goes on once they are back', async () => {
  const version = await commit('{ batch: 4 }');
  const away = fleet.slice(2);
  for (const sshd of away) await sshd.crash();
  const going = scene.run('release', '--to', 'prod', '--until', 'done', '--json');
  const status = await until('it waits for a person', async () => {
    const { out } = await scene.run('status', 'prod', '--json');
    return out.includes('preflight could not be made') ? out : null;
  });
  expect(status).toContain('preflight could not be made: retry or abort');
  const { out } = await scene.run('watch', 'prod', '--until', 'waiting', '--json');
  for (const sshd of away) expect(out).toContain(`${sshd.destination}: cannot be reached`);
  expect(await releases()).toEqual(['', '', '', '']);
  for (const sshd of away) await sshd.start();
  expect((await scene.run('retry', 'prod')).exit).toBe(0);
  expect((await going).exit).toBe(0);
  expect(await releases()).toEqual(all(version));
});

test('one that loses the network in the middle is gone on with when it is back, and has run it once', async () => {
  const version = await commit('{ batch: 4 }');
  await put(fleet[3], 'hold');
  const going = release();
  await until('it runs on the last one', async () => (await read(fleet[3], 'begun')) === version);
  await fleet[3]?.crash();
  await take(fleet[3], 'hold');
  await until('the others have it', async () => (await read(fleet[2], 'release')) === version);
  await fleet[3]?.start();
  expect(await going).toMatchObject({ exit: 0 });
  expect(await releases()).toEqual(all(version));
  expect(await read(fleet[3], 'runs')).toBe(version);
});

test('the worker is killed in the middle: none runs it twice', async () => {
  const version = await commit('{ batch: 2 }');
  for (const sshd of fleet.slice(0, 2)) await put(sshd, 'hold');
  const going = release();
  await until('it runs on the first two', async () => (await read(fleet[1], 'begun')) === version);
  stage.killWorker();
  for (const sshd of fleet.slice(0, 2)) await take(sshd, 'hold');
  expect(await going).toMatchObject({ exit: 0 });
  for (const sshd of fleet) expect(await read(sshd, 'runs')).toBe(version);
});

test('hosts come and go between releases: the new one is undone to nothing, the old one is named', async () => {
  const [first, second, third, fourth] = fleet;
  if (!first || !second || !third || !fourth) throw new Error('four hosts');
  const before = await commit('{ batch: 2 }', [first, second, third]);
  await release();
  await commit('{ batch: 2 }', [second, third, fourth]);
  await put(fourth, 'refuse');
  expect(await release()).toMatchObject({ exit: 3 });
  expect(await releases()).toEqual([before, before, before, '']);
  await take(fourth, 'refuse');
  const next = await commit('{ batch: 2 }', [second, third, fourth]);
  const { exit, data } = await release();
  expect(exit).toBe(0);
  expect(await releases()).toEqual([before, next, next, next]);
  expect(JSON.stringify(data)).toContain(
    `${first.destination} left the environment and still runs ${before}`,
  );
});
