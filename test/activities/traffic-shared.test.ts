/** Several pipelines on one proxy, and the ways of nginx the contract does not touch. */
import { execFile } from 'node:child_process';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { proveTraffic } from '../../activities/traffic/prove-traffic.js';
import type { Target } from '../../workflows/activity-contract.js';
import { FAILURE } from '../../workflows/failures.js';
import {
  changedTarget,
  givenTrafficScene,
  lookAt,
  switchOver,
  untilServed,
  type TrafficScene,
} from '../support/traffic-scene.js';

const exec = promisify(execFile);

let scene: TrafficScene;

afterEach(async () => {
  await scene.stop();
});

describe('one proxy of several pipelines', () => {
  it('keeps every key of a shared HAProxy map when all switch at once', async () => {
    scene = await givenTrafficScene('haproxy');
    const environments = ['prod', 'stage', 'dev', 'demo', 'test'];
    const map = path.join(scene.folder, 'slipway/shop.map');
    const lines = environments.map((key) => `${key} shop_blue\n`);
    await writeFile(map, ['# who is where\n', 'shop shop_blue\n', ...lines].join(''));
    await scene.reload();
    await untilServed(scene.url, 'blue');

    for (const to of ['green', 'blue', 'green'] as const) {
      await Promise.all(
        environments.map(async (key) => {
          await (
            await lookAt(scene, changedTarget(scene, 'haproxy', { key }, { environment: key }))
          ).switchTo(to, null);
        }),
      );
    }
    const expected = [
      '# who is where',
      'shop shop_blue',
      ...environments.map((key) => `${key} shop_green`),
      '',
    ];
    expect((await readFile(map, 'utf8')).split('\n')).toEqual(expected);
  });

  it('adds a key that HAProxy has not loaded yet', async () => {
    scene = await givenTrafficScene('haproxy');
    const target = changedTarget(scene, 'haproxy', { key: 'new' });
    await (await lookAt(scene, target)).switchTo('green', null);
    expect((await lookAt(scene, target)).colour).toBe('green');
  });

  it('leaves no file of its own in the folder', async () => {
    scene = await givenTrafficScene('nginx');
    await (await lookAt(scene, scene.target())).switchTo('green', 'blue');
    expect(await readdir(path.join(scene.folder, 'slipway'))).toEqual(['shop.conf']);
  });
});

describe('nginx', () => {
  async function givenFilePerColour(): Promise<{ file: string; target: Target }> {
    scene = await givenTrafficScene('nginx');
    const file = path.join(scene.folder, 'slipway/shop.conf');
    const blue = await readFile(file, 'utf8');
    await writeFile(`${file}.blue`, blue);
    await writeFile(
      `${file}.green`,
      blue
        .replace('default blue', 'default green')
        .replace(scene.backends.blue.address, scene.backends.green.address),
    );
    return { file, target: changedTarget(scene, 'nginx', { upstreams: null }) };
  }

  it('takes whole files per colour', async () => {
    const { target } = await givenFilePerColour();
    expect(await proveTraffic(scene, target)).toMatch(/blue is served/);
    // its last look finds green by the server in its file
    await switchOver(scene, { target });
    expect((await lookAt(scene, target)).colour).toBe('green');
  });

  it('puts the old file back when it does not accept the new one', async () => {
    const { file, target } = await givenFilePerColour();
    const before = await readFile(file, 'utf8');
    await writeFile(`${file}.green`, 'upstream shop { server ; }\n');
    const look = await lookAt(scene, target);
    await expect(look.switchTo('green', 'blue')).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringContaining('the old file is back') as string,
    });
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await readdir(path.dirname(file))).toEqual(['shop.conf', 'shop.conf.blue', 'shop.conf.green']);
  });

  it.each(['blue', 'green'] as const)('says so when the file of %s is missing', async (colour) => {
    const { file, target } = await givenFilePerColour();
    await exec('rm', [`${file}.${colour}`]);
    await expect(proveTraffic(scene, target)).rejects.toThrow(`${file}.${colour} does not exist`);
  });

  it('keeps the mode of the file and a symlink in its way', async () => {
    scene = await givenTrafficScene('nginx');
    const file = path.join(scene.folder, 'slipway/shop.conf');
    const real = path.join(scene.folder, 'real.conf');
    await exec('chmod', ['640', file]);
    await exec('mv', [file, real]);
    await symlink(real, file);
    await (await lookAt(scene, scene.target())).switchTo('green', 'blue');
    const { stdout } = await exec('stat', ['-c', '%a %F', real, file]);
    expect(stdout).toBe('640 regular file\n777 symbolic link\n');
    await untilServed(scene.url, 'green');
  });

  it('says what the file should hold when it is missing', async () => {
    scene = await givenTrafficScene('nginx');
    await exec('rm', [path.join(scene.folder, 'slipway/shop.conf')]);
    await expect(proveTraffic(scene, scene.target())).rejects.toThrow(
      /does not exist; put the colour that has the traffic there: upstream shop \{ server 127/,
    );
  });
});
