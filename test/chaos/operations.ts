/** What the journal of a host says is still running. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { readOrNull } from '../support/processes.js';

const exec = promisify(execFile);

/** `pipeline/environment/operation` of each journalled command whose lock is held and that has no result. */
export async function runningOperations(home: string): Promise<string[]> {
  const journal = path.join(home, '.slipway/journal');
  const running: string[] = [];
  for (const pipeline of await readdir(journal).catch(() => [])) {
    for (const environment of await readdir(path.join(journal, pipeline))) {
      for (const operation of await readdir(path.join(journal, pipeline, environment))) {
        const folder = path.join(journal, pipeline, environment, operation);
        if ((await readOrNull(path.join(folder, 'rc'))) !== null) continue;
        const isFree = await exec('flock', ['-n', path.join(folder, 'lock'), 'true']).then(
          () => true,
          () => false,
        );
        if (!isFree) running.push(`${pipeline}/${environment}/${operation}`);
      }
    }
  }
  return running;
}
