/** The command as people run it: compiled, in a folder of its own. */
import { execFile } from 'node:child_process';
import { cpSync, copyFileSync, mkdirSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { isBuilt } from './is-built.js';

const exec = promisify(execFile);

/** Its folder, to be removed by the caller; the command is `client/main.js` in it. */
export async function compileClient(): Promise<string> {
  // Inside the checkout, so that the packages are found.
  mkdirSync('node_modules/.cache', { recursive: true });
  const folder = mkdtempSync(path.resolve('node_modules/.cache/slipway-process-'));
  if (await isBuilt()) cpSync('dist', folder, { recursive: true });
  else await compile(folder);
  copyFileSync('package.json', path.join(folder, 'package.json'));
  return folder;
}

/** Without types: this is what the sources do, whether or not they are right. */
async function compile(folder: string): Promise<void> {
  const flags = ['--noCheck', '--declaration', 'false', '--sourceMap', 'false'];
  await exec('npx', ['--no-install', 'tsc', '-p', 'tsconfig.json', '--outDir', folder, ...flags]);
}
