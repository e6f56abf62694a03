/**
 * What the activities of a production change of examples/secretmagic are given: its own pipeline file and policy, with one
 * approval more; gates, digests and the environment before sealed; three people's approvals signed by ssh-keygen, and
 * verified.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createPolicyStore, type PolicyStore } from '../../activities/trust/policy-store.js';
import { sealReceipt } from '../../activities/trust/receipts.js';
import { loadSealKeys, type SealKeys } from '../../activities/trust/seal-keys.js';
import type { SignedText } from '../../activities/trust/ssh-signature.js';
import { TokenHolders } from '../../activities/trust/token-holder.js';
import { createVerifyApproval } from '../../activities/trust/verify-approval.js';
import { signApproval } from '../../client/sign-approval.js';
import { APPROVAL_NAMESPACE } from '../../pipeline/approval-statement.js';
import { applyPolicy, compilePlan, loadPipeline, requiredFiles } from '../../pipeline/index.js';
import type { ReleasePlan } from '../../pipeline/plan.js';
import type { ApprovalClaim, Target } from '../../workflows/activity-contract.js';
import type { EvidenceItem, PriorState } from '../../workflows/result.js';
import { givenArtifacts, givenCommit, givenDecision, givenReleaseRequest } from '../support/given.js';
import { lately, throughVouching } from '../support/sealed.js';
import { makeKey } from '../support/sshd.js';
import type { Ends } from './ends.js';

const EXAMPLE = path.resolve('examples/secretmagic');
const REPOSITORY = 'git@git.example.com:autoorder/secretmagic.git';
const ONE = '{ count: 1, group: platform }';
const TWO = '{ count: 2, group: platform }';
const APPROVERS = [
  { by: 'oleg', group: 'platform' },
  { by: 'vera', group: 'platform' },
  { by: 'irina', group: 'backend' },
];
const HOUR_MS = 3_600_000;

export interface SealedChange {
  keys: SealKeys;
  policy: PolicyStore;
  target: Target;
  prior: PriorState[];
  /** One of its approvals, as it was signed. */
  signed: SignedText;
}

interface Worker {
  folder: string;
  keys: SealKeys;
  policy: PolicyStore;
}

export async function givenSealedChange(ends: Ends): Promise<SealedChange> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-bench-trust-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const allowed = await Promise.all(APPROVERS.map(({ by }) => createPerson(folder, by)));
  await writeFile(path.join(folder, 'allowed_signers'), allowed.join(''));
  const rules = (await readExample('worker/policy.yaml')).replace('[oleg]', '[oleg, vera]');
  await writeFile(path.join(folder, 'policy.yaml'), rules.replace(ONE, TWO), { mode: 0o600 });
  const policy = createPolicyStore(path.join(folder, 'policy.yaml'), { isDemo: false });
  const worker = { folder, policy, keys: await loadSealKeys(path.join(folder, 'seal')) };
  const before = await seal(worker, 'v1.4.0', null);
  const { target, signed } = await seal(worker, 'v1.5.0', before.target);
  const { prior } = await throughVouching(
    worker.keys,
    'proveWayBack',
    { target },
    () => ({
      wayBack: 'proven',
      note: '',
      prior: target.plan.hosts.map(({ name }) => ({ host: name, hostId: name, platform: { services: [] } })),
    }),
    policy,
  );
  return { ...worker, target, prior, signed };
}

/** One release into prod, step by step as a worker seals it; `live` is the release before it. */
async function seal(
  worker: Worker,
  version: string,
  live: Target | null,
): Promise<{ target: Target; signed: SignedText }> {
  const { keys, policy } = worker;
  const compiled = await compile(worker, version);
  const plan = await throughVouching(
    keys,
    'resolvePlan',
    givenReleaseRequest({ version }),
    () => compiled,
    policy,
  );
  const { artifacts } = await throughVouching(keys, 'buildArtifacts', { plan, evidence: [] }, () => ({
    artifacts: givenArtifacts(version),
    adopted: false,
  }));
  const [environment] = plan.environments;
  if (environment?.seal === undefined) throw new Error('the plan has no sealed environment');
  const { pipeline, commit, ref, repository } = plan;
  // as if stage were like prod: one receipt more
  const stage = { plan: { ...environment, name: 'stage' }, commit, token: 5 };
  const receipts = (['deploy', 'verify', 'switch'] as const).map((step) => sealReceipt(keys, stage, step));
  const passed = { kind: 'gate', verdict: 'pass', by: null, at: lately() } as const;
  const good: EvidenceItem = { ...passed, name: 'good on stage', note: null, receipts };
  const target: Target = {
    ...{ plan: environment, token: 7, version, commit, artifacts, colour: 'green', evidence: [good] },
    live: live === null ? null : { ...live, at: '2026-11-14T10:30:00.000Z', by: 'vadim' },
  };
  const subject = { pipeline, repositoryUrl: repository.url, commit, ref, version, artifacts };
  const question = { plan: { ...subject, environments: ['prod'] }, seal: environment.seal };
  for (const gate of environment.gates) {
    const item = await throughVouching(keys, 'runGate', { gate, ...question }, () => ({
      ...passed,
      name: gate.name,
      note: 'npm test ended with 0',
    }));
    target.evidence?.push(item);
  }
  const signatures: SignedText[] = [];
  for (const person of APPROVERS) signatures.push(await approve(worker, target, person));
  const [signed] = signatures;
  if (signed === undefined) throw new Error('nobody approved');
  return { target, signed };
}

/** Signed with the person's key, verified as by a worker, added to the target's evidence. */
async function approve(
  { folder, keys, policy }: Worker,
  target: Target,
  { by, group }: { by: string; group: string },
): Promise<SignedText> {
  const { plan, version, commit, artifacts } = target;
  const { pipeline, name: environment, planHash } = plan;
  const requestId = `${version}-3fa9c1d2`;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what signing looks at
  const status = { pipeline, environment, version, commit, planHash, artifacts } as Parameters<
    typeof signApproval
  >[0]['status'];
  const keyFile = path.join(folder, by);
  const wish = { status, requestId, by, group, reason: null, expiresMs: HOUR_MS, keyFile };
  const { statement } = await signApproval(wish);
  const decision = { ...givenDecision(by, { group }), statement };
  const claim: ApprovalClaim = { plan, requestId, version, commit, artifacts, requester: 'vadim', decision };
  const verify = createVerifyApproval({ policy, sealKeys: keys, tokens: new TokenHolders() });
  const item: EvidenceItem = await new MockActivityEnvironment().run(verify, claim);
  if (item.verdict !== 'approved') throw new Error(`${by}'s approval does not count: ${String(item.note)}`);
  target.evidence?.push(await throughVouching(keys, 'verifyApproval', claim, () => item, policy));
  return {
    ...{ text: statement.payload, signature: statement.signature, namespace: APPROVAL_NAMESPACE, by },
    ...{ allowedSigners: path.join(folder, 'allowed_signers'), revokedKeys: null },
  };
}

async function compile({ policy }: Worker, version: string): Promise<ReleasePlan> {
  const text = (await readExample('slipway.yaml')).replace(ONE, TWO);
  const loaded = loadPipeline(Buffer.from(text), 'slipway.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  const { file } = loaded;
  const files = await Promise.all(
    requiredFiles(file, ['prod']).map(async (name) => [name, await readExample(name)] as const),
  );
  const plan = compilePlan({
    ...{ file, files: new Map(files), repository: { url: REPOSITORY }, commit: givenCommit() },
    ...{ ref: { kind: 'tag', name: version }, version, to: ['prod'], changedPaths: null },
  });
  return applyPolicy(plan, (await policy.read())?.content ?? null, policy);
}

/** The line of allowed_signers. */
async function createPerson(folder: string, name: string): Promise<string> {
  const file = path.join(folder, name);
  await makeKey(file);
  return `${name} ${await readFile(`${file}.pub`, 'utf8')}`;
}

async function readExample(name: string): Promise<string> {
  return readFile(path.join(EXAMPLE, name), 'utf8');
}
