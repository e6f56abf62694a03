/**
 * Recover: a change died (terminated, failed) while it held the lane. Its fence is raised, what it left running is
 * killed, and the environment goes back to exactly what it remembers as live. Never gives up by itself.
 */
import { patched } from '@temporalio/workflow';
import { perform, type Calling } from './activity-options.js';
import { isWarmRollback, summarize, type ChangeRun } from './change-run.js';
import { sayBackup } from './database-way.js';
import { anyBefore, eachBefore } from './proxies-back.js';
import { readFailure } from './read-failure.js';
import { recoverReadmission, stepsOfReadmission } from './readmission-recover.js';
import { asLive, onHosts, withoutReinstalled, hasProxies } from './target-hosts.js';
import type { ChangeProgress } from './change-progress.js';
import type { Saga } from './saga.js';
import type { ClaimResult, Target, UndoResult } from './activity-contract.js';
import type { ChangeInput, ChangeRequest, Cutover } from './messages.js';
import type { FailureReport } from './result.js';
import type { Colour } from '../pipeline/plan.js';

const RECOVER_STEPS = ['claim', 'takeOver', 'traffic', 'deploy'];

/** Call inside a non-cancellable scope. Throws LaneLost only. */
export async function recover(run: ChangeRun, saga: Saga, progress: ChangeProgress): Promise<void> {
  const { live, recovering } = run.input;
  const cutover = recovering?.cutover ?? null;
  const target = targetOfTheDead(run, cutover);
  const calling = (detail: string): Calling => ({
    summary: summarize(run, detail),
    plan: target.plan,
    insist: true,
    priority: 1,
  });
  let serving: Colour | null = null;
  if (yieldsToAway(recovering))
    return await recoverReadmission(run, progress, target, cutover?.prior ?? null);

  const recoverStep = async (name: string, act: () => Promise<UndoResult>): Promise<void> => {
    const undoes = name === 'traffic' || name === 'deploy' || name === 'database';
    progress.begin(name, `recovering: ${name}`);
    let note: string | null = null;
    await saga.insist(
      name,
      async () => {
        const result = await act();
        note = result.note;
        return result;
      },
      undoes,
    );
    progress.setStep(name, 'succeeded', note);
  };

  let hosts: ClaimResult['hosts'] = [];
  await recoverStep('claim', async () => {
    ({ hosts } = await perform('claim', { target }, calling(`token ${target.token}`)));
    return { outcome: 'undone', note: `token ${target.token}` };
  });
  await recoverStep('takeOver', async () => {
    const found = await perform('takeOver', { target }, calling('what the dead change left'));
    serving = found.serving;
    return {
      outcome: 'undone',
      note: `${found.killed.length} killed${hasProxies(target.plan) ? '' : `, ${found.serving ?? 'no colour'} serves`}`,
    };
  });
  if (cutover?.rewinds === 'restore') return;
  await recoverStep('traffic', async () => {
    const each = hasProxies(target.plan) ? eachBefore(cutover?.prior ?? [], target.colour) : null;
    const before = live?.colour ?? cutover?.previousColour ?? (each === null ? null : anyBefore(each));
    const to = target.plan.traffic === null ? null : before;
    const moved = mayHaveSwitched(run) || (serving !== null && serving !== to);
    if (to === null || !moved) return { outcome: 'never-ran', note: 'was not moved' };
    const input = { target, to, from: null, requireHealthy: false, ...each };
    const result = await perform('switchTraffic', input, calling(`back to ${to}`));
    run.backMs = result.tookMs;
    return { outcome: 'undone', note: result.note };
  });
  await recoverStep('deploy', async () => {
    if (recovering?.request.kind === 'retire') return await finishRetiring(run, target, calling('stop it'));
    const recorded = cutover?.prior ?? null;
    if (recorded === null) return { outcome: 'never-ran', note: 'had not begun' };
    const prior = withoutReinstalled(recorded, hosts);
    const readmitted = recovering?.request.kind === 'readmit';
    if (target.colour !== null || live === null || readmitted)
      return await perform('undoDeploy', { target, prior }, calling('undo'));
    // In place there is no colour to fall back on: the recorded release is converged to again, whatever is there now.
    const again = withoutQuarantined(run, { ...asLive(target, live), colour: null });
    const { note } = await perform('deploy', { target: again, prior }, calling(`${live.version} again`));
    return { outcome: 'undone', note };
  });
  if (cutover?.rewinds === 'revert' && live !== null) {
    // what is live comes again, and so does what it has migrated
    const again = { target: asLive(target, live), before: live.database ?? { revision: null } };
    await recoverStep('database', async () => {
      const { note } = await perform('migrateDatabase', again, calling(`${live.version} again`));
      return { outcome: 'undone', note };
    });
  }
  const database = cutover?.database;
  if (database === undefined) return;
  await recoverStep('database', () => perform('revertDatabase', { target, ...database }, calling('undo')));
}

/** A restored database is never guessed at: what is there stays, stopped or not, until a person has said what comes next. */
export function stepsOfRecovery(recovering: ChangeInput['recovering']): string[] {
  const cutover = recovering?.cutover ?? null;
  if (recovering !== null && yieldsToAway(recovering)) return stepsOfReadmission(recovering.request.plan);
  if (cutover?.rewinds === 'restore') return RECOVER_STEPS.slice(0, 2);
  const hasDatabase = cutover?.database !== undefined || cutover?.rewinds === 'revert';
  return hasDatabase ? [...RECOVER_STEPS, 'database'] : RECOVER_STEPS;
}

/** Recoveries of readmissions that began before this insist on every host. */
function yieldsToAway(recovering: ChangeInput['recovering']): boolean {
  return recovering?.request.kind === 'readmit' && patched('readmission-recovery-yields');
}

/** Of the request whose change died while it restored the database. */
export function restoreUnderWay(
  { plan, version, restore }: ChangeRequest,
  live: ChangeInput['live'],
): FailureReport {
  const { pipeline, name } = plan;
  const back = `slipway rollback ${name}`;
  // what was live is stopped, and deployed again like any other
  const orLive =
    live === null || live.version === version
      ? ''
      : `, or ${back} ${live.version} if the database is that one's`;
  return {
    what: `the database was being restored from ${restore === undefined ? 'a backup' : sayBackup(restore)} when the change was ended from outside: it may be half done, and what was live may be stopped`,
    where: `${pipeline} ${name}`,
    why: null,
    wayOut: `${back} ${version} --restore-database restores it again from the beginning; or mend it by hand, then start the release that it is for: ${back} ${version}${orLive}; slipway resume ${name} starts nothing`,
  };
}

/** Of the request whose change died, once what it left is undone. */
export function endedFromOutside(request: ChangeRequest): FailureReport {
  const { version, plan } = request;
  return {
    what: `the change to ${version} was ended from outside and has been undone`,
    where: `${plan.pipeline} ${plan.name}`,
    why: null,
    wayOut: askAgain(request),
  };
}

function askAgain({ kind, version, plan: { name } }: ChangeRequest): string {
  if (kind === 'readmit') return `slipway retry ${name}`;
  return kind === 'rollback'
    ? `slipway rollback ${name} ${version}`
    : `slipway release ${version} --to ${name}`;
}

/** From the cutover on: that it switches is said while it does. A warm rollback begins with the switch. */
function mayHaveSwitched({ input: { recovering, live, warm } }: ChangeRun): boolean {
  if (recovering === null) return false;
  return recovering.cutover !== null || isWarmRollback({ request: recovering.request, live, warm });
}

/** What the dead change was writing, under our token. */
function targetOfTheDead(run: ChangeRun, cutover: Cutover | null): Target {
  const request = run.input.recovering?.request ?? run.input.request;
  const { plan, version, commit, artifacts, evidence } = request;
  const colour = cutover?.target.colour ?? run.target.colour;
  const { token, live } = run.input;
  const target = { plan, version, commit, artifacts, evidence, colour, token, live };
  const { hosts = [] } = request;
  if (request.kind === 'readmit')
    return onHosts(
      target,
      plan.hosts.filter(({ name }) => hosts.includes(name)),
    );
  return withoutQuarantined(run, target);
}

/** A host that is away for days must not hold up the others; what is live comes to it when it is readmitted. */
function withoutQuarantined({ input: { quarantined = [] } }: ChangeRun, target: Target): Target {
  const { hosts } = target.plan;
  const left = hosts.filter(({ name }) => !quarantined.includes(name));
  return left.length === 0 || left.length === hosts.length ? target : onHosts(target, left);
}

/**
 * The half-stopped colour is stopped wholly, so nobody rolls back to half a colour. A refusal does not hold the lane:
 * it stays warm, and the environment asks again later.
 */
async function finishRetiring(run: ChangeRun, target: Target, calling: Calling): Promise<UndoResult> {
  const { warm, live } = run.input;
  const colour = warm?.colour ?? null;
  if (colour === null || colour === live?.colour) return { outcome: 'never-ran', note: 'nothing to stop' };
  // what was to be taken away afterwards is not forgotten: it is asked for again later
  if (live?.plan.database?.contract !== undefined) run.keepsWarm = true;
  try {
    return await perform('retireColour', { target, colour }, calling);
  } catch (error) {
    const { meaning, report } = readFailure(error, target.plan.name, '');
    if (meaning !== 'no' || !patched('retire-recovery-yields')) throw error;
    run.keepsWarm = true;
    return { outcome: 'never-ran', note: report.what };
  }
}
