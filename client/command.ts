/** What a command is: its words, its flags, its exits and what it does. The parser, help, completion and docs read it. */
import type { ExitCode } from './exit-codes.js';
import type { Style } from './render/style.js';
import type { Terminal } from './terminal.js';
import type { Explanation } from './user-error.js';

export interface CommandSpec {
  name: string;
  /** In commander's form: `<environment> [version]`. */
  arguments: string;
  summary: string;
  /** Flags in commander's form and what they do. */
  options: { flags: string; summary: string; repeats?: true }[];
  examples: string[];
  /** Besides 1, 2 and 8, which any command may end with. */
  exits: ExitCode[];
  run(invocation: Invocation): Promise<Outcome>;
}

export interface GlobalFlags {
  /** Path of the pipeline file in the repository. */
  file: string;
  pipeline: string | null;
  repository: string | null;
  profile: string | null;
  json: boolean;
  yes: boolean;
  reason: string | null;
  ascii: boolean;
}

export interface Invocation {
  command: string;
  terminal: Terminal;
  style: Style;
  global: GlobalFlags;
  args: string[];
  /** A flag with a value; null when it was not given. */
  value(name: string): string | null;
  values(name: string): string[];
  has(name: string): boolean;
  /** Runs when the command has ended, however it ended. */
  onEnd(close: () => Promise<void>): void;
  closers: (() => Promise<void>)[];
  /** Every command, for those that describe the others. */
  commands: CommandSpec[];
}

export interface Outcome {
  exit: ExitCode;
  /** Under `--json`; null when the command has already written its lines. */
  data: unknown;
  /** For people; empty when the command has already written its screen. */
  screen: string;
  error?: Explanation;
  /** The command wrote every line itself (`watch --json`, completion scripts): nothing is added. */
  written?: true;
}

export const GLOBAL_OPTIONS: { flags: string; summary: string }[] = [
  { flags: '--file <path>', summary: 'pipeline file in the repository (default: slipway.yaml)' },
  { flags: '--pipeline <name>', summary: 'pipeline, where there is no pipeline file' },
  {
    flags: '--repository <url>',
    summary: 'repository the worker fetches (default: origin, else this folder)',
  },
  { flags: '--profile <name>', summary: 'profile of the Temporal configuration file' },
  { flags: '--json', summary: 'one JSON object; watch and logs: one event per line' },
  { flags: '--yes', summary: 'do not ask' },
  { flags: '--reason <text>', summary: 'why; kept with the decision' },
  { flags: '--ascii', summary: 'no glyphs outside ASCII' },
];
