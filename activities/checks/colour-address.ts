/** Where a colour answers before it has traffic. */
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import type { HostPlan } from '../../pipeline/plan-platform.js';
import { upstreamsOf } from '../../pipeline/plan-traffic.js';
import { badInput } from '../failure.js';
import type { Host } from '../hosts/host.js';

export interface CheckAddress {
  url: URL;
  /** `Host` to send, so the application sees the name users use; null = the url's own. */
  hostHeader: string | null;
  /** The address is the proxy host's view: connect from there, not from the worker. */
  fromProxyHost: boolean;
}

/**
 * `{colour}` in the url wins and is asked from the worker. Else a url of the environment itself keeps its path and
 * gets `own`, the colour's own address. Urls of others stay as they are. Pure.
 * Throws BadInput when the colour cannot be told apart from the one that has the traffic.
 */
export function locateColour(
  plan: EnvironmentPlan,
  url: string,
  colour: Colour,
  own: string | null,
): CheckAddress {
  if (url.includes('{colour}')) {
    return { url: new URL(url.replaceAll('{colour}', colour)), hostHeader: null, fromProxyHost: false };
  }
  const asUsers = new URL(url);
  const ours = [plan.url, plan.traffic?.confirm.url ?? null].filter((each) => each !== null);
  if (!ours.some((each) => new URL(each).host === asUsers.host)) {
    return { url: asUsers, hostHeader: null, fromProxyHost: false };
  }
  if (own === null) throw unknownAddress(plan, colour);
  const direct = new URL(own);
  direct.pathname = `${direct.pathname.replace(/\/$/, '')}${asUsers.pathname}`;
  direct.search = asUsers.search;
  return { url: direct, hostHeader: asUsers.host, fromProxyHost: true };
}

/**
 * The colour's own base url as the proxy's host sees it: `colours:`, the proxy's `upstreams`, or the first server in its
 * `<file>.<colour>`. null when none of them says it.
 */
export async function findOwnUrl(
  plan: EnvironmentPlan,
  colour: Colour,
  openHost: (host: HostPlan) => Promise<Host>,
): Promise<string | null> {
  const { traffic } = plan;
  if (traffic === null) return null;
  if (traffic.colourUrls !== null) return traffic.colourUrls[colour];
  const upstreams = upstreamsOf(traffic);
  if (upstreams !== null) return `http://${upstreams[colour]}`;
  if (traffic.kind !== 'nginx') return null;
  const proxyHost = findProxyHost(plan);
  if (proxyHost === null) return null;
  const text = await (await openHost(proxyHost)).readFile(`${traffic.file}.${colour}`);
  const server = text === null ? null : readFirstServer(text);
  return server === null ? null : `http://${server}`;
}

/** Where the proxy runs; null = the environment has no host at all. */
export function findProxyHost({ traffic, hosts }: EnvironmentPlan): HostPlan | null {
  return traffic?.host ?? hosts[0] ?? null;
}

/** `host:port` of the first `server` in a text of nginx; null when there is none, or it is a socket. Pure. */
export function readFirstServer(text: string): string | null {
  const address = /\bserver\s+([^\s;{]+)/.exec(text.replaceAll(/#.*$/gm, ''))?.[1];
  return address !== undefined && /^[^:/]+:[0-9]+$|^\[[0-9a-fA-F:]+\]:[0-9]+$/.test(address) ? address : null;
}

function unknownAddress(plan: EnvironmentPlan, colour: Colour): Error {
  return badInput({
    what: `nothing says where ${colour} answers before it has traffic`,
    where: `environments.${plan.name}.traffic`,
    why: null,
    wayOut: 'add `colours: {blue: http://…, green: http://…}` there, or put {colour} into the checks’ urls',
  });
}
