/** helm on the worker: its argv, its throwaway kubeconfig, its answers. What a rollout has become is not asked of it. */
import { randomUUID } from 'node:crypto';
import { lstat, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { badInput, refused } from '../failure.js';
import { lastLine } from '../hosts/tail.js';
import type { ClusterAccess } from '../kubernetes/kubeconfig.js';
import { DEFAULT_NAMESPACE, placeOf, runTool } from './host-question.js';
import { pinnedImage } from './image-reference.js';
import { platformPlan, type PlatformContext } from './platform.js';
import { renderCommand, runTimeValues } from './run-time-values.js';
import { requireSuccess } from './docker-command.js';

export interface HelmRelease {
  release: string;
  namespace: string;
}

const revisionSchema = z.looseObject({
  revision: z.number(),
  status: z.string(),
  description: z.string().optional(),
});
export type Revision = z.infer<typeof revisionSchema>;

/** Hooks and the sending of a manifest; what is rolled out is waited for by ourselves. */
const COMMAND_TIMEOUT_MS = 300_000;
const KEPT_REVISIONS = 256;

export function releaseOf(context: PlatformContext, colour = context.target.colour): HelmRelease {
  const { release, namespace } = platformPlan(context, 'helm');
  const name = release.replaceAll('{colour}', colour ?? '');
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) || name.length > 53)
    throw badInput({
      what: `${JSON.stringify(name)} is no name of a helm release`,
      where: `environments.${context.target.plan.name}.platform.release`,
      why: null,
      wayOut: 'use at most 53 small letters, digits and -',
    });
  return { release: name, namespace: namespace ?? DEFAULT_NAMESPACE };
}

/**
 * `--set` for what the file says literally, as helm reads it; `--set-string` for what is known only now: a commit of
 * digits is no number. `{tag}` pins the digest, as `${IMAGE_TAG}` does in a stack file.
 */
export function setArguments(context: PlatformContext): string[] {
  const { plan, artifacts } = context.target;
  const values = runTimeValues(context.target);
  const digest = artifacts[0]?.digest;
  const tag = values.tag === null || digest === undefined ? values.tag : `${values.tag}@${digest}`;
  return Object.entries(platformPlan(context, 'helm').set).flatMap(([key, text]) => {
    const rendered = renderCommand(text, { ...values, tag }, `environments.${plan.name}.platform.set`);
    return rendered === text
      ? ['--set', `${key}=${text}`]
      : ['--set-string', `${key}=${rendered.replaceAll(/[\\,{}]/g, String.raw`\$&`)}`];
  });
}

export function upgradeArgv(
  { release, namespace }: HelmRelease,
  chart: string,
  set: string[],
  said: string,
): string[] {
  // neither --atomic nor --wait: undoing and waiting are our own, and mean the same in helm 3 and 4
  return [
    'helm',
    'upgrade',
    '--install',
    release,
    chart,
    '--namespace',
    namespace,
    ...set,
    '--description',
    said,
  ];
}

export function templateArgv({ release, namespace }: HelmRelease, chart: string, set: string[]): string[] {
  return ['helm', 'template', release, chart, '--namespace', namespace, '--is-upgrade', ...set];
}

export function rollbackArgv({ release, namespace }: HelmRelease, revision: number): string[] {
  return ['helm', 'rollback', release, String(revision), '--namespace', namespace];
}

export function uninstallArgv({ release, namespace }: HelmRelease): string[] {
  return ['helm', 'uninstall', release, '--namespace', namespace];
}

/** Images of this release, by digest. */
export function imagesOf({ target: { artifacts } }: PlatformContext): string[] {
  return artifacts.filter(({ kind }) => kind === 'image').map(pinnedImage);
}

/** Revisions, oldest first; empty = there is no such release. */
export async function readHistory(context: PlatformContext, of: HelmRelease): Promise<Revision[]> {
  const { release, namespace } = of;
  const most = ['--max', String(KEPT_REVISIONS), '--output', 'json'];
  const result = await withKubeconfig(context, (file) =>
    runTool(context, ['helm', 'history', release, '--namespace', namespace, ...most, '--kubeconfig', file]),
  );
  if (result.exitCode !== 0 && /release: not found/.test(result.stderr)) return [];
  requireSuccess(context, result, `helm history ${release}`);
  return z
    .array(revisionSchema)
    .parse(JSON.parse(result.stdout))
    .sort((a, b) => a.revision - b.revision);
}

export async function readInstalled(
  context: PlatformContext,
  { release, namespace }: HelmRelease,
): Promise<string> {
  const result = await withKubeconfig(context, (file) =>
    runTool(context, ['helm', 'get', 'manifest', release, '--namespace', namespace, '--kubeconfig', file]),
  );
  requireSuccess(context, result, `helm get manifest ${release}`);
  return result.stdout;
}

/**
 * Journalled on the worker: another attempt there attaches to it. What it reads outlives a worker that stops, and is taken
 * away by whoever sees it end.
 */
export async function runHelm(context: PlatformContext, step: string, argv: string[]): Promise<void> {
  const { signal, fence } = context;
  const folder = await ownFolder(context);
  const kubeconfig = `${folder}/kubeconfig`;
  const { access } = await context.cluster();
  await context.host.writeFile(kubeconfig, kubeconfigOf(access), { mode: 0o600 });
  const result = await context.host.runLong({
    argv: [...argv, '--kubeconfig', kubeconfig],
    timeoutMs: COMMAND_TIMEOUT_MS,
    ...{ fence, signal },
    operationId: context.operationId(step),
    onProgress: ({ tail }) => context.progress(lastLine(tail)),
  });
  if (!signal.aborted) await runTool(context, ['rm', '-rf', '--', folder]);
  requireSuccess(context, result, argv.slice(0, 3).join(' '));
}

/** A copy of the commit's chart that stays until `runHelm` is done with it. */
export async function keepChart(context: PlatformContext): Promise<string> {
  const folder = await ownFolder(context);
  return await context.checkout(async (checkout) => {
    const chart = await requireChart(context, checkout);
    const copy = `rm -rf -- "$2" && cp -RL -- "$1" "$2"`;
    const result = await runTool(context, ['sh', '-c', copy, 'sh', chart, `${folder}/chart`]);
    requireSuccess(context, result, 'copying the chart');
    return `${folder}/chart`;
  });
}

/** One per release: only one helm at a time writes it. */
async function ownFolder(context: PlatformContext): Promise<string> {
  const { pipeline, name } = context.target.plan;
  return await privateFolder(context, `${pipeline}-${name}-${releaseOf(context).release}`);
}

async function privateFolder(context: PlatformContext, name: string): Promise<string> {
  const script = 'umask 077 && mkdir -p -- "$HOME/.slipway/helm/$1" && printf %s "$HOME/.slipway/helm/$1"';
  const result = await runTool(context, ['sh', '-c', script, 'sh', name]);
  requireSuccess(context, result, 'making a folder for helm in ~/.slipway');
  return result.stdout;
}

/** The rendered chart of the commit. Throws Refused with what helm says. */
export async function renderChart(context: PlatformContext, of: HelmRelease): Promise<string> {
  return await context.checkout(async (folder) => {
    const chart = await requireChart(context, folder);
    const result = await runTool(context, templateArgv(of, chart, setArguments(context)));
    if (result.exitCode === 0) return result.stdout;
    throw refused({
      what: `the chart ${platformPlan(context, 'helm').chart} does not render: ${result.stderr.trim().slice(0, 500)}`,
      where: placeOf(context),
      why: result.stderr,
      wayOut: 'correct it; helm template shows the same at your desk',
    });
  });
}

/** Absolute path of the chart, which must not lead out of the checkout: helm follows links. */
async function requireChart(context: PlatformContext, folder: string): Promise<string> {
  const named = platformPlan(context, 'helm').chart;
  const chart = path.join(folder, named);
  const where = `environments.${context.target.plan.name}.platform.helm`;
  const entries = await readdir(chart, { recursive: true }).catch(() => null);
  if (entries === null || !entries.includes('Chart.yaml'))
    throw refused({
      what: `${named} is no chart at this commit: there is no ${named}/Chart.yaml`,
      where,
      why: null,
      wayOut: 'correct helm:, or commit the chart',
    });
  const inside = await realpath(folder);
  for (const entry of ['.', ...entries]) {
    const file = path.join(chart, entry);
    if (entry !== '.' && !(await lstat(file)).isSymbolicLink()) continue;
    const real = await realpath(file).catch(() => null);
    if (real !== null && (real === inside || real.startsWith(`${inside}${path.sep}`))) continue;
    throw refused({
      what: `${path.join(named, entry)} is a link that leads out of the repository`,
      where,
      why: null,
      wayOut: 'commit the file itself',
    });
  }
  return chart;
}

/** Of what was read of the kubeconfig, and nothing else of it: helm would run its plugins. */
async function withKubeconfig<T>(context: PlatformContext, work: (file: string) => Promise<T>): Promise<T> {
  const { access } = await context.cluster();
  const folder = await privateFolder(context, 'asking');
  const file = `${folder}/${randomUUID()}`;
  await context.host.writeFile(file, kubeconfigOf(access), { mode: 0o600 });
  try {
    return await work(file);
  } finally {
    await runTool(context, ['rm', '-f', '--', file]).catch(() => null);
  }
}

function kubeconfigOf({ server, authority, serverName, identity }: ClusterAccess): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const cluster = {
    server: server.href,
    ...(authority === null ? {} : { 'certificate-authority-data': base64(authority) }),
    ...(serverName === null ? {} : { 'tls-server-name': serverName }),
  };
  const user =
    identity.kind === 'token'
      ? { token: identity.token }
      : {
          'client-certificate-data': base64(identity.certificate),
          'client-key-data': base64(identity.key),
        };
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'slipway' },
    contexts: [{ name: 'slipway', context: { cluster: 'slipway', user: 'slipway' } }],
    clusters: [{ name: 'slipway', cluster }],
    users: [{ name: 'slipway', user }],
  });
}
