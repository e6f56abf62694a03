/** Everything a command may touch of the process it runs in, so that tests can stand in for it. */
export interface Terminal {
  env: Record<string, string | undefined>;
  cwd: string;
  columns: number;
  /** Is there a screen that can be redrawn? */
  interactive: boolean;
  /** Is there a person who can be asked? */
  canAsk: boolean;
  colour: boolean;
  out(text: string): void;
  err(text: string): void;
  ask(question: string): Promise<string>;
  /** Aborts at the first Ctrl-C. */
  interrupted: AbortSignal;
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
  const noColour = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return {
    env,
    cwd: process.cwd(),
    columns: process.stdout.isTTY ? process.stdout.columns : DEFAULT_COLUMNS,
    interactive: process.stdout.isTTY,
    canAsk: process.stdin.isTTY && process.stdout.isTTY,
    colour: process.stdout.isTTY && !noColour && env['TERM'] !== 'dumb',
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    ask: async (question) => {
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
