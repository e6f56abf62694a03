/**
 * The table of a change: step → do, undo. Order comes from the plan, so runs in flight keep theirs. A new step is
 * a row here, a method in activity-contract.ts with its implementation, and its place in listSteps of the compiler; the
 * fault matrix picks it up from here.
 */
import { CancellationScope, isCancellation, patched } from '@temporalio/workflow';
import type { PreflightFinding, SwitchInput, UndoResult } from './activity-contract.js';
import { perform } from './activity-options.js';
import { keepReceipt, summarize, targetOnAll, type ChangeRun } from './change-run.js';
import { otherColour } from './colours.js';
import { noteDatabase, readBackup, restore, revert } from './database-rollback.js';
import { backup, contract, migrate, undoMigrate } from './database-steps.js';
import { deployToFleet, isFleet, leaveUnreachable, sayHostsLeft, undoFleet } from './fleet.js';
import { switchProxies } from './proxies.js';
import { switchProxiesBack } from './proxies-back.js';
import { sayWarnings } from './preflight-warnings.js';
import { lastReported } from './read-failure.js';
import { formatLimit } from './report.js';
import type { StepOutcome } from './step-outcome.js';
import { calling, judge, passed, sinceDeploy, tellEnvironment, type Surroundings } from './step.js';
import { checksHere, hasProxies } from './target-hosts.js';

interface Irreversible {
  irreversible: string;
}

export interface Step {
  do: (run: ChangeRun, around: Surroundings) => Promise<StepOutcome>;
  undo: ((run: ChangeRun) => Promise<UndoResult>) | Irreversible;
}

export const STEPS: Record<string, Step> = {
  preflight: { do: preflight, undo: irreversible('it only looks') },
  claim: { do: claim, undo: irreversible('a fence only rises; the next change has a higher token') },
  proveWayBack: { do: proveWayBack, undo: irreversible('it only looks') },
  backup: { do: backup, undo: irreversible('a backup harms nobody') },
  database: { do: migrate, undo: undoMigrate },
  readBackup: { do: readBackup, undo: irreversible('it only looks') },
  restore: { do: restore, undo: irreversible('what was written since the backup is gone') },
  deploy: { do: deploy, undo: undoDeploy },
  verify: { do: verify, undo: irreversible('it only looks') },
  switch: { do: switchTraffic, undo: switchBack },
  bake: { do: bake, undo: irreversible('it only looks') },
  contract: {
    do: contract,
    undo: irreversible('the release before is retired: nobody needs what it takes away'),
  },
  revert: { do: revert, undo: irreversible('what is left cannot live with the database any more') },
  settle: { do: settle, undo: irreversible('tags name a digest that was built; they harm nobody') },
  retire: { do: retire, undo: irreversible('a stopped colour is deployed again by a rollback') },
};

export function stepNamed(name: string): Step {
  const step = STEPS[name];
  if (step === undefined)
    throw new Error(`the plan has a step ${name} that this worker does not know; use a newer worker`);
  return step;
}

function irreversible(reason: string): Irreversible {
  return { irreversible: reason };
}

async function preflight(run: ChangeRun): Promise<StepOutcome> {
  const { findings, unreachable = [] } = await perform('preflight', { target: run.target }, calling(run));
  const away = await leaveUnreachable(run, unreachable);
  if (away !== null) return away;
  const problems = findings.filter((finding) => finding.state === 'problem');
  const first = problems[0];
  if (first === undefined) return passedWithWarnings(findings, run.target.plan.name);
  return {
    verdict: 'failed',
    note: `${problems.length} ${plural(problems.length, 'problem')}`,
    failure: {
      what: problems.map((problem) => problem.message).join('; '),
      where: first.where,
      why: null,
      wayOut: problems.map((problem) => problem.wayOut ?? 'slipway doctor').join('; '),
    },
  };
}

/** Told where the step is; how many there are says its note. */
function passedWithWarnings(findings: PreflightFinding[], environment: string): StepOutcome {
  const { length } = findings.filter(({ state }) => state === 'warning');
  if (length === 0) return passed(null);
  return {
    ...passed(`${length} ${plural(length, 'warning')}`),
    warnings: sayWarnings(findings, environment),
  };
}

async function claim(run: ChangeRun): Promise<StepOutcome> {
  const { hosts, serving } = await perform(
    'claim',
    { target: run.target },
    calling(run, `token ${run.target.token}`),
  );
  if (serving != null) {
    run.previousColour = serving;
    run.target = { ...run.target, colour: otherColour(serving) };
  }
  return passed(`${hosts.length} ${plural(hosts.length, 'host')}, token ${run.target.token}`);
}

async function proveWayBack(run: ChangeRun): Promise<StepOutcome> {
  const { prior, note } = await perform('proveWayBack', { target: run.target }, calling(run));
  run.prior = prior;
  return passed(note);
}

async function deploy(run: ChangeRun, around: Surroundings): Promise<StepOutcome> {
  run.cutOver = run.target.colour === null;
  await tellEnvironment(run, false, around);
  // without colours there is no switch to measure before, and after the deploy it would be too late; once, also when retried
  const isNew = run.cutOver && Object.keys(run.baseline).length === 0;
  if (isNew && compares(run) && patched('measures-before-a-deploy'))
    await measureBaseline(run, 'before the deploy');
  run.deployedAtMs = Date.now();
  if (isFleet(run)) return await deployToFleet(run);
  const deployed = await perform('deploy', { target: run.target, prior: run.prior }, calling(run));
  keepReceipt(run, 'deploy', deployed);
  return passed(deployed.note);
}

/** Does a check of the bake ask what was normal before? */
function compares({ target: { plan } }: ChangeRun): boolean {
  return (
    plan.bake?.checks.some((check) => check.kind === 'prometheus' && check.maxIncrease !== null) ?? false
  );
}

async function measureBaseline(run: ChangeRun, note: string): Promise<void> {
  const { baseline } = await perform('measureBaseline', { target: run.target }, calling(run, note));
  run.baseline = baseline;
}

async function undoDeploy(run: ChangeRun): Promise<UndoResult> {
  if (isFleet(run)) return await undoFleet(run);
  // A host that was skipped is put back like the others.
  const input = { target: targetOnAll(run), prior: run.prior };
  return await perform('undoDeploy', input, { ...calling(run, 'undo'), insist: true, priority: 1 });
}

async function verify(run: ChangeRun): Promise<StepOutcome> {
  const { plan, colour } = run.target;
  const here = checksHere(plan, [...plan.checks, ...plan.dependencies]);
  // on the way back the database is taken back after it, or stays ahead of the release on purpose
  const goesBack = run.input.request.kind === 'rollback';
  const checks = here.filter(({ kind }) => !goesBack || kind !== 'migrations');
  const result = await perform(
    'verify',
    { target: run.target, checks, colour, ...sinceDeploy(run) },
    calling(run, `${checks.length} ${plural(checks.length, 'check')}`),
  );
  keepReceipt(run, 'verify', result);
  return judge(result, summarize(run));
}

async function switchTraffic(run: ChangeRun, around: Surroundings): Promise<StepOutcome> {
  const { colour, plan } = run.target;
  const { traffic } = plan;
  if (colour === null || traffic === null) return passed('no colours');
  const { kind } = run.input.request;
  const readmits = kind === 'readmit';
  // nobody is asked twice: what is live was switched to already
  const byHand = traffic.switch === 'manual' && kind !== 'rollback' && !readmits;
  if (byHand && !run.switched && !(await around.awaitSwitch())) return nobodySwitched(run);
  // with the word that was waited for
  const { target, previousColour } = run;
  if (compares(run) && !run.warm && !readmits) await measureBaseline(run, 'before the switch');
  // In the commit that schedules the switch, so there is nothing to wait for; a warm rollback is known to begin with it.
  const beside = patched('told-beside-the-switch');
  const told = beside && run.warm ? null : tellEnvironment(run, true, around);
  if (!beside && !run.warm) await told;
  run.switched = true;
  run.cutOver = true;
  run.deployedAtMs ??= Date.now();
  const toAll = { target, to: colour, from: previousColour, requireHealthy: true };
  const bad = readmits ? null : await goInSteps(run, toAll, around);
  if (bad !== null) return bad;
  const moved = await move(run, toAll);
  await told;
  if (moved.over !== null) return moved.over;
  run.switchMs = moved.tookMs;
  return passed(moved.note);
}

/** All users or a share of them, at the one proxy or at that of each host. */
async function move(run: ChangeRun, input: SwitchInput, said = ''): ReturnType<typeof switchProxies> {
  if (hasProxies(run.target.plan)) return await switchProxies(run, input);
  const result = await perform('switchTraffic', input, calling(run, said));
  keepReceipt(run, 'switch', result);
  return { over: null, ...result };
}

/**
 * Some of the users, watched, then more. Nobody is split off on the way back, nor where nothing served before. The
 * outcome of the first bad look, after which the undo sends everybody back; null = on to all of them.
 */
async function goInSteps(
  run: ChangeRun,
  toAll: SwitchInput,
  around: Surroundings,
): Promise<StepOutcome | null> {
  const { target, baseline, previousColour } = run;
  const { traffic } = target.plan;
  if (traffic === null || previousColour === null || run.input.request.kind === 'rollback') return null;
  for (const share of traffic.weights.filter((weight) => weight < 100 && weight > run.watchedShare)) {
    const said = `${share}% to ${toAll.to}`;
    around.say(`${said}, watched for ${formatLimit(traffic.stepMs ?? 0)}`);
    const moved = await move(run, { ...toAll, share }, said);
    if (moved.over !== null) return moved.over;
    const watched = {
      ...{ target, colour: toAll.to, baseline, remainingMs: traffic.stepMs ?? 0, share },
      ...sinceDeploy(run),
    };
    const result = await perform('bake', watched, calling(run, said));
    if (result.verdict !== 'passed') return judge(result, `${summarize(run)}, ${said}`);
    run.watchedShare = share;
  }
  return null;
}

function nobodySwitched(run: ChangeRun): StepOutcome {
  const { plan, version, colour } = run.target;
  return {
    verdict: 'expired',
    note: 'nobody switched in time',
    failure: {
      what: `nobody switched traffic to ${colour ?? ''} ${version} in time`,
      where: plan.name,
      why: null,
      wayOut: `release ${version} again, then slipway switch ${plan.name}`,
    },
  };
}

/** Back to the colour that served before; compare-and-set from ours. */
async function switchBack(run: ChangeRun): Promise<UndoResult> {
  const { target, previousColour } = run;
  if (!run.switched) return { outcome: 'never-ran', note: 'traffic was not moved' };
  if (hasProxies(run.target.plan)) return await switchProxiesBack(run);
  if (previousColour === null)
    return { outcome: 'undone', note: 'a first release: nothing served before it' };
  const result = await perform(
    'switchTraffic',
    { target, to: previousColour, from: target.colour, requireHealthy: false },
    { ...calling(run, `back to ${previousColour}`), insist: true, priority: 1 },
  );
  run.backMs = result.tookMs;
  return { outcome: 'undone', note: result.note };
}

async function bake(run: ChangeRun, around: Surroundings): Promise<StepOutcome> {
  const { target } = run;
  const plan = target.plan.bake;
  if (plan === null) return passed('no bake');
  const watching = new CancellationScope();
  around.onSuperseded(() => watching.cancel());
  try {
    const result = await watching.run(() =>
      perform(
        'bake',
        {
          ...{ target, colour: target.colour, baseline: run.baseline, remainingMs: plan.forMs },
          ...sinceDeploy(run),
          ...(run.bakedSoFar === null ? {} : { soFar: run.bakedSoFar }),
        },
        calling(run),
      ),
    );
    return judge(result, summarize(run));
  } catch (error) {
    const whole = CancellationScope.current().consideredCancelled;
    run.bakedSoFar = lastReported(error) ?? run.bakedSoFar;
    if (run.supersededBy === null || whole || !isCancellation(error)) throw error;
    return passed(`ended early: ${run.supersededBy} waits`);
  }
}

async function settle(run: ChangeRun): Promise<StepOutcome> {
  const { tags } = run.target.plan;
  const put =
    tags.length === 0
      ? []
      : (await perform('tagArtifacts', { target: run.target }, calling(run, tags.join(' ')))).tags;
  const notes = [put.join(' '), sayHostsLeft(run), await noteDatabase(run)];
  const said = notes.filter((note) => note !== null && note !== '').join('; ');
  return passed(said === '' ? null : said);
}

async function retire(run: ChangeRun): Promise<StepOutcome> {
  const { warm, live } = run.input;
  const colour = warm?.colour ?? null;
  if (colour === null) return passed('nothing is warm');
  if (colour === live?.colour) return passed(`${colour} serves: it is kept`);
  const result = await perform(
    'retireColour',
    { target: run.target, colour },
    calling(run, `stop ${colour}`),
  );
  return passed(result.note);
}

function plural(count: number, thing: string): string {
  return count === 1 ? thing : `${thing}s`;
}
