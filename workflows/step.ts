/** What the steps of a change have in common. */
import { CancellationScope, getExternalWorkflowHandle, log, patched } from '@temporalio/workflow';
import type { VerifyResult } from './activity-contract.js';
import type { Calling } from './activity-options.js';
import { cutoverOf, summarize, type ChangeRun } from './change-run.js';
import type { GoesWithout } from './messages.js';
import { environmentId, SIGNAL } from './names.js';
import type { HostApart } from './result.js';
import type { StepOutcome } from './step-outcome.js';

/** What a step may ask of the run around it. */
export interface Surroundings {
  /** Resolves true when a person says to switch, false when the plan's deadline is over. */
  awaitSwitch: () => Promise<boolean>;
  /** Calls `stop` once a newer release waits; also when it already does. */
  onSuperseded: (stop: () => void) => void;
  /** ISO time of the workflow. */
  now: () => string;
  /** What the step does now, for people. */
  say: (doing: string) => void;
}

export function calling(run: ChangeRun, detail = ''): Calling {
  const urgent = run.input.request.kind === 'rollback' || run.input.request.kind === 'recover';
  return { summary: summarize(run, detail), plan: run.target.plan, ...(urgent ? { priority: 1 } : {}) };
}

export function passed(note: string | null): StepOutcome {
  return { verdict: 'passed', note, failure: null };
}

/** What checks found, as the outcome of a step. */
export function judge(result: VerifyResult, where: string): StepOutcome {
  if (result.verdict === 'passed') return passed(result.note);
  const guilty = result.outcomes.filter((outcome) => outcome.verdict === result.verdict);
  return {
    verdict: result.verdict,
    note: result.note,
    failure: {
      what: guilty.map((outcome) => `${outcome.check}: ${outcome.detail}`).join('; ') || result.note,
      where,
      why: result.logTail,
      wayOut:
        result.verdict === 'failed'
          ? 'mend the release and release it again'
          : 'make the check reachable from the worker, then retry',
    },
  };
}

/** For checks of what came since: lines of before do not count. */
export function sinceDeploy({ deployedAtMs }: ChangeRun): { deployedMsAgo?: number } {
  return deployedAtMs === null ? {} : { deployedMsAgo: Date.now() - deployedAtMs };
}

/** Write-ahead: should this run die, the environment knows how to get back. */
export async function tellEnvironment(
  run: ChangeRun,
  switching: boolean,
  around: Surroundings,
): Promise<void> {
  await signalEnvironment(run, SIGNAL.cutover, cutoverOf(run, switching, around.now()));
}

/** Should this run die, its recovery does not wait for the host. Runs from before this patch said so at their end only. */
export async function tellApart(run: ChangeRun, apart: HostApart): Promise<void> {
  if (!patched('hosts-apart-are-told')) return;
  const { requestId } = run.input.request;
  await signalEnvironment(run, SIGNAL.apart, { requestId, apart } satisfies GoesWithout);
}

async function signalEnvironment({ target: { plan } }: ChangeRun, signal: string, payload: unknown) {
  const environment = getExternalWorkflowHandle(environmentId(plan.pipeline, plan.name));
  try {
    await CancellationScope.nonCancellable(() => environment.signal(signal, payload));
  } catch (error) {
    log.warn(`environment ${plan.name} could not be told (${signal}): ${String(error)}`);
  }
}
