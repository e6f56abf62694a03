/** `{tcp: …, inside: …}` in real containers: the image decides what can be asked. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askCheck } from '../../activities/checks/ask-check.js';
import type { Host } from '../../activities/hosts/host.js';
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import type { CheckOutcome } from '../../workflows/activity-contract.js';
import { givenCheckScene, tcpCheck, type CheckScene } from '../support/check-scene.js';
import { startDockerd, type Dockerd } from '../support/dockerd.js';
import { part } from '../support/parts.js';
import { until } from '../support/processes.js';

const exec = promisify(execFile);

describe('tcp inside a container', () => {
  let scene: CheckScene;
  let dockerd: Dockerd;
  let folder: string;

  beforeAll(async () => {
    [scene, dockerd, folder] = await Promise.all([
      givenCheckScene(),
      startDockerd(),
      mkdtemp(path.join(tmpdir(), 'slw-images-')),
    ]);
    const bin = path.join(folder, 'bin');
    await mkdir(bin);
    await copyFile(await part('busybox'), path.join(bin, 'busybox'));
    await chmod(path.join(bin, 'busybox'), 0o755);
    await importImage('shell-less');
    for (const tool of ['sh', 'nc', 'httpd']) await symlink('busybox', path.join(bin, tool));
    await importImage('plain');
    await addBash();
    await importImage('good');
    const serve = ['busybox', 'httpd', '-f', '-p', '8000'];
    await dockerd.docker(['run', '-d', '--name', 'api', 'good', ...serve]);
    await dockerd.docker(['run', '-d', '--label', 'com.docker.compose.service=web', 'plain', ...serve]);
    await dockerd.docker([
      'run',
      '-d',
      '--label',
      'com.docker.swarm.service.name=tiny',
      'shell-less',
      ...serve,
    ]);
  });

  afterAll(async () => {
    await Promise.all([scene.stop(), dockerd.stop(), rm(folder, { recursive: true, force: true })]);
  });

  /** This machine's bash and the libraries it loads. */
  async function addBash(): Promise<void> {
    const { stdout } = await exec('ldd', ['/bin/bash']);
    const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
    for (const file of ['/bin/bash', ...libraries]) {
      await mkdir(path.join(folder, path.dirname(file)), { recursive: true });
      await copyFile(file, path.join(folder, file));
    }
  }

  async function importImage(tag: string): Promise<void> {
    const archive = path.join(folder, `${tag}.tar`);
    await exec('tar', ['-C', folder, '--exclude=*.tar', '-cf', archive, '.']);
    await dockerd.docker(['import', '--change', 'ENV PATH=/bin', archive, tag]);
  }

  async function ask(
    inside: string,
    port = 8000,
    { plan = {}, colour = null }: { plan?: Partial<EnvironmentPlan>; colour?: Colour | null } = {},
  ): Promise<CheckOutcome> {
    const target = scene.target(plan);
    const [hostPlan] = target.plan.hosts;
    if (hostPlan === undefined) throw new Error('no host');
    const host: Host = await scene.dependencies.hosts.open(target.plan, hostPlan);
    // the engine of this test instead of the machine's own
    const openHost = () => Promise.resolve({ ...host, docker: () => Promise.resolve(dockerd.api) });
    return askCheck(
      tcpCheck({ port, inside, timeoutMs: 5_000 }),
      scene.context({ target, colour, openHost }),
    );
  }

  it('sees what the container sees', async () => {
    const found = await until('the server in the container', async () => {
      const outcome = await ask('api');
      return outcome.verdict === 'passed' && outcome;
    });
    expect(found).toEqual({ check: 'check', verdict: 'passed', detail: '127.0.0.1:8000 from api connected' });
    expect(await ask('api', 8001)).toMatchObject({ verdict: 'failed' });
  });

  it("asks the environment's own compose project, not another stage or colour beside it", async () => {
    const label = 'com.docker.compose';
    const start = async (project: string, ...command: string[]): Promise<void> => {
      const of = [
        `${label}.service=twice`,
        `${label}.project=${project}`,
        `${label}.project.working_dir=/opt/shop`,
      ];
      await dockerd.docker(['run', '-d', ...of.flatMap((each) => ['--label', each]), 'good', ...command]);
    };
    // the newest is listed first
    await start('shop-green', 'busybox', 'httpd', '-f', '-p', '8000');
    await start('shop-blue', 'busybox', 'sleep', '1000');
    const platform = { kind: 'compose', folder: '/opt/shop/', file: null, services: [] } as const;
    const plan = { platform: { ...platform, services: [] } };
    await until('the server in the container', async () => {
      const { verdict } = await ask('twice', 8000, { plan, colour: 'green' });
      return verdict === 'passed';
    });
    expect(await ask('twice', 8000, { plan, colour: 'blue' })).toMatchObject({ verdict: 'failed' });
  });

  it('is inconclusive when the image has nothing to ask with', async () => {
    expect((await ask('web')).detail).toMatch(/the image has neither bash, python3, node nor an nc/);
    expect(await ask('web')).toMatchObject({ verdict: 'inconclusive' });
    expect(await ask('tiny')).toMatchObject({ verdict: 'inconclusive' });
  });

  it('is inconclusive when no such container runs', async () => {
    expect(await ask('gone')).toEqual({
      check: 'check',
      verdict: 'inconclusive',
      detail: '127.0.0.1:8000 from gone: no running container of that name on any host',
    });
  });
});
