/**
 * What each activity must be shown before it begins, and what it vouches for afterwards. Every activity of the
 * contract stands here, so none can be forgotten; null = it touches nothing but Temporal, or asks the policy itself.
 */
import { readDecision } from '../../pipeline/decision-statement.js';
import { hashJson } from '../../pipeline/hash-plan.js';
import type { EnvironmentPlan, Seal } from '../../pipeline/plan.js';
import {
  targetOf,
  type Activities,
  type ApprovalClaim,
  type DecisionClaim,
  type Target,
} from '../../workflows/activity-contract.js';
import type { RestoreInput } from '../../workflows/database-contract.js';
import type { DatabaseState } from '../../workflows/database-state.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { asLive } from '../../workflows/target-hosts.js';
import { unauthorized } from '../failure.js';
import { forcedAmong } from './gate-words.js';
import type { Judge } from './judge.js';
import { isWholeVerification, sealReceipt } from './receipts.js';
import type { SealKeys } from './seal-keys.js';
import {
  aboutArtifact,
  aboutBackup,
  aboutDatabase,
  aboutPrior,
  nameRef,
  openSeal,
  sealStatement,
  subjectOf,
  type Statement,
} from './statements.js';

type Input<Name extends keyof Activities> = Parameters<Activities[Name]>[0];
type Output<Name extends keyof Activities> = Awaited<ReturnType<Activities[Name]>>;

export interface Authority<Name extends keyof Activities> {
  /** Throws Unauthorized. */
  authorize: ((judge: Judge, input: Input<Name>) => void | Promise<void>) | null;
  /** The result with the seals of this worker. */
  vouch?: (keys: SealKeys, input: Input<Name>, output: Output<Name>) => Output<Name>;
}

export type Authorities = { [Name in keyof Activities]: Authority<Name> };

/** What a gate itself can say. */
const GATE_VERDICTS: readonly string[] = ['pass', 'fail', 'waived', 'error'];

const talksToTemporal = { authorize: null };
/** Where the worker's login is used, and nowhere else. */
const ofRepository = {
  authorize: (judge: Judge, { repositoryUrl }: { repositoryUrl: string }) =>
    judge.policy.repository(repositoryUrl),
};
/** Also what only looks runs a team's commands with its secrets. */
const forward = {
  authorize: (judge: Judge, { target }: { target: Target }) => judge.entry(target, 'forward'),
};
/** A policy that has become stricter must not keep anybody from going back. */
const back = { authorize: (judge: Judge, { target }: { target: Target }) => judge.entry(target, 'back') };

async function beginsToWrite(judge: Judge, { target }: { target: Target }): Promise<void> {
  await judge.begin(target);
  await judge.decisions.comesBack(target);
}

/** From a backup that was made here, by the word of somebody who may, for this very backup. */
async function mayRestore(
  judge: Judge,
  { target, backup }: RestoreInput,
  way: 'forward' | 'back',
): Promise<void> {
  await judge.entry(target, way);
  judge.databases.hasBackup(target.plan, backup);
  await judge.decisions.rewinds(comingBack(target), backup.name);
}

/** The release that a rollback brings back, where the target is what it leaves. */
function comingBack(target: Target): Target {
  if (target.live === null)
    throw unauthorized({
      what: 'nothing comes back',
      where: `${target.plan.pipeline} ${target.plan.name}`,
      why: null,
      wayOut: 'nothing was touched; look who runs this worker (docs/security.md#unauthorized)',
    });
  return asLive(target, target.live);
}

export const AUTHORITIES: Authorities = {
  resolvePlan: { authorize: null, vouch: (keys, _input, plan) => sealPlan(keys, plan) },
  announce: talksToTemporal,
  requestChange: talksToTemporal,
  withdrawRequest: talksToTemporal,
  askEnvironment: talksToTemporal,
  nextOpening: talksToTemporal,
  // who could not begin right now is not let in ahead of a freeze
  passFreeze: {
    authorize: (judge, input) => judge.entry({ ...input, token: 0, colour: null, live: null }, 'back'),
    vouch: (keys, input, answer) => {
      const { evidence } = answer;
      if (evidence === null) return answer;
      const about = { ...subjectOf(input, input.plan), planHash: input.plan.planHash };
      const seal = sealStatement(keys, { kind: 'open', ...about, at: evidence.at });
      return { ...answer, evidence: { ...evidence, seal } };
    },
  },
  recordDeployment: ofRepository,
  setCommitStatus: ofRepository,
  commentOnPullRequest: ofRepository,
  listAncestors: ofRepository,
  // what the policy makes of a plan is an answer, not a look
  inspectEnvironment: {
    authorize: (judge, question) => (question.what === 'policy' ? undefined : judge.look(question)),
  },
  runGate: {
    authorize: (judge, question) => judge.gate(question),
    vouch: (keys, { gate, plan: subject, seal }, item) => {
      const { pipeline } = subject;
      // only a force that a worker verified makes one forced
      if (!GATE_VERDICTS.includes(item.verdict))
        throw unauthorized({
          what: `no gate says ${item.verdict} by itself`,
          where: `${pipeline}, gate ${gate.name}`,
          why: null,
          wayOut: 'nothing was touched; look who runs this worker (docs/security.md#unauthorized)',
        });
      const name = openSeal(keys, seal, 'plan')?.environment ?? null;
      const about = { ...subjectOf(subject, { pipeline, name }), gate: hashJson(gate) };
      const { verdict, at } = item;
      return { ...item, seal: sealStatement(keys, { kind: 'gate', ...about, verdict, at }) };
    },
  },
  buildArtifacts: {
    authorize: (judge, { plan, evidence }) => judge.build(plan, evidence),
    vouch: (keys, { plan, evidence = [] }, built) => {
      const release = openSeal(keys, plan.seal, 'plan')?.release;
      const of = { pipeline: plan.pipeline, commit: plan.commit.sha, release };
      const forced = forcedAmong(keys, { ...of, environment: null, digests: [] }, plan.gates, evidence);
      const sealed = built.artifacts.map((each) => {
        const made = forced.length === 0 ? each : { ...each, forced };
        return { ...made, seal: sealStatement(keys, aboutArtifact(of, made)) };
      });
      return { ...built, artifacts: sealed };
    },
  },
  verifyForce: {
    authorize: (judge, claim) => judge.force(claim),
    vouch: (keys, { gate, plan, subject }, item) => {
      const { verdict, by, note, ticket, at } = item;
      if (verdict !== 'forced' || by === null || note === null || ticket === undefined) return item;
      const { pipeline } = subject;
      const name = 'environments' in plan ? null : plan.name;
      const about = { ...subjectOf(subject, { pipeline, name }), gate: hashJson(gate) };
      const said = { ...about, verdict, by, reason: note, ticket, at };
      return { ...item, seal: sealStatement(keys, { kind: 'gate', ...said }) };
    },
  },
  // what was signed names all it is about, and is held against a sealed plan where it is used
  verifyDecision: {
    authorize: null,
    vouch: (keys, claim, item) => vouchForDecision(keys, claim, item),
  },
  verifyApproval: {
    authorize: (judge, { plan, version, commit, artifacts }) => {
      judge.holder({ plan, version, commit, artifacts });
    },
    vouch: (keys, claim, item) => vouchFor(keys, claim, item),
  },
  findGithubApprovals: {
    authorize: async (judge, question) => {
      const { plan, version, commit, artifacts, rule } = question;
      judge.holder({ plan, version, commit, artifacts });
      judge.rule(plan, rule);
      await judge.policy.repository(plan.repository.url);
    },
    vouch: (keys, question, answer) => ({
      ...answer,
      approvals: answer.approvals.map((item) => vouchFor(keys, question, item)),
    }),
  },
  // up to deploy: what began outside a freeze of the policy goes on, and nothing else begins in it
  preflight: {
    authorize: async (judge, { target }) => {
      await judge.begin(target, { isFirst: true });
      await judge.decisions.comesBack(target);
    },
  },
  // a recovery begins with it; who stops an old colour deploys nothing afterwards
  claim: {
    authorize: async (judge, { target }) => {
      await judge.entry(target, 'back');
      if (target.kind !== 'retire') await judge.policy.freeze(target);
    },
  },
  proveWayBack: {
    authorize: (judge, { target }) => judge.begin(target),
    vouch: (keys, { target }, proven) => ({
      ...proven,
      prior: proven.prior.map((state) => ({
        ...state,
        seal: sealStatement(keys, aboutPrior(target, state)),
      })),
    }),
  },
  readDatabase: {
    ...forward,
    vouch: (keys, { target }, state) => vouchForDatabase(keys, target, state),
  },
  backupDatabase: {
    authorize: beginsToWrite,
    vouch: (keys, { target }, made) => ({
      ...made,
      seal: sealStatement(keys, aboutBackup(target.plan, made)),
    }),
  },
  migrateDatabase: {
    authorize: beginsToWrite,
    vouch: (keys, { target }, result) => ({
      ...result,
      after: vouchForDatabase(keys, target, result.after),
    }),
  },
  contractDatabase: forward,
  revertDatabase: {
    authorize: async (judge, { target, before, after, settled }) => {
      await judge.entry(target, 'back');
      if (settled === true) {
        const comesBack = comingBack(target);
        await judge.decisions.rewinds(comesBack, null);
        judge.databases.wasAt(comesBack, before);
        return judge.databases.wasAt(target, after);
      }
      judge.databases.isOfChange(target, before);
      if (after !== null) judge.databases.isOfChange(target, after);
    },
  },
  // nothing is touched yet, so the policy of this moment has its say
  readBackup: { authorize: (judge, input) => mayRestore(judge, input, 'forward') },
  stopWriters: { authorize: (judge, input) => mayRestore(judge, input, 'back') },
  restoreDatabase: { authorize: (judge, input) => mayRestore(judge, input, 'back') },
  deploy: {
    authorize: async (judge, work) => {
      const target = targetOf(work);
      await judge.begin(target);
      // a recovery goes back to what was live over what the release that died has recorded
      judge.prior(target, work.prior, { undoes: false });
      await judge.decisions.comesBack(target);
    },
    vouch: (keys, work, deployed) => ({ ...deployed, receipt: sealReceipt(keys, targetOf(work), 'deploy') }),
  },
  verify: {
    authorize: async (judge, { target, checks, colour }) => {
      await judge.entry(target, 'forward');
      judge.checks(target, checks);
      judge.colours(target.plan, colour);
    },
    // the other colour is another release's
    vouch: (keys, { target, checks, colour }, result) =>
      result.verdict === 'passed' && colour === target.colour && isWholeVerification(target.plan, checks)
        ? { ...result, receipt: sealReceipt(keys, target, 'verify') }
        : result,
  },
  measureBaseline: forward,
  bake: {
    authorize: async (judge, { target, colour }) => {
      await judge.entry(target, 'forward');
      judge.colours(target.plan, colour);
    },
  },
  tagArtifacts: forward,
  retireColour: {
    authorize: async (judge, { target, colour }) => {
      await judge.entry(target, 'back');
      judge.colour(target.plan, colour);
    },
  },
  switchTraffic: {
    authorize: async (judge, { to, from, requireHealthy, before = {}, ...of }) => {
      const target = targetOf(of);
      await judge.entry(target, requireHealthy ? 'forward' : 'back');
      judge.colour(target.plan, to);
      judge.colours(target.plan, from, ...Object.values(before));
      // the way back asks nobody
      if (requireHealthy) await judge.decisions.switches(target);
    },
    vouch: (keys, { to, requireHealthy, share, ...of }, result) =>
      requireHealthy && to === targetOf(of).colour && share === undefined
        ? { ...result, receipt: sealReceipt(keys, targetOf(of), 'switch') }
        : result,
  },
  undoDeploy: {
    authorize: async (judge, work) => {
      await judge.entry(targetOf(work), 'back');
      judge.prior(targetOf(work), work.prior, { undoes: true });
    },
  },
  stopHost: { authorize: (judge, work) => judge.entry(targetOf(work), 'back') },
  takeOver: back,
};

function vouchForDatabase(keys: SealKeys, target: Target, state: DatabaseState): DatabaseState {
  return { ...state, seal: sealStatement(keys, aboutDatabase(target, state)) };
}

/** What counts of an approval, about exactly this. */
function vouchFor(keys: SealKeys, claim: Omit<ApprovalClaim, 'decision'>, item: EvidenceItem): EvidenceItem {
  const { by, group = null, proof, of, url, at, verdict } = item;
  if (verdict !== 'approved' || proof === undefined || by === null) return item;
  const { plan, requestId } = claim;
  const about = { ...subjectOf(claim, plan), requestId, planHash: plan.planHash };
  const there = { ...(of === undefined ? {} : { of }), ...(url === undefined ? {} : { url }) };
  const said = { ...about, by, group, proof, ...there, at };
  return { ...item, seal: sealStatement(keys, { kind: 'approval', ...said }) };
}

/** A person's word for exactly this, where a worker knows who it was. */
function vouchForDecision(
  keys: SealKeys,
  { subject, statement }: DecisionClaim,
  item: EvidenceItem,
): EvidenceItem {
  const { decision, pipeline, environment, requestId, token, release, restoreDatabase } = subject;
  const { by, at, verdict, proof } = item;
  const said = readDecision(statement.payload);
  if (verdict !== 'approved' || proof !== 'ssh' || by === null || said === null || release === null)
    return item;
  const { commit, planHash, digests } = release;
  const restores = restoreDatabase === undefined ? {} : { restoreDatabase };
  const about = { decision, pipeline, environment, requestId, token, planHash, commit, digests, ...restores };
  const seal = sealStatement(keys, { kind: 'decision', ...about, by, at, expires: said.expires });
  return { ...item, seal };
}

function sealPlan(keys: SealKeys, plan: Output<'resolvePlan'>): Output<'resolvePlan'> {
  const about = {
    pipeline: plan.pipeline,
    version: plan.version,
    commit: plan.commit.sha,
    ref: nameRef(plan.ref),
    repository: plan.repository.url,
    file: plan.file,
    authors: [plan.commit.author, plan.commit.authorEmail, ...plan.commit.authors],
    release: hashJson({ file: plan.file, artifacts: plan.artifacts, gates: plan.gates }),
  };
  type Sealable = Pick<EnvironmentPlan, 'planHash' | 'gates'> & Partial<Pick<EnvironmentPlan, 'after'>>;
  const sealed = (of: Sealable, environment: string | null): Seal => {
    const said: Statement = {
      kind: 'plan',
      ...about,
      environment,
      environments: environment === null ? plan.environments.map(({ name }) => name) : [environment],
      artifacts: environment === null ? [] : plan.artifacts.map(({ name }) => name),
      planHash: of.planHash,
      gates: of.gates.map(hashJson),
      ...(of.after === undefined ? {} : { after: of.after }),
    };
    return sealStatement(keys, said);
  };
  return {
    ...plan,
    environments: plan.environments.map((each) => ({ ...each, seal: sealed(each, each.name) })),
    seal: sealed(plan, null),
  };
}
