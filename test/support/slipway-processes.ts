/** Slipway as teams run it: the built worker, the webhook receiver and the command, each a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { startEmbeddedTemporal, type EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { part } from './parts.js';
import { searchOutput, searchText } from './search-for-secrets.js';
import { searched } from './search-temporal.js';
import { freePort } from './sshd.js';

export type Environment = Record<string, string | undefined>;

export interface CommandEnd {
  exit: number;
  /** The object `--json` printed. */
  data: Record<string, unknown>;
  error: Record<string, unknown> | null;
  /** Everything it wrote, for messages. */
  text: string;
}

/** `slipway … --json` as somebody types it in `cwd`. */
export async function runSlipway(argv: string[], cwd: string, env: Environment): Promise<CommandEnd> {
  const program = path.resolve('dist/client/main.js');
  const ended = await execa(process.execPath, [program, ...argv, '--json'], {
    cwd,
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  const text = `slipway ${argv.join(' ')}: exit ${ended.exitCode}\n${ended.stdout}\n${ended.stderr}`;
  searchText(`what slipway ${argv[0] ?? ''} wrote`, text);
  const last = ended.stdout.trim().split('\n').at(-1) ?? '';
  const printed = parseObject(last);
  if (printed === null || ended.exitCode === undefined) throw new Error(text);
  return { exit: ended.exitCode, data: asObject(printed['data']), error: nullable(printed['error']), text };
}

/** In memory; whatever it keeps is searched for secrets. */
export async function startTemporal(folder: string): Promise<EmbeddedTemporal> {
  return searched(
    await startEmbeddedTemporal({
      port: await freePort(),
      uiPort: await freePort(),
      dataFolder: path.join(folder, 'temporal'),
      inMemory: true,
      env: { ...process.env, TEMPORAL_CLI_PATH: await part('temporal') },
    }),
  );
}

/** Resolves when it polls; its data and `worker.log` are in the folder. */
export async function startWorker(folder: string, env: Environment): Promise<ChildProcess> {
  const argv = ['dist/workers/main.js', 'worker', '--json', '--data', path.join(folder, 'worker')];
  return (await start(argv, path.join(folder, 'worker.log'), env)).child;
}

/** Resolves when it listens, with the address GitHub delivers to; `serve.log` is in the folder. */
export async function startServe(
  folder: string,
  argv: string[],
  env: Environment,
): Promise<{ child: ChildProcess; url: string }> {
  const { child, line } = await start(
    ['dist/client/main.js', 'serve', '--port', '0', '--json', ...argv],
    path.join(folder, 'serve.log'),
    env,
  );
  const said = parseObject(line);
  if (said?.['event'] !== 'listening') throw new Error(line);
  return { child, url: String(said['url']) };
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Resolves with the first line it says; what it logs goes into the file. */
async function start(
  argv: string[],
  logFile: string,
  env: Environment,
): Promise<{ child: ChildProcess; line: string }> {
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', log] });
  closeSync(log);
  searchOutput(child, argv[0] ?? '');
  child.once('exit', () => searchText(path.basename(logFile), readFileSync(logFile)));
  const ready = once(createInterface({ input: child.stdout ?? process.stdin }), 'line');
  const ended = once(child, 'exit').then(async () => {
    throw new Error(`${argv[0]} ended: ${await readFile(logFile, 'utf8')}`);
  });
  const [line] = (await Promise.race([ready, ended])) as string[];
  ended.catch(() => undefined);
  return { child, line: line ?? '' };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function nullable(value: unknown): Record<string, unknown> | null {
  return value === undefined || value === null ? null : asObject(value);
}
