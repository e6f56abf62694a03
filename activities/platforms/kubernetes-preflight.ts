/** What must be true of a cluster before a release is sent there: credentials, rights, the workload. Read only. */
import { z } from 'zod';
import type { PreflightFinding } from '../../workflows/activity-contract.js';
import { otherColour } from '../../workflows/colours.js';
import type { FailureDetails } from '../../workflows/failures.js';
import { detailsOf, isRefusal } from '../failure.js';
import type { Cluster } from '../kubernetes/cluster.js';
import { OWNER_ANNOTATION } from '../kubernetes/cluster-fence.js';
import { listOf } from '../kubernetes/objects.js';
import { hasRight, nameRight, rightWayOut, type Right } from '../kubernetes/rights.js';
import { finding, lookAtHost } from './host-findings.js';
import { retiredFrom } from './kubernetes-prior.js';
import {
  containerOf,
  missingWayOut,
  readWorkload,
  thingOf,
  workloadNamed,
  type WorkloadName,
} from './kubernetes-workload.js';
import type { PlatformContext } from './platform.js';

/** A release that ends with credentials that have ended cannot be undone. */
const SOON_MS = 24 * 3_600_000;

const quotaSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  status: z
    .looseObject({
      hard: z.record(z.string(), z.string()).optional(),
      used: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
});

export async function preflight(context: PlatformContext): Promise<PreflightFinding[]> {
  const onWorker = await lookAtWorker(context);
  const credentials = await lookAtCluster(context);
  if (credentials.cluster === null) return [...credentials.findings, ...onWorker];
  const { cluster } = credentials;
  const name = workloadNamed(context);
  const rights = await lookAtRights(context, cluster, name);
  const mayRead = rights.every(
    ({ thing, state }) => state !== 'problem' || !thing.endsWith(`get ${name.kind}s`),
  );
  return [
    ...credentials.findings,
    ...rights,
    ...(mayRead ? [...(await lookAtWorkload(context, name)), ...(await lookAtOther(context, name))] : []),
    ...(await lookAtQuota(context, cluster, name)),
    ...onWorker,
  ];
}

/** Only what the file asks for: nothing else of the worker matters to a cluster. */
async function lookAtWorker(context: PlatformContext): Promise<PreflightFinding[]> {
  const { commands, files, ports } = context.target.plan.preflight;
  if (commands.length + files.length + ports.length === 0) return [];
  return await lookAtHost(context, { dataFolder: '/', ownPorts: [] });
}

/** Credentials that are refused are a finding; a cluster that does not answer is asked again. */
export async function lookAtCluster(
  context: PlatformContext,
): Promise<{ findings: PreflightFinding[]; cluster: Cluster | null }> {
  try {
    const cluster = await context.cluster();
    const answer = await cluster.ask({ method: 'GET', path: '/version', signal: context.signal });
    const version = z.looseObject({ gitVersion: z.string() }).safeParse(answer).data?.gitVersion ?? '?';
    // /version is open to everybody: who we are is asked here
    await hasRight(cluster, { verb: 'get', group: 'apps', resource: 'deployments' }, context.signal);
    const there = finding(context, `cluster ${cluster.name}`, 'ok', `Kubernetes ${version}`);
    return { findings: [there, ...lookAtExpiry(context, cluster)], cluster };
  } catch (error) {
    const details = refusalIn(error);
    if (details === null) throw error;
    return {
      findings: [
        finding(
          context,
          'kubeconfig',
          'problem',
          `${details.where ?? ''}: ${details.what ?? ''}`,
          details.wayOut,
        ),
      ],
      cluster: null,
    };
  }
}

/** What the cluster has said no to; null = anything else, which is no finding. */
function refusalIn(error: unknown): Partial<FailureDetails> | null {
  return isRefusal(error) ? detailsOf(error) : null;
}

function lookAtExpiry(context: PlatformContext, { access }: Cluster): PreflightFinding[] {
  const { expiresAt } = access;
  const leftMs = expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt.getTime() - Date.now();
  if (expiresAt === null || leftMs > SOON_MS) return [];
  const message = `its credentials end on ${expiresAt.toISOString()}`;
  const wayOut = 'put a new kubeconfig where the reference points to (docs/kubernetes.md#kubeconfig)';
  // what lasts shorter than the release itself could not undo it
  const { timeoutMs } = context.target.plan;
  return [finding(context, 'kubeconfig', leftMs < 2 * timeoutMs ? 'problem' : 'warning', message, wayOut)];
}

/** The rights a release uses; those it only explains failures with are warnings. */
async function lookAtRights(
  context: PlatformContext,
  cluster: Cluster,
  { kind, name, namespace }: WorkloadName,
): Promise<PreflightFinding[]> {
  const own = { group: 'apps', resource: `${kind}s`, namespace, name };
  const needed: [Right, 'problem' | 'warning'][] = [
    [{ verb: 'get', ...own }, 'problem'],
    [{ verb: 'patch', ...own }, 'problem'],
    [{ verb: 'list', group: '', resource: 'pods', namespace }, 'problem'],
    [{ verb: 'list', group: '', resource: 'events', namespace }, 'warning'],
    [
      { verb: 'get', group: '', resource: 'pods', subresource: 'log', namespace },
      countsLines(context) ? 'problem' : 'warning',
    ],
  ];
  if (kind === 'deployment')
    needed.push([{ verb: 'list', group: 'apps', resource: 'replicasets', namespace }, 'problem']);
  const findings = await Promise.all(
    needed.map(async ([right, state]) => {
      if (await hasRight(cluster, right, context.signal)) return [];
      return [finding(context, `right to ${nameRight(right)}`, state, 'not given', rightWayOut(right))];
    }),
  );
  return findings.flat();
}

function countsLines({ target: { plan } }: PlatformContext): boolean {
  return [...plan.checks, ...(plan.bake?.checks ?? [])].some(({ kind }) => kind === 'logs');
}

async function lookAtWorkload(context: PlatformContext, name: WorkloadName): Promise<PreflightFinding[]> {
  const thing = thingOf(name);
  const workload = await readWorkload(context, name);
  if (workload === null) return await lookAtNamespace(context, name);
  const problem = (message: string, wayOut: string): PreflightFinding[] => [
    finding(context, thing, 'problem', message, wayOut),
  ];
  const { pipeline, name: environment } = context.target.plan;
  const owner = workload.metadata.annotations?.[OWNER_ANNOTATION];
  if (owner !== undefined && owner !== `${pipeline}/${environment}`)
    return problem(`belongs to ${owner}`, 'name another');
  if (workload.spec.paused === true)
    return problem(
      'its rollout is paused, so nothing would happen',
      `kubectl rollout resume --namespace ${name.namespace} ${thing}`,
    );
  if (workload.spec.replicas === 0 && retiredFrom(workload) === null)
    return problem(
      'asks for 0 replicas, so nothing would run',
      `kubectl scale --namespace ${name.namespace} ${thing} --replicas=1`,
    );
  try {
    containerOf(context, name, workload);
  } catch (error) {
    const details = refusalIn(error);
    if (details === null) throw error;
    return problem(details.what ?? '', details.wayOut ?? '');
  }
  return [finding(context, thing, 'ok', 'there'), ...lookAtPullSecrets(context, thing, workload)];
}

/** The next release goes to the other colour: what it will miss is said now. */
async function lookAtOther(context: PlatformContext, own: WorkloadName): Promise<PreflightFinding[]> {
  const { colour } = context.target;
  const other = workloadNamed(context, colour === null ? null : otherColour(colour));
  if (other.name === own.name || (await readWorkload(context, other)) !== null) return [];
  return [finding(context, thingOf(other), 'warning', 'does not exist yet', missingWayOut(other))];
}

/** What a workload that is not there is missing: itself, or all around it. */
async function lookAtNamespace(context: PlatformContext, name: WorkloadName): Promise<PreflightFinding[]> {
  const { namespace } = name;
  const cluster = await context.cluster();
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  const isThere = await cluster.ask({ method: 'GET', path, signal: context.signal }).then(
    (answer) => answer !== null,
    (error: unknown) => {
      // who may not look at namespaces may well use this one
      if (refusalIn(error) === null) throw error;
      return true;
    },
  );
  if (isThere)
    return [
      finding(
        context,
        thingOf(name),
        'problem',
        `does not exist in namespace ${namespace}`,
        missingWayOut(name),
      ),
    ];
  const wayOut = 'correct namespace: of the platform, or create it with all that belongs there';
  return [finding(context, `namespace ${namespace}`, 'problem', 'does not exist', wayOut)];
}

/** Only a hint: nodes and service accounts can have logins of their own. */
function lookAtPullSecrets(
  context: PlatformContext,
  thing: string,
  { spec: { template } }: NonNullable<Awaited<ReturnType<typeof readWorkload>>>,
): PreflightFinding[] {
  const registry = context.target.plan.registry?.server;
  if (registry === undefined || (template.spec.imagePullSecrets ?? []).length > 0) return [];
  return [
    finding(
      context,
      thing,
      'warning',
      `names no imagePullSecrets, and ${registry} wants a login`,
      'add one unless the nodes or the service account have their own (docs/kubernetes.md#images)',
    ),
  ];
}

/** A rollout needs room for one pod more, as a rule. */
async function lookAtQuota(
  context: PlatformContext,
  cluster: Cluster,
  { namespace }: WorkloadName,
): Promise<PreflightFinding[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/resourcequotas`;
  const answer = await cluster
    .ask({ method: 'GET', path, signal: context.signal })
    .catch((error: unknown) => {
      // who may not look is not told
      if (refusalIn(error) === null) throw error;
      return null;
    });
  if (answer === null) return [];
  return listOf(quotaSchema)
    .parse(answer)
    .items.flatMap(({ metadata, status }) =>
      Object.entries(status?.hard ?? {})
        .filter(([resource, hard]) => hard === status?.used?.[resource])
        .map(([resource, hard]) =>
          finding(
            context,
            `quota ${metadata.name}`,
            'warning',
            `${resource} is used up: ${hard} of ${hard}`,
            `raise it, or let the rollout remove a pod before it adds one (maxUnavailable)`,
          ),
        ),
    );
}
