/**
 * What a look runs of a file that nobody released, where a policy protects: only what the release that is live is asked
 * with as well. That the policy lists a command is not enough: it does not say for what, and whoever forges such a file
 * could name the one that deploys as the one that looks. What is left out is said.
 */
import { hashJson } from '../../pipeline/hash-plan.js';
import { isOnWorker } from '../../pipeline/places-of-plan.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { commandsOfTraffic } from '../../pipeline/reach-of-plan.js';
import type { InspectInput, PreflightFinding } from '../../workflows/activity-contract.js';
import type { PolicyStore } from '../trust/policy-store.js';

export interface AllowedQuestions {
  /** Without those that are not asked. */
  plan: EnvironmentPlan;
  /** Is the proxy asked? */
  traffic: boolean;
  /** Of each that is not. */
  findings: PreflightFinding[];
}

interface Question {
  thing: string;
  commands: string[];
  /** With everything that makes it another one. */
  whole: unknown;
}

export async function allowedQuestions(
  policy: PolicyStore,
  { plan, live }: Pick<InspectInput, 'plan' | 'live'>,
): Promise<AllowedQuestions> {
  if (plan.seal !== undefined || (await policy.read()) === null) return { plan, traffic: true, findings: [] };
  const known = new Set((live === null ? [] : questionsIn(live.plan)).map(hashJson));
  const left = questionsIn(plan).filter((question) => !known.has(hashJson(question)));
  const isLeft = (thing: string): boolean => left.some((question) => question.thing === thing);
  const { platform, database } = plan;
  const isInspectLeft = platform.kind === 'command' && isLeft('inspect');
  return {
    plan: {
      ...plan,
      ...(isInspectLeft ? { platform: { ...platform, inspect: null } } : {}),
      ...(database !== null && isLeft('database') ? { database: { ...database, current: null } } : {}),
    },
    traffic: !isLeft('traffic'),
    findings: left.map(({ thing, commands }) => notAsked(plan, thing, commands)),
  };
}

/** In the order of a look. */
function questionsIn(plan: EnvironmentPlan): Question[] {
  const { platform, database, traffic } = plan;
  const onWorker = isOnWorker(plan);
  const questions: Question[] = [];
  if (platform.kind === 'command' && platform.inspect !== null)
    questions.push({ thing: 'inspect', commands: [platform.inspect], whole: onWorker });
  if (database?.current != null) {
    const { current, inside } = database;
    const commands = inside === null ? [current] : [current, inside];
    questions.push({ thing: 'database', commands, whole: onWorker });
  }
  const ofTraffic = commandsOfTraffic(traffic).flatMap((each) => (each === null ? [] : [each]));
  if (ofTraffic.length > 0 && !isHarmless(traffic))
    questions.push({ thing: 'traffic', commands: ofTraffic, whole: traffic });
  return questions;
}

/** Of nginx only `test` is run to look. */
function isHarmless(traffic: TrafficPlan | null): boolean {
  return traffic?.kind === 'nginx' && /^(sudo (-n )?)?nginx -t$/.test(traffic.testCommand);
}

function notAsked({ name }: EnvironmentPlan, thing: string, commands: string[]): PreflightFinding {
  return {
    where: name,
    thing,
    state: 'warning',
    message: `not asked: no release that is live is asked with ${commands.join(', ')}; a release asks it before it touches anything`,
    wayOut: null,
  };
}
