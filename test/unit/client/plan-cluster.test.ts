/** `slipway plan` of a cluster: there are no hosts of ours, and the workload is there before its first release. */
import { describe, expect, it } from 'vitest';
import { renderPlan } from '../../../client/render/plan.js';
import { makeStyle } from '../../../client/render/style.js';
import type { EnvironmentPlan } from '../../../pipeline/plan.js';
import type { PlatformPlan } from '../../../pipeline/plan-platform.js';
import { givenPlan, givenPlanInPlace, givenRecord, givenReleasePlan } from '../../support/given.js';
import { givenEnvironment } from './given-status.js';

const style = makeStyle({ ascii: true, colour: false, columns: 100 });
const onCluster = (namespace: string | null): { hosts: []; platform: PlatformPlan } => ({
  hosts: [],
  platform: {
    ...{ kind: 'kubernetes', resource: 'deployment/app-{colour}', container: null },
    ...{ namespace, kubeconfig: null },
  },
});

function screenOf(plan: EnvironmentPlan, isLive = false): string {
  const live = isLive ? givenRecord(plan, 'v1', 'green') : null;
  const status = new Map([[plan.name, givenEnvironment({ live })]]);
  const nothing = { commitsSince: new Map(), isPolicyKnown: true, uncertain: [], refused: [] };
  return renderPlan(style, {
    plan: givenReleasePlan([plan]),
    status,
    ...nothing,
    command: 'slipway release',
  });
}

describe('a plan for a cluster', () => {
  it.each([
    [givenPlan(onCluster(null)), false, 'the idle colour, kubernetes deployment/app-{colour}'],
    [
      givenPlan(onCluster('shop')),
      true,
      'blue, kubernetes deployment/app-{colour}, in namespace shop; green v1 keeps the traffic',
    ],
    [givenPlanInPlace(onCluster(null)), false, 'in place, kubernetes deployment/app-{colour}'],
  ])('names no host where there is none', (plan, isLive, said) => {
    expect(screenOf(plan, isLive).split('\n')).toContain(`  deploy    ${said}`);
  });

  it('says that the first undo rolls out what is there before, and takes away what was not', () => {
    const first = (platform: PlatformPlan): string => screenOf(givenPlanInPlace({ platform }));
    const again = 'a first release has none: undo rolls out the image again that is there before';
    expect(first(onCluster(null).platform)).toContain(again);
    const service = { kind: 'swarm', service: 'web' } as const;
    expect(first({ ...givenPlan().platform, ...service } as PlatformPlan)).toContain(again);
    expect(screenOf(givenPlanInPlace())).toContain('a first release has none: undo means removing it');
  });
});
