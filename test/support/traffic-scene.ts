/**
 * A proxy set up as docs/traffic.md says, on a host behind a real sshd, in front of two real backends. The
 * drivers pass one contract, so a scene also says how to hurt its proxy.
 */
import { expect } from 'vitest';
import type { Hosts } from '../../activities/hosts/host.js';
import { createTrafficActivities } from '../../activities/traffic/create-traffic-activities.js';
import { openTraffic } from '../../activities/traffic/open-traffic.js';
import type { Look } from '../../activities/traffic/traffic.js';
import { createSecrets, type Secrets } from '../../activities/secrets/secrets.js';
import { compilePlan } from '../../pipeline/compile-plan.js';
import { renderFileErrors } from '../../pipeline/file-error.js';
import { loadPipeline } from '../../pipeline/load-pipeline.js';
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import type { ConfirmPlan, TrafficPlan } from '../../pipeline/plan-traffic.js';
import type { SwitchInput, SwitchResult, Target } from '../../workflows/activity-contract.js';
import { readSnippets } from './doc-snippets.js';
import { givenArtifacts, givenCommit } from './given.js';
import { hostsKnowing } from './hosts.js';
import { startHttpBackend, type HttpBackend } from './http-backend.js';
import { until } from './processes.js';
import { runActivity } from './run-activity.js';
import { freePort, startSshd, type Sshd } from './sshd.js';
import { adapt, CREATE, textOf, type ProxyKind, type TestProxy } from './traffic-proxies.js';

export type { ProxyKind } from './traffic-proxies.js';

export interface TrafficScene extends TestProxy {
  kind: ProxyKind;
  /** Through the proxy. */
  url: string;
  backends: Record<Colour, HttpBackend>;
  sshd: Sshd;
  hosts: Hosts;
  secrets: Secrets;
  /** An environment compiled from the example, with a short time to confirm; `environment` names another pipeline user. */
  target(change?: {
    token?: number;
    confirmMs?: number;
    header?: string;
    drainMs?: number;
    environment?: string;
  }): Target;
  confirm: ConfirmPlan;
}

export async function givenTrafficScene(kind: ProxyKind): Promise<TrafficScene> {
  const snippets = (await readSnippets('traffic.md')).filter(({ words }) => words['proxy'] === kind);
  const [blue, green, sshd] = await Promise.all([
    startHttpBackend('blue'),
    startHttpBackend('green'),
    startSshd(),
  ]);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const ports: [string, string][] = [
    ['127.0.0.1:8080', `127.0.0.1:${port}`],
    ['listen 8080', `listen 127.0.0.1:${port}`],
    ['127.0.0.1:8081', blue.address],
    ['127.0.0.1:8082', green.address],
  ];
  const { proxy, places } = await CREATE[kind](snippets, ports);
  const hosts = hostsKnowing(sshd.knownHostsPath);
  const traffic = adapt(textOf(snippets, 'traffic.yaml'), [...ports, ...places]);
  const scene: TrafficScene = {
    ...proxy,
    kind,
    url,
    backends: { blue, green },
    sshd,
    hosts,
    secrets: createSecrets({}),
    confirm: { url: `${url}/health`, header: 'X-Colour', times: 20, intervalMs: 0, timeoutMs: 10_000 },
    target: ({
      token = 1,
      confirmMs = 10_000,
      header = 'X-Colour',
      drainMs = 0,
      environment = 'prod',
    } = {}) => {
      const plan = compileEnvironment({ traffic, url, sshd, environment });
      if (plan.traffic === null) throw new Error('the example has no traffic');
      plan.traffic.drainMs = drainMs;
      Object.assign(plan.traffic.confirm, { timeoutMs: confirmMs, header });
      return {
        plan,
        token,
        version: 'v2',
        commit: givenCommit(),
        artifacts: givenArtifacts('v2'),
        colour: 'green',
        live: null,
      };
    },
    stop: async () => {
      await hosts.close();
      await Promise.all([proxy.stop(), blue.stop(), green.stop(), sshd.stop()]);
    },
  };
  await scene.start();
  return scene;
}

function compileEnvironment(input: {
  traffic: string;
  url: string;
  sshd: Sshd;
  environment: string;
}): EnvironmentPlan {
  const indented = input.traffic.replaceAll(/^/gm, '      ');
  const text = `
pipeline: shop
image: {folder: site}
environments:
  ${input.environment}:
    from: {branch: main}
    hosts: ["${input.sshd.destination}"]
    ssh: {key: "file:${input.sshd.keyPath}"}
    platform: {command: "true"}
    url: ${input.url}
    checks: [/health]
    traffic:
${indented}
`;
  const loaded = loadPipeline(Buffer.from(text), 'slipway.yaml');
  if (!loaded.ok) throw new Error(renderFileErrors(loaded.errors));
  const { environments } = compilePlan({
    file: loaded.file,
    files: new Map(),
    repository: { url: '/srv/shop.git' },
    commit: givenCommit(),
    ref: { kind: 'branch', name: 'main' },
    version: 'v2',
    to: [input.environment],
    changedPaths: null,
  });
  const [plan] = environments;
  if (plan === undefined) throw new Error('nothing was compiled');
  return plan;
}

interface Through {
  colour: string;
  status: number;
}

/** What one new connection gets: the body of the backend, whatever headers say. */
export async function askThrough(url: string): Promise<Through> {
  const ask = (): Promise<Response> => fetch(`${url}/health`, { headers: { connection: 'close' } });
  const answer = await askCaddy(ask);
  return { colour: (await answer.text()).trim(), status: answer.status };
}

/**
 * After a switch that was confirmed: a worker of nginx that is on its way out, and has not been given the processor since,
 * may still answer once after the row that is believed.
 */
export async function willServe(url: string, expected: Partial<Through>): Promise<void> {
  await expect.poll(() => askThrough(url), { timeout: 10_000 }).toMatchObject(expected);
}

/** It cuts connections off when it has been told something, also one that is new: then it is asked again. */
export async function askCaddy(ask: () => Promise<Response>): Promise<Response> {
  return await ask().catch((error: unknown) => {
    if (isCutOff(error)) return ask();
    throw error;
  });
}

function isCutOff(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : null;
  return cause instanceof Error && 'code' in cause && cause.code === 'UND_ERR_SOCKET';
}

export async function untilServed(url: string, colour: Colour): Promise<void> {
  await until(`${url} to serve ${colour}`, async () => {
    const answer = await askThrough(url).catch(() => null);
    return answer?.colour === colour;
  });
}

/** The example's target with other options of the same proxy. */
export function changedTarget<Kind extends TrafficPlan['kind']>(
  scene: TrafficScene,
  kind: Kind,
  change: Partial<Extract<TrafficPlan, { kind: Kind }>>,
  options: Parameters<TrafficScene['target']>[0] = {},
): Target {
  const target = scene.target(options);
  if (target.plan.traffic?.kind !== kind) throw new Error(`not a scene of ${kind}`);
  Object.assign(target.plan.traffic, change);
  return target;
}

export async function lookAt(scene: TrafficScene, target: Target): Promise<Look> {
  return (await openTraffic(scene, target)).look();
}

/** The whole activity. */
export async function switchOver(
  scene: TrafficScene,
  change: Partial<SwitchInput> & Pick<SwitchInput, 'target'>,
): Promise<SwitchResult> {
  const { switchTraffic } = createTrafficActivities(scene);
  const input: SwitchInput = { to: 'green', from: 'blue', requireHealthy: true, ...change };
  return runActivity(switchTraffic, input);
}
