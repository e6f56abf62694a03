/** Who the policy lets a commit's own code be on this worker, proven before anything is run as that user. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { judgeJobAccount, jobUsersIn, type Account } from '../../pipeline/index.js';
import { rulesOfEnvironment } from '../../pipeline/policy-file.js';
import { refused } from '../failure.js';
import type { LoadedPolicy, PolicyStore } from '../trust/policy-store.js';
import type { JobUser } from './job-user.js';
import { proveJobUser, type PrivatePlaces } from './prove-job-user.js';

export interface JobUsers {
  /** Who runs gates; null = the policy names nobody: the worker's own user. Throws Refused for one that is unfit. */
  ofGates(): Promise<JobUser | null>;
  /** Who runs the commands and checks of an environment on the worker, or on its host `local`. */
  ofEnvironment(of: { pipeline: string; name: string }): Promise<JobUser | null>;
  /** Proves everyone the policy names. Throws as the others do. */
  proveAll(): Promise<JobUser[]>;
}

export function createJobUsers(policy: PolicyStore, places: PrivatePlaces): JobUsers {
  const proven = new Map<string, Promise<JobUser>>();
  let known: { policy: LoadedPolicy | null } | null = null;

  /** A way back is not kept up by a policy that has broken since: it goes on with the one from before. */
  const readPolicy = async (): Promise<LoadedPolicy | null> => {
    try {
      known = { policy: await policy.read() };
    } catch (error) {
      if (known === null) throw error;
    }
    return known.policy;
  };

  const prove = async (user: string, { allowedSigners, revokedKeys }: LoadedPolicy): Promise<JobUser> => {
    const signers = [allowedSigners, revokedKeys].filter((each) => each !== null);
    return await proveJobUser(await findAccount(user), {
      ...places,
      deciding: [...places.deciding, ...signers],
    });
  };

  const find = async (user: string | undefined, loaded: LoadedPolicy | null): Promise<JobUser | null> => {
    if (user === undefined || loaded === null) return null;
    const proof = proven.get(user) ?? prove(user, loaded);
    proven.set(user, proof);
    // what was wrong may have been mended
    proof.catch(() => proven.delete(user));
    return await proof;
  };

  return {
    ofGates: async () => {
      const loaded = await readPolicy();
      return await find(loaded?.content['run-as']?.user, loaded);
    },
    ofEnvironment: async ({ pipeline, name }) => {
      const loaded = await readPolicy();
      const own = rulesOfEnvironment(loaded?.content, pipeline, name)?.['run-as'];
      return await find((own ?? loaded?.content['run-as'])?.user, loaded);
    },
    proveAll: async () => {
      const loaded = await readPolicy();
      const users: JobUser[] = [];
      for (const user of loaded === null ? [] : jobUsersIn(loaded.content)) {
        const found = await find(user, loaded);
        if (found !== null) users.push(found);
      }
      return users;
    },
  };
}

async function findAccount(name: string): Promise<Account> {
  const entry = await promisify(execFile)('getent', ['passwd', '--', name]).then(
    ({ stdout }) => stdout,
    () => null,
  );
  const judged = judgeJobAccount(name, entry, process.getuid?.() ?? null);
  if ('uid' in judged) return judged;
  throw refused({ ...judged, where: "the worker's policy", why: null });
}
