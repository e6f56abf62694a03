/**
 * What a look runs of a file that nobody released, where a policy protects: the commands that the policy lists, and those
 * with which the release that is live is asked the very same. Anything else of it is left out, and said.
 */
import { hashJson } from '../../pipeline/hash-plan.js';
import { isOnWorker } from '../../pipeline/places-of-plan.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { rulesOfEnvironment } from '../../pipeline/policy-file.js';
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
  const loaded = await policy.read();
  if (loaded === null || plan.seal !== undefined) return { plan, traffic: true, findings: [] };
  const listed = rulesOfEnvironment(loaded.content, plan.pipeline, plan.name)?.commands ?? [];
  const known = new Set((live === null ? [] : questionsIn(live.plan)).map(hashJson));
  const left = questionsIn(plan).filter(
    (question) => !known.has(hashJson(question)) && !question.commands.every((each) => listed.includes(each)),
  );
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
  if (ofTraffic.length > 0) questions.push({ thing: 'traffic', commands: ofTraffic, whole: traffic });
  return questions;
}

function notAsked({ pipeline, name }: EnvironmentPlan, thing: string, commands: string[]): PreflightFinding {
  return {
    where: name,
    thing,
    state: 'warning',
    message: `not asked: the worker's policy lists no ${commands.join(', ')}, and what is live was not asked with it; a release asks it`,
    wayOut: `for a look before a release its owner lists it in pipelines.${pipeline}.environments.${name}.commands of the worker's policy.yaml`,
  };
}
