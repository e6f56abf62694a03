/** Looking at an environment from the worker: what `slipway doctor` and `slipway logs` show. Touches nothing. */
import { applyToEnvironment, forceOfRelease } from '../../pipeline/apply-policy.js';
import { hashJson } from '../../pipeline/hash-plan.js';
import type { CheckPlan } from '../../pipeline/plan.js';
import type { HostPlan } from '../../pipeline/plan-platform.js';
import type { ConfirmPlan } from '../../pipeline/plan-traffic.js';
import type {
  Activities,
  InspectInput,
  InspectResult,
  PolicyAnswer,
  PreflightFinding,
  Target,
} from '../../workflows/activity-contract.js';
import type { LookAtDependencies } from '../checks/dependencies-before.js';
import { needsCheckout } from '../checks/check.js';
import type { FindLive } from '../environment/live-release.js';
import { badInput, detailsOf, whatOf } from '../failure.js';
import { nameOfPlace } from '../platforms/host-question.js';
import { openPlatform, placesOf, type PlatformDependencies } from '../platforms/open-platform.js';
import { AT_A_TIME, inBatches } from '../platforms/several-hosts.js';
import { NO_COMMIT_TO_RUN_IN, whyNotYet } from '../platforms/team-command.js';
import { stoppable } from '../processes/stop.js';
import { asksForReviews, environmentSinceReviewed } from '../source/since-reviewed.js';
import type { PolicyStore } from '../trust/policy-store.js';
import type { Served } from '../traffic/who-is-served.js';
import { allowedQuestions } from './allowed-questions.js';
import { readStepLog } from './step-log.js';

export interface InspectDependencies extends PlatformDependencies {
  policy: PolicyStore;
  proveTraffic: (target: Target, signal: AbortSignal) => Promise<string>;
  whoIsServed: (confirm: ConfirmPlan, signal: AbortSignal) => Promise<Served>;
  lookAtDependencies: LookAtDependencies;
  databaseRevision: (target: Target) => Promise<string>;
  findLive: FindLive;
}

const COMMAND_TIMEOUT_MS = 30_000;

export function createInspectEnvironment(
  dependencies: InspectDependencies,
): Activities['inspectEnvironment'] {
  return (input) =>
    stoppable('the look', async (signal, report) => {
      switch (input.what) {
        case 'doctor':
          return await examine(dependencies, input, signal, report);
        case 'logs':
          return await readLogs(dependencies, input, signal, report);
        case 'policy':
          return { findings: [], log: [], policy: await askPolicy(dependencies, input) };
      }
    });
}

/** Applies it to the plan as if it were about to be carried out. */
async function askPolicy(
  { policy, findLive }: InspectDependencies,
  { plan, origin }: InspectInput,
): Promise<PolicyAnswer> {
  if (origin === undefined)
    throw badInput({
      what: 'the origin of the plan is missing',
      where: plan.name,
      why: null,
      wayOut: 'use the slipway command of the same version as the worker',
    });
  const content = (await policy.read())?.content ?? null;
  const applied = applyToEnvironment(plan, origin, content, policy);
  const { pipeline, name } = plan;
  const live = asksForReviews(applied.plan) ? await findLive(pipeline, name) : null;
  const letIn = live?.wasLetIn === true ? live.commit : null;
  const since = environmentSinceReviewed(applied.plan, content, () => letIn);
  const force = forceOfRelease(origin.force, content, pipeline);
  return { plan: since.plan, problems: [...applied.problems, ...since.problems], force: force ?? null };
}

/** Every place, then the proxy; one that cannot be asked is a finding, not an end. */
async function examine(
  dependencies: InspectDependencies,
  input: InspectInput,
  signal: AbortSignal,
  report: (note: string) => void,
): Promise<InspectResult> {
  const { plan, traffic, findings } = await allowedQuestions(dependencies.policy, input);
  const target = await targetOf(dependencies, { ...input, plan }, signal);
  const looked = await inBatches(placesOf(target), AT_A_TIME, async (place) => {
    const where = nameOfPlace(plan, place.name);
    report(where);
    return await asFinding(where, 'host', async () => {
      const { platform, context } = await openPlatform(dependencies, target, place, manners(signal, report));
      const found = await platform.preflight(context);
      if (input.live === null) return found;
      const proven = await asFinding(where, 'way back', async () => {
        const note = await platform.proveWayBack(context, await platform.recordPrior(context));
        return [ok(where, 'way back', note)];
      });
      return [...found, ...proven];
    });
  });
  findings.push(...looked.flat());
  if (plan.traffic !== null && traffic) {
    findings.push(
      ...(await asFinding(plan.name, 'traffic', async () => [
        ok(plan.name, 'traffic', await dependencies.proveTraffic(target, signal)),
      ])),
    );
  }
  findings.push(...(await asFinding(plan.name, 'database', () => lookAtDatabase(dependencies, target))));
  findings.push(...(await asFinding(plan.name, 'dependencies', () => lookAround(dependencies, target))));
  return { findings, log: [] };
}

/** Where it is. In a container it is asked with what is live only: before, one would have to be started. */
async function lookAtDatabase(
  { databaseRevision }: InspectDependencies,
  target: Target,
): Promise<PreflightFinding[]> {
  const { database, name } = target.plan;
  if (database?.current == null) return [];
  const isStarted = database.inside === null || target.live !== null;
  const why =
    whyNotYet(target, database.current) ??
    (isStarted ? null : `nothing is live, so there is no release to ask it with in ${database.inside}`);
  if (why !== null)
    return [{ where: name, thing: 'database', state: 'warning', message: `not asked: ${why}`, wayOut: null }];
  return [ok(name, 'database', `is at ${await databaseRevision(target)}`)];
}

/** What it depends on. Where a policy protects, a plan that no worker sealed asks nobody what was not released before. */
async function lookAround(
  { lookAtDependencies, policy }: InspectDependencies,
  target: Target,
): Promise<PreflightFinding[]> {
  const { plan, live } = target;
  const isFree = plan.seal !== undefined || (await policy.read()) === null;
  const released = new Set((live?.plan.dependencies ?? []).map(hashJson));
  const lookAt = async (check: CheckPlan): Promise<PreflightFinding[]> => {
    const why = whyNotAsked(check, {
      isLive: live !== null,
      isKnown: isFree || released.has(hashJson(check)),
    });
    if (why === null)
      return await lookAtDependencies({ ...target, plan: { ...plan, dependencies: [check] } });
    const thing = `dependency ${check.name}`;
    return [{ where: plan.name, thing, state: 'warning', message: `not asked: ${why}`, wayOut: null }];
  };
  // one by one: together the first no would leave the others unasked
  return (await Promise.all(plan.dependencies.map(lookAt))).flat();
}

function whyNotAsked(
  check: CheckPlan,
  { isLive, isKnown }: { isLive: boolean; isKnown: boolean },
): string | null {
  if (!isKnown) return 'no release that is live has it; a release asks it before it touches anything';
  return needsCheckout(check) && !isLive ? NO_COMMIT_TO_RUN_IN : null;
}

async function readLogs(
  dependencies: InspectDependencies,
  input: InspectInput,
  signal: AbortSignal,
  report: (note: string) => void,
): Promise<InspectResult> {
  const target = await targetOf(dependencies, input, signal);
  const places = placesOf(target).filter(({ name }) => input.host === null || input.host === name);
  const readAt = async (place: HostPlan): Promise<string> => {
    const { platform, context } = await openPlatform(dependencies, target, place, manners(signal, report));
    if (input.step === null) return await platform.logs(context, input.lines);
    return await readStepLog(context.host, {
      pipeline: input.plan.pipeline,
      environment: input.plan.name,
      step: input.step,
      lines: input.lines,
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  };
  const log = await inBatches(places, AT_A_TIME, async (place) => {
    report(place.name);
    const text = await readAt(place).catch((error: unknown) => {
      // one that cannot be reached hides no other
      if (signal.aborted || places.length === 1) throw error;
      return `[slipway: cannot be read: ${error instanceof Error ? error.message : String(error)}]`;
    });
    return { host: place.name, text: dependencies.secrets.scrub(text) };
  });
  return { findings: [], log };
}

/** What is live, as a target no step may write through: its token is 0. */
async function targetOf(
  dependencies: InspectDependencies,
  { plan, live }: InspectInput,
  signal: AbortSignal,
): Promise<Target> {
  const commit = live?.commit ?? NO_COMMIT;
  const target: Target = {
    plan,
    token: 0,
    version: live?.version ?? '',
    commit,
    artifacts: live?.artifacts ?? [],
    colour: plan.strategy === 'blue-green' ? (live?.colour ?? 'blue') : null,
    live,
  };
  if (plan.traffic === null) return target;
  const served = await dependencies.whoIsServed(plan.traffic.confirm, signal).catch(() => null);
  return served?.colour == null ? target : { ...target, colour: served.colour };
}

const NO_COMMIT = { sha: '', subject: '', author: '', authorEmail: '', committedAt: '', authors: [] };

function manners(signal: AbortSignal, progress: (note: string) => void) {
  return { signal, progress, operationId: (step: string) => `inspect-${step}` };
}

function ok(where: string, thing: string, message: string): PreflightFinding {
  return { where, thing, state: 'ok', message, wayOut: null };
}

async function asFinding(
  where: string,
  thing: string,
  look: () => Promise<PreflightFinding[]>,
): Promise<PreflightFinding[]> {
  try {
    return await look();
  } catch (error) {
    const details = detailsOf(error);
    const what = whatOf(error);
    const why = details?.why ?? '';
    return [
      {
        where: details?.where ?? where,
        thing,
        state: 'problem',
        message: why === '' ? what : `${what}: ${why}`,
        wayOut: details?.wayOut ?? null,
      },
    ];
  }
}
