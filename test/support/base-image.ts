/** What `node:20-alpine` is to the teams of `examples/`: it cannot be pulled here, so it is made of this machine's own Node. */
import { chmod, copyFile, mkdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { DockerHost, Output } from './docker-host.js';
import { part } from './parts.js';

export interface RegistryLogin {
  username: string;
  password: string;
}

export function baseImage(server: string): string {
  return `${server}/base/node:20`;
}

/** Puts it into the registry through this host, which then is as it was. */
export async function pushBaseImage(
  host: DockerHost,
  folder: string,
  server: string,
  login: RegistryLogin,
): Promise<void> {
  const root = path.join(folder, 'base');
  await mkdir(path.join(root, 'bin'), { recursive: true });
  await copyFile(await part('busybox'), path.join(root, 'bin', 'busybox'));
  await chmod(path.join(root, 'bin', 'busybox'), 0o755);
  for (const tool of ['sh', 'wget']) await symlink('busybox', path.join(root, 'bin', tool));
  await copyFile(process.execPath, path.join(root, 'bin', 'node'));
  await chmod(path.join(root, 'bin', 'node'), 0o755);
  const { stdout } = await execa('ldd', [process.execPath]);
  for (const [library] of stdout.matchAll(/\/\S+(?= \(0x)/g)) {
    await mkdir(path.join(root, path.dirname(library)), { recursive: true });
    await copyFile(library, path.join(root, library));
    await chmod(path.join(root, library), 0o755);
  }
  const tag = baseImage(server);
  await logIn(host, server, login, { asUser: false });
  const script =
    'tar -C "$0" -c . | docker import --change "ENV PATH=/bin" - "$1" && docker push -q "$1" && docker rmi "$1"';
  await must(host.run(['sh', '-c', script, root, tag]));
  await must(host.docker(['logout', server]));
  await rm(root, { recursive: true });
}

/** `docker login` of root, or of the deploy user. */
export async function logIn(
  host: DockerHost,
  server: string,
  { username, password }: RegistryLogin,
  { asUser }: { asUser: boolean },
): Promise<void> {
  const argv = ['docker', 'login', server, '-u', username, '--password-stdin'];
  await must(host.run(argv, { stdin: password, asUser }));
}

/** Throws with what it said unless it exits with 0. */
export async function must(output: Promise<Output>): Promise<Output> {
  const result = await output;
  if (result.exitCode !== 0) throw new Error(`exit ${result.exitCode}: ${result.stdout}\n${result.stderr}`);
  return result;
}
