/**
 * Where a script of POSIX sh runs: an SSH connection or the worker itself. `shell-host.ts` builds a whole `Host`
 * on this, so both kinds of host behave alike.
 */
import type { Duplex } from 'node:stream';

export interface ShellRequest {
  /** POSIX sh. */
  script: string;
  stdin?: Buffer;
  timeoutMs: number;
  /** Most bytes of stdout and of stderr to keep; older bytes are dropped first. */
  keepBytes: number;
  /** `rescue` has slots of its own, so that ending a hung command never waits behind hung commands. */
  lane?: 'normal' | 'rescue';
  /**
   * The script is one quoted command that only looks. A login shell that reads sh may run it as it stands, which saves
   * the host a shell; it may also be sent twice.
   */
  isOneLook?: boolean;
}

/** `exitCode` and `signal` both null = the outcome is unknown. */
export interface ShellResult {
  exitCode: number | null;
  signal: string | null;
  durationMs: number;
  stdout: Buffer;
  stderr: Buffer;
  /** True when `keepBytes` was not enough. */
  truncated: boolean;
  timedOut: boolean;
  connectionLost: boolean;
  /** Process group on the host; null when the host never said. */
  group: number | null;
}

export interface Shell {
  /** Resolves for any exit code and for a connection lost on the way; rejects when the host cannot be asked. */
  execute(request: ShellRequest): Promise<ShellResult>;
  connectTcp(host: string, port: number, timeoutMs: number): Promise<Duplex>;
}

export interface RemoteShell extends Shell {
  /** A program as a two-way byte stream; what it says on stderr becomes the stream's error. */
  stream(script: string): Promise<Duplex>;
  connectSocket(path: string): Promise<Duplex>;
}
