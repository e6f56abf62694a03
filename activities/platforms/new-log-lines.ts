/**
 * What containers have written since a moment, through the Engine: the moment is one of the Engine's own clock, and each
 * log is read on from the last line that was seen of it, so no line counts twice and none is left out.
 */
import type Docker from 'dockerode';
import { z } from 'zod';
import { callEngine, EngineError, isMissing } from './engine.js';
import { MOST_LINES, newestOf, readLines } from './log-lines.js';
import type { LogsFrom, NewLogs } from './platform.js';
import { demultiplex, type LogText } from './service-logs.js';
import type { Service, Task } from './swarm-service.js';

/** A log as the Engine's API knows it. */
export interface EngineLog {
  /** `tasks/<id>` or `containers/<id>`. */
  path: string;
  /** Its process has ended: read to its end once, it is not asked for again. */
  ended: boolean;
  /** Of a task; where it runs on this very engine, that engine knows whether the log can be read. */
  container?: string;
}

const CURSOR = z.object({
  /** Beginning of the first look: RFC 3339 with nanoseconds, UTC, comparable as text. */
  since: z.string(),
  /** Time of the last line by log, or that it was read to its end. */
  seen: z.record(z.string(), z.string()),
});
type Cursor = z.infer<typeof CURSOR>;

const READ_TO_ITS_END = 'ended';

/** Throws when the Engine cannot be asked at all. */
export async function readNewLines(docker: Docker, logs: EngineLog[], from: LogsFrom): Promise<NewLogs> {
  const before = await startOf(docker, from);
  const seen: Cursor['seen'] = {};
  const lines: string[] = [];
  const missing: string[] = [];
  for (const log of logs) {
    const { path, ended } = log;
    const last = before.seen[path];
    if (last === READ_TO_ITS_END) {
      seen[path] = last;
      continue;
    }
    const unreadable = last === undefined ? await whyUnreadable(docker, log) : '';
    const { text, complaint } =
      unreadable === ''
        ? await readSince(docker, path, last ?? before.since)
        : { text: '', complaint: unreadable };
    const { lines: read } = readLines(text);
    const fresh = read.filter(({ at }) => (last === undefined ? at >= before.since : at > last));
    for (const { said } of fresh) lines.push(said);
    const newest = newestOf(fresh, last);
    if (complaint !== '') missing.push(`${path}: ${complaint}`);
    else if (read.length >= MOST_LINES)
      missing.push(`${path}: only its newest ${MOST_LINES} lines were read`);
    else if (ended) seen[path] = READ_TO_ITS_END;
    if (newest !== '') seen[path] ??= newest;
  }
  return {
    lines,
    cursor: JSON.stringify({ since: before.since, seen }),
    repeats: false,
    missing: missing.length === 0 ? null : missing.join('; '),
  };
}

/** The logs of what runs or has run of a service as it is specified now: those of an earlier release are not among them. */
export function logsOfTasks(service: Service, tasks: Task[]): EngineLog[] {
  const image = service.Spec.TaskTemplate.ContainerSpec.Image;
  return tasks.flatMap(({ ID, Spec, Status, DesiredState }) => {
    const container = Status.ContainerStatus?.ContainerID ?? '';
    if (Spec.ContainerSpec?.Image !== image || container === '') return [];
    const ended = DesiredState !== 'running' && Status.State !== 'running';
    return [{ path: `tasks/${ID}`, ended, container }];
  });
}

/** A driver that keeps nothing to read: of a task the Engine answers with silence then, of a container it says so. */
async function whyUnreadable(docker: Docker, { container }: EngineLog): Promise<string> {
  if (container === undefined) return '';
  try {
    const query = { stdout: 'true', stderr: 'true', tail: '0' };
    await callEngine(docker, { method: 'GET', path: `/containers/${container}/logs`, query });
    return '';
  } catch (error) {
    if (isMissing(error)) return '';
    if (error instanceof EngineError) return error.answer;
    throw error;
  }
}

async function startOf(docker: Docker, from: LogsFrom): Promise<Cursor> {
  if ('cursor' in from) return CURSOR.parse(JSON.parse(from.cursor));
  const { SystemTime } = z
    .looseObject({ SystemTime: z.string() })
    .parse(await callEngine(docker, { method: 'GET', path: '/info' }));
  const sinceMs = Math.max(0, Date.parse(SystemTime) - from.agoMs);
  return { since: new Date(sinceMs).toISOString().replace('Z', '000000Z'), seen: {} };
}

async function readSince(docker: Docker, path: string, since: string): Promise<LogText> {
  const query = {
    stdout: 'true',
    stderr: 'true',
    timestamps: 'true',
    tail: String(MOST_LINES),
    // the Engine's filter need only be near: the lines' own times decide
    since: String(Math.floor(Date.parse(since) / 1000)),
  };
  try {
    const answer = await callEngine(docker, { method: 'GET', path: `/${path}/logs`, query });
    return Buffer.isBuffer(answer) ? demultiplex(answer) : { text: '', complaint: '' };
  } catch (error) {
    if (error instanceof EngineError) return { text: '', complaint: error.answer };
    throw error;
  }
}
