/** The image of a release: one static httpd and its pages, which say the version. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { part } from '../support/parts.js';
import type { ImageContent } from '../support/registry.js';
import type { Quality } from './committer.js';

const exec = promisify(execFile);

export const PORT_INSIDE = 8080;

export type MakeContent = (version: string, quality: Quality) => Promise<ImageContent>;

/** In a folder of the test's; what the releases have in common is made once. */
export async function createSiteImages(folder: string): Promise<MakeContent> {
  const root = path.join(folder, 'root');
  await mkdir(path.join(root, 'bin'), { recursive: true });
  await copyFile(await part('busybox'), path.join(root, 'bin', 'busybox'));
  await chmod(path.join(root, 'bin', 'busybox'), 0o755);
  for (const tool of ['sh', 'httpd', 'wget']) await symlink('busybox', path.join(root, 'bin', tool));
  const base = await pack(root, path.join(folder, 'base.tar'));
  return async (version, quality) => ({
    // COLOUR is what compose gives it
    command: ['/bin/sh', '-c', `echo "$COLOUR" >/www/colour; exec httpd -f -p ${PORT_INSIDE} -h /www`],
    stopSignal: 'SIGKILL',
    layers: [base, await writePages(path.join(folder, version), version, quality)],
  });
}

/** What is not there is a 404: the sick one has no health, the erring one no orders. */
async function writePages(root: string, version: string, quality: Quality): Promise<Buffer> {
  const pages = { sick: [], errs: ['health'], good: ['health', 'orders'] }[quality];
  await mkdir(path.join(root, 'www'), { recursive: true });
  for (const page of pages) await writeFile(path.join(root, 'www', page), version);
  return await pack(root, `${root}.tar`);
}

async function pack(root: string, archive: string): Promise<Buffer> {
  await exec('tar', ['-C', root, '-cf', archive, '.']);
  return await readFile(archive);
}
