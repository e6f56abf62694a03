/** The worker itself as a host: the same scripts, the same journal under `$HOME/.slipway`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { announce, AnnouncedOutput } from './announced-output.js';
import type { Shell } from './shell.js';

/** As over SSH, a command sees an ordinary login's environment and none of the worker's secrets. */
const PASSED_ON =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_.*|TZ|TMPDIR|XDG_RUNTIME_DIR|DOCKER_HOST|DOCKER_CONFIG|SSH_AUTH_SOCK)$/;

export function createLocalShell(): Shell {
  return {
    execute: async (request) => {
      const startedAt = performance.now();
      const { text, marker } = announce(request.script);
      // detached = a process group of its own, as under sshd
      const child = spawn('/bin/sh', ['-c', text], {
        ...{ argv0: 'sh', detached: true },
        env: loginEnvironment(),
      });
      const stdout = new AnnouncedOutput(marker, request.keepBytes);
      const stderr = new AnnouncedOutput(marker, request.keepBytes);
      child.stdout.on('data', (chunk: Buffer) => {
        stdout.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => {
        stderr.push(chunk);
      });
      // a command that does not read its stdin is no error
      child.stdin.on('error', () => undefined);
      child.stdin.end(request.stdin);
      let timedOut = false;
      const ended = new Promise<{ exitCode: number | null; signal: string | null }>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (exitCode, signal) => {
          resolve({ exitCode, signal });
        });
        const timer = setTimeout(() => {
          timedOut = true;
          child.stdout.destroy();
          child.stderr.destroy();
          child.unref();
          resolve({ exitCode: null, signal: null });
        }, request.timeoutMs);
        child.once('close', () => {
          clearTimeout(timer);
        });
      });
      const end = await ended;
      return {
        ...end,
        durationMs: Math.round(performance.now() - startedAt),
        stdout: stdout.bytes(),
        stderr: stderr.bytes(),
        truncated: stdout.truncated || stderr.truncated,
        timedOut,
        connectionLost: false,
        group: stdout.group ?? stderr.group,
      };
    },
    connectTcp: (host, port, timeoutMs) => connected(net.connect({ host, port, noDelay: true }), timeoutMs),
  };
}

function loginEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED_ON.test(name)));
}

async function connected(socket: net.Socket, timeoutMs: number): Promise<net.Socket> {
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
