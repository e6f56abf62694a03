/** Plans and hosts for tests that talk to a real sshd or to this machine. */
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { HostPlan, SshPlan } from '../../pipeline/plan-platform.js';
import type { Fence, Hosts } from '../../activities/hosts/host.js';
import { createHosts } from '../../activities/hosts/hosts.js';
import type { JobUsers } from '../../activities/job-user/job-users.js';
import { createSecrets, type Secrets } from '../../activities/secrets/secrets.js';
import type { Sshd } from './sshd.js';

/** An environment that differs from an empty one only in how its hosts are reached. */
export function environmentFor(ssh: Partial<SshPlan> = {}): EnvironmentPlan {
  return {
    planVersion: 1,
    planHash: '',
    pipeline: 'shop',
    name: 'prod',
    repository: { url: '' },
    production: true,
    url: null,
    after: [],
    start: 'auto',
    queue: 'fifo',
    onSupersede: 'finish',
    gates: [],
    approvals: [],
    selfApproval: false,
    waitMs: 0,
    window: null,
    hosts: [],
    ssh: { user: null, port: null, key: null, knownHosts: null, jump: [], ...ssh },
    preflight: { registryLogin: false, commands: [], files: [], ports: [], diskBytes: 0 },
    platform: { kind: 'command', command: 'true', inspect: null, restore: null, retire: null, on: 'host' },
    strategy: 'in-place',
    traffic: null,
    checks: [],
    dependencies: [],
    bake: null,
    keepWarmMs: 0,
    retentionMs: null,
    rollout: { batch: 1, maxFailures: 0, failedHost: 'undo' },
    database: null,
    onFailure: 'undo',
    timeoutMs: 60_000,
    tags: [],
    fixedTags: [],
    secrets: {},
    dockerSecrets: {},
    registry: null,
    hostLog: null,
    logTail: 50,
    steps: [],
  };
}

/** A token of an environment of the same pipeline. */
export function fenceOf(environment: string, token: number): Fence {
  return { pipeline: 'shop', environment, token };
}

export function hostPlan(address: string, name = 'web-1'): HostPlan {
  return { name, address };
}

/** The environment that reaches this sshd with its own key. */
export function reaching(sshd: Sshd, ssh: Partial<SshPlan> = {}): EnvironmentPlan {
  return environmentFor({ key: `file:${sshd.keyPath}`, ...ssh });
}

export const silent = { info: () => undefined, warn: () => undefined };

export function hostsKnowing(
  knownHostsPath: string,
  variables: NodeJS.ProcessEnv = {},
  secrets: Secrets = createSecrets(variables),
  jobUserOf: JobUsers['ofEnvironment'] = () => Promise.resolve(null),
): Hosts {
  return createHosts({
    resolveSecret: secrets.resolve,
    scrub: secrets.scrub,
    knownHostsPath,
    logger: silent,
    jobUserOf,
  });
}
