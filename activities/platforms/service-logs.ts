/** The last lines of what a service's tasks wrote, through the Engine, from whichever node they ran on. */
import type Docker from 'dockerode';
import { z } from 'zod';
import { callEngine, EngineError } from './engine.js';
import type { Task } from './swarm-service.js';

const containerSchema = z.looseObject({
  State: z.looseObject({
    Health: z
      .looseObject({ Log: z.array(z.looseObject({ ExitCode: z.number(), Output: z.string() })).nullish() })
      .nullish(),
  }),
});

/** `what` = `services/<id>` or `tasks/<id>`. Empty when the log driver keeps nothing. */
export async function readLogs(docker: Docker, what: string, lines: number): Promise<string> {
  try {
    const answer = await callEngine(docker, {
      method: 'GET',
      path: `/${what}/logs`,
      query: { stdout: 'true', stderr: 'true', tail: String(lines) },
    });
    return Buffer.isBuffer(answer) ? demultiplex(answer) : '';
  } catch (error) {
    if (error instanceof EngineError) return '';
    throw error;
  }
}

/** Frames of `[stream, 0, 0, 0, length(4), bytes]`; a container with a terminal has none. */
export function demultiplex(raw: Buffer): string {
  const parts: Buffer[] = [];
  let offset = 0;
  while (offset + 8 <= raw.length) {
    const stream = raw.readUInt8(offset);
    if (stream > 2 || raw.readUIntBE(offset + 1, 3) !== 0) return raw.toString();
    const length = raw.readUInt32BE(offset + 4);
    parts.push(raw.subarray(offset + 8, offset + 8 + length));
    offset += 8 + length;
  }
  return Buffer.concat(parts).toString();
}

/** What a failed task left: its health check's answers (only the node that ran it has them) and its own output. */
export async function readTaskEvidence(docker: Docker, task: Task, lines: number): Promise<string> {
  const container = task.Status.ContainerStatus?.ContainerID ?? '';
  const health = container === '' ? '' : await readHealthLog(docker, container);
  const log = await readLogs(docker, `tasks/${task.ID}`, lines);
  return [health, log].filter((text) => text !== '').join('\n');
}

async function readHealthLog(docker: Docker, container: string): Promise<string> {
  try {
    const answer = await callEngine(docker, { method: 'GET', path: `/containers/${container}/json` });
    const log = containerSchema.parse(answer).State.Health?.Log ?? [];
    return log
      .slice(-3)
      .map((entry) => `health check exited ${entry.ExitCode}: ${entry.Output.trim()}`)
      .join('\n');
  } catch (error) {
    if (error instanceof EngineError) return '';
    throw error;
  }
}
