import type { InspectInput } from '../workflows/activity-contract.js';
import type { EnvironmentPlan } from '../pipeline/plan.js';
import { placesOfPlan } from '../pipeline/places-of-plan.js';
import type { PlatformPlan } from '../pipeline/plan-platform.js';
import { suggestWord } from '../pipeline/suggest.js';
import type { SlipwayClient } from './release-client.js';
import { badInput, refused } from './user-error.js';

type Wish = Pick<InspectInput, 'step' | 'host' | 'lines'>;

/** Words of what platforms keep a log of on their hosts, as far as they are known here. */
const KEPT: Partial<Record<PlatformPlan['kind'], string[]>> = {
  command: ['deploy', 'restore', 'redeploy', 'undo', 'retire'],
  stack: ['deploy', 'stack'],
  swarm: ['deploy'],
};

/** Of what is done to a database, where there is one. */
const KEPT_OF_DATABASE = ['database', 'backup', 'prove', 'migrate', 'contract', 'revert', 'restore'];

/**
 * With the plan in flight, else the live one: the hosts as they were released to, whatever the file says today. Throws
 * UserError (exit 2) for a host that it does not have, and for a step that keeps no log.
 */
export async function askForLogs(
  client: SlipwayClient,
  environment: string,
  wish: Wish,
): Promise<InspectInput> {
  const status = await client.status(environment);
  if (status === null) await client.requireKnown(environment);
  const plan = status?.inFlight?.request.plan ?? status?.live?.plan ?? null;
  if (plan !== null) {
    requireNames(plan, wish);
    return { what: 'logs', plan, live: status?.live ?? null, ...wish };
  }
  throw refused({
    what: 'nothing was released here, so there is nothing to read',
    where: environment,
    wayOut: 'slipway status shows the environments',
  });
}

function requireNames(plan: EnvironmentPlan, { step, host }: Wish): void {
  const { name, platform, database } = plan;
  const places = placesOfPlan(plan).map((place) => place.name);
  if (host !== null && !places.includes(host)) throw unknownName('--host', host, places, name);
  const ofPlatform = KEPT[platform.kind];
  if (step === null || ofPlatform === undefined) return;
  const words = [...new Set([...ofPlatform, ...(database === null ? [] : KEPT_OF_DATABASE)])];
  if (!words.some((word) => step === word || step.startsWith(`${word}-`)))
    throw unknownName('--step', step, words, name);
}

/** Where there was no log: a platform of commands has only that which its file tells how to print (exit 5). */
export function requireLogs({ plan: { name, platform }, step }: InspectInput): void {
  if (step !== null || platform.kind !== 'command' || platform.logs !== undefined) return;
  throw refused({
    what: 'the platform of what was released here has no logs command, so nobody knows how its log is printed',
    where: name,
    wayOut: `add logs: to the platform, a command that prints the log (logs: journalctl -u app -n 500), and release; what a step kept: slipway logs ${name} --step deploy`,
    docs: 'docs/pipeline-file.md#platforms',
  });
}

/** What helps where a log is empty, which is never the same question again. */
export function describeNoLog({ plan, step }: InspectInput): string {
  const { name, platform } = plan;
  if (step === null) {
    // a cluster is told what to run, and no command of ours runs long
    const isKept = platform.kind !== 'kubernetes';
    return `There is no log.${isKept ? ` What a step kept on its hosts: slipway logs ${name} --step deploy` : ''}`;
  }
  const isPrinted = platform.kind !== 'command' || platform.logs !== undefined;
  return `There is no log of ${step}.${isPrinted ? ` What runs there says: slipway logs ${name}` : ''}`;
}

function unknownName(flag: string, given: string, known: string[], environment: string): Error {
  const near = suggestWord(given, known);
  return badInput({
    what: `${given} is not known on ${environment}${near === null ? '' : `. Did you mean ${near}?`}`,
    where: flag,
    wayOut: `one of ${known.join(', ')}`,
  });
}
