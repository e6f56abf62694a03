/** What kwok makes of pods and nodes: ready at once, or for ever in the state that their image's digest stands for. */

/** Last digit of the image's digest → what becomes of its pods. */
export const BAD_PODS = {
  'never-ready': 'a',
  crashes: 'b',
  'out-of-memory': 'c',
  'no-image': 'd',
  'bad-config': 'e',
} as const;

export type BadPod = keyof typeof BAD_PODS;

export const POD_REPOSITORY = 'registry.test/team/app';

export function digestOfRelease(digit: string): string {
  return `sha256:${digit.repeat(64)}`;
}

/** Does the last digit of a digest stand for pods that come up? */
export function isGoodDigest(digest: string): boolean {
  return !Object.values<string>(BAD_PODS).includes(digest.slice(-1));
}

const CRASHED = (reason: string, exitCode: number): Record<string, unknown> => ({
  restartCount: 3,
  state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' } },
  lastState: { terminated: { exitCode, reason } },
});

const WAITING = (reason: string, message: string): Record<string, unknown> => ({
  restartCount: 0,
  state: { waiting: { reason, message } },
});

const CONTAINER_IS: Record<BadPod, Record<string, unknown>> = {
  'never-ready': { restartCount: 0, state: { running: {} } },
  crashes: CRASHED('Error', 3),
  'out-of-memory': CRASHED('OOMKilled', 137),
  'no-image': WAITING(
    'ImagePullBackOff',
    `Back-off pulling image: ErrImagePull: ${POD_REPOSITORY}: not found`,
  ),
  'bad-config': WAITING('CreateContainerConfigError', 'secret "database" not found'),
};

const DIGIT =
  '.spec.containers.[].image | (capture("@sha256:[0-9a-f]{63}(?<last>[0-9a-f])$").last // "none")';
const IS_NEW = [
  { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' },
  { key: '.status.podIP', operator: 'DoesNotExist' },
];

/** Documents for `kwok --config`. */
export function stages(): string {
  const bad = (Object.keys(CONTAINER_IS) as BadPod[]).map((name) => {
    return podStage(`pod-${name}`, [...IS_NEW, { key: DIGIT, operator: 'In', values: [BAD_PODS[name]] }], {
      ready: 'False',
      phase: name === 'no-image' || name === 'bad-config' ? 'Pending' : 'Running',
      container: CONTAINER_IS[name],
    });
  });
  const good = podStage(
    'pod-ready',
    [...IS_NEW, { key: DIGIT, operator: 'NotIn', values: Object.values(BAD_PODS) }],
    { ready: 'True', phase: 'Running', container: { restartCount: 0, state: { running: {} } } },
  );
  const gone = stage('pod-delete', 'Pod', [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }], {
    finalizers: { empty: true },
    delete: true,
  });
  const node = stage('node-ready', 'Node', [{ key: '.status.phase', operator: 'DoesNotExist' }], {
    statusTemplate: `
conditions:
{{ range NodeConditions }}
- {type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }}, message: {{ .message | Quote }}, lastHeartbeatTime: {{ Now | Quote }}, lastTransitionTime: {{ Now | Quote }}}
{{ end }}
phase: Running`,
  });
  return [good, ...bad, gone, node].map((each) => JSON.stringify(each)).join('\n---\n');
}

function podStage(
  name: string,
  selector: unknown[],
  { ready, phase, container }: { ready: string; phase: string; container: Record<string, unknown> },
): unknown {
  return stage(name, 'Pod', selector, {
    statusTemplate: `
{{ $now := Now }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "${ready}", lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "${ready}", lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  ready: ${ready === 'True'}
${Object.entries(container)
  .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`)
  .join('\n')}
{{ end }}
podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
phase: ${phase}
startTime: {{ $now | Quote }}`,
  });
}

function stage(name: string, kind: string, matchExpressions: unknown[], next: unknown): unknown {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, next },
  };
}
