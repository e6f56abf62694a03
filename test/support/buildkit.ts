/** A BuildKit of our own, as a team's `docker buildx create` would give it, and the buildx plugin for the docker client. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { part } from './parts.js';

const exec = promisify(execFile);

/** A DOCKER_CONFIG folder in which `docker buildx` works. */
export async function createDockerConfig(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-docker-config-'));
  await mkdir(path.join(folder, 'cli-plugins'));
  await symlink(await part('buildx'), path.join(folder, 'cli-plugins', 'docker-buildx'));
  await writeFile(path.join(folder, 'config.json'), '{}');
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

export interface Buildkit {
  /** Name of the builder, for whoever uses the same docker configuration. */
  readonly builderName: string;
  stop(): Promise<void>;
}

/** `plainRegistries` are spoken to over http. */
export async function startBuildkit(options: {
  dockerConfig: string;
  plainRegistries: string[];
}): Promise<Buildkit> {
  const program = await part('buildkitd');
  // its worker starts containers with runc, which comes with the engine
  await part('dockerd');
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-buildkit-'));
  const socket = path.join(folder, 'buildkit.sock');
  const registries = options.plainRegistries.map((server) => `[registry."${server}"]\nhttp = true\n`);
  await writeFile(path.join(folder, 'buildkitd.toml'), registries.join('\n'));
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig=TERM',
      'unshare',
      '--mount',
      '--propagation=private',
      program,
      `--config=${path.join(folder, 'buildkitd.toml')}`,
      `--root=${path.join(folder, 'root')}`,
      `--addr=unix://${socket}`,
      '--containerd-worker=false',
      '--oci-worker-net=host',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told = (told + chunk.toString()).slice(-4000)));

  async function stop(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }

  const builderName = path.basename(folder).toLowerCase();
  const env = { ...process.env, DOCKER_CONFIG: options.dockerConfig };
  try {
    await exec(
      'docker',
      ['buildx', 'create', `--name=${builderName}`, '--driver=remote', `unix://${socket}`],
      { env },
    );
    for (;;) {
      const { stdout } = await exec('docker', ['buildx', 'inspect', builderName], { env });
      if (/^Status:\s+running$/m.test(stdout)) return { builderName, stop };
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    }
  } catch (error) {
    await stop();
    throw new Error(`buildkitd did not start: ${told}`, { cause: error });
  }
}
