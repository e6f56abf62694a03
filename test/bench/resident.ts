import { readFile } from 'node:fs/promises';

/** `VmRSS` = now, `VmHWM` = the most so far, in MiB, of this process alone. */
export async function residentMib(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
    await readFile(`/proc/${pid}/status`, 'utf8'),
  )?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no ${field}`);
  return Number(kib) / 1024;
}
