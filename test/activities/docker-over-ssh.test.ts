import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Hosts } from '../../activities/hosts/host.js';
import { startDockerd, type Dockerd } from '../support/dockerd.js';
import { hostPlan, hostsKnowing, reaching } from '../support/hosts.js';
import { startSshd, type Sshd } from '../support/sshd.js';

let dockerd: Dockerd;
const started: Sshd[] = [];
const opened: Hosts[] = [];

async function hostWith(options: Parameters<typeof startSshd>[0]): Promise<{
  sshd: Sshd;
  host: Awaited<ReturnType<Hosts['open']>>;
}> {
  const sshd = await startSshd(options);
  started.push(sshd);
  const hosts = hostsKnowing(sshd.knownHostsPath);
  opened.push(hosts);
  return { sshd, host: await hosts.open(reaching(sshd), hostPlan(sshd.destination)) };
}

beforeAll(async () => {
  dockerd = await startDockerd();
});
afterAll(async () => {
  await Promise.all(opened.map((hosts) => hosts.close()));
  await Promise.all(started.map((sshd) => sshd.stop()));
  await dockerd.stop();
});

describe("a host's Docker Engine", () => {
  test('over dial-stdio, following the DOCKER_HOST of the host, on kept channels', async () => {
    const { sshd, host } = await hostWith({ env: { DOCKER_HOST: dockerd.dockerHost } });
    const docker = await host.docker();
    const { ID: id } = (await docker.info()) as { ID: string };
    expect(id).toBe(((await dockerd.api.info()) as { ID: string }).ID);
    const sessions = async (): Promise<number> =>
      (await sshd.log()).split('\n').filter((line) => line.startsWith('Starting session')).length;
    const before = await sessions();
    for (let call = 0; call < 10; call += 1) await docker.ping();
    expect(await sessions()).toBe(before);
    await Promise.all(Array.from({ length: 20 }, () => docker.version()));
    expect(await sessions()).toBe(before + 2);
    // docker-modem writes each request out in full depth: what its channels lead to must not be a part of it
    const { modem } = docker as unknown as { modem: { agent: unknown } };
    expect(inspect(modem.agent, { showHidden: true, depth: null })).toBe('ChannelAgent');
    expect(await sshd.countConnections()).toBe(1);
    // other commands still find room
    expect(await host.run({ argv: ['true'], timeoutMs: 10_000 })).toMatchObject({ exitCode: 0 });
  });

  test('goes on over a new connection after the old one died', async () => {
    const { sshd, host } = await hostWith({ env: { DOCKER_HOST: dockerd.dockerHost } });
    const docker = await host.docker();
    await docker.ping();
    await sshd.crash();
    await sshd.start();
    // the kept channel may be found dead by the first call
    await docker.ping().catch(() => undefined);
    await expect(docker.ping()).resolves.toBeDefined();
  });

  test('streams: a request and its answer larger than every window', async () => {
    const { host } = await hostWith({ env: { DOCKER_HOST: dockerd.dockerHost } });
    const docker = await host.docker();
    // not an image: the engine reads it all, then says so in its answer
    const body = Readable.from(Array.from({ length: 96 }, () => Buffer.alloc(64 * 1024, 'x')));
    const answer = await docker.loadImage(body);
    let said = '';
    for await (const chunk of answer) said += String(chunk);
    expect(said).toMatch(/error/i);
  });

  test('an engine that does not run is named by what docker says there', async () => {
    const { host } = await hostWith({ env: { DOCKER_HOST: 'unix:///no/such/docker.sock' } });
    const docker = await host.docker();
    await expect(docker.ping()).rejects.toThrow(/no\/such\/docker\.sock/);
  });

  test('through its socket when the host has no docker command', async () => {
    const path_ = path.join(dockerd.folder, 'bin');
    await mkdir(path_);
    await symlink('/bin/sh', path.join(path_, 'sh'));
    const script = path.join(dockerd.folder, 'own-run.sh');
    // the socket's place is fixed, so this sshd gets a /run of its own
    await writeFile(
      script,
      `mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && ln -s ${dockerd.socket} /run/docker.sock && exec "$@"`,
    );
    const { host } = await hostWith({
      env: { PATH: path_ },
      enter: ['unshare', '--mount', '--propagation', 'private', 'sh', script],
    });
    const docker = await host.docker();
    expect(((await docker.info()) as { ID: string }).ID).toBe(
      ((await dockerd.api.info()) as { ID: string }).ID,
    );
  });
});
