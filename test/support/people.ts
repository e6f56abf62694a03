/** People with SSH keys, and the files that say whose is whose. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { part } from './parts.js';
import { makeKey } from './sshd.js';

const exec = promisify(execFile);

/** A key of this person's at `file`; answers the line of allowed_signers that names it. */
export async function givePersonKey(file: string, name: string, options = ''): Promise<string> {
  // ssh-keygen comes with it
  await part('sshd');
  await makeKey(file);
  return `${name} ${options}${await readFile(`${file}.pub`, 'utf8')}`;
}

/** OpenSSH's list of keys that count no more. */
export async function revokeKey(list: string, file: string): Promise<void> {
  await exec('ssh-keygen', ['-q', '-k', '-f', list, `${file}.pub`]);
}
