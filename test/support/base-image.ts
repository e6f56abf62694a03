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
  await layOutTools(root, ['sh', 'wget']);
  await copyProgram(root, process.execPath, 'bin/node');
  await pushRoot(host, root, { tag: baseImage(server), server, login });
}

/** Small programs for `/bin`, all of them busybox. */
export async function layOutTools(root: string, tools: string[]): Promise<void> {
  await mkdir(path.join(root, 'bin'), { recursive: true });
  await copyFile(await part('busybox'), path.join(root, 'bin', 'busybox'));
  await chmod(path.join(root, 'bin', 'busybox'), 0o755);
  for (const tool of tools) await symlink('busybox', path.join(root, 'bin', tool));
}

/** A program of this machine to this place below `root`, with the libraries it needs where it looks for them. */
export async function copyProgram(root: string, program: string, place: string): Promise<void> {
  await copyFile(program, path.join(root, place));
  await chmod(path.join(root, place), 0o755);
  await copyLibraries(root, [program]);
}

/** What these programs and libraries are linked with. */
export async function copyLibraries(root: string, linked: string[]): Promise<void> {
  const { stdout } = await execa('ldd', linked);
  // what lies beside its user comes along with it
  const found = stdout.matchAll(/(?<=\s)\/(?!\S*\/site-packages\/)\S+(?= \(0x)/g);
  for (const library of new Set(Array.from(found, ([name]) => name))) {
    await mkdir(path.join(root, path.dirname(library)), { recursive: true });
    await copyFile(library, path.join(root, library));
    await chmod(path.join(root, library), 0o755);
  }
}

/** The folder as an image in the registry; it is gone afterwards. */
export async function pushRoot(
  host: DockerHost,
  root: string,
  { tag, server, login }: { tag: string; server: string; login: RegistryLogin },
): Promise<void> {
  await logIn(host, server, login, { asUser: false });
  const script =
    'tar -C "$0" -c . | docker import --change "ENV PATH=/usr/local/bin:/bin" - "$1" && docker push -q "$1" && docker rmi "$1"';
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
