/** What a worker process is told: environment variables and flags, read once, here. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readGithubSettings, type GithubSettings } from '../activities/github/settings.js';
import { POLICY_FILE } from '../pipeline/who-may-write.js';
import { TASK_QUEUE } from '../workflows/names.js';

/** Where something is served; null instead of it = switched off. */
export interface Endpoint {
  host: string;
  port: number;
  /** Named by the user: must be free. A default that is taken (a second worker on this machine) is done without. */
  required: boolean;
}

export interface WorkerConfiguration {
  /** `worker` joins an existing Temporal, `up` brings its own, `check` only replays open histories. */
  mode: 'worker' | 'up' | 'check';
  /** Profile of Temporal's own configuration file. */
  profile: string | null;
  /** Keeps the embedded Temporal's database, and the worker's clones and archives. */
  dataFolder: string;
  /** The key this worker seals with, and those it trusts; workers of one namespace share it. */
  sealFolder: string;
  /** What the owner of this worker allows; null = nothing is protected, and production is refused. */
  policyFile: string | null;
  /** `up` for demonstrations: production needs no policy. */
  isDemo: boolean;
  temporalPort: number;
  uiPort: number;
  /** The urgent queue is `<taskQueue>-urgent`. */
  taskQueue: string;
  metrics: Endpoint | null;
  health: Endpoint | null;
  logLevel: string;
  /** After SIGTERM: how long activities get to detach from what they started. */
  shutdownGraceMs: number;
  maxConcurrentActivities: number;
  maxCachedWorkflows: number;
  /** Registries without TLS, beside loopback: `host`, `host:port` or `10.0.0.0/8`. */
  insecureRegistries: string[];
  /** buildx builder for images; null = docker's current one. */
  builderName: string | null;
  github: GithubSettings;
  /** Of the Temporal UI, for links on GitHub; null = not told. */
  uiUrl: string | null;
  json: boolean;
  /** `up` for demonstrations: the database lives in memory. */
  inMemory: boolean;
}

/** Throws `Error` with a message for the user when a flag or variable is not usable. */
export function readConfiguration(argv: string[], env: NodeJS.ProcessEnv): WorkerConfiguration {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      profile: { type: 'string' },
      data: { type: 'string' },
      port: { type: 'string' },
      'ui-port': { type: 'string' },
      'in-memory': { type: 'boolean', default: false },
      demo: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const mode = positionals[0] ?? 'worker';
  if (mode !== 'worker' && mode !== 'up' && mode !== 'check') {
    throw new Error(`${mode}: no such mode; there are worker, up and check`);
  }
  const temporalPort = port('--port', values.port ?? '7233');
  const dataFolder = path.resolve(values.data ?? env['SLIPWAY_DATA'] ?? path.join(homedir(), '.slipway'));
  return {
    mode,
    profile: values.profile ?? null,
    dataFolder,
    sealFolder: path.resolve(env['SLIPWAY_SEAL_FOLDER'] ?? path.join(dataFolder, 'seal')),
    policyFile: policyFile(env),
    isDemo: mode === 'up' && values.demo,
    temporalPort,
    uiPort: port('--ui-port', values['ui-port'] ?? String(temporalPort + 1000)),
    taskQueue: env['SLIPWAY_TASK_QUEUE'] ?? TASK_QUEUE,
    metrics: endpoint('SLIPWAY_METRICS_ADDRESS', env, 9464),
    health: endpoint('SLIPWAY_HEALTH_ADDRESS', env, 9465),
    logLevel: env['SLIPWAY_LOG_LEVEL'] ?? 'info',
    shutdownGraceMs: number('SLIPWAY_SHUTDOWN_GRACE_MS', env, 10_000),
    maxConcurrentActivities: number('SLIPWAY_MAX_ACTIVITIES', env, 100),
    maxCachedWorkflows: number('SLIPWAY_MAX_CACHED_WORKFLOWS', env, 200),
    insecureRegistries: (env['SLIPWAY_INSECURE_REGISTRIES'] ?? '')
      .split(/[\s,]+/)
      .filter((each) => each !== ''),
    builderName: env['SLIPWAY_BUILDER'] ?? null,
    github: readGithubSettings(env),
    uiUrl: uiAddress(env),
    json: values.json,
    inMemory: values['in-memory'],
  };
}

function uiAddress(env: NodeJS.ProcessEnv): string | null {
  const text = env['SLIPWAY_UI_URL'] ?? '';
  if (text === '') return null;
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new Error(`SLIPWAY_UI_URL=${text}: give an address such as https://temporal.example.com`);
  return text;
}

function policyFile(env: NodeJS.ProcessEnv): string | null {
  const named = env['SLIPWAY_POLICY'];
  if (named !== undefined && named !== '') return path.resolve(named);
  return existsSync(POLICY_FILE) ? POLICY_FILE : null;
}

function port(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) {
    throw new Error(`${name} ${text}: not a port; give a number from 1 to 65535`);
  }
  return value;
}

function number(name: string, env: NodeJS.ProcessEnv, fallback: number): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name}=${text}: not a positive number`);
  return value;
}

/** `off` switches an endpoint off. */
function endpoint(name: string, env: NodeJS.ProcessEnv, defaultPort: number): Endpoint | null {
  const text = env[name];
  if (text === undefined || text === '') return { host: '127.0.0.1', port: defaultPort, required: false };
  if (text === 'off') return null;
  const [, host, digits] = /^([^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || digits === undefined) throw new Error(`${name}=${text}: give host:port, or off`);
  return { host, port: port(name, digits), required: true };
}
