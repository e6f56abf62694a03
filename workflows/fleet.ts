/**
 * An environment of several hosts: each is deployed to and put back by an activity of its own, a batch at a time. A host
 * that fails takes the release back with it, or stands apart while the others go on, as far as `rollout` lets it.
 */
import { CancellationScope, isCancellation, patched } from '@temporalio/workflow';
import type { CheckPlan, EnvironmentPlan } from '../pipeline/plan.js';
import { all } from './all.js';
import type { OnHosts, UndoResult, VerifyResult } from './activity-contract.js';
import { perform, type Calling } from './activity-options.js';
import { failedApart, keepReceipt, setApart, summarize, type ChangeRun } from './change-run.js';
import type { StepOutcome } from './step-outcome.js';
import { describeApart, SET_APART_WITHIN_MS, withLastWords } from './hosts-apart.js';
import { orApart } from './or-apart.js';
import { switchHostBack } from './proxies-back.js';
import { readFailure } from './read-failure.js';
import type { FailureReport, HostApart } from './result.js';
import { calling, judge, passed, sinceDeploy, tellApart } from './step.js';
import { checksHere, hasProxies, isAboutHosts, onHosts } from './target-hosts.js';

/** Of many hosts that fail for the same reason. */
const NAMED_AT_MOST = 10;

type Hosts = EnvironmentPlan['hosts'];

interface HostFailure {
  host: string;
  /** Did it say no, or could it not be asked? */
  verdict: 'failed' | 'inconclusive';
  report: FailureReport;
}

/** Does the release come to several hosts, one by one? Runs that began with one activity for all of them keep it. */
export function isFleet({ input }: ChangeRun): boolean {
  const { hosts, platform } = input.request.plan;
  const isElsewhere = 'kubeconfig' in platform || (platform.kind === 'command' && platform.on === 'worker');
  return hosts.length > 1 && !isElsewhere && patched('one-activity-per-host');
}

export async function deployToFleet(run: ChangeRun): Promise<StepOutcome> {
  const deployTo = async (host: string): Promise<void> => {
    if (!run.begunHosts.includes(host)) run.begunHosts.push(host);
    keepReceipt(run, 'deploy', await perform('deploy', workOn(run, host), onOneHost(run, host)));
  };
  const { batch } = run.target.plan.rollout;
  const over = await batchByBatch(run, { batch, afterwards: (hosts) => checkBatch(run, hosts) }, deployTo);
  if (over !== null) return over;
  const { length } = run.target.plan.hosts;
  return passed(`${length} ${length === 1 ? 'host' : 'hosts'}${sayApart(run.apart)}`);
}

/**
 * The hosts that fail stand apart as far as they may, before the next batch begins; null = all that are left are done.
 * `afterwards` looks at a whole batch.
 */
export async function batchByBatch(
  run: ChangeRun,
  { batch, afterwards }: { batch: number; afterwards?: (hosts: Hosts) => Promise<StepOutcome | null> },
  work: (host: string) => Promise<void>,
): Promise<StepOutcome | null> {
  const { hosts } = run.target.plan;
  for (let start = 0; start < hosts.length; start += batch) {
    const these = hosts.slice(start, start + batch);
    const settled = await all(these.map(({ name }) => attempt(run, name, work)));
    const failures = settled.filter((failure) => failure !== null);
    const over = (await standApart(run, failures)) ?? (await afterwards?.(these)) ?? null;
    if (over !== null) return over;
  }
  return null;
}

/**
 * The hosts of the batch that are in it still are asked before the next one begins; null = on to that. Who answers badly
 * stands apart like who could not be deployed to, and the others are asked again: the first no ends a round.
 */
async function checkBatch(run: ChangeRun, batch: Hosts): Promise<StepOutcome | null> {
  for (;;) {
    const { plan } = run.target;
    const hosts = batch.filter(({ name }) => plan.hosts.some((host) => host.name === name));
    const checks = checksHere({ hosts }, plan.checks).filter(isAboutHosts);
    if (checks.length === 0 || hosts.length === 0 || !patched('checks-between-batches')) return null;
    const names = hosts.map(({ name }) => name).join(' ');
    const target = onHosts(run.target, hosts);
    const input = { target, checks, colour: target.colour, ...sinceDeploy(run) };
    const result = await perform('verify', input, calling(run, `checks of ${names}`));
    if (result.verdict === 'passed') return null;
    const failures = failuresIn(run, checks, result);
    if (failures.length === 0) return judge(result, summarize(run, names));
    const over = await standApart(run, failures);
    if (over !== null) return over;
  }
}

function failuresIn(
  run: ChangeRun,
  checks: CheckPlan[],
  { verdict, outcomes, logTail }: VerifyResult,
): HostFailure[] {
  if (verdict === 'passed') return [];
  const { name: environment } = run.target.plan;
  const wayOut = `look at the host, then slipway retry ${environment}`;
  const failures = new Map<string, HostFailure>();
  for (const { check, host: at, verdict: found, detail } of outcomes) {
    const host = at ?? checks.find(({ name }) => name === check)?.host;
    if (found !== verdict || host === undefined || failures.has(host)) continue;
    const report = {
      what: `${check}: ${detail}`,
      where: `${environment} host ${host}`,
      why: logTail,
      wayOut,
    };
    failures.set(host, { host, verdict, report });
  }
  return [...failures.values()];
}

/** What could not be asked before anything began stays out of it as well. */
export async function leaveUnreachable(
  run: ChangeRun,
  unreachable: { host: string; why: string }[],
): Promise<StepOutcome | null> {
  const failures = unreachable.map(({ host, why }): HostFailure => {
    const { name } = run.target.plan;
    const wayOut = `make it reachable, or leave it out: slipway skip-host ${name} ${host}`;
    return {
      host,
      verdict: 'inconclusive',
      report: { what: `cannot be reached: ${why}`, where: host, why: null, wayOut },
    };
  });
  return await standApart(run, failures);
}

/** Every host that it was brought to, unless it stands apart: there the environment sees to it. */
export async function undoFleet(run: ChangeRun): Promise<UndoResult> {
  const apart = failedApart(run).map(({ host }) => host);
  const left = run.begunHosts.filter((host) => !apart.includes(host) && !run.undoneHosts.includes(host));
  const before = run.undoneHosts.length;
  const outcomes = await all(
    left.map(async (host) => {
      const undoing = { ...calling(run, `undo on ${host}`), priority: 1 };
      const outcome = await orApart(run, host, undoing, async (limited) => {
        const result = await perform('undoDeploy', workOn(run, host), limited);
        return result.outcome;
      });
      run.undoneHosts.push(host);
      return outcome ?? 'never-ran';
    }),
  );
  const undone = before > 0 || outcomes.includes('undone');
  const count = before + outcomes.filter((outcome) => outcome === 'undone').length;
  return undone
    ? {
        outcome: 'undone',
        note: `${count} of ${run.begunHosts.length} hosts as before${sayApart(run.apart)}`,
      }
    : { outcome: 'never-ran', note: `nothing had come to any host${sayApart(run.apart)}` };
}

/** `, without web-7 (quarantined)`; empty = all are in it. */
export function sayApart(apart: HostApart[]): string {
  if (apart.length === 0) return '';
  const shown = apart.slice(0, NAMED_AT_MOST).map(({ host, state }) => `${host} (${describeApart(state)})`);
  const more = apart.length > shown.length ? ` and ${apart.length - shown.length} more` : '';
  return `, without ${shown.join(', ')}${more}`;
}

/** Hosts that the plan has no more: nobody touches them, so they still run what was live. null = none. */
export function sayHostsLeft({ input: { live, request } }: ChangeRun): string | null {
  const now = new Set(request.plan.hosts.map(({ name }) => name));
  const left = (live?.plan.hosts ?? []).filter(({ name }) => !now.has(name)).map(({ name }) => name);
  if (live === null || left.length === 0) return null;
  return `${left.join(', ')} left the environment and still runs ${live.version}`;
}

/** null = it is done there. Throws what ends the change: that another owns the host, or that it was stopped. */
async function attempt(
  run: ChangeRun,
  host: string,
  work: (host: string) => Promise<void>,
): Promise<HostFailure | null> {
  try {
    await work(host);
    return null;
  } catch (error) {
    if (isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
    const { plan } = run.target;
    const { meaning, report } = readFailure(error, `${plan.name} host ${host}`, `slipway retry ${plan.name}`);
    if (meaning === 'stale') throw error;
    return { host, verdict: meaning === 'no' ? 'failed' : 'inconclusive', report };
  }
}

/** null = the release goes on without them. */
async function standApart(run: ChangeRun, failures: HostFailure[]): Promise<StepOutcome | null> {
  if (failures.length === 0) return null;
  const { rollout, hosts } = run.target.plan;
  const isReadmission = run.input.request.kind === 'readmit';
  const mayFail = isReadmission ? run.input.request.plan.hosts.length : rollout.maxFailures;
  const tooMany = failedApart(run).length + failures.length > mayFail || failures.length >= hosts.length;
  if (tooMany) return endFor(run, failures);
  const takeAll = (): Promise<unknown> => all(failures.map((failure) => takeOut(run, failure)));
  // both colours of a host with a proxy of its own are stopped: no undo would bring back the one that was there
  await (hasProxies(run.target.plan) ? CancellationScope.nonCancellable(takeAll) : takeAll());
  return null;
}

/** Put back or stopped; where neither can be done it is quarantined all the same, and says so. */
async function takeOut(run: ChangeRun, { host, report }: HostFailure): Promise<void> {
  const { failedHost } = run.target.plan.rollout;
  const isBegun = run.begunHosts.includes(host);
  // its own proxy may lead users to it although nothing was deployed
  const isReached = isBegun || run.switchedHosts.includes(host);
  const putsBack = failedHost === 'undo' && run.input.request.kind !== 'readmit';
  const since = new Date(Date.now()).toISOString();
  const limited = { ...onOneHost(run, host), scheduleToCloseMs: SET_APART_WITHIN_MS, priority: 1 };
  let why = withLastWords(report);
  let state: HostApart['state'] = putsBack ? 'before' : 'quarantined';
  // said before it is touched: until that has come to its end nobody knows whether it can be reached
  await tellApart(run, { host, state: 'quarantined', why, since });
  try {
    if (putsBack) {
      await switchHostBack(run, host, limited);
      if (isBegun) await perform('undoDeploy', workOn(run, host), limited);
    } else if (isReached) await perform('stopHost', workOn(run, host), limited);
  } catch (error) {
    if (isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
    state = 'quarantined';
    why = `${why}; and it could not be ${putsBack ? 'put back' : 'stopped'}: ${readFailure(error, host, '').report.what}`;
  }
  const apart = { host, state, why, since };
  setApart(run, apart);
  if (state === 'before') await tellApart(run, apart);
}

/** All of the same kind are told at once; a no weighs more than a silence. */
function endFor(run: ChangeRun, failures: HostFailure[]): StepOutcome {
  const verdict = failures.some((failure) => failure.verdict === 'failed') ? 'failed' : 'inconclusive';
  const told = failures.filter((failure) => failure.verdict === verdict);
  const [first] = told;
  const { plan } = run.target;
  const shown = told.slice(0, NAMED_AT_MOST).map(({ host, report }) => `${host}: ${report.what}`);
  const more = told.length > shown.length ? [`and ${told.length - shown.length} more`] : [];
  return {
    verdict,
    note: `${failures.length} of ${plan.hosts.length} hosts`,
    failure: {
      what: [...shown, ...more].join('; '),
      where: summarize(run),
      why: first?.report.why ?? null,
      wayOut: first?.report.wayOut ?? `slipway retry ${plan.name}`,
    },
  };
}

function workOn(run: ChangeRun, host: string): OnHosts {
  return { host, prior: run.prior.filter((state) => state.host === host) };
}

/** Its deadlines are those of one host. */
export function onOneHost(run: ChangeRun, host: string): Calling {
  const { plan } = run.target;
  return { ...calling(run, host), plan: { ...plan, hosts: plan.hosts.filter(({ name }) => name === host) } };
}
