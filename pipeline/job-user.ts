/**
 * The user that a commit's own code runs as on the worker (`run-as` of policy.yaml). Pure: whoever has the machine asks
 * it for the account.
 */
import type { Policy } from './policy-file.js';

export interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** `entry`: what `getent passwd NAME` printed, null = nothing. `workerId`: the worker's own uid, null = not known here. */
export function judgeJobAccount(
  name: string,
  entry: string | null,
  workerId: number | null,
): Account | { what: string; wayOut: string } {
  const fields = entry?.split('\n')[0]?.split(':') ?? [];
  const [found, , uid, gid, , home] = fields;
  if (found !== name || uid === undefined || gid === undefined)
    return {
      what: `run-as: there is no user ${name} on this machine`,
      wayOut: `useradd --system --no-create-home --shell /usr/sbin/nologin ${name}`,
    };
  const account = { name, uid: Number(uid), gid: Number(gid), home: home === '' ? '/' : (home ?? '/') };
  if (account.uid === 0 || account.gid === 0)
    return { what: `run-as: ${name} has the rights of root`, wayOut: 'name a user that has no rights' };
  if (account.uid === workerId)
    return {
      what: `run-as: ${name} is the worker's own user`,
      wayOut: 'name another user, one that has no rights',
    };
  return account;
}

/** Every user the policy names, each once. */
export function jobUsersIn(policy: Policy): string[] {
  const environments = [...policy.pipelines.values()].flatMap((each) => [...each.environments.values()]);
  const named = [policy['run-as'], ...environments.map((each) => each['run-as'])];
  return [...new Set(named.flatMap((each) => (each === undefined ? [] : [each.user])))];
}

/** null = the policy protects no production, or keeps a commit's own code away from the worker's key. */
export function warnOfSharedUser(policy: Policy): string | null {
  const environments = [...policy.pipelines.values()].flatMap((each) => [...each.environments.values()]);
  if (policy['run-as'] !== undefined || !environments.some(({ production }) => production === true))
    return null;
  return 'NOT SEPARATED: gates and commands on the worker run as its own user, so code of a commit can read the seal key and release to production; give policy.yaml run-as (docs/policy.md#run-as)';
}
