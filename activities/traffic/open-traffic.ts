/** The driver of an environment's proxy, bound to its host and fence. */
import type { Colour } from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import type { Target } from '../../workflows/activity-contract.js';
import { commandEnvironment } from '../command-environment.js';
import { badInput } from '../failure.js';
import { fenceFor } from '../fence-for.js';
import type { Fence, Host, Hosts } from '../hosts/host.js';
import { renderCommand, runTimeValues } from '../platforms/run-time-values.js';
import type { Secrets } from '../secrets/secrets.js';
import { caddy } from './caddy.js';
import { caddyFile } from './caddy-file.js';
import { command } from './command.js';
import { haproxy } from './haproxy.js';
import { nginx } from './nginx.js';
import { traefik } from './traefik.js';
import type { Look, Traffic, TrafficContext } from './traffic.js';

export interface TrafficDependencies {
  hosts: Hosts;
  secrets: Secrets;
}

/** traffic.ts without the context. */
export interface OpenTraffic {
  readonly plan: TrafficPlan;
  readonly host: Host;
  readonly fence: Fence;
  prove(): Promise<string>;
  look(): Promise<Look>;
}

/** Connects to the proxy's host. Throws BadInput for an environment without traffic or without a host. */
export async function openTraffic(
  { hosts, secrets }: TrafficDependencies,
  target: Target,
  way?: Fence['way'],
): Promise<OpenTraffic> {
  const { plan } = target;
  const { traffic } = plan;
  if (traffic === null) throw wrongPlan(target, 'the environment has no traffic to switch');
  const onWorker = traffic.kind === 'command' && traffic.on === 'worker';
  const hostPlan = onWorker ? { name: 'worker', address: 'local' } : (traffic.host ?? plan.hosts[0]);
  if (hostPlan === undefined) throw wrongPlan(target, 'the environment has no host');
  const [host, env] = await Promise.all([
    hosts.open(plan, hostPlan),
    commandEnvironment(target, target.colour, secrets),
  ]);
  const fence = fenceFor(target, way);
  const where = `environments.${plan.name}.traffic`;
  const render = (text: string, colour: Colour | null): string =>
    renderCommand(text, runTimeValues(target, colour), where);
  const common = { host, fence, env, render };
  switch (traffic.kind) {
    case 'nginx':
      return bind(nginx, { ...common, plan: traffic });
    case 'haproxy':
      return bind(haproxy, { ...common, plan: traffic });
    case 'command':
      return bind(command, { ...common, plan: traffic });
    case 'traefik':
      return bind(traefik, { ...common, plan: traffic });
    case 'caddy':
      return bind(caddy, { ...common, plan: traffic });
    case 'caddy-file':
      return bind(caddyFile, { ...common, plan: traffic });
  }
}

function bind<Plan extends TrafficPlan>(driver: Traffic<Plan>, context: TrafficContext<Plan>): OpenTraffic {
  const { plan, host, fence } = context;
  return {
    plan,
    host,
    fence,
    prove: () => driver.prove(context),
    look: () => driver.look(context),
  };
}

function wrongPlan({ plan }: Target, what: string): Error {
  return badInput({
    what,
    where: `environments.${plan.name}.traffic`,
    why: null,
    wayOut: 'change the pipeline file, or upgrade the worker',
  });
}
