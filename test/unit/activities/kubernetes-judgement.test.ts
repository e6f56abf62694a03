/** The verdict on a rollout, from objects as an API server gives them. */
import { describe, expect, test } from 'vitest';
import {
  podSchema,
  replicaSetSchema,
  workloadSchema,
  type Pod,
} from '../../../activities/kubernetes/objects.js';
import {
  judgeWorkload,
  type Judgement,
  type Look,
} from '../../../activities/platforms/kubernetes-judgement.js';

const NEW = `cr.io/app@sha256:${'b'.repeat(64)}`;
const OLD = `cr.io/app@sha256:${'a'.repeat(64)}`;
const REVISION = 'deployment.kubernetes.io/revision';

interface Change {
  image?: string;
  replicas?: number;
  generation?: number;
  observed?: number;
  counts?: Partial<Record<'replicas' | 'updatedReplicas' | 'availableReplicas', number>>;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  paused?: boolean;
}

function deployment(change: Change): Look['workload'] {
  const {
    image = NEW,
    replicas = 2,
    generation = 3,
    observed = generation,
    counts,
    conditions,
    paused,
  } = change;
  const all = { replicas, updatedReplicas: replicas, availableReplicas: replicas, ...counts };
  return workloadSchema.parse({
    metadata: {
      ...{ name: 'app', uid: 'deployment-1', resourceVersion: '9', generation },
      annotations: { [REVISION]: '2' },
    },
    spec: {
      replicas,
      ...(paused === undefined ? {} : { paused }),
      selector: { matchLabels: { app: 'app' } },
      template: {
        spec: {
          containers: [{ name: 'app', image, readinessProbe: { httpGet: { path: '/ready', port: 'http' } } }],
        },
      },
    },
    status: { observedGeneration: observed, ...all, ...(conditions === undefined ? {} : { conditions }) },
  });
}

function replicaSet(revision: string, conditions: unknown[] = []): Look['belongings']['replicaSets'][number] {
  return replicaSetSchema.parse({
    metadata: {
      ...{ name: `app-${revision}`, uid: `set-${revision}`, resourceVersion: '1' },
      annotations: { [REVISION]: revision },
    },
    spec: {},
    status: { conditions },
  });
}

let pods = 0;
function pod(
  revision: string,
  {
    ready = true,
    status = {},
    container = {},
  }: { ready?: boolean; status?: object; container?: object } = {},
): Pod {
  pods += 1;
  return podSchema.parse({
    metadata: {
      ...{ name: `app-${pods}`, uid: `pod-${pods}`, resourceVersion: '1' },
      ownerReferences: [{ kind: 'ReplicaSet', uid: `set-${revision}`, controller: true }],
    },
    spec: { containers: [{ name: 'app', image: revision === '2' ? NEW : OLD }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'app', ready, restartCount: 0, ...container }],
      ...status,
    },
  });
}

function judge(change: Change, present: Pod[], look: Partial<Look> = {}): Judgement {
  return judgeWorkload({
    kind: 'deployment',
    workload: deployment(change),
    belongings: { replicaSets: [replicaSet('1'), replicaSet('2')], pods: present },
    ...{ container: 'app', image: NEW, mayBeEmpty: false, stuck: new Set<string>(), late: false },
    ...look,
  });
}

const waiting = (reason: string, message = ''): { ready: boolean; container: object } => ({
  ready: false,
  container: { state: { waiting: { reason, message } } },
});

describe('when it is there', () => {
  test('all pods of the new revision are ready, and no others are left', () => {
    expect(judge({}, [pod('2'), pod('2')])).toMatchObject({
      state: 'steady',
      note: '2 of 2 on the new image',
    });
  });

  test.each<[string, Change, () => Pod[]]>([
    ['the cluster has not looked at it', { generation: 4, observed: 3 }, () => [pod('2'), pod('2')]],
    ['an old pod is left', { counts: { replicas: 3 } }, () => [pod('2'), pod('2'), pod('1')]],
    ['old pods are left that no number counts any more', {}, () => [pod('2'), pod('2'), pod('1')]],
    ['the numbers are right, and the pods are the old revision’s', {}, () => [pod('1'), pod('1')]],
    ['one is not available yet', { counts: { availableReplicas: 1 } }, () => [pod('2'), pod('2')]],
    ['one of them is not ready', {}, () => [pod('2'), pod('2', { ready: false })]],
  ])('not when %s', (_what, change, present) => {
    expect(judge(change, present())).toMatchObject({ state: 'converging' });
  });

  test('none is wanted of a colour that was retired, and only there', () => {
    expect(judge({ replicas: 0 }, [], { mayBeEmpty: true })).toMatchObject({ state: 'steady' });
    expect(judge({ replicas: 0 }, [])).toMatchObject({ state: 'failed', cause: 'no-replicas' });
  });
});

describe('what keeps it is named', () => {
  test.each<[string, string, Change, () => Pod[]]>([
    ['another image', 'overwritten', { image: OLD }, () => []],
    ['a paused rollout', 'paused', { paused: true }, () => []],
    [
      'an image nobody has',
      'image-unavailable',
      {},
      () => [pod('2', waiting('ErrImagePull', 'manifest unknown'))],
    ],
    [
      'a registry that wants a login',
      'image-unavailable',
      {},
      () => [pod('2', waiting('ImagePullBackOff', '401 Unauthorized'))],
    ],
    ['a name that is none', 'image-unavailable', {}, () => [pod('2', waiting('InvalidImageName'))]],
    [
      'a crash for the third time',
      'exited',
      {},
      () => [
        pod('2', {
          ready: false,
          container: {
            restartCount: 2,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 1 } },
          },
        }),
      ],
    ],
    [
      'too little memory for the third time',
      'out-of-memory',
      {},
      () => [
        pod('2', {
          ready: false,
          container: { restartCount: 2, state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
        }),
      ],
    ],
  ])('%s', (_what, cause, change, present) => {
    expect(judge(change, present())).toMatchObject({ state: 'failed', cause });
  });

  test.each<[string, string, () => Pod]>([
    ['a registry that is away', 'image-unavailable', () => pod('2', waiting('ErrImagePull', 'i/o timeout'))],
    [
      'a secret that an operator may still bring',
      'cannot-start',
      () => pod('2', waiting('CreateContainerConfigError')),
    ],
    [
      'a first crash',
      'exited',
      () => pod('2', { ready: false, container: { state: { terminated: { exitCode: 1 } } } }),
    ],
    [
      'no node, while one may be added',
      'unschedulable',
      () =>
        pod('2', {
          ready: false,
          status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] },
        }),
    ],
    ['a probe that says no', 'not-ready', () => pod('2', { ready: false })],
  ])('%s is waited for, and is the verdict when time is over', (_what, cause, present) => {
    const one = present();
    expect(judge({}, [one])).toMatchObject({ state: 'converging' });
    expect(judge({}, [one], { late: true })).toMatchObject({ state: 'failed', cause });
    const stuck = new Set([`${one.metadata.uid} ${cause}`]);
    expect(judge({}, [one], { stuck })).toMatchObject({ state: 'failed', cause });
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
    expect(judge({ conditions }, [one])).toMatchObject({ state: 'failed', cause });
  });

  test('the cluster’s own deadline, when no pod says more', () => {
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
    expect(judge({ conditions }, [pod('1')])).toMatchObject({ state: 'failed', cause: 'progress-deadline' });
  });

  test.each([
    ['pods "app-x" is forbidden: exceeded quota: small, requested: pods=1', 'quota'],
    ['admission webhook "policy" denied the request', 'cannot-create'],
  ])('pods that are not created: %s', (message, cause) => {
    const refusal = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }];
    const belongings = { replicaSets: [replicaSet('1'), replicaSet('2', refusal)], pods: [pod('1')] };
    expect(judge({}, [], { belongings })).toMatchObject({ state: 'converging' });
    const stuck = new Set([`workload ${cause}`]);
    expect(judge({}, [], { belongings, stuck })).toMatchObject({ state: 'failed', cause, detail: message });
  });

  test('what a strategy keeps for ever', () => {
    const workload = deployment({});
    workload.spec.updateStrategy = { type: 'OnDelete' };
    expect(judge({}, [], { kind: 'statefulset', workload })).toMatchObject({ cause: 'held-back' });
    workload.spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };
    expect(judge({}, [], { kind: 'statefulset', workload })).toMatchObject({ cause: 'held-back' });
  });
});
