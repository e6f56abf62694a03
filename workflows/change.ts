/** The change: the only workflow that writes to hosts. Its id is the lane; it ends with a result, never by failing. */
import type { Target } from './activity-contract.js';
import { CancellationScope, setHandler, defineQuery, defineSignal } from '@temporalio/workflow';
import { formatDuration } from './report.js';
import { ChangeProgress } from './change-progress.js';
import { endedFromOutside, recover, restoreUnderWay, stepsOfRecovery } from './change-recover.js';
import { recordOf, setApart, startRun, type ChangeRun } from './change-run.js';
import { sayBackup } from './database-way.js';
import type { ChangeDeciding, NamedDecision } from './decisions.js';
import { sayApart } from './fleet.js';
import { forcedGates } from './forced.js';
import type { ChangeInput, ProgressStatus } from './messages.js';
import { QUERY, SIGNAL } from './names.js';
import { shortReason } from './plain-text.js';
import { receiveDecisions, type Applied } from './receive-decisions.js';
import {
  onlyLooked,
  type ChangeResult,
  type FailureReport,
  type HostApart,
  type ReleaseRecord,
} from './result.js';
import { LaneLost, Saga } from './saga.js';
import { describeRun } from './search-attributes.js';
import { stepsOfRollback } from './database-rollback.js';
import { tellApart } from './step.js';
import { saidIn } from './taken-decisions.js';
import { refuseToHear } from './unheard.js';
import { groupsThatMay } from './who-may.js';
import { hasProxies } from './target-hosts.js';

export async function change(input: ChangeInput): Promise<ChangeResult> {
  const run = startRun(input);
  const startedAtMs = Date.now();
  const steps = stepsOf(run);
  const progress = new ChangeProgress(run, steps);
  const saga = new Saga(run, progress, steps);
  listen(run, saga, progress);
  const { request } = input;
  describeRun({
    pipeline: request.plan.pipeline,
    environment: request.plan.name,
    version: request.version,
    commit: request.commit.sha,
    actor: request.actor.by,
    forced: forcedGates(request).length > 0,
  });

  let lost: FailureReport | null = null;
  try {
    if (request.kind === 'recover') {
      saga.phase = 'unwinding';
      await CancellationScope.nonCancellable(() => recover(run, saga, progress));
    } else await saga.carryOut();
  } catch (error) {
    if (!(error instanceof LaneLost)) throw error;
    lost = error.report;
  }
  saga.phase = 'ended';
  const result = conclude(run, saga, progress, lost, Date.now() - startedAtMs);
  progress.failure = result.failure;
  progress.end(result.state, result.headline);
  return result;
}

/** The plan's own order; a rollback neither bakes nor, when its colour is warm, deploys. */
function stepsOf(run: ChangeRun): string[] {
  const { kind, plan } = run.input.request;
  if (kind === 'recover') return stepsOfRecovery(run.input.recovering);
  if (kind === 'retire')
    return [
      'claim',
      'retire',
      ...(run.input.live?.plan.database?.contract === undefined ? [] : ['contract']),
    ];
  if (kind === 'readmit')
    return ['preflight', 'claim', 'proveWayBack', 'deploy', ...(hasProxies(plan) ? ['switch'] : [])];
  if (kind === 'rollback') return stepsOfRollback(run);
  return plan.steps;
}

function listen(run: ChangeRun, saga: Saga, progress: ChangeProgress): void {
  const { plan } = run.target;
  setHandler(defineQuery<ProgressStatus>(QUERY.status), () => progress.status(), {
    description: 'What this change does, waits for and has done',
  });
  setHandler(defineQuery<Target>(QUERY.target), () => run.target, {
    description: 'What is written, and where: asked by workers, for each host of a fleet',
  });
  setHandler(defineSignal<[unknown]>(SIGNAL.superseded), (input) => saga.supersede(versionIn(input)), {
    description: 'A newer release waits for this environment',
  });
  receiveDecisions({
    state: (): ChangeDeciding => ({
      of: 'change',
      environment: plan.name,
      taken: progress.decided,
      deaf: refuseToHear(progress.claims, `slipway abort ${plan.name}, then release it again`),
      phase:
        saga.stop !== null && saga.phase !== 'parked' && saga.phase !== 'ended' ? 'unwinding' : saga.phase,
      paused: saga.paused,
      step: saga.step,
      switched: run.switched,
      rewinds: run.rewinds,
      hasPrevious: run.previousColour !== null,
      readmits: run.input.request.kind === 'readmit',
      hosts: run.target.plan.hosts.map((host) => host.name),
      planned: run.input.request.plan.hosts.map((host) => host.name),
      switchers: groupsThatMay('switch', [plan]),
    }),
    apply: (decision) => apply(decision, run, saga, progress),
    deny: (word, decision, reason) => progress.deny(word, decision, reason),
    headline: () => progress.headline(),
  });
}

function apply(decision: NamedDecision, run: ChangeRun, saga: Saga, progress: ChangeProgress): Applied {
  const applied = carryOut(decision, run, saga, progress);
  if (applied === 'done') progress.take(decision);
  return applied;
}

function carryOut(decision: NamedDecision, run: ChangeRun, saga: Saga, progress: ChangeProgress): Applied {
  switch (decision.name) {
    case 'switchTraffic':
      return saga.switchBy(decision);
    case 'back':
      saga.unwindBecause({ state: 'rolled-back', by: decision.by, failure: null });
      break;
    case 'abort':
      saga.unwindBecause({ state: 'aborted', by: decision.by, failure: null });
      break;
    case 'pause':
      saga.paused = true;
      progress.publish();
      break;
    case 'resume':
      saga.paused = false;
      progress.publish();
      break;
    case 'retryStep':
      saga.retryNow();
      break;
    case 'skipHost':
      skipHost(run, saga, decision);
      break;
    // decide() refuses these to a change.
    case 'approve':
    case 'reject':
    case 'freeze':
    case 'unfreeze':
  }
  return 'done';
}

/** The steps that follow leave the host out; an undo leaves out none, and a proxy that runs there stays the proxy. */
function skipHost(run: ChangeRun, saga: Saga, { host, by, reason }: NamedDecision): void {
  if (host === null) return;
  run.skippedHosts.push(host);
  const since = new Date(Date.now()).toISOString();
  const said = shortReason(reason);
  const why = `skipped by ${by}${said === null ? '' : `: ${said}`}`;
  const apart: HostApart = { host, state: 'quarantined', why, since, skippedBy: by };
  setApart(run, apart);
  void tellApart(run, apart);
  saga.retryNow();
}

function versionIn(input: unknown): string {
  const version = typeof input === 'object' && input !== null && 'version' in input ? input.version : input;
  return typeof version === 'string' ? version : 'a newer release';
}

function conclude(
  run: ChangeRun,
  saga: Saga,
  progress: ChangeProgress,
  lost: FailureReport | null,
  tookMs: number,
): ChangeResult {
  const { input, target } = run;
  const { live, warm, request } = input;
  const { steps, unwind } = progress;
  const said = saidIn(progress.decisions, progress.denials);
  const apart = run.apart.length === 0 ? {} : { apart: run.apart };
  const facts = { steps, unwind, switchMs: run.switchMs, backMs: run.backMs, ...said, ...apart };
  const serves = live === null ? 'nothing is live' : `${live.version} is live, as before`;
  const where = `${target.plan.pipeline} ${target.version} → ${target.plan.name}`;
  if (lost !== null) {
    const touched = steps.some(
      (step) => step.name !== 'preflight' && step.name !== 'claim' && step.state !== 'pending',
    );
    const headline = `${where} ended: another change owns ${target.plan.name}`;
    return { headline, state: 'superseded', clean: !touched, live, warm, failure: lost, ...facts };
  }
  if (request.kind === 'recover') {
    const headline = `${target.plan.name} recovered: ${serves}`;
    const dead = input.recovering?.request ?? request;
    if (dead.kind === 'retire')
      return {
        headline,
        state: 'succeeded',
        clean: true,
        live,
        warm: run.keepsWarm ? warm : null,
        failure: null,
        ...facts,
      };
    if (input.recovering?.cutover?.rewinds === 'restore') {
      const failure = restoreUnderWay(dead, live);
      const headline = `${target.plan.name} waits for a person: ${failure.what}`;
      return { headline, state: 'failed', clean: false, live, warm, failure, ...facts };
    }
    // whoever follows it asked for what died
    return { headline, state: 'failed', clean: true, live, warm, failure: endedFromOutside(dead), ...facts };
  }
  const { stop } = saga;
  if (stop !== null) {
    const left = onlyLooked(facts) ? 'nothing was touched' : 'undone';
    const headline = `${where} ${howItEnded(stop.state, stop.by, progress)}, ${left}; ${serves}`;
    return { headline, state: stop.state, clean: true, live, warm, failure: stop.failure, ...facts };
  }
  const { failure } = progress;
  if (request.kind === 'retire') {
    const headline = `${warm?.version ?? 'the idle colour'} on ${target.plan.name} is stopped; ${serves}`;
    return { headline, state: 'succeeded', clean: true, live, warm: null, failure, ...facts };
  }
  if (request.kind === 'readmit') {
    const back = target.plan.hosts.map(({ name }) => name).join(', ');
    const headline = `${back} of ${target.plan.name} serves ${target.version} again`;
    return { headline, state: 'succeeded', clean: true, live, warm, failure, ...facts };
  }
  const record = recordOf(run, new Date(Date.now()).toISOString());
  const without = sayApart(run.apart);
  const restored =
    request.restore === undefined ? '' : `, its database restored from ${sayBackup(request.restore)}`;
  const untagged = failure === null ? '' : `, but settling failed: ${failure.what}`;
  return {
    headline: `${target.plan.pipeline} ${target.version} is live on ${target.plan.name}${without}${restored}${untagged}, ${formatDuration(tookMs)}`,
    state: 'succeeded',
    // whom a person left out stands apart, which the environment sees to
    clean: true,
    live: record,
    warm: warmAfter(record, live),
    ...(run.rewinds === null ? {} : { warmIsStale: true as const }),
    failure,
    ...facts,
  };
}

function howItEnded(state: string, by: string | null, progress: ChangeProgress): string {
  const failed = progress.steps.find((step) => step.state === 'failed' || step.state === 'inconclusive');
  switch (state) {
    case 'aborted':
      return `aborted by ${by ?? 'a cancellation'}`;
    case 'rolled-back':
      return `switched back by ${by ?? 'a person'}`;
    case 'superseded':
      return `superseded by ${by ?? 'a newer release'}`;
    default:
      return `failed in ${failed?.name ?? 'waiting'}`;
  }
}

/** The colour that served until now stays warm; without colours nothing does. */
function warmAfter(now: ReleaseRecord, before: ReleaseRecord | null): ReleaseRecord | null {
  return now.colour === null || before?.colour == null || before.colour === now.colour ? null : before;
}
