/** Fakes that satisfy the contract of every side effect, on a small world, with faults where a test wants them. */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import {
  createEnvironmentActivities,
  type EnvironmentActivities,
} from '../../activities/environment/ask-environments.js';
import type { CheckPlan, Colour, ReleasePlan } from '../../pipeline/plan.js';
import { createPutIn } from '../../activities/environment/lane-target.js';
import {
  targetOf,
  type Activities,
  type OnHosts,
  type Target,
  type UndoResult,
  type VerifyResult,
  type WindowPlan,
} from '../../workflows/activity-contract.js';
import type { ReleaseRequest } from '../../workflows/messages.js';
import { forcedGates } from '../../workflows/forced.js';
import type { BuiltArtifact, EvidenceItem } from '../../workflows/result.js';
import {
  checkFence,
  hostsOf,
  NOWHERE,
  placeOf,
  raiseFence,
  restore,
  runningOf,
  servedAt,
  servedIn,
  slotOf,
  type Place,
} from './fake-hosts.js';
import { fakeDatabase } from './fake-database.js';
import { fakeTraffic } from './fake-traffic.js';
import { fakeWords, type FakeWordsOptions } from './fake-words.js';
import { receiptFor } from './given.js';
import { environmentIn, planKey, type FakeEnvironment, type World, type WorldState } from './fake-world.js';
import { carryOut, strike, strikeByCaller } from './striking.js';

export interface FakeOptions extends FakeWordsOptions {
  world: World;
  /** Where environment entities are started; needed by announce, requestChange and their like. */
  client?: Client;
  taskQueue?: string;
  /** What resolvePlan answers; default the plan that the world has for this commit. */
  plan?: (request: ReleaseRequest) => ReleasePlan;
  /** Of GitHub: what writes to it; default takes everything. */
  github?: Pick<Activities, 'recordDeployment' | 'setCommitStatus' | 'commentOnPullRequest'>;
  /** When a window opens; default now. */
  opensAt?: (window: WindowPlan) => string | null;
  /** What nothing may begin in; default none. */
  frozen?: () => { until: string; why: string } | null;
  /** Ancestors among the candidates; default none. */
  ancestors?: (commit: string, candidates: string[]) => string[];
}

/** Gates that do not pass, by their names. */
const ODD_GATES: Record<string, Pick<EvidenceItem, 'verdict' | 'note' | 'reportSha'>> = {
  waived: { verdict: 'waived', note: 'waived CVE-1: until 2026-08-01 by anna', reportSha: 'a1b2' },
  red: { verdict: 'fail', note: '2 findings' },
  crashed: { verdict: 'error', note: 'no such command' },
};

function forcedIn(evidence: EvidenceItem[]): Pick<BuiltArtifact, 'forced'> {
  const forced = forcedGates({ evidence });
  return forced.length === 0 ? {} : { forced };
}

export function createFakeActivities(options: FakeOptions): Activities {
  const { world } = options;

  /** One call: notes it, strikes with its fault if there is one, and lets `effect` do the work host by host. */
  async function call<Result>(
    activity: keyof Activities,
    place: Place,
    effect: (environment: FakeEnvironment, half: boolean, state: WorldState) => Result,
    detail: Colour | null = null,
    host: string | null = null,
  ): Promise<Result> {
    const act = (half = false): Result =>
      world.update((state) => effect(environmentIn(state, place.key, place.hosts), half, state));
    const fault = world.update((state) => {
      environmentIn(state, place.key, place.hosts).calls.push(
        detail === null ? activity : `${activity} ${detail}`,
      );
      return strike(
        state.faults.filter((fault) => fault.environment === place.key),
        activity,
        detail,
        host,
      );
    });
    return await carryOut(fault, { world, activity, place: place.key }, act);
  }

  /** The verdict a fault asks for; looking twice asks the world twice. A fault of one host strikes its checks. */
  async function look(
    activity: 'verify' | 'bake',
    target: Target,
    colour: Colour | null,
    checks: CheckPlan[] = [],
  ): Promise<VerifyResult> {
    const asked = checks.flatMap(({ host }) => host ?? []);
    const fault = world
      .glance()
      .faults.find(
        ({ environment, activity: broken, host }) =>
          environment === placeOf(target).key &&
          broken === activity &&
          (host === null || asked.includes(host)),
      );
    const strikes = fault !== undefined && fault.after === 0 && fault.times !== 0;
    await call(activity, placeOf(target), () => undefined, colour, fault?.host ?? null);
    const kind = strikes ? fault.kind : null;
    const check = checks.find(({ host }) => host !== undefined && host === fault?.host)?.name;
    if (kind === 'say-no') return verdict('failed', '/health answered 500', check);
    if (kind === 'inconclusive') return verdict('inconclusive', 'no route to host', check);
    return verdict('passed', 'all answered');
  }

  const putIn = options.client === undefined ? null : createPutIn(options.client);
  /** As a worker puts it in. */
  const targetOnHosts = async (work: OnHosts): Promise<Target> =>
    targetOf(putIn === null ? work : await putIn(work, Context.current().info));

  return strikeByCaller(world, {
    resolvePlan: (request) =>
      call('resolvePlan', NOWHERE, (_, _half, { plans }) => {
        const plan = options.plan?.(request) ?? plans[planKey(request.pipeline, request.commit)];
        if (plan === undefined) throw ApplicationFailure.nonRetryable('this test gave no plan');
        return plan;
      }),
    runGate: ({ gate, plan }) =>
      call('runGate', { key: plan.pipeline, hosts: [] }, () => ({
        kind: 'gate',
        name: gate.name,
        ...(ODD_GATES[gate.name] ?? { verdict: 'pass', note: null }),
        by: null,
        at: new Date(0).toISOString(),
      })),
    buildArtifacts: ({ plan, evidence = [] }) =>
      call('buildArtifacts', { key: plan.pipeline, hosts: [] }, (_, half, state) => {
        const { digest, adopted } = buildOnce(state, planKey(plan.pipeline, plan.commit.sha), half);
        const artifacts = plan.artifacts.map((artifact) => ({
          name: artifact.name,
          kind: artifact.kind,
          repository: artifact.kind === 'image' ? artifact.repository : artifact.folder,
          digest,
          ...forcedIn(evidence),
        }));
        const isDoubtful = !adopted && artifacts.some(({ name }) => name === 'doubtful');
        return { artifacts, adopted, ...(isDoubtful ? { note: 'built anew: nobody vouches for it' } : {}) };
      }),
    tagArtifacts: ({ target }) =>
      call('tagArtifacts', placeOf(target), (environment) => {
        const digest = target.artifacts[0]?.digest ?? '';
        for (const tag of target.plan.tags) environment.tags[tag] = digest;
        return { tags: target.plan.tags };
      }),

    // Talking to an environment is no side effect on the fake world: the real thing, on the run's server.
    announce: (input) => environments(options).announce(input),
    requestChange: (input) => environments(options).requestChange(input),
    withdrawRequest: (input) => environments(options).withdrawRequest(input),
    askEnvironment: (input) => environments(options).askEnvironment(input),
    ...fakeWords(options, call),
    nextOpening: async ({ window }) => ({ opensAt: options.opensAt?.(window) ?? null }),
    passFreeze: async () => {
      const frozen = options.frozen?.() ?? null;
      const at = new Date(0).toISOString();
      const evidence = { kind: 'wait', name: 'freeze', verdict: 'pass', by: null, at, note: null } as const;
      return frozen === null ? { frozen, evidence } : { frozen, evidence: null };
    },
    listAncestors: async ({ commit, candidates }) => ({
      ancestors: options.ancestors?.(commit, candidates) ?? [],
    }),

    // GitHub knows nothing, and takes everything.
    recordDeployment: async () => ({ deploymentId: 1, adopted: false, inactivated: [] }),
    setCommitStatus: async ({ environment }) => ({ context: `slipway/${environment}`, written: true }),
    commentOnPullRequest: async () => ({ commentUrl: null }),
    ...options.github,

    preflight: async ({ target }) => {
      const { key } = placeOf(target);
      const faults = world.glance().faults.filter((each) => each.environment === key && each.times !== 0);
      const problem = faults.some(({ kind }) => kind === 'problem');
      const warns = faults.some(({ kind }) => kind === 'warn');
      await call('preflight', placeOf(target), () => undefined);
      const unreachable = target.plan.hosts
        .filter(({ name }) => isAway(world, placeOf(target).key, name))
        .map(({ name }) => ({ host: name, why: 'no route to host' }));
      const where = target.plan.hosts[0]?.name ?? '';
      const disk = { where, thing: 'disk', message: 'the disk is 91 % full', wayOut: 'remove old images' };
      if (!problem) return { findings: warns ? [{ ...disk, state: 'warning' }] : [], unreachable };
      return {
        findings: [
          { where, thing: 'registry', state: 'problem', message: 'no credentials', wayOut: 'docker login' },
        ],
      };
    },
    claim: ({ target }) =>
      call('claim', placeOf(target), (environment, half) => ({
        serving: target.live === null ? servedIn(environment) : null,
        hosts: hostsOf(environment, target, half).map(([host, fake]) => {
          const previousToken = fake.fence;
          raiseFence(fake, target, host);
          return { host, hostId: fake.hostId, previousToken };
        }),
      })),
    proveWayBack: ({ target }) =>
      call('proveWayBack', placeOf(target), (environment) => ({
        wayBack: target.live === null ? 'first-deploy' : 'proven',
        note: target.live === null ? 'first release' : `way back to ${target.live.version} proven`,
        prior: hostsOf(environment, target, false).map(([host, fake]) => ({
          host,
          hostId: fake.hostId,
          platform: fake.slots[slotOf(target)],
          ...servedAt(environment, host),
        })),
      })),
    ...fakeDatabase(call),
    deploy: async (work) => {
      const target = await targetOnHosts(work);
      return await call(
        'deploy',
        placeOf(target),
        (environment, half) => {
          for (const [host, fake] of hostsOf(environment, target, half)) {
            checkFence(fake, target, host);
            fake.slots[slotOf(target)] = runningOf(target);
          }
          const receipt = receiptFor('deploy', target);
          return { note: `${target.plan.hosts.length} on ${target.version}`, receipt };
        },
        target.colour,
        work.host,
      );
    },
    stopHost: async (work) => {
      const target = await targetOnHosts(work);
      return await call(
        'stopHost',
        placeOf(target),
        (environment, half) => {
          for (const [host, fake] of hostsOf(environment, target, half)) {
            checkFence(fake, target, host);
            fake.slots[slotOf(target)] = null;
            if (target.plan.traffic?.proxies !== undefined)
              Object.assign(fake.slots, { blue: null, green: null });
          }
          return { outcome: 'undone' as const, note: 'stopped' };
        },
        null,
        work.host,
      );
    },
    verify: async ({ target, checks, colour }) => ({
      ...(await look('verify', target, colour, checks)),
      receipt: receiptFor('verify', target),
    }),
    measureBaseline: ({ target }) =>
      call('measureBaseline', placeOf(target), () => ({ baseline: { errors: 0.01 } })),
    bake: ({ target, colour }) => look('bake', target, colour),
    ...fakeTraffic(call, targetOnHosts),
    undoDeploy: async (work) => {
      const target = await targetOnHosts(work);
      const { prior } = work;
      return await call(
        'undoDeploy',
        placeOf(target),
        (environment, half): UndoResult => {
          const here = prior.filter(({ host }) => target.plan.hosts.some(({ name }) => name === host));
          const outcomes = (half ? here.slice(0, 1) : here).map((one) => restore(environment, target, one));
          return outcomes.includes('undone')
            ? { outcome: 'undone', note: 'as before' }
            : { outcome: 'never-ran', note: 'was as before' };
        },
        target.colour,
        work.host,
      );
    },
    takeOver: ({ target }) =>
      call('takeOver', placeOf(target), (environment) => {
        const killed: string[] = [];
        for (const [host, fake] of hostsOf(environment, target, false)) {
          raiseFence(fake, target, host);
          killed.push(...fake.stale.splice(0));
        }
        const isOne = target.plan.traffic?.proxies === undefined;
        return { serving: isOne ? environment.proxy : null, killed };
      }),
    inspectEnvironment: async () => ({ findings: [], log: [] }),
  });
}

/** Preflight struck for this host: it names it as one that cannot be asked. */
function isAway(world: World, key: string, host: string): boolean {
  return world
    .glance()
    .faults.some(
      (fault) =>
        fault.environment === key &&
        fault.activity === 'preflight' &&
        fault.host === host &&
        fault.times !== 0,
    );
}

/** No two builds of a commit are alike; what was pushed is adopted. `half`: it died before the push. */
function buildOnce(
  { builds }: WorldState,
  commit: string,
  half: boolean,
): { digest: string; adopted: boolean } {
  const build = (builds[commit] ??= { begun: 0, pushed: null });
  const adopted = build.pushed !== null;
  if (!adopted) build.begun += 1;
  const digest = build.pushed ?? `sha256:${commit.split(' ')[1] ?? ''}${'f'.repeat(build.begun - 1)}`;
  if (!half) build.pushed = digest;
  return { digest, adopted };
}

function verdict(verdict: VerifyResult['verdict'], detail: string, check = 'health'): VerifyResult {
  return {
    verdict,
    note: detail,
    outcomes: [{ check, verdict, detail }],
    logTail: verdict === 'failed' ? 'KeyError: region' : null,
  };
}

function environments({ client, taskQueue }: FakeOptions): EnvironmentActivities {
  if (client === undefined) throw ApplicationFailure.nonRetryable('this test gave no client');
  return createEnvironmentActivities({ client, taskQueue: taskQueue ?? Context.current().info.taskQueue });
}
