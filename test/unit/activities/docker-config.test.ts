import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mergeLogin, withDockerConfig } from '../../../activities/build/docker-config.js';

const login = { server: 'cr.example.com', username: 'ci', password: 'p:ä' };
const auth = Buffer.from('ci:p:ä').toString('base64');

describe('the login beside the own settings', () => {
  it('is written down for its server, others stay', () => {
    const own = {
      auths: { 'ghcr.io': { auth: 'x' } },
      currentContext: 'remote',
      credHelpers: { 'gcr.io': 'gcloud' },
    };
    expect(mergeLogin(own, login)).toEqual({
      currentContext: 'remote',
      auths: { 'ghcr.io': { auth: 'x' }, 'cr.example.com': { auth } },
      credHelpers: { 'gcr.io': 'gcloud' },
    });
  });

  it('is not hidden by a credential store or a helper for its server', () => {
    const own = {
      auths: { 'ghcr.io': {}, 'cr.example.com': {} },
      credsStore: 'desktop',
      credHelpers: { 'cr.example.com': 'vault' },
    };
    expect(mergeLogin(own, login)).toEqual({
      auths: { 'ghcr.io': {}, 'cr.example.com': { auth } },
      credHelpers: { 'ghcr.io': 'desktop' },
    });
  });

  it('goes where docker keeps the one of Docker Hub', () => {
    expect(mergeLogin({}, { ...login, server: 'docker.io' }).auths).toEqual({
      'https://index.docker.io/v1/': { auth },
    });
  });

  it('leaves everything as it is when the pipeline has none', () => {
    const own = { auths: { 'ghcr.io': {} }, credsStore: 'desktop' };
    expect(mergeLogin(own, null)).toEqual(own);
  });
});

describe('the throwaway folder', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'slw-home-'));
    await mkdir(path.join(home, '.docker', 'cli-plugins'), { recursive: true });
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  it('is for its user only, finds plugins and builders, and goes away even when the work fails', async () => {
    await writeFile(path.join(home, '.docker', 'config.json'), '{ not json');
    let seen = '';
    const work = withDockerConfig(
      login,
      async ({ folder, environment }) => {
        seen = folder;
        const file = path.join(folder, 'config.json');
        expect(environment).toEqual({
          DOCKER_CONFIG: folder,
          BUILDX_CONFIG: path.join(home, '.docker', 'buildx'),
          DOCKER_HOST: 'tcp://engine',
        });
        expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
        expect(((await stat(folder)).mode & 0o777).toString(8)).toBe('700');
        expect(await readFile(file, 'utf8')).toContain(auth);
        expect(existsSync(path.join(folder, 'cli-plugins'))).toBe(true);
        throw new Error('the work failed');
      },
      { HOME: home, DOCKER_HOST: 'tcp://engine', REGISTRY_TOKEN: 'secret' },
    );
    await expect(work).rejects.toThrow('the work failed');
    expect(seen).not.toBe('');
    expect(existsSync(seen)).toBe(false);
    expect(existsSync(path.join(home, '.docker', 'cli-plugins'))).toBe(true);
  });
});
