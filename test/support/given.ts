/** Plans, requests and records for workflow tests; a test says only what matters to it. */
import { randomUUID } from 'node:crypto';
import type {
  ApprovalRule,
  CheckPlan,
  Colour,
  CommitFacts,
  EnvironmentPlan,
  GatePlan,
  ImageArtifact,
  ReleasePlan,
  Seal,
} from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { withHash } from '../../pipeline/hash-plan.js';
import type {
  ChangeInput,
  ChangeKind,
  ChangeRequest,
  Decision,
  ReleaseRequest,
} from '../../workflows/messages.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { BuiltArtifact, ReleaseRecord } from '../../workflows/result.js';

const ALL_STEPS = ['preflight', 'claim', 'proveWayBack', 'deploy', 'verify', 'switch', 'bake', 'settle'];

export function givenCommit(overrides: Partial<CommitFacts> = {}): CommitFacts {
  return {
    sha: '9f2c1d0000000000000000000000000000000000',
    subject: 'fix: retry StarRocks DNS',
    author: 'anna',
    authorEmail: 'anna@example.com',
    committedAt: '2026-11-14T09:00:00Z',
    authors: ['anna@example.com'],
    ...overrides,
  };
}

export function givenArtifacts(version: string): BuiltArtifact[] {
  const digest = `sha256:${Buffer.from(version).toString('hex').padEnd(64, '0')}`;
  return [{ name: 'app', kind: 'image', repository: 'cr.example.com/team/app', digest }];
}

/** What `givenArtifacts` was built from. */
export function givenImage(overrides: Partial<ImageArtifact> = {}): ImageArtifact {
  return {
    kind: 'image',
    name: 'app',
    repository: 'cr.example.com/team/app',
    context: '.',
    dockerfile: 'Dockerfile',
    target: null,
    platforms: [],
    cache: 'none',
    provenance: false,
    buildArgs: {},
    ...overrides,
  };
}

export function givenCheck(): CheckPlan {
  return {
    kind: 'http',
    name: 'health',
    url: 'http://prod.example.com/health',
    status: 200,
    basicAuth: null,
    header: {},
    timeoutMs: 1000,
    retries: 1,
    intervalMs: 100,
    startPeriodMs: 0,
  };
}

export function givenTraffic(overrides: Partial<TrafficPlan> = {}): TrafficPlan {
  const traffic: TrafficPlan = {
    kind: 'command',
    switchCommand: 'switch {colour}',
    currentCommand: 'current',
    testCommand: null,
    on: 'host',
    switch: 'auto',
    switchWithinMs: 24 * 3_600_000,
    confirm: { url: 'http://prod.example.com/', header: null, times: 20, intervalMs: 10, timeoutMs: 2_000 },
    colourUrls: null,
    drainMs: 0,
    weights: [],
    host: null,
  };
  // One kind's options are overridden, never the kind itself.
  return Object.assign(traffic, overrides);
}

/** Blue/green on two hosts with a bake; `environment` is unique unless given. */
export function givenPlan(overrides: Partial<EnvironmentPlan> = {}): EnvironmentPlan {
  return {
    planVersion: 1,
    planHash: 'a'.repeat(64),
    pipeline: 'shop',
    name: `prod-${randomUUID().slice(0, 8)}`,
    repository: { url: '/srv/shop.git' },
    production: true,
    url: 'http://prod.example.com',
    after: [],
    start: 'auto',
    queue: 'newest',
    onSupersede: 'finish',
    gates: [],
    approvals: [],
    selfApproval: false,
    waitMs: 0,
    window: null,
    hosts: ['web-1', 'web-2'].map((name) => ({ name, address: `deploy@${name}` })),
    ssh: { user: null, port: null, key: null, knownHosts: null, jump: [] },
    preflight: { registryLogin: false, commands: [], files: [], ports: [], diskBytes: 0 },
    platform: {
      kind: 'command',
      command: 'up {tag}',
      inspect: null,
      restore: null,
      retire: null,
      on: 'host',
    },
    strategy: 'blue-green',
    traffic: givenTraffic(),
    checks: [givenCheck()],
    dependencies: [],
    bake: { forMs: 1000, intervalMs: 100, failures: 3, checks: [givenCheck()] },
    keepWarmMs: 24 * 3_600_000,
    retentionMs: null,
    rollout: { batch: 1, maxFailures: 0, failedHost: 'undo' },
    database: null,
    onFailure: 'undo',
    timeoutMs: 5_000,
    tags: ['prod-9f2c1d0'],
    fixedTags: [],
    secrets: {},
    dockerSecrets: {},
    registry: null,
    hostLog: null,
    logTail: 100,
    steps: ALL_STEPS,
    ...overrides,
  };
}

/** The same with a proxy on each of its hosts. */
export function givenPlanWithProxies(overrides: Partial<EnvironmentPlan> = {}): EnvironmentPlan {
  const plan = givenPlan(overrides);
  const proxies = plan.hosts.map(({ name }) => ({ host: name, url: `http://${name}/` }));
  return { ...plan, traffic: Object.assign(givenTraffic(), plan.traffic, { proxies }) };
}

/** `web-1`, `web-2` and so on. */
export function givenHosts(count: number): EnvironmentPlan['hosts'] {
  return Array.from({ length: count }, (_, place) => {
    const name = `web-${place + 1}`;
    return { name, address: `deploy@${name}` };
  });
}

/** The same without colours. */
export function givenPlanInPlace(overrides: Partial<EnvironmentPlan> = {}): EnvironmentPlan {
  const steps = ALL_STEPS.filter((step) => step !== 'switch');
  return givenPlan({ strategy: 'in-place', traffic: null, steps, ...overrides });
}

export function givenRecord(
  plan: EnvironmentPlan,
  version: string,
  colour: Colour | null,
  token = 1,
): ReleaseRecord {
  return {
    version,
    commit: givenCommit(),
    artifacts: givenArtifacts(version),
    plan,
    colour,
    token,
    at: '2026-11-14T10:00:00Z',
    by: 'oleg',
  };
}

export function givenRequest(
  plan: EnvironmentPlan,
  version: string,
  kind: ChangeKind = 'deploy',
  overrides: Partial<ChangeRequest> = {},
): ChangeRequest {
  return {
    requestId: randomUUID(),
    kind,
    version,
    commit: givenCommit(),
    plan,
    artifacts: givenArtifacts(version),
    actor: { by: 'oleg', proof: 'unverified' },
    reason: null,
    evidence: [],
    promotionId: null,
    ...overrides,
  };
}

export function givenChange(request: ChangeRequest, overrides: Partial<ChangeInput> = {}): ChangeInput {
  return { token: 2, request, live: null, warm: null, recovering: null, ...overrides };
}

export function givenDecision(by: string, overrides: Partial<Decision> = {}): Decision {
  return {
    by,
    proof: 'unverified',
    decisionId: randomUUID(),
    reason: null,
    planHash: null,
    digest: null,
    group: null,
    host: null,
    until: null,
    ...overrides,
  };
}

/** Of a decision, where nobody looks at the signature. */
export const SIGNED = { scheme: 'ssh', payload: '{}', signature: 'signed' } as const;

/** v2 of a folder, on its way into this environment, where nothing is live. */
export function givenTarget(plan: EnvironmentPlan, overrides: Partial<Target> = {}): Target {
  return {
    plan,
    token: 1,
    version: 'v2',
    commit: givenCommit(),
    artifacts: [{ name: 'app', kind: 'folder', repository: 'site', digest: `sha256:${'2'.repeat(64)}` }],
    colour: null,
    live: null,
    ...overrides,
  };
}

/** A gate that runs a command. */
export function givenGate(name = 'tests', command = 'npm test'): GatePlan & { kind: 'run' } {
  return { kind: 'run', name, timeoutMs: 1000, command, report: {}, options: {} };
}

/** `count` people, of a group where one is named, whose word is enough unless `by` asks for more. */
export function givenRule(
  count: number,
  group: string | null = null,
  overrides: Partial<ApprovalRule> = {},
): ApprovalRule {
  return { count, group, by: 'unverified', of: null, expiresMs: 3_600_000, ...overrides };
}

/** Somebody asks for v1.0.0 of shop. */
export function givenReleaseRequest(overrides: Partial<ReleaseRequest> = {}): ReleaseRequest {
  const { version = 'v1.0.0' } = overrides;
  return {
    requestId: 'request-1',
    pipeline: 'shop',
    repositoryUrl: '/srv/shop.git',
    file: 'slipway.yaml',
    ref: { kind: 'tag', name: version },
    commit: givenCommit().sha,
    version,
    to: [],
    actor: { by: 'oleg', proof: 'unverified' },
    reason: null,
    ...overrides,
  };
}

/** What a worker makes of that request: nothing to build, no gates of its own. */
export function givenReleasePlan(
  environments: EnvironmentPlan[],
  overrides: Partial<Omit<ReleasePlan, 'environments'>> = {},
): ReleasePlan {
  const { pipeline, version, file, repositoryUrl, ref } = givenReleaseRequest(
    overrides.version === undefined ? {} : { version: overrides.version },
  );
  return withHash({
    planVersion: 1,
    pipeline,
    version,
    commit: givenCommit(),
    ref,
    repository: { url: repositoryUrl },
    file,
    artifacts: [],
    registry: null,
    gates: [],
    environments,
    skipped: [],
    notify: [],
    ...overrides,
  });
}

/** What a worker would have sealed, readable. */
export function receiptFor(
  step: string,
  { plan, version, token }: { plan: Pick<EnvironmentPlan, 'name'>; version: string; token: number },
): Seal {
  return { statement: `${step} of ${version} on ${plan.name}, ${token}`, keyId: 'fake', signature: '' };
}
