/** The second Ctrl-C: nothing is asked and nothing is waited for, and still nothing is left. */
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';

const ROUNDS = 50;

/** Kills whatever works in or for the folder, children's children included, then removes it. Synchronous. */
export function endAtOnce(folder: string): void {
  // Again and again: between a look and a kill another may have been started.
  for (let round = 0; round < ROUNDS; round += 1) {
    const left = processesOf(folder);
    if (left.length === 0) break;
    for (const pid of left) kill(pid);
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Everything of the demo names its folder: on its command line, as its working folder or in its environment. */
function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => namesFolder(path.join('/proc', name), folder))
    .map(Number);
}

function namesFolder(place: string, folder: string): boolean {
  try {
    if (readlinkSync(path.join(place, 'cwd')).startsWith(folder)) return true;
    return ['cmdline', 'environ'].some((file) =>
      readFileSync(path.join(place, file), 'utf8').includes(folder),
    );
  } catch {
    // Gone while we looked, or somebody else's.
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
