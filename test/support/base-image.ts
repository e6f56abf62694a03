/** What `node:20-alpine` and the like are to the teams of `examples/`: they cannot be pulled here, so they are made of what this machine has. */
import { chmod, copyFile, cp, mkdir, realpath, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { DockerHost, Output } from './docker-host.js';
import { part } from './parts.js';

export interface RegistryLogin {
  username: string;
  password: string;
}

/** `python` is Debian's, with the part of its library that a small service needs. */
export type Language = 'node' | 'python';

export function baseImage(server: string, language: Language = 'node'): string {
  return `${server}/base/${language}:20`;
}

/** Puts it into the registry through this host, which then is as it was. */
export async function pushBaseImage(
  host: DockerHost,
  folder: string,
  server: string,
  login: RegistryLogin,
  language: Language = 'node',
): Promise<void> {
  const root = path.join(folder, 'base');
  await mkdir(path.join(root, 'bin'), { recursive: true });
  await copyFile(await part('busybox'), path.join(root, 'bin', 'busybox'));
  await chmod(path.join(root, 'bin', 'busybox'), 0o755);
  for (const tool of ['sh', 'wget']) await symlink('busybox', path.join(root, 'bin', tool));
  await (language === 'node' ? putProgram(root, process.execPath, 'node') : putPython(root));
  const tag = baseImage(server, language);
  await logIn(host, server, login, { asUser: false });
  const script =
    'tar -C "$0" -c . | docker import --change "ENV PATH=/bin" - "$1" && docker push -q "$1" && docker rmi "$1"';
  await must(host.run(['sh', '-c', script, root, tag]));
  await must(host.docker(['logout', server]));
  await rm(root, { recursive: true });
}

/** With the libraries it is linked against. */
async function putProgram(root: string, program: string, name: string): Promise<void> {
  await copyFile(program, path.join(root, 'bin', name));
  await chmod(path.join(root, 'bin', name), 0o755);
  const { stdout } = await execa('ldd', [program]);
  for (const [library] of stdout.matchAll(/\/\S+(?= \(0x)/g)) {
    await mkdir(path.join(root, path.dirname(library)), { recursive: true });
    await copyFile(library, path.join(root, library));
    await chmod(path.join(root, library), 0o755);
  }
}

const LEFT_OUT = /\/(test|idlelib|lib2to3|tkinter|ensurepip|pydoc_data|dist-packages|config-[^/]*)$/;

async function putPython(root: string): Promise<void> {
  await putProgram(root, await realpath(await part('python')), 'python3');
  const library = '/usr/lib/python3.11';
  const filter = (file: string): boolean => !LEFT_OUT.test(file);
  // what was compiled counts for files of that very time
  await cp(library, path.join(root, library), { recursive: true, preserveTimestamps: true, filter });
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
