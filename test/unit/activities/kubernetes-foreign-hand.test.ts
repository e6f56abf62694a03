/** What is said of a workload that is no more what a release made of it: the image and the rest are told apart. */
import { expect, test } from 'vitest';
import { detailsOf } from '../../../activities/failure.js';
import { workloadSchema, type Workload } from '../../../activities/kubernetes/objects.js';
import { requireOurWork, type Prior } from '../../../activities/platforms/kubernetes-prior.js';
import { hashRest } from '../../../activities/platforms/kubernetes-workload.js';
import type { PlatformContext } from '../../../activities/platforms/platform.js';

const REPOSITORY = 'cr.example.com/team/app';
const image = (digit: string): string => `${REPOSITORY}@sha256:${digit.repeat(64)}`;
const [BEFORE, RELEASE, STRANGE] = [image('1'), image('2'), image('3')];

interface Written {
  image: string;
  env?: string;
  managedFields?: unknown[];
}

function given({ image: own, env = 'as-it-was', managedFields }: Written): Workload {
  return workloadSchema.parse({
    metadata: { name: 'app', uid: 'w', resourceVersion: '1', managedFields },
    spec: {
      selector: {},
      template: { spec: { containers: [{ name: 'app', image: own, env: [{ name: 'MODE', value: env }] }] } },
    },
    status: {},
  });
}

const PRIOR: Prior = {
  ...{ kind: 'kubernetes', thing: 'deployment/app', container: 'app', written: BEFORE, image: BEFORE },
  ...{ rest: hashRest(given({ image: BEFORE }), 'app') },
  ...{ revision: '1', replicas: 2, retired: null, changeCause: null },
};

function judge(written: Written): unknown {
  const artifact = { name: 'app', kind: 'image', repository: REPOSITORY, digest: RELEASE.split('@')[1] };
  const plan = { name: 'prod', platform: { kind: 'kubernetes', namespace: 'web' } };
  const context: unknown = { host: { name: 'cluster' }, target: { plan, artifacts: [artifact] } };
  const name = { kind: 'deployment', name: 'app', namespace: 'web' } as const;
  try {
    return requireOurWork(context as PlatformContext, name, PRIOR, given(written));
  } catch (error) {
    return detailsOf(error);
  }
}

const TEMPLATE = { 'f:spec': { 'f:template': {} } };
const WRITERS = [
  { manager: 'kubectl-create', time: '2026-11-01T08:00:00Z', fieldsV1: TEMPLATE },
  { manager: 'slipway', time: '2026-11-22T10:00:00Z', fieldsV1: TEMPLATE },
  { manager: 'kube-controller-manager', time: '2026-11-22T12:00:00Z', fieldsV1: { 'f:status': {} } },
  { manager: 'kubectl-set', time: '2026-11-22T11:00:00Z', fieldsV1: TEMPLATE },
];

test('what was there before, and what this release wrote, is known', () => {
  expect(judge({ image: BEFORE })).toBe(true);
  expect(judge({ image: RELEASE })).toBe(false);
});

test.each([
  ["this release's", RELEASE],
  ['the one that was there before', BEFORE],
])('a changed variable is not told as another image: it is %s', (whose, own) => {
  expect(judge({ image: own, env: 'by-hand', managedFields: WRITERS })).toMatchObject({
    what: `deployment/app: its image is ${whose}, but its pod template was changed by somebody else`,
    why: 'its pod template was also written by kubectl-set on 2026-11-22T11:00:00Z, kubectl-create on 2026-11-01T08:00:00Z',
  });
});

test('another image is, with what was there before', () => {
  expect(judge({ image: STRANGE, managedFields: WRITERS })).toMatchObject({
    what: `deployment/app: neither what this release wrote nor what was there before: it runs ${STRANGE}`,
    why: expect.stringMatching(`^before: ${BEFORE}\nits pod template was also written by kubectl-set on `),
  });
});

test('nobody is named whom the cluster does not know', () => {
  expect(judge({ image: RELEASE, env: 'by-hand' })).toMatchObject({ why: null });
});
