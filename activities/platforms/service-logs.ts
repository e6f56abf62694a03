/** The last lines of what a service's tasks wrote, through the Engine, from whichever node they ran on. */
import type Docker from 'dockerode';
import { z } from 'zod';
import { callEngine, EngineError } from './engine.js';
import type { Task } from './swarm-service.js';

const containerSchema = z.looseObject({
  State: z.looseObject({
    Health: z
      .looseObject({
        Status: z.string().optional(),
        Log: z.array(z.looseObject({ ExitCode: z.number(), Output: z.string() })).nullish(),
      })
      .nullish(),
  }),
});

type Health = z.infer<typeof containerSchema>['State']['Health'];

/** `what` = `services/<id>`, `tasks/<id>` or `containers/<id>`. Empty when the log driver keeps nothing. */
export async function readLogs(docker: Docker, what: string, lines: number): Promise<string> {
  try {
    const answer = await callEngine(docker, {
      method: 'GET',
      path: `/${what}/logs`,
      query: { stdout: 'true', stderr: 'true', tail: String(lines) },
    });
    return Buffer.isBuffer(answer) ? demultiplex(answer).text : '';
  } catch (error) {
    if (error instanceof EngineError) return '';
    throw error;
  }
}

/** Each under its name, those that say nothing left out. */
export async function readLogsOfAll(
  docker: Docker,
  of: readonly { name: string; what: string }[],
  lines: number,
): Promise<string> {
  const texts: string[] = [];
  for (const { name, what } of of) {
    const text = await readLogs(docker, what, lines);
    if (text !== '') texts.push(`${name}:\n${text.trimEnd()}`);
  }
  return texts.join('\n');
}

const ENGINES_OWN_WORDS = 3;

export interface LogText {
  text: string;
  /** What the engine itself says in between, of logs it cannot get; empty = nothing. */
  complaint: string;
}

/** Frames of `[stream, 0, 0, 0, length(4), bytes]`; a container with a terminal has none. */
export function demultiplex(raw: Buffer): LogText {
  const parts: Buffer[] = [];
  const complaints: Buffer[] = [];
  let offset = 0;
  while (offset + 8 <= raw.length) {
    const stream = raw.readUInt8(offset);
    if (stream > ENGINES_OWN_WORDS || raw.readUIntBE(offset + 1, 3) !== 0)
      return { text: raw.toString(), complaint: '' };
    const length = raw.readUInt32BE(offset + 4);
    const into = stream < ENGINES_OWN_WORDS ? parts : complaints;
    into.push(raw.subarray(offset + 8, offset + 8 + length));
    offset += 8 + length;
  }
  return { text: Buffer.concat(parts).toString(), complaint: Buffer.concat(complaints).toString() };
}

export interface Evidence {
  /** Docker ended it because of its health check; a container that then exits 0 tells Swarm nothing of it. */
  unhealthy: boolean;
  text: string;
}

/** What a failed task left: its health check's answers (only the node that ran it has them) and its own output. */
export async function readTaskEvidence(docker: Docker, task: Task, lines: number): Promise<Evidence> {
  const container = task.Status.ContainerStatus?.ContainerID ?? '';
  return await readEvidence(docker, { container, logsOf: `tasks/${task.ID}` }, lines);
}

/** `container` may be empty when none was made. */
export async function readEvidence(
  docker: Docker,
  { container, logsOf }: { container: string; logsOf: string },
  lines: number,
): Promise<Evidence> {
  const health = container === '' ? null : await readHealth(docker, container);
  const answers = (health?.Log ?? [])
    .slice(-3)
    .map((entry) => `health check exited ${entry.ExitCode}: ${entry.Output.trim()}`);
  const log = await readLogs(docker, logsOf, lines);
  return {
    unhealthy: health?.Status === 'unhealthy',
    text: [...answers, log].filter((text) => text !== '').join('\n'),
  };
}

async function readHealth(docker: Docker, container: string): Promise<NonNullable<Health> | null> {
  try {
    const answer = await callEngine(docker, { method: 'GET', path: `/containers/${container}/json` });
    return containerSchema.parse(answer).State.Health ?? null;
  } catch (error) {
    if (error instanceof EngineError) return null;
    throw error;
  }
}
