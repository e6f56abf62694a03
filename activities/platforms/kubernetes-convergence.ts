/** Waits until a workload is what it was asked to be, and stays so; fails as soon as it is clear that it will not. */
import { setTimeout as pause } from 'node:timers/promises';
import { foreignHand, refused } from '../failure.js';
import { requireOurs } from '../kubernetes/cluster-fence.js';
import type { Pod, Workload } from '../kubernetes/objects.js';
import { FirstSights } from './convergence.js';
import { placeOf } from './host-question.js';
import { judgeWorkload, keyOf, type Cause, type Judgement } from './kubernetes-judgement.js';
import {
  missingWorkload,
  readBelongings,
  readPodLog,
  readWarnings,
  readWorkload,
  thingOf,
  type WorkloadName,
} from './kubernetes-workload.js';
import type { PlatformContext } from './platform.js';

const LOOK_EVERY_MS = 300;
/** A pod without a readiness probe counts as ready as soon as it runs: it has to last a little. */
const STABLE_UNPROBED_MS = 5_000;
const STABLE_MS = 1_000;
const WARNINGS_SHOWN = 3;

/** How long what may pass by itself is waited for: a node that is being added, a secret that an operator brings. */
const PATIENCE_MS: Partial<Record<Cause, number>> = {
  unschedulable: 60_000,
  'image-unavailable': 60_000,
  'cannot-start': 15_000,
  quota: 30_000,
  'cannot-create': 15_000,
};

export interface Awaited {
  name: WorkloadName;
  container: string;
  /** `repository@sha256:…` */
  image: string;
  /** A retired colour is meant to have no pods. */
  mayBeEmpty: boolean;
}

type Failed = Extract<Judgement, { state: 'failed' }>;

/**
 * Resolves with a note when every pod is one of the new revision, ready, and has been for its window. Throws Refused
 * with the cause by name, StaleFence and ForeignHand as every write does.
 */
export async function awaitRollout(context: PlatformContext, awaited: Awaited): Promise<string> {
  const { timeoutMs } = context.target.plan;
  const deadline = performance.now() + timeoutMs;
  const troubled = new FirstSights();
  const ready = new FirstSights();
  const patience = (key: string): number => {
    const longest = Object.entries(PATIENCE_MS).find(([cause]) => key.endsWith(` ${cause}`))?.[1];
    // what is given up on is given up on before our own deadline
    return longest === undefined ? Number.POSITIVE_INFINITY : Math.min(longest, timeoutMs / 2);
  };
  for (;;) {
    const workload = await readOurs(context, awaited);
    const belongings = await readBelongings(context, awaited.name, workload);
    const judgement = judgeWorkload({
      ...awaited,
      kind: awaited.name.kind,
      ...{ workload, belongings },
      stuck: troubled.olderThan(patience),
      late: performance.now() > deadline,
    });
    if (judgement.state === 'failed') throw await explain(context, awaited, workload, judgement);
    context.progress(`${thingOf(awaited.name)} ${judgement.note}`);
    if (judgement.state === 'steady') {
      const keys = judgement.pods.map(runOf);
      ready.see(keys);
      const stable = ready.olderThan(windowMs(workload));
      if (keys.every((key) => stable.has(key))) return `${thingOf(awaited.name)} ${judgement.note}`;
    } else {
      troubled.see(judgement.troubles.map(keyOf));
      ready.see([]);
    }
    await pause(LOOK_EVERY_MS, undefined, { signal: context.signal });
  }
}

/** A pod between two restarts of its containers. */
function runOf({ metadata, status }: Pod): string {
  return [metadata.uid, ...(status.containerStatuses ?? []).map((each) => each.restartCount)].join(' ');
}

function windowMs({ spec: { template } }: Workload): number {
  const isProbed = template.spec.containers.every(({ readinessProbe }) => readinessProbe !== undefined);
  return isProbed ? STABLE_MS : STABLE_UNPROBED_MS;
}

async function readOurs(context: PlatformContext, { name }: Awaited): Promise<Workload> {
  const workload = await readWorkload(context, name);
  if (workload === null) throw missingWorkload(context, name);
  const { fence } = context;
  requireOurs({ thing: thingOf(name), where: placeOf(context), fence }, workload.metadata);
  return workload;
}

async function explain(
  context: PlatformContext,
  { name }: Awaited,
  workload: Workload,
  { cause, detail, pod, container }: Failed,
): Promise<Error> {
  const where = placeOf(context);
  if (cause === 'overwritten')
    return foreignHand({
      what: `${thingOf(name)}: somebody else changed the image while this release waited`,
      where,
      why: detail,
      wayOut: 'find out who deployed by hand, then release again',
    });
  const { logTail } = context.target.plan;
  const warnings = await readWarnings(context, name.namespace, (pod ?? workload).metadata.uid);
  const said = warnings
    .slice(-WARNINGS_SHOWN)
    .map(({ reason, message }) => `${reason ?? ''}: ${message ?? ''}`);
  const log = pod === null || container === null ? '' : await readPodLog(context, pod, container, logTail);
  const why = [...said, log].filter((text) => text !== '').join('\n');
  const { what, wayOut } = sentenceFor(cause, name);
  return refused({
    what: detail === '' ? what : `${what} (${detail})`,
    where,
    why: why === '' ? null : why,
    wayOut: pod === null ? wayOut : wayOut.replaceAll('POD', pod.metadata.name),
  });
}

/** What people are told of a cause, with the workload's name in it. */
export function sentenceFor(cause: Cause, name: WorkloadName): { what: string; wayOut: string } {
  const { what, wayOut } = SENTENCES[cause];
  return {
    what: `${thingOf(name)}: ${what}`,
    wayOut: wayOut.replaceAll('WORKLOAD', thingOf(name)).replaceAll('NAMESPACE', name.namespace),
  };
}

const SENTENCES: Record<Cause, { what: string; wayOut: string }> = {
  'no-replicas': {
    what: 'it asks for 0 replicas, so nothing would run',
    wayOut: 'kubectl scale --namespace NAMESPACE WORKLOAD --replicas=1, then release again',
  },
  paused: {
    what: 'its rollout is paused, so nothing would happen',
    wayOut: 'kubectl rollout resume --namespace NAMESPACE WORKLOAD, then release again',
  },
  'held-back': {
    what: 'its update strategy keeps old pods until somebody removes them',
    wayOut: 'use updateStrategy RollingUpdate without a partition',
  },
  overwritten: { what: 'it was changed by somebody else', wayOut: 'release again' },
  quota: {
    what: 'its pods are not created: the quota of the namespace is used up',
    wayOut: 'kubectl describe quota --namespace NAMESPACE shows it; ask for less, or raise it',
  },
  'cannot-create': {
    what: 'its pods are not created: the cluster refuses them',
    wayOut: 'correct what it says: a policy of the cluster, a missing service account, a limit',
  },
  unschedulable: {
    what: 'no node takes its pod',
    wayOut: 'look at requests, selectors, taints and volumes: kubectl describe pod --namespace NAMESPACE POD',
  },
  'image-unavailable': {
    what: 'a node cannot pull its image',
    wayOut:
      'see that the image is in the registry, and that the pod has an imagePullSecret for it (docs/kubernetes.md#images)',
  },
  'cannot-start': {
    what: 'its container cannot be started',
    wayOut: 'correct the secret, config map, volume or command that is named',
  },
  exited: {
    what: 'its container exits',
    wayOut: 'the log says why: kubectl logs --namespace NAMESPACE POD --previous',
  },
  'out-of-memory': {
    what: 'its container needs more memory than its limit',
    wayOut: 'raise resources.limits.memory, or let the application use less',
  },
  'not-ready': {
    what: 'its pod never becomes ready',
    wayOut:
      'correct what the readiness probe asks, or give a slow start more time: timeout: of the environment',
  },
  'progress-deadline': {
    what: 'it made no progress within its progressDeadlineSeconds',
    wayOut: 'kubectl describe --namespace NAMESPACE WORKLOAD says what it waits for',
  },
  timeout: {
    what: 'it did not converge in time',
    wayOut: 'give the environment a longer timeout:, or make the start faster',
  },
};
