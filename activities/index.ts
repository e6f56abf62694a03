/** Every side effect, put together: what a worker gives to Temporal. */
import path from 'node:path';
import type { Client } from '@temporalio/client';
import type { Target } from '../workflows/activity-contract.js';
import type { Activities } from '../workflows/activity-contract.js';
import { createBuildArtifacts } from './build/build-artifacts.js';
import { createCheckActivities } from './checks/create-check-activities.js';
import { createLookAtDependencies } from './checks/dependencies-before.js';
import { createDatabaseActivities, createDatabaseRevision } from './database/create-database-activities.js';
import { createEnvironmentActivities } from './environment/ask-environments.js';
import { createFindBefore, createFindLive } from './environment/live-release.js';
import { createNextOpening } from './environment/next-opening.js';
import { createPassFreeze } from './environment/pass-freeze.js';
import { createRunGate } from './gates/run-gate.js';
import { createGithub } from './github/connect.js';
import { createGithubActivities } from './github/create-github-activities.js';
import type { GithubSettings } from './github/settings.js';
import { createHosts, type HostsDependencies } from './hosts/hosts.js';
import type { JobUsers } from './job-user/job-users.js';
import { createInspectEnvironment } from './inspect/inspect-environment.js';
import { createPlatformActivities } from './platforms/deploy-activities.js';
import { createNewLogs, createServiceLog } from './platforms/open-platform.js';
import { createTagArtifacts } from './registry/tag-artifacts.js';
import type { Secrets } from './secrets/secrets.js';
import { createListAncestors } from './source/list-ancestors.js';
import { createResolvePlan } from './source/resolve-plan.js';
import { createSource } from './source/source.js';
import { createTrafficActivities } from './traffic/create-traffic-activities.js';
import { Judge } from './trust/judge.js';
import type { PolicyStore } from './trust/policy-store.js';
import type { SealKeys } from './trust/seal-keys.js';
import { TokenHolders } from './trust/token-holder.js';
import { createVerifyApproval } from './trust/verify-approval.js';
import { createVerifyDecision } from './trust/verify-decision.js';
import { createVerifyForce } from './trust/verify-force.js';
import { openTraffic } from './traffic/open-traffic.js';
import { proveTraffic } from './traffic/prove-traffic.js';
import { whoIsServed } from './traffic/who-is-served.js';

export interface ActivityDependencies {
  client: Client;
  /** Where environments run that do not exist yet. */
  taskQueue: string;
  secrets: Secrets;
  policy: PolicyStore;
  /** Who runs what comes from a pipeline or a commit on this worker. */
  jobUsers: JobUsers;
  sealKeys: SealKeys;
  logger: HostsDependencies['logger'];
  /** Clones and archives live in `<dataFolder>/cache`. */
  dataFolder: string;
  /** Registries without TLS, beside loopback. */
  insecureRegistries: readonly string[];
  /** Builder for images; null = docker's current one. */
  builderName: string | null;
  github: GithubSettings;
  /** Where people open the Temporal UI, for links on GitHub; null = not known. */
  uiUrl: string | null;
}

export interface ActivitySet {
  activities: Activities;
  /** Closes the connections to hosts; what runs there goes on. */
  close(): Promise<void>;
}

export function createActivities(dependencies: ActivityDependencies): ActivitySet {
  const { client, secrets, policy, sealKeys, logger, insecureRegistries, builderName, jobUsers } =
    dependencies;
  const cacheFolder = path.join(dependencies.dataFolder, 'cache');
  const hosts = createHosts({
    resolveSecret: secrets.resolve,
    scrub: secrets.scrub,
    logger,
    jobUserOf: jobUsers.ofEnvironment,
  });
  const source = createSource({ cacheFolder });
  const github = createGithub({ settings: dependencies.github, secrets });
  const environments = createEnvironmentActivities({ client, taskQueue: dependencies.taskQueue });
  const findLive = createFindLive({ ...environments, policy, judge: new Judge(sealKeys, policy) });
  const traffic = {
    proveTraffic: (target: Target, signal: AbortSignal) => proveTraffic({ hosts, secrets }, target, signal),
    whoIsServed,
    configuredColour: async (target: Target) =>
      (await (await openTraffic({ hosts, secrets }, target)).look()).colour,
  };
  const places = { hosts, secrets, source, insecureRegistries, jobUserOf: jobUsers.ofEnvironment };
  const checking = {
    ...places,
    serviceLog: createServiceLog(places),
    newLogs: createNewLogs(places),
    databaseRevision: createDatabaseRevision(places),
  };
  const lookAtDependencies = createLookAtDependencies(checking);
  return {
    activities: {
      resolvePlan: createResolvePlan({ source, policy, findLive }),
      runGate: createRunGate({
        source,
        github,
        jobUser: jobUsers.ofGates,
        scrub: secrets.scrub,
        liveCommit: createFindBefore({ findLive, policy }),
      }),
      buildArtifacts: createBuildArtifacts({
        ...{ source, secrets, policy, sealKeys },
        ...{ cacheFolder, insecureRegistries, builderName },
      }),
      tagArtifacts: createTagArtifacts({ secrets, insecureRegistries }),
      ...environments,
      verifyApproval: createVerifyApproval({ policy, sealKeys, tokens: new TokenHolders() }),
      verifyDecision: createVerifyDecision({ policy }),
      verifyForce: createVerifyForce({ policy }),
      nextOpening: createNextOpening(),
      passFreeze: createPassFreeze({ policy }),
      ...createGithubActivities({ github, source, policy, sealKeys, uiUrl: dependencies.uiUrl }),
      listAncestors: createListAncestors({ source }),
      ...createPlatformActivities({
        ...{ ...places, ...traffic },
        lookAtDependencies,
      }),
      ...createDatabaseActivities(places),
      ...createCheckActivities(checking),
      ...createTrafficActivities({ hosts, secrets }),
      inspectEnvironment: createInspectEnvironment({
        policy,
        ...places,
        ...traffic,
        ...{ lookAtDependencies, findLive },
        databaseRevision: checking.databaseRevision,
      }),
    },
    close: () => hosts.close(),
  };
}
