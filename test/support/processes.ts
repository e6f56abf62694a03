/** Looking at this machine's processes and files. */
import { randomInt } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { until } from './until.js';

export { until };

/** Live processes whose command line contains `text`; zombies do not count. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const commandLine = await readFile(`/proc/${name}/cmdline`, 'utf8');
      if (commandLine.replaceAll('\0', ' ').includes(text)) found.push(Number(name));
    } catch {
      // gone while we looked
    }
  }
  return found;
}

/** SIGKILL for each of them; one may end by itself, or with another, before its turn comes. */
export async function killProcessesWith(text: string): Promise<void> {
  for (const pid of await processesWith(text)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

/** Waits until each of them runs. */
export async function untilRuns(...texts: string[]): Promise<void> {
  for (const text of texts) await until(`${text} runs`, async () => (await processesWith(text)).length > 0);
}

/** Waits until none of them runs. */
export async function untilGone(...texts: string[]): Promise<void> {
  for (const text of texts)
    await until(`${text} is gone`, async () => (await processesWith(text)).length === 0);
}

/** Long sleeps that no other run has, so that they can be found again, and ended whatever happened to the test. */
export function markedSleeps(): { nap: (n: number) => string; endAll: () => Promise<void> } {
  const base = `${randomInt(100, 999)}${process.pid}`;
  return {
    nap: (n) => `sleep ${base}${String(n).padStart(3, '0')}`,
    endAll: () => killProcessesWith(`sleep ${base}`),
  };
}

export async function readOrNull(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return null;
  }
}
