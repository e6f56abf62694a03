/** One environment with a backend per colour behind a real sshd, and what its checks need. */
import type { CheckDependencies } from '../../activities/checks/watching.js';
import type { CheckContext } from '../../activities/checks/check.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { createSource } from '../../activities/source/source.js';
import type { CheckPlan, EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { givenArtifacts, givenCommit, givenPlan, givenTraffic } from './given.js';
import { hostsKnowing } from './hosts.js';
import { startHttpBackend, type HttpBackend } from './http-backend.js';
import { plantToken } from './planted.js';
import { createRepository, type TestRepository } from './repository.js';
import { startSshd, type Sshd } from './sshd.js';

export interface CheckScene {
  blue: HttpBackend;
  green: HttpBackend;
  sshd: Sshd;
  repository: TestRepository;
  dependencies: CheckDependencies;
  /** Blue has the traffic: the environment's url is its address. */
  target(plan?: Partial<EnvironmentPlan>): Target;
  context(change?: Partial<CheckContext>): CheckContext;
  stop(): Promise<void>;
}

export const CHECK_SECRETS = { LOGIN: `anna:correct horse ${plantToken()}`, TOKEN: plantToken('tok-') };

export async function givenCheckScene(): Promise<CheckScene> {
  const [blue, green, sshd, repository, cacheFolder] = await Promise.all([
    startHttpBackend('blue'),
    startHttpBackend('green'),
    startSshd(),
    createRepository(),
    mkdtemp(path.join(tmpdir(), 'slw-cache-')),
  ]);
  const sha = await repository.commit('feat: smoke', {
    'smoke.sh': '#!/bin/sh\nset -eu\ntest "$SLIPWAY_COLOUR" = "$1"\necho "smoke of $1"\n',
  });
  const hosts = hostsKnowing(sshd.knownHostsPath, CHECK_SECRETS);
  const secrets = createSecrets(CHECK_SECRETS);
  const dependencies: CheckDependencies = {
    hosts,
    secrets,
    source: createSource({ cacheFolder }),
    jobUserOf: () => Promise.resolve(null),
    newLogs: () => Promise.resolve([]),
    databaseRevision: () => Promise.reject(new Error('no database')),
    serviceLog: () => Promise.resolve(`column orders.region does not exist ${CHECK_SECRETS.TOKEN}`),
  };

  const target: CheckScene['target'] = (plan = {}) => ({
    plan: givenPlan({
      url: blue.url,
      repository: { url: repository.folder },
      hosts: [{ name: 'web-1', address: sshd.destination }],
      ssh: { user: null, port: null, key: `file:${sshd.keyPath}`, knownHosts: null, jump: [] },
      traffic: givenTraffic({ colourUrls: { blue: blue.url, green: green.url } }),
      ...plan,
    }),
    token: 1,
    version: 'v2',
    commit: givenCommit({ sha }),
    artifacts: givenArtifacts('v2'),
    colour: 'green',
    live: null,
  });

  return {
    blue,
    green,
    sshd,
    repository,
    dependencies,
    target,
    context: (change = {}) => ({
      target: target(),
      colour: 'green',
      at: 'colour',
      openHost: (host) => hosts.open(target().plan, host),
      secrets,
      env: {},
      checkout: { folder: repository.folder, user: null, env: {} },
      baseline: {},
      sampling: false,
      deployedMsAgo: () => 60_000,
      newLogs: () => Promise.resolve([]),
      databaseRevision: () => Promise.reject(new Error('no database')),
      newestMigrations: () => Promise.reject(new Error('no migrations')),
      logCounts: new Map(),
      signal: new AbortController().signal,
      ...change,
    }),
    stop: async () => {
      await hosts.close();
      await Promise.all([
        blue.stop(),
        green.stop(),
        sshd.stop(),
        repository.remove(),
        rm(cacheFolder, { recursive: true, force: true }),
      ]);
    },
  };
}

type KindOf<Kind extends CheckPlan['kind']> = Extract<CheckPlan, { kind: Kind }>;

const QUICK = { name: 'check', timeoutMs: 2_000, retries: 0, intervalMs: 20, startPeriodMs: 0 };

export function httpCheck(change: Partial<KindOf<'http'>> & { url: string }): KindOf<'http'> {
  return { ...QUICK, kind: 'http', status: 200, basicAuth: null, header: {}, ...change };
}

export function tcpCheck(change: Partial<KindOf<'tcp'>> & { port: number }): KindOf<'tcp'> {
  return { ...QUICK, kind: 'tcp', host: '127.0.0.1', inside: null, ...change };
}

export function runCheck(change: Partial<KindOf<'run'>> & { command: string }): KindOf<'run'> {
  return { ...QUICK, kind: 'run', on: 'worker', ...change };
}

export function prometheusCheck(
  change: Partial<KindOf<'prometheus'>> & { query: string; server: string },
): KindOf<'prometheus'> {
  return {
    ...QUICK,
    kind: 'prometheus',
    max: null,
    min: null,
    maxIncrease: null,
    baselineMs: 60_000,
    ...change,
  };
}
