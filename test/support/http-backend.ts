/** Tiny applications, each a process of its own, that answer their colour (`X-Colour` and body) and can be made sick. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Colour } from '../../pipeline/plan.js';

const PROGRAM = fileURLToPath(new URL('http-backend-process.mjs', import.meta.url));

export interface HttpBackend {
  readonly colour: Colour;
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly url: string;
  /** `errorShare` 0.1 = every tenth request answers 500. */
  set(settings: { status?: number; errorShare?: number; delayMs?: number }): Promise<void>;
  /** SIGKILL. */
  stop(): Promise<void>;
}

export async function startHttpBackend(colour: Colour, port = 0): Promise<HttpBackend> {
  const child = spawn(process.execPath, [PROGRAM, String(port), colour], {
    // it ends when the test process does: its stdin closes
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const listening = Number(/listening (\d+)/.exec(await firstLine(child))?.[1]);
  const url = `http://127.0.0.1:${listening}`;
  return {
    colour,
    port: listening,
    address: `127.0.0.1:${listening}`,
    url,
    set: async (settings) => {
      const answer = await fetch(`${url}/control`, { method: 'POST', body: JSON.stringify(settings) });
      if (!answer.ok) throw new Error(`backend ${colour}: control answered ${answer.status}`);
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the backend has no stdout');
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) return String(chunk);
  throw new Error('the backend ended before it listened');
}
