/** A fleet for e2e tests: four real hosts behind sshd that are released to by the command and a real worker. */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { setBadLuckScene, setBadLuckStage, type BadLuckScene, type BadLuckStage } from './bad-luck-scene.js';
import { readJson } from './slipway-command.js';
import { startSshd, type Sshd } from './sshd.js';

export interface FleetScene {
  stage: BadLuckStage;
  scene: BadLuckScene;
  hosts: [Sshd, Sshd, Sshd, Sshd];
  /** A release of these hosts (default all), with this `rollout`; answers the version it is released as. */
  commit(rollout: string, hosts?: Sshd[]): Promise<string>;
  release(): Promise<{ exit: number; data: Record<string, unknown>; error: Record<string, unknown> }>;
  /** What each host runs; '' = nothing. */
  releases(): Promise<string[]>;
  /** The same for all of them. */
  all(version: string): string[];
}

/** Says what it does, does nothing while a file `hold` is there, and fails where there is a file `refuse`. */
const DEPLOY = [
  'echo {tag} >> $HOME/begun',
  'while [ -e $HOME/hold ]; do sleep 0.05; done',
  'test ! -e $HOME/refuse || { echo no room for {tag} >&2; exit 1; }',
  'echo {tag} > $HOME/release',
  'echo {tag} >> $HOME/runs',
].join(' && ');

/** New hosts for each test, one worker for all tests of a file. */
export function useFleetScene(): FleetScene {
  let stage: BadLuckStage | undefined;
  let scene: BadLuckScene | undefined;
  let hosts: Sshd[] = [];
  beforeAll(async () => {
    stage = await setBadLuckStage();
  });
  afterAll(() => stage?.stop());
  const fleet: FleetScene = {
    get stage() {
      return given(stage);
    },
    get scene() {
      return given(scene);
    },
    get hosts(): FleetScene['hosts'] {
      const [first, second, third, fourth] = hosts;
      return [given(first), given(second), given(third), given(fourth)];
    },
    commit: async (rollout, released = fleet.hosts) => {
      const known = await Promise.all(hosts.map(({ knownHostsPath }) => readFile(knownHostsPath, 'utf8')));
      const sha = await fleet.scene.repository.commit('feat: next', {
        'app/a': String(Math.random()),
        known_hosts: known.join(''),
        'slipway.yaml': pipelineFile(fleet.scene, rollout, released),
      });
      return sha.slice(0, 7);
    },
    release: async () => {
      const argv = ['release', '--to', 'prod', '--json', '--until', 'done'];
      const { exit, data, error } = readJson(await fleet.scene.run(...argv));
      return { exit, data, error: error ?? {} };
    },
    releases: () => Promise.all(hosts.map((host) => read(host, 'release'))),
    all: (version) => hosts.map(() => version),
  };
  beforeEach(async () => {
    scene = await setBadLuckScene(fleet.stage);
    const { keyPath } = scene.sshd;
    const host = { env: { PATH: fleet.stage.path }, keyPath };
    hosts = await Promise.all(Array.from({ length: 4 }, () => startSshd(host)));
  });
  afterEach(async () => {
    for (const sshd of hosts) await sshd.stop();
    await scene?.end();
  });
  return fleet;
}

function given<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('the fleet is not up yet');
  return thing;
}

function pipelineFile(scene: BadLuckScene, rollout: string, hosts: Sshd[]): string {
  return `pipeline: ${scene.pipeline}
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
`;
}

export async function read({ home }: Sshd, name: string): Promise<string> {
  return (await readFile(path.join(home, name), 'utf8').catch(() => '')).trim();
}

export async function put({ home }: Sshd, name: string): Promise<void> {
  await writeFile(path.join(home, name), '');
}

export async function take({ home }: Sshd, name: string): Promise<void> {
  await rm(path.join(home, name));
}

/** An empty disk, as after an installation; known to ssh as before. */
export async function reinstall({ home }: Sshd): Promise<void> {
  for (const entry of await readdir(home)) await rm(path.join(home, entry), { recursive: true, force: true });
}

/** Its disk as it is now; what it gives brings that back. */
export async function snapshot(host: Sshd): Promise<() => Promise<void>> {
  const copy = path.join(host.folder, 'snapshot');
  await cp(host.home, copy, { recursive: true });
  return async () => {
    await reinstall(host);
    await cp(copy, host.home, { recursive: true });
  };
}
