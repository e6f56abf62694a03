/**
 * Work on one host of a fleet names that host only, since the target of two hundred hosts does not fit into two hundred
 * inputs. In front of everything else the worker asks the lane for the target and puts it in, cut to that host.
 */
import type { Context, Info } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { ActivityInterceptors } from '@temporalio/worker';
import type { OnHosts, Target } from '../../workflows/activity-contract.js';
import { QUERY } from '../../workflows/names.js';
import { onHosts } from '../../workflows/target-hosts.js';
import { badInput } from '../failure.js';

const ON_ONE_HOST: readonly string[] = ['deploy', 'undoDeploy', 'stopHost', 'switchTraffic'];
/** Lanes whose target is kept: a change has one colour and one plan as soon as it deploys. */
const KEPT = 32;

type Asking = Pick<Info, 'activityType' | 'workflowExecution'>;

/** For both workers: before seals are looked at, which are of the whole target. */
export function putInTargets(client: Client): (context: Context) => ActivityInterceptors {
  const putIn = createPutIn(client);
  return ({ info }) => ({
    inbound: {
      execute: async (input, next) => {
        const [given] = input.args;
        return isOfOneHost(given, info) ? next({ ...input, args: [await putIn(given, info)] }) : next(input);
      },
    },
  });
}

/** Answers the input with its target; one that has it is left as it is. */
export function createPutIn(client: Client): (given: OnHosts, info: Asking) => Promise<OnHosts> {
  const asked = new Map<string, Promise<Target>>();
  return async (given, { activityType, workflowExecution }) => {
    const { target, host } = given;
    if (target !== undefined || host === undefined || workflowExecution === undefined) return given;
    const { workflowId, runId } = workflowExecution;
    // a person's word to switch is in it from then on only
    const isOfSwitch = activityType === 'switchTraffic';
    const whole = await keep(asked, isOfSwitch ? `${runId} switch` : runId, () =>
      client.workflow.getHandle(workflowId, runId).query<Target>(QUERY.target),
    );
    return { ...given, target: onOneHost(whole, host) };
  };
}

function isOfOneHost(given: unknown, { activityType }: Asking): given is OnHosts {
  return ON_ONE_HOST.includes(activityType) && typeof given === 'object' && given !== null && 'host' in given;
}

function onOneHost(target: Target, host: string): Target {
  const found = (target.whole ?? target.plan).hosts.find(({ name }) => name === host);
  if (found !== undefined) return onHosts(target, [found]);
  throw badInput({
    what: `${target.plan.name} has no host ${host}`,
    where: `${target.plan.pipeline} ${target.plan.name}`,
    why: null,
    wayOut: 'look who started this: no change names a host that its plan does not have',
  });
}

/** One question per run, however many hosts there are; what failed is asked again. */
async function keep<T>(kept: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const known = kept.get(key);
  if (known !== undefined) return await known;
  const asking = ask();
  kept.set(key, asking);
  for (const oldest of kept.keys()) if (kept.size > KEPT) kept.delete(oldest);
  try {
    return await asking;
  } catch (error) {
    kept.delete(key);
    throw error;
  }
}
