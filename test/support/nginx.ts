/** A real nginx of our own: its files, pid and logs are in a private folder that `stop()` removes. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { part } from './parts.js';
import { readOrNull, until } from './processes.js';

const exec = promisify(execFile);

export interface Nginx {
  /** Stands for `/etc/nginx`; `conf.d/*.conf` is included. */
  readonly folder: string;
  /** Shell text in front of `-t` or `-s reload`. */
  readonly command: string;
  start(): Promise<void>;
  /** The master and its workers die at once. */
  crash(): Promise<void>;
  errorLog(): Promise<string>;
  stop(): Promise<void>;
}

/** Not started yet: write its files first. */
export async function createNginx(): Promise<Nginx> {
  const program = await part('nginx');
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-nginx-'));
  const main = path.join(folder, 'nginx.conf');
  const pidFile = path.join(folder, 'nginx.pid');
  const log = path.join(folder, 'error.log');
  await mkdir(path.join(folder, 'conf.d'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${folder}/tmp-${kind};`,
  );
  await writeFile(
    main,
    [
      `worker_processes 2;`,
      `pid ${pidFile};`,
      `error_log ${log} notice;`,
      `worker_shutdown_timeout 10s;`,
      `events { worker_connections 512; }`,
      `http {`,
      `  access_log off;`,
      ...temporary,
      `  include ${folder}/conf.d/*.conf;`,
      `}`,
      '',
    ].join('\n'),
  );
  const argv = ['-p', folder, '-e', log, '-c', main];
  let child: ChildProcess | null = null;

  const crash = async (): Promise<void> => {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    // master and workers share the group the shell-less spawn made
    process.kill(-child.pid, 'SIGKILL');
    await gone;
    child = null;
  };

  return {
    folder,
    command: [program, ...argv].join(' '),
    start: async () => {
      await rm(pidFile, { force: true });
      // refuses a bad configuration with its own words, which a background start would only log
      await exec(program, [...argv, '-t']);
      const started = spawn(
        // dies with the test process, so an aborted run leaves nothing behind
        'setpriv',
        ['--pdeathsig', 'TERM', program, ...argv, '-g', 'daemon off;'],
        { stdio: 'ignore', detached: true },
      );
      child = started;
      await until('nginx to write its pid', async () => {
        if (started.exitCode !== null) throw new Error(`nginx ended: ${await readFile(log, 'utf8')}`);
        return (await readOrNull(pidFile)) === `${started.pid}\n`;
      });
    },
    crash,
    errorLog: () => readFile(log, 'utf8'),
    stop: async () => {
      await crash();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
