/** The command line in this process, with a terminal that keeps what was written. */
import { runCommandLine } from '../../client/program.js';
import type { Terminal } from '../../client/terminal.js';
import { searchText } from './search-for-secrets.js';

export interface CommandRun {
  exit: number;
  out: string;
  err: string;
}

export interface CommandOptions {
  cwd: string;
  env?: Record<string, string | undefined>;
  /** What a person answers; absent = there is no terminal. */
  answer?: string;
  interrupted?: AbortSignal;
  /** Called with each screen that is drawn, and a way to press keys; absent = lines only, and no keyboard. */
  onScreen?: (screen: string, press: (key: string) => void) => void;
  /** Called with everything written so far, at each write. */
  onOutput?: (out: string) => void;
}

/** Runs one command line as `slipway …` would. */
export async function slipway(argv: string[], options: CommandOptions): Promise<CommandRun> {
  let out = '';
  let err = '';
  const { answer, onScreen } = options;
  let pressed: (key: string) => void = () => undefined;
  const terminal: Terminal = {
    env: options.env ?? {},
    cwd: options.cwd,
    columns: 80,
    openScreen:
      onScreen === undefined
        ? null
        : () =>
            Promise.resolve({
              draw: (text) => onScreen(text, (key) => pressed(key)),
              close: () => undefined,
            }),
    listenForKeys:
      onScreen === undefined
        ? null
        : (listener) => {
            pressed = listener;
            return Promise.resolve(() => {
              pressed = () => undefined;
            });
          },
    canAsk: answer !== undefined,
    colour: false,
    out: (text) => {
      out += text;
      options.onOutput?.(out);
    },
    err: (text) => {
      err += text;
    },
    annotate: (line) => {
      err += `${line}\n`;
    },
    ask: (question) => {
      out += question;
      return Promise.resolve(answer ?? '');
    },
    interrupted: options.interrupted ?? new AbortController().signal,
  };
  const exit = await runCommandLine(argv, terminal, '0.0.0-test');
  searchText(`what slipway ${argv[0] ?? ''} wrote`, `${out}\n${err}`);
  return { exit, out, err };
}

export interface JsonAnswer {
  ok: boolean;
  exit: number;
  data: Record<string, unknown>;
  error?: Record<string, unknown>;
}

/** The one object of `--json`. */
export function readJson(run: CommandRun): JsonAnswer {
  const answer: JsonAnswer = JSON.parse(run.out);
  return answer;
}
