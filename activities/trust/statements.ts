/**
 * What workers vouch for. A statement names everything it is about, so it cannot be carried to another environment,
 * commit, digest, gate or host.
 */
import { canonicalize } from 'json-canonicalize';
import { z } from 'zod';
import { hashJson } from '../../pipeline/hash-plan.js';
import type { CommitFacts, ReleaseRef, Seal } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { BuiltArtifact, PriorState } from '../../workflows/result.js';
import type { BackupRecord, DatabaseState } from '../../workflows/database-state.js';
import type { SealKeys } from './seal-keys.js';

/** A plan was compiled here from the pipeline file at this commit. `environment` null = the whole release. */
const plan = z.object({
  kind: z.literal('plan'),
  pipeline: z.string(),
  environment: z.string().nullable(),
  planHash: z.string(),
  version: z.string(),
  commit: z.string(),
  ref: z.string(),
  repository: z.string(),
  file: z.string(),
  /** Names and addresses of who wrote it. */
  authors: z.array(z.string()),
  /** Hashes of the gates' definitions: those and no others are asked for this plan. */
  gates: z.array(z.string()),
  /** Environments where the commit must have been carried out before; absent in plans from before there were receipts. */
  after: z.array(z.string()).optional(),
  /** Names of all it is for; absent in older ones, as are the next two. */
  environments: z.array(z.string()).optional(),
  /** Names of what goes to the environment, in this order: with one left out a command would take what it finds. */
  artifacts: z.array(z.string()).optional(),
  /** Hash of what the release builds, which gates come before, and in which file that stands. */
  release: z.string().optional(),
});

/** This digest was built here from this commit, or found built, after the release's own gates had passed. */
const artifact = z.object({
  kind: z.literal('artifact'),
  pipeline: z.string(),
  commit: z.string(),
  name: z.string(),
  artifact: z.enum(['image', 'folder']),
  repository: z.string(),
  digest: z.string(),
  /** As in the plan it was built for: another file of the commit may build it otherwise, or ask nobody before. */
  release: z.string().optional(),
  /** Of the release's gates, those that were forced; absent = none. */
  forced: z
    .array(z.object({ gate: z.string(), by: z.string(), reason: z.string(), ticket: z.string() }))
    .optional(),
});

/** This image was built here from this commit; it lies in the registry beside it, and lets no release in by itself. */
const image = z.object({
  kind: z.literal('image'),
  commit: z.string(),
  repository: z.string(),
  digest: z.string(),
  /** Hash of what else decides what it became: Dockerfile, context, target, platforms, build arguments. */
  inputs: z.string(),
});

/** This gate, by the hash of its definition, was asked about this commit. */
const gate = z.object({
  kind: z.literal('gate'),
  pipeline: z.string(),
  environment: z.string().nullable(),
  commit: z.string(),
  gate: z.string(),
  /** Of the artifacts it was asked about. */
  digests: z.array(z.string()),
  verdict: z.string(),
  /** Forced: by whom, why, and where it is written down. */
  by: z.string().optional(),
  reason: z.string().optional(),
  ticket: z.string().optional(),
  at: z.string(),
});

/** This person approved exactly this, and may. */
const approval = z.object({
  kind: z.literal('approval'),
  pipeline: z.string(),
  environment: z.string(),
  requestId: z.string(),
  planHash: z.string(),
  commit: z.string(),
  digests: z.array(z.string()),
  by: z.string(),
  group: z.string().nullable(),
  proof: z.enum(['ssh', 'oidc', 'unverified', 'github-review', 'github-environment']),
  /** On GitHub: the branch or the environment it is about. */
  of: z.string().nullable().optional(),
  /** On GitHub: where it can be read. */
  url: z.string().optional(),
  at: z.string(),
});

/** This person signed it for exactly this, and may. Of freezes nobody asks for one. */
const decision = z.object({
  kind: z.literal('decision'),
  decision: z.string(),
  pipeline: z.string(),
  environment: z.string(),
  requestId: z.string(),
  /** switch: of the change it is for. */
  token: z.number().nullable(),
  planHash: z.string(),
  commit: z.string(),
  digests: z.array(z.string()),
  by: z.string(),
  at: z.string(),
  /** As it was signed: nobody brings a release back by an old word. */
  expires: z.string(),
  /** rollback: name of the backup that the database is restored from; absent = the word is for none. */
  restoreDatabase: z.string().exactOptional(),
});

/** Gates and approvals had let this in, and nothing was frozen. */
const open = z.object({
  kind: z.literal('open'),
  pipeline: z.string(),
  environment: z.string(),
  planHash: z.string(),
  commit: z.string(),
  digests: z.array(z.string()),
  at: z.string(),
});

/** A change found this on a host before it deployed: what an undo may bring back. */
const prior = z.object({
  kind: z.literal('prior'),
  pipeline: z.string(),
  environment: z.string(),
  token: z.number(),
  host: z.string(),
  hostId: z.string(),
  /** Hash of what the platform recorded. */
  platform: z.string(),
  /** Hash of the release whose undo it is; absent in older ones. */
  release: z.string().optional(),
});

/** This step of a change was carried out here, under this token. */
const step = z.object({
  kind: z.literal('step'),
  pipeline: z.string(),
  environment: z.string(),
  commit: z.string(),
  token: z.number(),
  step: z.enum(['deploy', 'verify', 'switch']),
  /** Which steps of that change it takes for the release to be live and well. */
  needs: z.array(z.string()),
});

/** A change found its database there, or brought it there. */
const database = z.object({
  kind: z.literal('database'),
  pipeline: z.string(),
  environment: z.string(),
  token: z.number(),
  revision: z.string().nullable(),
  /** Hash of the release whose change it is. */
  release: z.string(),
});

/** This backup was made in a change of this environment. */
const backup = z.object({
  kind: z.literal('backup'),
  pipeline: z.string(),
  environment: z.string(),
  name: z.string(),
  /** Where it was made; absent = on the worker, or in older ones. */
  host: z.string().exactOptional(),
});

const statement = z.discriminatedUnion('kind', [
  plan,
  artifact,
  image,
  gate,
  approval,
  decision,
  open,
  prior,
  step,
  database,
  backup,
]);
export type Statement = z.infer<typeof statement>;
export type StatementOf<Kind extends Statement['kind']> = Extract<Statement, { kind: Kind }>;

/** What gates, approvals and freezes let in: a commit with these digests. `environment` null = the release itself. */
export interface Subject<Environment extends string | null = string | null> {
  pipeline: string;
  environment: Environment;
  commit: string;
  digests: string[];
}

export function subjectOf<Environment extends string | null>(
  { commit, artifacts }: { commit: CommitFacts; artifacts: BuiltArtifact[] },
  { pipeline, name }: { pipeline: string; name: Environment },
): Subject<Environment> {
  const digests = artifacts.map(({ digest }) => digest);
  return { pipeline, environment: name, commit: commit.sha, digests };
}

export function isAbout(said: Subject, { pipeline, environment, commit, digests }: Subject): boolean {
  return (
    said.pipeline === pipeline &&
    said.environment === environment &&
    said.commit === commit &&
    said.digests.join() === digests.join()
  );
}

/** What is said of an artifact, by whoever built it and by whoever asks whether it was. */
export function aboutArtifact(
  { pipeline, commit, release }: Pick<StatementOf<'plan'>, 'pipeline' | 'commit' | 'release'>,
  { name, kind, repository, digest, forced }: BuiltArtifact,
): StatementOf<'artifact'> {
  const of = { pipeline, commit, ...(release === undefined ? {} : { release }) };
  const marks = forced === undefined ? {} : { forced };
  return { kind: 'artifact', ...of, name, artifact: kind, repository, digest, ...marks };
}

/** What is said of a host as it was before a change. */
export function aboutPrior(
  { plan, artifacts, token }: Pick<Target, 'plan' | 'artifacts' | 'token'>,
  { host, hostId, platform }: PriorState,
): StatementOf<'prior'> & { release: string } {
  const about = { pipeline: plan.pipeline, environment: plan.name, token };
  const release = hashRelease(plan, artifacts);
  return { kind: 'prior', ...about, host, hostId, platform: hashJson(platform ?? null), release };
}

/** What is said of a database in a change. */
export function aboutDatabase(
  { plan, artifacts, token }: Pick<Target, 'plan' | 'artifacts' | 'token'>,
  { revision }: DatabaseState,
): StatementOf<'database'> {
  const about = { pipeline: plan.pipeline, environment: plan.name, token };
  return { kind: 'database', ...about, revision, release: hashRelease(plan, artifacts) };
}

/** What is said of a backup. */
export function aboutBackup(
  { pipeline, name: environment }: Pick<Target['plan'], 'pipeline' | 'name'>,
  { name, host }: Pick<BackupRecord, 'name' | 'host'>,
): StatementOf<'backup'> {
  return { kind: 'backup', pipeline, environment, name, ...(host === undefined ? {} : { host }) };
}

function hashRelease({ planHash }: Target['plan'], artifacts: BuiltArtifact[]): string {
  return hashJson({ plan: planHash, digests: artifacts.map(({ digest }) => digest) });
}

export function isSame(said: Statement, expected: Statement): boolean {
  return canonicalize(said) === canonicalize(expected);
}

/** As statements name a ref. */
export function nameRef({ kind, name }: ReleaseRef): string {
  return `${kind} ${name}`;
}

export function readRef(text: string): ReleaseRef {
  const [kind = '', ...name] = text.split(' ');
  return { kind: kind === 'branch' || kind === 'tag' ? kind : 'commit', name: name.join(' ') };
}

const shapeOfSeal = z.object({
  statement: z.string().max(20_000),
  keyId: z.string(),
  signature: z.string(),
});

export function sealStatement(keys: SealKeys, said: Statement): Seal {
  return keys.seal(canonicalize(said));
}

/** What is vouched for; null = there is no seal, nobody trusted here made it, or it vouches for something else. */
export function openSeal<Kind extends Statement['kind']>(
  keys: SealKeys,
  seal: Seal | undefined,
  kind: Kind,
): StatementOf<Kind> | null {
  if (seal === undefined || !isSeal(seal) || !keys.isGenuine(seal)) return null;
  const said = statement.safeParse(JSON.parse(seal.statement));
  return said.success && isOf(said.data, kind) ? said.data : null;
}

/** Whoever writes the input writes its types as well. */
export function isSeal(seal: unknown): seal is Seal {
  return shapeOfSeal.safeParse(seal).success;
}

function isOf<Kind extends Statement['kind']>(said: Statement, kind: Kind): said is StatementOf<Kind> {
  return said.kind === kind;
}
