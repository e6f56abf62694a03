/** Keys, sealed plans and targets, as workers make them; whoever attacks takes one of them and changes a word. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { DatabaseState } from '../../workflows/database-state.js';
import type { Context } from '@temporalio/activity';
import type { PolicyStore } from '../../activities/trust/policy-store.js';
import { createVouching } from '../../activities/trust/vouching.js';
import { loadSealKeys, type SealKeys } from '../../activities/trust/seal-keys.js';
import { withHash } from '../../pipeline/hash-plan.js';
import type { ApprovalRule, EnvironmentPlan, ReleasePlan } from '../../pipeline/plan.js';
import type { Activities, Target } from '../../workflows/activity-contract.js';
import { githubProof } from '../../workflows/missing-approvals.js';
import type { BuiltArtifact, EvidenceItem, PriorState } from '../../workflows/result.js';
import {
  givenArtifacts,
  givenCommit,
  givenGate,
  givenImage,
  givenDecision,
  givenPlan,
  givenReleasePlan,
  givenReleaseRequest,
} from './given.js';

export type Name = keyof Activities;
type Input<N extends Name> = Parameters<Activities[N]>[0];
type Output<N extends Name> = Awaited<ReturnType<Activities[N]>>;

/** As in `up --demo`: nothing is forbidden. */
export const NO_POLICY: PolicyStore = { read: async () => null, isDemo: true };

/** A worker's own keys in a folder of their own. */
export async function givenSealKeys(): Promise<{ keys: SealKeys; remove: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-seal-'));
  return { keys: await loadSealKeys(folder), remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The keys of this file's workers, and those of somebody nobody trusts. */
export function useSealKeys(): { ours: SealKeys; foreign: SealKeys } {
  const folders: Awaited<ReturnType<typeof givenSealKeys>>[] = [];
  const keysOf = (index: number): SealKeys => {
    const folder = folders[index];
    if (folder === undefined) throw new Error('keys are there once the tests begin');
    return folder.keys;
  };
  beforeAll(async () => {
    folders.push(await givenSealKeys(), await givenSealKeys());
  });
  afterAll(async () => {
    for (const folder of folders) await folder.remove();
  });
  return {
    get ours() {
      return keysOf(0);
    },
    get foreign() {
      return keysOf(1);
    },
  };
}

/** Calls an activity through what stands in front of it; `act` is the activity. */
export async function throughVouching<N extends Name>(
  keys: SealKeys,
  activityType: N,
  input: Input<N>,
  act: () => Output<N>,
  policy: PolicyStore = NO_POLICY,
): Promise<Output<N>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all it looks at
  const context = { info: { activityType } } as Context;
  const { inbound } = createVouching(keys, policy)(context);
  const result = await inbound?.execute?.({ args: [input], headers: {} }, async () => act());
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `act` gave, with seals
  return result as Output<N>;
}

export const GATE = givenGate('ci', 'make test');

export interface SealedRelease {
  plan: ReleasePlan;
  environment: EnvironmentPlan;
  artifacts: BuiltArtifact[];
  evidence: EvidenceItem[];
  prior: PriorState[];
  /** Where its database was before. */
  database: DatabaseState;
  target: Target;
}

/** What a worker makes of this person's approval of the release. */
export async function givenApproval(
  keys: SealKeys,
  { target }: Pick<SealedRelease, 'target'>,
  {
    by,
    group = null,
    proof = 'ssh',
  }: { by: string; group?: string | null; proof?: 'ssh' | 'oidc' | 'unverified' },
): Promise<EvidenceItem> {
  const { plan, version, commit, artifacts } = target;
  const decision = givenDecision(by, { group });
  const claim = { plan, requestId: 'request-1', version, commit, artifacts, requester: 'vadim', decision };
  const at = '2026-11-14T10:30:00.000Z';
  const item = {
    kind: 'approval',
    name: 'approval',
    verdict: 'approved',
    by,
    at,
    note: null,
    proof,
    group,
  } as const;
  return await throughVouching(keys, 'verifyApproval', claim, () => item);
}

/** What a worker makes of this person's review on GitHub, for this rule of the release. */
export async function givenReview(
  keys: SealKeys,
  { target }: Pick<SealedRelease, 'target'>,
  rule: ApprovalRule,
  by: string,
): Promise<EvidenceItem> {
  const { plan, version, commit, artifacts } = target;
  const about = { plan, requestId: 'request-1', version, commit, artifacts, requester: 'vadim' };
  const proof = githubProof(rule.by) ?? 'unverified';
  const said = { kind: 'approval', name: 'approval', verdict: 'approved', by, note: null, proof } as const;
  const item = {
    ...said,
    at: '2026-11-14T10:30:00.000Z',
    group: rule.group,
    of: rule.of,
    url: 'https://github.com',
  };
  const answer = { approvals: [item], rejectedBy: [], note: '' };
  const question = { ...about, rule, known: null };
  const { approvals } = await throughVouching(keys, 'findGithubApprovals', question, () => answer);
  const [sealed] = approvals;
  if (sealed === undefined) throw new Error('there is no review');
  return sealed;
}

/** One release with a gate and two hosts, sealed step by step as a real one. */
export async function givenSealedRelease(
  keys: SealKeys,
  {
    version = 'v1.0.0',
    commit: sha = givenCommit().sha,
    evidence = [],
    ...overrides
  }: Partial<EnvironmentPlan> & { version?: string; commit?: string; evidence?: EvidenceItem[] } = {},
  policy: PolicyStore = NO_POLICY,
): Promise<SealedRelease> {
  const compiled = withHash(givenPlan({ name: 'prod', gates: [GATE], ...overrides }));
  const plan = await throughVouching(keys, 'resolvePlan', givenReleaseRequest(), () =>
    givenReleasePlan([compiled], {
      version,
      commit: givenCommit({ sha }),
      pipeline: compiled.pipeline,
      repository: compiled.repository,
      artifacts: [givenImage()],
    }),
  );
  const [environment] = plan.environments;
  if (environment === undefined) throw new Error('there is no environment');
  const built = { artifacts: givenArtifacts(version), adopted: false };
  const { artifacts } = await throughVouching(keys, 'buildArtifacts', { plan }, () => built, policy);
  const item = await gateSaid(keys, { plan, environment, artifacts }, 'pass');
  const target: Target = {
    plan: environment,
    token: 7,
    version,
    commit: plan.commit,
    artifacts,
    colour: environment.strategy === 'blue-green' ? 'green' : null,
    live: null,
    evidence: [...evidence, item],
  };
  const slots = environment.approvals.flatMap((rule) => Array<ApprovalRule>(rule.count).fill(rule));
  for (const [index, rule] of slots.entries()) {
    const by = `approver-${index}`;
    const { group } = rule;
    const proof = rule.by === 'oidc' ? 'oidc' : 'ssh';
    const isReview = githubProof(rule.by) !== null;
    target.evidence?.push(
      isReview
        ? await givenReview(keys, { target }, rule, by)
        : await givenApproval(keys, { target }, { by, group, proof }),
    );
  }
  const found = environment.hosts.map(({ name }) => ({
    host: name,
    hostId: `id of ${name}`,
    platform: { kind: 'command', inspected: 'v0' },
  }));
  const proven = { wayBack: 'proven', note: '', prior: found } as const;
  const { prior } = await throughVouching(keys, 'proveWayBack', { target }, () => proven, policy);
  const database = await throughVouching(
    keys,
    'readDatabase',
    { target },
    () => ({ revision: 'r1' }),
    policy,
  );
  return { plan, environment, artifacts, evidence: target.evidence ?? [], prior, database, target };
}

export function gateInput(
  plan: ReleasePlan,
  environment: EnvironmentPlan,
  artifacts: BuiltArtifact[],
): Input<'runGate'> {
  const { pipeline, commit, ref, version, repository } = plan;
  const of = { pipeline, repositoryUrl: repository.url, commit, ref, version };
  const subject = { ...of, artifacts, environments: [environment.name] };
  return { gate: GATE, plan: subject, ...(environment.seal === undefined ? {} : { seal: environment.seal }) };
}

/** What a worker makes of this word of the gate. */
export async function gateSaid(
  keys: SealKeys,
  { plan, environment, artifacts }: Pick<SealedRelease, 'plan' | 'environment' | 'artifacts'>,
  verdict: EvidenceItem['verdict'],
  at?: string,
): Promise<EvidenceItem> {
  const input = gateInput(plan, environment, artifacts);
  return await throughVouching(keys, 'runGate', input, () => evidenceOf(verdict, at));
}

const LATELY_MS = Date.now() - 3_600_000;

/** An hour ago, since policies let no old word count, and so much later. */
export function lately(laterMs = 0): string {
  return new Date(LATELY_MS + laterMs).toISOString();
}

export function evidenceOf(verdict: EvidenceItem['verdict'], at = lately()): EvidenceItem {
  return { kind: 'gate', name: GATE.name, verdict, by: null, at, note: null };
}
