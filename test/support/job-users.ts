/** A worker with a seal key, a policy and a user for jobs, on this machine. Needs root. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createJobUsers, type JobUsers } from '../../activities/job-user/job-users.js';
import type { JobUser } from '../../activities/job-user/job-user.js';
import type { PrivatePlaces } from '../../activities/job-user/prove-job-user.js';
import { createPolicyStore } from '../../activities/trust/policy-store.js';
import { loadSealKeys } from '../../activities/trust/seal-keys.js';

export interface JobScene {
  /** Anybody may enter it, so that only the files' own rights protect them. */
  folder: string;
  sealFolder: string;
  policyFile: string;
  places: PrivatePlaces;
  /** Replaces the policy; `lines` come before its pipelines, `prod` below its environment. */
  writePolicy(lines: string, prod?: string): Promise<void>;
  /** As a worker that starts now. */
  jobUsers(): JobUsers;
  /** The user that the policy names, proven. */
  user(): Promise<JobUser>;
  stop(): Promise<void>;
}

export async function givenJobScene(name = 'nobody'): Promise<JobScene> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-jobs-'));
  await chmod(folder, 0o755);
  const sealFolder = path.join(folder, 'seal');
  await loadSealKeys(sealFolder);
  const policyFile = path.join(folder, 'policy.yaml');
  const dataFolder = path.join(folder, 'data');
  await mkdir(dataFolder, { mode: 0o700 });
  const places = {
    secret: [path.join(sealFolder, 'key.pem'), `/proc/${process.pid}/environ`],
    deciding: [policyFile, folder, sealFolder, dataFolder],
  };
  const writePolicy: JobScene['writePolicy'] = async (lines, prod = '') => {
    const text = `${lines}
pipelines:
  shop:
    repositories: [/srv/shop.git]
    environments:
      prod: {production: true, hosts: [web-1]${prod === '' ? '' : `, ${prod}`}}
`;
    await writeFile(policyFile, text);
  };
  await writePolicy(`run-as: {user: ${name}}`);
  const jobUsers = (): JobUsers => createJobUsers(createPolicyStore(policyFile, { isDemo: false }), places);
  return {
    folder,
    sealFolder,
    policyFile,
    places,
    writePolicy,
    jobUsers,
    user: async () => {
      const user = await jobUsers().ofGates();
      if (user === null) throw new Error('the policy names nobody');
      return user;
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}
