/**
 * A place where commands run: over SSH, or on the worker itself (`local`). Everything above this interface
 * builds argv and reads results; nothing above it concatenates shell.
 */
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { HostPlan } from '../../pipeline/plan-platform.js';

export interface RemoteCommand {
  /** Quoted by the runner; element 0 is the program. For a team's own shell text use `['sh', '-c', text]`. */
  argv: string[];
  stdin?: string;
  env?: Record<string, string>;
  cwd?: string;
  timeoutMs: number;
  /** A team's own text: on the worker itself it runs as the user that the worker's policy names (`run-as`). */
  isTeams?: boolean;
  /** Present = the command writes: refused (StaleFence) when the host has seen a higher token. */
  fence?: Fence;
}

export interface Fence {
  pipeline: string;
  environment: string;
  token: number;
  /**
   * `forward` is refused as well once its own change has claimed `back` here: a worker that Temporal took for dead, and
   * that still reaches the host, must not come late. Absent = neither deploys nor undoes.
   */
  way?: 'forward' | 'back';
}

/** A command that may outlive its connection: journalled on the host, attached to again by a retry. */
export interface LongCommand extends RemoteCommand {
  fence: Fence;
  /** `<token>-<step>`, deterministic: starting it twice attaches. */
  operationId: string;
  /** Called while it runs; the activity heartbeats here. Offset is bytes of the log read so far. */
  onProgress?: (progress: { offset: number; tail: string }) => void;
  /** Offset to go on from after a retry. */
  offset?: number;
  /**
   * Aborting with reason `kill` ends the remote process group, confirmed; any other reason detaches and leaves it
   * running. See `cancellation.ts`.
   */
  signal?: AbortSignal;
}

/** One shape for a result and for an error. `exitCode` and `signal` both null = the outcome is unknown. */
export interface CommandResult {
  command: string;
  host: string;
  exitCode: number | null;
  signal: string | null;
  durationMs: number;
  /** Tails, 64 KB at most, secrets scrubbed. */
  stdout: string;
  stderr: string;
  timedOut: boolean;
  cancelled: boolean;
  connectionLost: boolean;
  /** The user of `run-as`, where it ran as that one. */
  ranAs?: string;
}

export interface Host {
  readonly name: string;
  /** Short command. Resolves for any exit code; rejects only when the host cannot be asked (retryable). */
  run(command: RemoteCommand): Promise<CommandResult>;
  runLong(command: LongCommand): Promise<CommandResult>;
  /** The host's Docker Engine, over a kept channel. */
  docker(): Promise<Docker>;
  /** Whole text, or null when there is no such file. */
  readFile(path: string): Promise<string | null>;
  /** Written beside and renamed: readers see the old or the new text. `mode` octal, default 0o644. */
  writeFile(path: string, text: string, options?: { mode?: number; fence?: Fence }): Promise<void>;
  /** A TCP connection as seen from the host. */
  connectFrom(host: string, port: number, timeoutMs: number): Promise<Duplex>;
  /**
   * Writes the token (compare: a higher one refuses), and the host id on the first claim. With `own`, operation ids
   * with `*` for any text, whatever else an earlier step of the same change left running here is ended, confirmed.
   */
  claim(fence: Fence, own?: string): Promise<{ hostId: string; previousToken: number }>;
  /** Kills every journalled process group of this environment with a lower token; returns their operation ids. */
  killStale(fence: Fence): Promise<string[]>;
}

export interface Hosts {
  /** Connects on first use, then shares one connection per address. Secrets are resolved here. */
  open(environment: EnvironmentPlan, host: HostPlan): Promise<Host>;
  close(): Promise<void>;
}
