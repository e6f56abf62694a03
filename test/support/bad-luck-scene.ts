/**
 * A Temporal, a worker and, per test, a host behind sshd and a repository with a pipeline so small that nothing in it
 * goes wrong by itself. Whoever would run what somebody named a branch after finds a `reboot` that leaves a trace.
 */
import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readOrNull } from './processes.js';
import { createRepository, type TestRepository } from './repository.js';
import { type CommandRun, readJson, slipway } from './slipway-command.js';
import { startTemporal } from './slipway-processes.js';
import { startSshd, type Sshd } from './sshd.js';
import { superviseWorker } from './supervised-worker.js';

export interface BadLuckStage {
  readonly folder: string;
  readonly temporal: string;
  readonly path: string;
  /** Has anything run `reboot`? */
  rebooted(): Promise<boolean>;
  /** Another takes its place. */
  killWorker(): void;
  stop(): Promise<void>;
}

/** `env` is the worker's. */
export async function setBadLuckStage(env: Record<string, string> = {}): Promise<BadLuckStage> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-bad-luck-'));
  const programs = path.join(folder, 'bin');
  await mkdir(programs);
  await writeFile(path.join(programs, 'reboot'), `#!/bin/sh\ntouch ${folder}/rebooted\n`);
  await chmod(path.join(programs, 'reboot'), 0o755);
  const temporal = await startTemporal(folder);
  const searched = `${programs}:${env['PATH'] ?? process.env['PATH']}`;
  const worker = await superviseWorker(path.join(folder, 'worker'), temporal.address, {
    ...env,
    PATH: searched,
  });
  return {
    folder,
    temporal: temporal.address,
    path: searched,
    rebooted: async () => (await readOrNull(path.join(folder, 'rebooted'))) !== null,
    killWorker: () => worker.signal('SIGKILL'),
    async stop() {
      await worker.stop();
      await temporal.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface PipelineChange {
  image?: string;
  /** Lines at the top level. */
  top?: string;
  /** Lines of the environment. */
  environment?: string;
  command?: string;
}

export interface BadLuckScene {
  readonly pipeline: string;
  readonly sshd: Sshd;
  readonly repository: TestRepository;
  commitPipeline(change?: PipelineChange, subject?: string, author?: string): Promise<string>;
  run(...argv: string[]): Promise<CommandRun>;
  runWith(env: Record<string, string>, ...argv: string[]): Promise<CommandRun>;
  /** What the releases have put on the host: `app-<commit>`. */
  released(): Promise<string[]>;
  /** Every file of the host's home with its content's hash. */
  photographHost(): Promise<string[]>;
  /** What `status` says of prod. */
  environment(): Promise<unknown>;
  end(): Promise<void>;
}

/** What `environment()` is where nothing was ever released, and nothing is on its way. */
export const UNTOUCHED = { live: null, queue: [], waiting: [] };

export async function setBadLuckScene(stage: BadLuckStage): Promise<BadLuckScene> {
  const pipeline = `shop-${randomUUID().slice(0, 8)}`;
  const sshd = await startSshd({ env: { PATH: stage.path } });
  const repository = await createRepository();

  const runWith = (env: Record<string, string>, ...argv: string[]): Promise<CommandRun> =>
    slipway(argv, {
      cwd: repository.folder,
      env: { TEMPORAL_ADDRESS: stage.temporal, SLIPWAY_ACTOR: 'oleg', HOME: stage.folder, ...env },
    });

  return {
    pipeline,
    sshd,
    repository,
    runWith,
    run: (...argv) => runWith({}, ...argv),
    async commitPipeline(change = {}, subject = 'feat: one', author) {
      const files = {
        'app/a': '1',
        known_hosts: (await readOrNull(sshd.knownHostsPath)) ?? '',
        'slipway.yaml': `pipeline: ${pipeline}
image: ${change.image ?? '{ folder: app }'}
${change.top ?? ''}
checks:
  there: { run: 'test -f ${sshd.home}/app-{commit}', on: host, timeout: 10s }
environments:
  prod:
    from: [{ branch: '*' }, { tag: 'v*.*.*' }]
    hosts: ["${sshd.destination}"]
    ssh: { key: "file:${sshd.keyPath}", known-hosts: known_hosts }
    timeout: 20s
    platform:
      command: ${JSON.stringify(change.command ?? `touch ${sshd.home}/app-{commit}`)}
      inspect: cd ${sshd.home} && ls -t | sed -n 's/^app-//p' | head -1
      retire: rm -f ${sshd.home}/app-*
    checks: [there]
${change.environment ?? ''}
`,
      };
      return repository.commit(subject, files, author);
    },
    released: async () => (await readdir(sshd.home)).filter((name) => name.startsWith('app-')),
    async photographHost() {
      const entries = await readdir(sshd.home, { recursive: true, withFileTypes: true });
      const lines = entries.map(async (entry) => {
        const file = path.join(entry.parentPath, entry.name);
        const hash = entry.isFile()
          ? createHash('sha256')
              .update(await readFile(file))
              .digest('hex')
          : '';
        return `${path.relative(sshd.home, file)} ${hash}`;
      });
      return (await Promise.all(lines)).sort();
    },
    async environment() {
      const { data } = readJson(await runWith({}, 'status', 'prod', '--json'));
      const environments: unknown = data['environments'];
      return Array.isArray(environments) ? environments[0] : null;
    },
    async end() {
      await sshd.stop();
      await repository.remove();
    },
  };
}
