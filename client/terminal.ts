/** Everything a command may touch of the process it runs in, so that tests can stand in for it. */
import { isatty } from 'node:tty';

export interface Terminal {
  env: Record<string, string | undefined>;
  cwd: string;
  columns: number;
  /** A screen that can be redrawn; null = lines only. */
  openScreen: (() => Promise<Screen>) | null;
  /**
   * Calls `pressed` with each key (`q`), empty for what is no single one (a paste, an arrow), until the returned function
   * is called; null where nobody can press one. Ctrl-C still interrupts.
   */
  listenForKeys: ((pressed: (key: string) => void) => Promise<() => void>) | null;
  /** Is there a person who can be asked? */
  canAsk: boolean;
  colour: boolean;
  out(text: string): void;
  err(text: string): void;
  /** A line for the CI runner itself, which `out` and `err` never are. */
  annotate(line: string): void;
  ask(question: string): Promise<string>;
  /** Aborts at the first Ctrl-C. */
  interrupted: AbortSignal;
}

/** Text that replaces itself. */
export interface Screen {
  draw(text: string): void;
  /** Removes what was drawn, and gives the cursor back. */
  close(): void;
}

const DEFAULT_COLUMNS = 80;

/** The terminal of this process; listens for Ctrl-C and for a reader that goes away (`slipway status | head`). */
export function processTerminal(): Terminal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const { env } = process;
  const canAsk = process.stdin.isTTY && process.stdout.isTTY;
  const noColour = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return {
    env,
    cwd: process.cwd(),
    columns: (process.stdout.isTTY ? process.stdout.columns : Number(env['COLUMNS'])) || DEFAULT_COLUMNS,
    // Some terminals have no size, as those of `docker exec -t` at first: nothing can be redrawn on them.
    openScreen: process.stdout.isTTY && process.stdout.rows > 0 ? openScreen : null,
    listenForKeys: canAsk
      ? async (pressed) => (await import('./keyboard.js')).listenForKeys(pressed, interrupt)
      : null,
    canAsk,
    // stdout.isTTY is undefined in a pipe: who paints would then ask the environment, and CI says yes
    colour: isatty(process.stdout.fd) && !noColour && env['TERM'] !== 'dumb',
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    annotate: (line) => void process.stderr.write(`${line}\n`),
    ask: async (question) => {
      await forgetTyped(question, interrupt, controller.signal);
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      try {
        return await lines.question(question, { signal: controller.signal });
      } finally {
        lines.close();
      }
    },
    interrupted: controller.signal,
  };
}

/**
 * Shows the question and passes over what was typed or pasted before anybody could read it: no answer, as in `watch`. The
 * question is written over itself when it is asked. Rejects at Ctrl-C.
 */
async function forgetTyped(question: string, interrupt: () => void, signal: AbortSignal): Promise<void> {
  const { TO_READ_MS, listenForKeys } = await import('./keyboard.js');
  const { setTimeout: sleep, setImmediate: turn } = await import('node:timers/promises');
  const release = listenForKeys(() => undefined, interrupt);
  process.stdout.write(question);
  try {
    await sleep(TO_READ_MS, undefined, { signal });
    // after a busy while the time is over before the keys of that time were read
    await turn();
  } finally {
    release();
    process.stdout.write('\r');
  }
}

async function openScreen(): Promise<Screen> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(process.stdout);
  return {
    draw: update,
    close: () => {
      update.clear();
      update.done();
    },
  };
}
