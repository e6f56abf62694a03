/**
 * The worker program. `main.js worker` joins the Temporal that the environment (TEMPORAL_*) or a profile names,
 * `main.js up` brings its own, `main.js check` replays open histories and ends.
 * Exit codes: 0 done, 2 bad flags, 5 the start gate refused, 8 Temporal unreachable, 130 ended by a signal.
 */
import { mkdirSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.js';
import { createJobUsers, type JobUsers } from '../activities/job-user/job-users.js';
import { warnOfSharedUser } from '../pipeline/index.js';
import { createPolicyStore, type PolicyStore } from '../activities/trust/policy-store.js';
import { loadSealKeys } from '../activities/trust/seal-keys.js';
import { createSecrets } from '../activities/secrets/secrets.js';
import { clientDataConverter, workerDataConverter } from '../payloads/data-converters.js';
import { payloadKeysOf, type PayloadKeys } from '../payloads/payload-keys.js';
import { readConfiguration, type WorkerConfiguration } from './configuration.js';
import { startEmbeddedTemporal } from './embedded-temporal.js';
import { available } from './ports.js';
import { privatePlacesOf } from './private-places.js';
import { createLogger, installRuntime, serveHealth } from './telemetry.js';
import { replayOpenHistories } from './replay-open-histories.js';
import { loadWorkflowBundle, runWorkers } from './run-workers.js';
import { registerSearchAttributes } from './search-attributes.js';
import { isTemporalAway } from './temporal-away.js';

class Exit extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

async function main(): Promise<number> {
  const configuration = parse();
  const keys = readKeys();
  const secrets = createSecrets(process.env, configuration.sealFolder);
  const logger = createLogger(configuration.logLevel, (text) => secrets.scrub(text));
  const warn = (message: string): void => logger.warn(message);
  const metrics = await available('metrics', configuration.metrics, warn).catch(badInput);
  const health = await available('health', configuration.health, warn).catch(badInput);
  installRuntime(logger, metrics);
  const stopping = nextSignal();
  const cleanUps: (() => Promise<void>)[] = [];
  try {
    return await run({ ...configuration, metrics, health }, keys, logger, secrets, stopping, cleanUps);
  } finally {
    // Last opened, first closed: the embedded server ends after everything that talks to it.
    for (const cleanUp of cleanUps.reverse())
      await cleanUp().catch((error: unknown) => logger.warn({ error }, 'clean-up'));
  }
}

async function run(
  configuration: WorkerConfiguration,
  keys: PayloadKeys | null,
  logger: Logger,
  secrets: ReturnType<typeof createSecrets>,
  stopping: Promise<string>,
  cleanUps: (() => Promise<void>)[],
): Promise<number> {
  mkdirSync(configuration.dataFolder, { recursive: true, mode: 0o700 });
  const reached = await reachTemporal(configuration, cleanUps);
  try {
    return await serve(configuration, keys, reached, logger, secrets, stopping, cleanUps);
  } catch (error) {
    // It may be gone at any moment, not only at the first: whoever starts this worker again will find it.
    throw isTemporalAway(error) ? new Exit(8, unreachable(reached.options.address, error)) : error;
  }
}

async function serve(
  configuration: WorkerConfiguration,
  keys: PayloadKeys | null,
  { options, namespace, uiUrl, serverEnded }: Reached,
  logger: Logger,
  secrets: ReturnType<typeof createSecrets>,
  stopping: Promise<string>,
  cleanUps: (() => Promise<void>)[],
): Promise<number> {
  const connection = await Connection.connect(options).catch((error: unknown) => {
    throw new Exit(8, unreachable(options.address, error));
  });
  cleanUps.push(() => connection.close());
  const client = new Client({
    connection,
    namespace,
    dataConverter: keys === null ? {} : clientDataConverter(keys, namespace),
  });
  const dataConverter = keys === null ? {} : workerDataConverter(keys, namespace);
  await registerSearchAttributes(connection, namespace);

  const bundle = await loadWorkflowBundle(keys !== null);
  const { replayed, failed } = await replayOpenHistories(client, {
    taskQueue: configuration.taskQueue,
    workflowBundle: bundle,
    dataConverter,
    keys,
  });
  if (failed.length > 0) {
    const list = failed
      .map(({ workflowId, message }) => `  ${workflowId}: ${message.split('\n')[0]}`)
      .join('\n');
    throw new Exit(
      5,
      `this version cannot carry on ${failed.length} of ${replayed} open runs; run the version that started them${keysHint(keys)}:\n${list}`,
    );
  }
  if (configuration.mode === 'check') {
    process.stdout.write(`${replayed} open histories replayed, none failed\n`);
    return 0;
  }

  const sealKeys = await loadSealKeys(configuration.sealFolder).catch(badInput);
  const policy = createPolicyStore(configuration.policyFile, configuration);
  const jobUsers = createJobUsers(policy, privatePlacesOf(configuration, process.env));
  await tellWhoRunsJobs(policy, jobUsers, logger).catch(badInput);
  for (const warning of await policy.checkSigners().catch(badInput)) logger.warn(warning);
  const native = await NativeConnection.connect(options);
  cleanUps.push(() => native.close());
  const activities = createActivities({
    client,
    secrets,
    logger,
    policy,
    jobUsers,
    sealKeys,
    ...configuration,
    uiUrl: configuration.uiUrl ?? uiUrl,
  });
  cleanUps.push(() => activities.close());
  const workers = await runWorkers(
    { connection: native, client, namespace },
    bundle,
    activities.activities,
    { sealKeys, policy, secrets },
    dataConverter,
    configuration,
  );
  if (configuration.health !== null) {
    const health = await serveHealth(configuration.health, () => workers.states());
    cleanUps.push(() => health.close());
  }
  if (keys?.acceptPlaintext === true) {
    logger.warn(
      'payload keys: accept-plaintext is set, so forged answers are not refused; remove it when the runs from before have ended',
    );
  }
  announce(configuration, { address: options.address ?? '', namespace, uiUrl, replayed });

  const ended = await Promise.race([
    stopping,
    workers.done.then(() => 'workers'),
    serverEnded.then(() => 'embedded Temporal'),
  ]);
  logger.info({ reason: ended }, 'shutting down: what runs on hosts goes on and is picked up again');
  workers.shutdown();
  await workers.done;
  if (ended === 'embedded Temporal')
    throw new Exit(8, 'the embedded Temporal ended by itself; see temporal.log in the data folder');
  return 130;
}

/** Throws Refused for a policy that is broken, or that names a user this worker cannot be. */
async function tellWhoRunsJobs(policy: PolicyStore, jobUsers: JobUsers, logger: Logger): Promise<void> {
  const loaded = await policy.read();
  const warning = loaded === null ? null : warnOfSharedUser(loaded.content);
  if (warning !== null) logger.warn(warning);
  for (const { name, hasOwnProcesses } of await jobUsers.proveAll()) {
    if (!hasOwnProcesses)
      logger.warn(
        `run-as: this worker may not make process namespaces, so jobs of ${name} can look into each other and leave daemons behind (docs/policy.md#run-as)`,
      );
  }
}

interface Reached {
  options: { address?: string } & Parameters<typeof NativeConnection.connect>[0] &
    Parameters<typeof Connection.connect>[0];
  namespace: string;
  uiUrl: string | null;
  serverEnded: Promise<void>;
}

async function reachTemporal(
  configuration: WorkerConfiguration,
  cleanUps: (() => Promise<void>)[],
): Promise<Reached> {
  if (configuration.mode === 'up') {
    const server = await startEmbeddedTemporal({
      port: configuration.temporalPort,
      uiPort: configuration.uiPort,
      dataFolder: configuration.dataFolder,
      inMemory: configuration.inMemory,
      env: process.env,
    }).catch((error: unknown) => {
      throw new Exit(8, error instanceof Error ? error.message : String(error));
    });
    cleanUps.push(() => server.stop());
    return {
      options: { address: server.address },
      namespace: 'default',
      uiUrl: server.uiUrl,
      serverEnded: server.ended,
    };
  }
  const { connectionOptions, namespace } = loadClientConnectConfig(
    configuration.profile === null ? {} : { profile: configuration.profile },
  );
  return {
    options: { address: 'localhost:7233', ...connectionOptions },
    namespace: namespace ?? 'default',
    uiUrl: null,
    // Never: somebody else's server is not ours to watch; the workers reconnect.
    serverEnded: new Promise(() => undefined),
  };
}

function unreachable(address: string | undefined, error: unknown): string {
  const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
  return `Temporal at ${address} cannot be reached (${why}). Start one with \`slipway up\`, or set TEMPORAL_ADDRESS.`;
}

/** The one line on stdout that says the worker is ready. */
function announce(
  configuration: WorkerConfiguration,
  ready: { address: string; namespace: string; uiUrl: string | null; replayed: number },
): void {
  if (configuration.json) {
    process.stdout.write(`${JSON.stringify({ schema: 1, event: 'ready', pid: process.pid, ...ready })}\n`);
    return;
  }
  const ui = ready.uiUrl === null ? '' : `   UI ${ready.uiUrl}`;
  process.stdout.write(`slipway worker ${process.pid} is ready   Temporal ${ready.address}${ui}\n`);
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
}

function parse(): WorkerConfiguration {
  try {
    return readConfiguration(process.argv.slice(2), process.env);
  } catch (error) {
    return badInput(error);
  }
}

function readKeys(): PayloadKeys | null {
  try {
    return payloadKeysOf(process.env);
  } catch (error) {
    return badInput(error);
  }
}

/** Other keys than those of the open runs are a reason why they cannot be replayed. */
function keysHint(keys: PayloadKeys | null): string {
  const said =
    keys === null
      ? 'with their SLIPWAY_PAYLOAD_KEYS, if they had any'
      : 'with the payload keys they had, if any';
  return `, ${said} (docs/security-payloads.md#keys)`;
}

function badInput(error: unknown): never {
  throw new Exit(2, error instanceof Error ? error.message : String(error));
}

try {
  process.exit(await main());
} catch (error) {
  if (error instanceof Exit) {
    process.stderr.write(`${error.message}\n`);
    process.exit(error.code);
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
