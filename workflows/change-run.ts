/** What one change knows while it runs: its target, what was there before, and what the steps have found out. */
import type { Colour, Seal } from '../pipeline/plan.js';
import type { Receipted, Target } from './activity-contract.js';
import { otherColour } from './colours.js';
import type { BackupRecord, DatabaseState } from './database-state.js';
import type { ChangeInput, Cutover, Rewinding } from './messages.js';
import type { HostApart, PriorState, ReleaseRecord } from './result.js';
import { onHosts } from './target-hosts.js';

export interface ChangeRun {
  input: ChangeInput;
  target: Target;
  /** Rollback to a colour that still runs: nothing is deployed, traffic moves and that is all. */
  warm: boolean;
  /** Colour that serves before the change; null on a first release and without colours. */
  previousColour: Colour | null;
  prior: PriorState[];
  /** Where the database was, once it is being migrated, and where it was brought; null = it has not been touched. */
  database: { before: DatabaseState; after: DatabaseState | null } | null;
  /** Made before the migration. */
  backup: BackupRecord | null;
  /** A rollback has begun to take the database back, or to restore it: there is no way back from there. */
  rewinds: Rewinding | null;
  /** Before it restores: what became of the release that was live; null = nothing yet. */
  stopped: string | null;
  /** Where a rollback has found the database at its end. */
  foundDatabase: DatabaseState | null;
  /** By step, of those that workers carried out. */
  receipts: Record<string, Seal>;
  baseline: Record<string, number | null>;
  /** From here on the outside may see the new release: traffic moves, or an in-place deploy has begun. */
  cutOver: boolean;
  /** When the deploy began, or the switch to a colour that still ran; by the workflow's clock. */
  deployedAtMs: number | null;
  /** What the bake had reported when its worker was lost for too long. */
  bakedSoFar: unknown;
  /** Has the switch of traffic begun? */
  switched: boolean;
  /** Hosts whose own proxy was switched, or began to be. */
  switchedHosts: string[];
  /** Percent of the users that the new colour has and was watched with; a step that is tried again goes on there. */
  watchedShare: number;
  /** A newer release waits for the lane. */
  supersededBy: string | null;
  switchMs: number | null;
  backMs: number | null;
  skippedHosts: string[];
  /** Hosts that stay out of it, with those that were skipped. */
  apart: HostApart[];
  /** Hosts that it was brought to, or begun to be. */
  begunHosts: string[];
  /** Those of them that are put back. */
  undoneHosts: string[];
  /** A recovered retirement that was refused: the colour is still there. */
  keepsWarm: boolean;
}

export function startRun(input: ChangeInput): ChangeRun {
  const { request, live, token } = input;
  const warm = isWarmRollback(input);
  const blueGreen = request.plan.strategy === 'blue-green';
  const idle = live?.colour == null ? 'blue' : otherColour(live.colour);
  const readmits = request.kind === 'readmit';
  const target: Target = {
    plan: request.plan,
    token,
    version: request.version,
    commit: request.commit,
    artifacts: request.artifacts,
    colour: blueGreen ? (readmits ? (live?.colour ?? null) : idle) : null,
    live,
    evidence: request.evidence,
    ...(request.receipts === undefined ? {} : { receipts: request.receipts }),
    kind: request.kind,
    ...(request.decisions === undefined ? {} : { decisions: request.decisions }),
  };
  const readmitted = request.plan.hosts.filter(({ name }) => request.hosts?.includes(name));
  return {
    input,
    target: readmits ? onHosts(target, readmitted) : target,
    warm,
    previousColour: blueGreen ? (live?.colour ?? null) : null,
    prior: [],
    database: null,
    backup: null,
    rewinds: null,
    stopped: null,
    foundDatabase: null,
    receipts: {},
    baseline: {},
    cutOver: false,
    deployedAtMs: null,
    bakedSoFar: null,
    switched: false,
    switchedHosts: [],
    watchedShare: 0,
    supersededBy: null,
    switchMs: null,
    backMs: null,
    skippedHosts: [],
    apart: [],
    begunHosts: [],
    undoneHosts: [],
    keepsWarm: false,
  };
}

/** The steps that follow leave the host out. */
export function setApart(run: ChangeRun, apart: HostApart): void {
  const all = [...run.apart.filter(({ host }) => host !== apart.host), apart];
  const order = run.input.request.plan.hosts.map(({ name }) => name);
  run.apart = all.sort((one, other) => order.indexOf(one.host) - order.indexOf(other.host));
  const left = run.target.plan.hosts.filter(({ name }) => name !== apart.host);
  run.target = onHosts(run.target, left);
}

/** It stands apart as it is, whatever that is, until its next try. */
export function quarantine(run: ChangeRun, host: string, why: string): void {
  setApart(run, { host, state: 'quarantined', why, since: new Date(Date.now()).toISOString() });
}

/** With the hosts that were left out of it. */
export function targetOnAll({ target, input }: ChangeRun): Target {
  const { whole: _, ...rest } = target;
  return { ...rest, plan: input.request.plan };
}

/** Whom a person left out has not failed. */
export function failedApart({ apart, skippedHosts }: ChangeRun): HostApart[] {
  return apart.filter(({ host }) => !skippedHosts.includes(host));
}

/** The release as the environment will remember it. */
export function recordOf(run: ChangeRun, at: string): ReleaseRecord {
  const { target, input } = run;
  const { version, commit, artifacts, colour, token } = target;
  const receipts = input.request.receipts ?? Object.values(run.receipts);
  const database = run.database?.after ?? run.foundDatabase;
  const backup = backupFor(run);
  return {
    version,
    commit,
    artifacts,
    plan: input.request.plan,
    colour,
    token,
    at,
    by: input.request.actor.by,
    evidence: input.request.evidence,
    ...(receipts.length === 0 ? {} : { receipts }),
    ...(database === null ? {} : { database }),
    ...(backup === null ? {} : { backup }),
  };
}

/** As the release before left the database: a redeploy's own has the migrations of this release in it. */
function backupFor({ backup, input: { request } }: ChangeRun): BackupRecord | null {
  const known = request.backup ?? null;
  return request.kind === 'redeploy' ? (known ?? backup) : (backup ?? known);
}

/** What a worker says it has carried out is kept for the environments that come after this one. */
export function keepReceipt(run: ChangeRun, step: string, { receipt }: Receipted): void {
  if (receipt !== undefined) run.receipts[step] = receipt;
}

/** What recovery needs, should this run die: told to the environment before the world is touched. */
export function cutoverOf(run: ChangeRun, switching: boolean, at: string): Cutover {
  return {
    token: run.input.token,
    requestId: run.input.request.requestId,
    previous: run.input.live,
    target: recordOf(run, at),
    prior: run.warm ? null : run.prior,
    previousColour: run.previousColour,
    switching,
    ...(run.database === null ? {} : { database: run.database }),
    ...(run.rewinds === null ? {} : { rewinds: run.rewinds }),
  };
}

/** A warm rollback begins with the switch, so the environment knows its cutover from the start; null = it is none. */
export function warmCutover(
  input: Pick<ChangeInput, 'request' | 'live' | 'warm' | 'token'>,
  at: string,
): Cutover | null {
  if (!isWarmRollback(input)) return null;
  return cutoverOf(startRun({ ...input, recovering: null }), true, at);
}

/** `green v1.4.0 on prod, sha256:9f2c41aa`. */
export function summarize(run: ChangeRun, detail = ''): string {
  const { colour, version, plan, artifacts } = run.target;
  const digest = artifacts[0]?.digest.slice(0, 15) ?? '';
  return [`${colour ?? ''} ${version} on ${plan.name}`.trim(), digest, detail]
    .filter((part) => part !== '')
    .join(', ');
}

/** Only traffic moves: the release asked for still runs in the idle colour, exactly as it was. */
export function isWarmRollback({
  request,
  live,
  warm,
}: Pick<ChangeInput, 'request' | 'live' | 'warm'>): boolean {
  if (request.kind !== 'rollback' || request.plan.strategy !== 'blue-green' || warm === null) return false;
  if (request.deploysAgain === true) return false;
  // it must not run on a database that is not its own yet
  if (request.restore !== undefined || request.databaseWay?.way === 'forward') return false;
  const digests = (artifacts: { digest: string }[]): string =>
    artifacts.map(({ digest }) => digest).join(',');
  return (
    warm.version === request.version &&
    digests(warm.artifacts) === digests(request.artifacts) &&
    warm.colour !== null &&
    live !== null &&
    live.colour !== null &&
    warm.colour !== live.colour
  );
}
