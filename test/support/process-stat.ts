/** One process of this machine, as `/proc/PID/stat` has it. */
import { readFile } from 'node:fs/promises';

export interface ProcessStat {
  /** As the kernel shortens it. */
  name: string;
  state: string;
  parent: number;
  /** Seconds after the machine's start. */
  startedAt: number;
}

const TICKS_PER_SECOND = 100;

/** null = it has ended. */
export async function readStat(pid: number | string): Promise<ProcessStat | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  const [, name, rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(stat ?? '') ?? [];
  if (name === undefined) return null;
  // from the third field to the 22nd
  const [state = '', parent, ...fields] = rest.split(' ');
  return { name, state, parent: Number(parent), startedAt: Number(fields[17]) / TICKS_PER_SECOND };
}
