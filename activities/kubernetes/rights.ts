/** What the kubeconfig's user may do, as the cluster itself says. */
import { z } from 'zod';
import { refused } from '../failure.js';
import type { Cluster } from './cluster.js';

export interface Right {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string;
  name?: string;
}

const reviewSchema = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) });

export async function hasRight(cluster: Cluster, right: Right, signal?: AbortSignal): Promise<boolean> {
  const answer = await cluster.ask({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: right },
    },
    ...(signal === undefined ? {} : { signal }),
  });
  return reviewSchema.parse(answer).status.allowed;
}

/** `patch pods/log`. */
export function nameRight({ verb, resource, subresource }: Right): string {
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** How to get it. */
export function rightWayOut({ namespace = '' }: Right): string {
  return `give the kubeconfig's user a Role with it in namespace ${namespace} (docs/kubernetes.md#rights)`;
}

export async function requireRight(cluster: Cluster, where: string, right: Right): Promise<void> {
  if (await hasRight(cluster, right)) return;
  const what = `the kubeconfig's user may not ${nameRight(right)}`;
  throw refused({ what, where, why: null, wayOut: rightWayOut(right) });
}
