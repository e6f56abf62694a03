/** A real PostgreSQL on a port of its own, for one test file. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chown, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { part } from './parts.js';
import { until } from './processes.js';
import { freePort } from './sshd.js';

const exec = promisify(execFile);

export interface Postgres {
  /** Folder of psql and its like. */
  readonly programs: string;
  readonly port: number;
  /** Makes an empty database; answers its `postgresql://` address. */
  create(name: string): Promise<string>;
  /** What a statement prints: rows, their columns with `|` between. */
  query(url: string, sql: string): Promise<string>;
  /** A session that holds this lock until it is ended. */
  hold(url: string, sql: string): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** `address`: where else than on loopback it listens, for hosts of the test. */
export async function startPostgres({ address }: { address?: string } = {}): Promise<Postgres> {
  // not through the cache: who runs it may not enter that
  const server = await realpath(await part('postgres'));
  const programs = path.dirname(server);
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-postgres-'));
  const data = path.join(folder, 'data');
  const port = await freePort();
  // it refuses to run as root
  const { uid, gid } = await nobody();
  await chown(folder, uid, gid);
  const run = (program: string, args: string[]) => exec(path.join(programs, program), args, { uid, gid });
  await run('initdb', ['-D', data, '-U', 'shop', '--auth=trust', '--no-sync', '-E', 'UTF8']);
  const listens = ['127.0.0.1', ...(address === undefined ? [] : [address])].join(',');
  if (address !== undefined) await appendFile(path.join(data, 'pg_hba.conf'), 'host all all samenet trust\n');
  const child = spawn(
    'setpriv',
    // dies with the test process, so an aborted run leaves nothing behind
    [
      ...['--pdeathsig', 'QUIT', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', server],
      ...['-D', data, '-p', String(port), '-c', `listen_addresses=${listens}`, '-k', folder],
      ...['-c', 'fsync=off', '-c', 'max_connections=50'],
    ],
    { stdio: 'ignore', cwd: folder },
  );
  const urlOf = (name: string): string => `postgresql://shop@127.0.0.1:${port}/${name}`;
  const psql = async (url: string, sql: string): Promise<string> => {
    const { stdout } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', sql]);
    return stdout.trim();
  };
  await until('PostgreSQL to answer', async () => {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}`);
    return await psql(urlOf('postgres'), 'select 1').then(
      () => true,
      () => false,
    );
  });
  return {
    programs,
    port,
    create: async (name) => {
      await psql(urlOf('postgres'), `create database ${name}`);
      return urlOf(name);
    },
    query: psql,
    hold: async (url, sql) => {
      const holder = spawn(path.join(programs, 'psql'), ['-XAtq', '-d', url], { uid, gid });
      const gone = once(holder, 'exit');
      holder.stdin.write(`begin; ${sql}; select 'held';\n`);
      for await (const chunk of holder.stdout) if (String(chunk).includes('held')) break;
      return async () => {
        holder.stdin.end();
        holder.kill('SIGKILL');
        await gone;
      };
    },
    stop: async () => {
      const gone = once(child, 'exit');
      if (child.exitCode === null) {
        child.kill('SIGQUIT');
        await gone;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function nobody(): Promise<{ uid: number; gid: number }> {
  const [{ stdout: uid }, { stdout: gid }] = await Promise.all([
    exec('id', ['-u', 'nobody']),
    exec('id', ['-g', 'nobody']),
  ]);
  return { uid: Number(uid), gid: Number(gid) };
}
