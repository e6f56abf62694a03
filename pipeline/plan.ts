/**
 * The plan: what a release does, fully resolved. Durations are milliseconds, lists and templates are
 * rendered, nothing is optional (absent is `null` or empty), and a secret is only ever a reference.
 *
 * Plans are persisted inside workflow histories for weeks: fields are added, never renamed or removed,
 * and a change that old workers could not carry out raises `PLAN_VERSION` (see upcast-plan.ts).
 */
import type { HostPlan, PlatformPlan, SshPlan } from './plan-platform.js';
import type { TrafficPlan } from './plan-traffic.js';
import type { SecretReference, TextOrReference } from './secret-references.js';

export const PLAN_VERSION = 1;

/**
 * What a worker vouches for: a canonical JSON statement and its ed25519 signature. Whoever can write to Temporal can
 * write anything else of a plan, a result or a record, so activities believe nothing that no statement says.
 */
export interface Seal {
  /** Canonical JSON, signed byte for byte; its `kind` says what it vouches for. */
  statement: string;
  /** First 16 hex digits of the sha256 of the public key. */
  keyId: string;
  /** base64. */
  signature: string;
}

export type Colour = 'blue' | 'green';

export interface ReleasePlan {
  planVersion: number;
  /** sha256 (hex) over the canonical JSON of every other field but the seals. */
  planHash: string;
  /** By the worker that compiled it; absent where no worker has. */
  seal?: Seal;
  pipeline: string;
  /** What people call this release: the tag (`v1.4.0`), else the first seven digits of the commit. */
  version: string;
  commit: CommitFacts;
  ref: ReleaseRef;
  repository: RepositoryLocation;
  /** Path of the pipeline file inside the repository. */
  file: string;
  artifacts: ArtifactPlan[];
  registry: RegistryLogin | null;
  /** Gates of the release itself, run once before the build. */
  gates: GatePlan[];
  /** Which of them may be forced; absent = none. */
  force?: ForceRule;
  /** Environments this release passes, in the order of `after`. */
  environments: EnvironmentPlan[];
  /** Environments the ref selects that are left out, and why (docs-only change, manual start). */
  skipped: { environment: string; why: string }[];
  notify: NotifyPlan[];
  /** What the file asks for and this version leaves undone; absent = nothing. */
  notYet?: NotYet[];
}

/** What a file asks for and this version leaves undone. */
export interface NotYet {
  /** `notify`. */
  what: string;
  /** `slipway.yaml:54:1`. */
  where: string;
  /** What to do meanwhile. */
  meanwhile: string;
}

export interface RepositoryLocation {
  /** A git URL or an absolute path of a repository the worker can reach. */
  url: string;
}

export interface ReleaseRef {
  kind: 'branch' | 'tag' | 'commit';
  /** Without `refs/heads/` or `refs/tags/`. */
  name: string;
}

export interface CommitFacts {
  sha: string;
  subject: string;
  author: string;
  authorEmail: string;
  committedAt: string;
  /**
   * E-mail addresses of everyone who authored a commit since the release that was live. Where a policy protects and
   * nobody vouches for that one: since what its owner calls reviewed, or since the beginning.
   */
  authors: string[];
  /** Its parents with exactly the same files: a merge that changed nothing. Absent = none. */
  sameFilesAs?: string[];
}

/** One image to build, or a folder of the commit for teams without Docker. */
export type ArtifactPlan = ImageArtifact | FolderArtifact;

export interface ImageArtifact {
  kind: 'image';
  /** `app` for the single `image:` form. */
  name: string;
  /** Repository without tag: `cr.example.com/team/app`. */
  repository: string;
  context: string;
  dockerfile: string;
  target: string | null;
  platforms: string[];
  cache: 'registry' | 'github' | 'none';
  provenance: boolean;
  /** What lists the image's contents: BuildKit's own scanner, or an image that is one. Absent = nothing is listed. */
  sbom?: true | string;
  buildArgs: Record<string, string>;
}

export interface FolderArtifact {
  kind: 'folder';
  name: string;
  /** Folder inside the repository; its digest is the sha256 of `git archive` of it at the commit. */
  folder: string;
}

export interface RegistryLogin {
  /** Host of the registry, from the first image: `cr.example.com`, `ghcr.io`, `docker.io`. */
  server: string;
  username: TextOrReference;
  password: SecretReference;
}

export type GatePlan = GateCommon &
  (
    | { kind: 'run'; command: string; report: Record<string, string>; options: ReportOptions }
    | { kind: 'merged-into'; branches: string[] }
    | { kind: 'github-checks'; checks: string[]; of: string | null }
    | { kind: 'migrations'; mode: 'expand-contract'; path: string }
    | { kind: 'pull-request'; title: 'conventional' }
  );

/** What a report must say; each is absent where the file says nothing. */
export interface ReportOptions {
  /** Percent of lines. */
  atLeast?: number;
  /** The mildest severity that fails, in the file's own word. */
  failOn?: string;
  /** Path in the repository. */
  exceptions?: string;
  /** Licences. */
  forbid?: string[];
}

export interface GateCommon {
  name: string;
  timeoutMs: number;
}

export interface ApprovalRule {
  count: number;
  group: string | null;
  by: 'ssh' | 'oidc' | 'github-review' | 'github-environment' | 'unverified';
  of: string | null;
  expiresMs: number;
}

/** Gates that a signed statement of somebody in this group lets a release pass although they say no. */
export interface ForceRule {
  group: string;
  gates: string[];
}

/** Groups whose signed word it takes; a key that is absent takes nobody's. */
export interface MayRule {
  switch?: string[];
  rollback?: string[];
  freeze?: string[];
}

/** What a signed decision is about, whoever takes it: if any of it is another when it is looked at, it does not count. */
export interface DecisionSubject {
  /** `rollback` is for a redeploy as well: both bring in again what was there. */
  decision: 'switch' | 'rollback' | 'freeze' | 'unfreeze';
  pipeline: string;
  environment: string;
  /** Of the change that waits, of the rollback, of the freeze itself: it counts for this one only. */
  requestId: string;
  /** switch: of the change, and no later one has it again. */
  token: number | null;
  /** What goes live; null = a freeze is about none. */
  release: { version: string; commit: string; planHash: string; digests: string[] } | null;
  /** freeze: ISO time when it ends; null = when somebody ends it. */
  until: string | null;
  /** rollback: name of the backup that the database is restored from; absent = it is not. */
  restoreDatabase?: string;
}

export type CheckPlan = CheckCommon &
  (
    | {
        kind: 'http';
        url: string;
        /** The one good status; redirects are not followed. */
        status: number;
        /** `user:password`. */
        basicAuth: SecretReference | null;
        /** Sent with the request. */
        header: Record<string, string>;
        /** Longest answer: of one try, the 95th percentile while baking. Absent = only `timeoutMs`. */
        withinMs?: number;
      }
    | { kind: 'tcp'; host: string; port: number; inside: string | null }
    | { kind: 'run'; command: string; on: 'worker' | 'host' }
    | {
        kind: 'prometheus';
        query: string;
        server: string;
        max: number | null;
        min: number | null;
        /** 2 = at most twice the mean of `baselineMs` before the switch. */
        maxIncrease: number | null;
        baselineMs: number;
      }
    | {
        kind: 'logs';
        /** A regular expression of RE2, for one line. */
        pattern: string;
        max: number;
      }
    | {
        kind: 'migrations';
        mode: 'applied';
        /** Folder in the repository; absent = where alembic.ini says, else `migrations`. */
        path?: string;
        /** Asked on the worker in a checkout, for a database that the environment says nothing of; absent = its own. */
        current?: string;
      }
  );

export interface CheckCommon {
  name: string;
  /** Name of the one host that it is about. Absent = the environment's. */
  host?: string;
  /** One try. */
  timeoutMs: number;
  /** Tries after the first before the check has failed. */
  retries: number;
  intervalMs: number;
  /** Failures inside this time after the deploy do not count. */
  startPeriodMs: number;
}

export interface BakePlan {
  forMs: number;
  intervalMs: number;
  /** Bad samples of one check in a row before the bake has failed. */
  failures: number;
  /** Share of one check's samples, 0 to 1, that may be bad; absent = any, as long as not in a row. */
  maxErrors?: number;
  checks: CheckPlan[];
}

export interface PreflightPlan {
  registryLogin: boolean;
  commands: string[];
  files: string[];
  ports: number[];
  diskBytes: number;
}

export interface RolloutPlan {
  batch: number;
  maxFailures: number;
  failedHost: 'undo' | 'quarantine';
}

export interface DatabasePlan {
  migrate: string | null;
  current: string | null;
  revert: string | null;
  backup: string | null;
  restore: string | null;
  inside: string | null;
  /** Exits 0 when the backup can be read back; absent = nobody looks. */
  prove?: string;
  /** Run once the release before is retired; absent = nothing is taken away. */
  contract?: string;
  /** Of one command; absent = half an hour. */
  timeoutMs?: number;
}

export interface NotifyPlan {
  kind: 'slack' | 'telegram' | 'discord' | 'webhook';
  target: TextOrReference;
  token: SecretReference | null;
  when: string[];
  environments: string[];
}

/** A rule that holds, and who asked for it. */
export interface AppliedRule {
  rule: string;
  from: 'policy' | 'pipeline file' | 'both';
}

/** Nothing begins in it. ISO times; the end is not in it. */
export interface FreezePlan {
  from: string;
  until: string;
  /** As the file has it: `2026-12-24 to 2027-01-02 Europe/Berlin`. */
  text: string;
  reason: string | null;
  by: AppliedRule['from'];
}

export interface EnvironmentPlan {
  planVersion: number;
  /** sha256 (hex) over the canonical JSON of every other field but the seal. */
  planHash: string;
  /** By the worker that compiled it; absent where no worker has. */
  seal?: Seal;
  pipeline: string;
  name: string;
  /** Where the commit's files are: checks that run on the worker run in a checkout. */
  repository: RepositoryLocation;
  production: boolean;
  url: string | null;
  after: string[];
  start: 'auto' | 'manual';
  queue: 'newest' | 'fifo';
  onSupersede: 'finish' | 'undo';
  gates: GatePlan[];
  /** Which of them may be forced; absent = none. */
  force?: ForceRule;
  approvals: ApprovalRule[];
  /**
   * Full sha up to which everything was let in here before: reviews are asked of what came after. Absent where no rule
   * asks for reviews, or nothing vouches for such a commit.
   */
  since?: string;
  /** May the requester or an author of the commits count as an approver? */
  selfApproval: boolean;
  waitMs: number;
  window: { days: string; hours: string; zone: string } | null;
  hosts: HostPlan[];
  ssh: SshPlan;
  preflight: PreflightPlan;
  platform: PlatformPlan;
  strategy: 'in-place' | 'blue-green';
  traffic: TrafficPlan | null;
  checks: CheckPlan[];
  dependencies: CheckPlan[];
  bake: BakePlan | null;
  keepWarmMs: number;
  /** Asked for, and not carried out yet: every image is kept. null = for ever. */
  retentionMs: number | null;
  rollout: RolloutPlan;
  database: DatabasePlan | null;
  onFailure: 'undo' | 'hold';
  /** Our own deadline for the platform to converge. */
  timeoutMs: number;
  /** Rendered tags put on the built digest when this environment settles. */
  tags: string[];
  /** Those of `tags` that never move (their template has `{sha7}`, `{sha}` or `{version}`): another digest there is refused. */
  fixedTags: string[];
  /** Environment variables given to remote commands and stack files, secrets as references. */
  secrets: Record<string, SecretReference>;
  dockerSecrets: Record<string, SecretReference>;
  registry: RegistryLogin | null;
  hostLog: string | null;
  logTail: number;
  /** Absent = none. */
  freeze?: FreezePlan[];
  /** What GitHub is told of a release on its way here; absent = nothing. */
  github?: { deployments: boolean; statuses: boolean; comment: boolean };
  /** How long the word of its gates lets a deploy begin; absent = for ever. */
  evidenceWithinMs?: number;
  /** By the policy of when it was planned, so that clients sign; activities ask the policy of their moment. Absent = nothing. */
  may?: MayRule;
  /** What the worker's policy made of it; absent where there was none. */
  policy?: { rules: AppliedRule[] };
  /** The change's steps, in order: persisted so that runs in flight keep theirs. */
  steps: string[];
}
