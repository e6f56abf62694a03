/**
 * What `python:3.12-slim` is to the teams of `examples/`: made of this machine's own Python, with Alembic, psycopg and
 * PostgreSQL's own tools in it.
 */
import { chmod, mkdir, readdir, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { copyLibraries, copyProgram, layOutTools, pushRoot, type RegistryLogin } from './base-image.js';
import type { DockerHost } from './docker-host.js';
import { part } from './parts.js';

const TOOLS = ['sh', 'cat', 'chown', 'ls', 'mkdir', 'mv', 'rm', 'sleep', 'test'];
const UNUSED = ['test', 'idlelib', 'tkinter', 'turtledemo', 'lib2to3', 'ensurepip', 'site-packages'];
const PROGRAMS_OF_POSTGRES = ['psql', 'pg_dump', 'pg_restore'];

export function pythonImage(server: string): string {
  return `${server}/base/python:3`;
}

/** Puts it into the registry through this host, which then is as it was. */
export async function pushPythonImage(
  host: DockerHost,
  folder: string,
  to: { server: string; login: RegistryLogin },
): Promise<void> {
  const root = path.join(folder, 'python');
  await layOut(root);
  await pushRoot(host, root, { ...to, tag: pythonImage(to.server) });
}

async function layOut(root: string): Promise<void> {
  await layOutTools(root, TOOLS);
  await copyPython(root, path.dirname(await part('alembic')));
  const programs = path.dirname(await realpath(await part('postgres')));
  for (const name of PROGRAMS_OF_POSTGRES) await copyProgram(root, path.join(programs, name), `bin/${name}`);
}

/** `programs`: of the virtual environment whose packages come along. */
async function copyPython(root: string, programs: string): Promise<void> {
  const script = 'import sys, sysconfig; print(sys._base_executable); print(sysconfig.get_path("stdlib"))';
  const { stdout } = await execa(path.join(programs, 'python3'), ['-c', script]);
  const [executable = '', library = ''] = stdout.split('\n');
  const version = path.basename(library);
  // it looks for its library beside itself, and nowhere at the root
  await mkdir(path.join(root, 'usr/local/bin'), { recursive: true });
  await copyProgram(root, await realpath(executable), 'usr/local/bin/python3');
  await mkdir(path.join(root, 'tmp'));
  await chmod(path.join(root, 'tmp'), 0o1777);
  const copied = path.join(root, 'usr/local/lib', version);
  const packages = path.join(programs, '..', 'lib', version, 'site-packages');
  await mkdir(path.join(copied, 'site-packages'), { recursive: true });
  const excluded = UNUSED.map((name) => `--exclude=./${name}`);
  await copyTree(library, copied, [...excluded, '--exclude=./config-*', '--exclude=*.opt-*.pyc']);
  await copyTree(packages, path.join(copied, 'site-packages'), [
    '--exclude=./setuptools',
    '--exclude=./pkg_resources',
  ]);
  for (const each of [path.join(library, 'lib-dynload'), packages]) {
    const names = await readdir(each, { recursive: true });
    const loaded = names.filter((name) => name.endsWith('.so')).map((name) => path.join(each, name));
    await copyLibraries(root, loaded);
  }
  const alembic = path.join(root, 'usr/local/bin/alembic');
  await writeFile(alembic, '#!/bin/sh\nexec python3 -m alembic "$@"\n');
  await chmod(alembic, 0o755);
  await execa('chmod', ['-R', 'a+rX', path.join(root, 'usr')]);
}

async function copyTree(from: string, to: string, exclude: string[]): Promise<void> {
  await execa('sh', [
    '-c',
    'from=$1; to=$2; shift 2; tar -C "$from" -c "$@" . | tar -C "$to" -x',
    'sh',
    from,
    to,
    ...exclude,
  ]);
}
