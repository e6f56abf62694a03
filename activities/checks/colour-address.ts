/** Where a colour answers before it has traffic. Pure. */
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import { badInput } from '../failure.js';

export interface CheckAddress {
  url: URL;
  /** `Host` to send, so the application sees the name users use; null = the url's own. */
  hostHeader: string | null;
  /** The address is the proxy host's view: connect from there, not from the worker. */
  fromProxyHost: boolean;
}

/**
 * `{colour}` in the url wins and is asked from the worker. Else a url of the environment itself keeps its path and
 * gets the colour's own address: `traffic.colours`, or nginx's `upstreams`. Urls of others stay as they are.
 * Throws BadInput when the colour cannot be told apart from the one that has the traffic.
 */
export function locateColour(plan: EnvironmentPlan, url: string, colour: Colour): CheckAddress {
  if (url.includes('{colour}')) {
    return { url: new URL(url.replaceAll('{colour}', colour)), hostHeader: null, fromProxyHost: false };
  }
  const asUsers = new URL(url);
  const own = [plan.url, plan.traffic?.confirm.url ?? null].filter((each) => each !== null);
  if (!own.some((each) => new URL(each).host === asUsers.host)) {
    return { url: asUsers, hostHeader: null, fromProxyHost: false };
  }
  const direct = new URL(directUrl(plan, colour));
  direct.pathname = `${direct.pathname.replace(/\/$/, '')}${asUsers.pathname}`;
  direct.search = asUsers.search;
  return { url: direct, hostHeader: asUsers.host, fromProxyHost: true };
}

/** The colour's own base url as the proxy's host sees it; null when the plan does not say. */
export function findDirectUrl(plan: EnvironmentPlan, colour: Colour): string | null {
  const { traffic } = plan;
  if (traffic?.colourUrls) return traffic.colourUrls[colour];
  if (traffic?.kind === 'nginx' && traffic.upstreams !== null) return `http://${traffic.upstreams[colour]}`;
  return null;
}

function directUrl(plan: EnvironmentPlan, colour: Colour): string {
  const found = findDirectUrl(plan, colour);
  if (found !== null) return found;
  throw badInput({
    what: `nothing says where ${colour} answers before it has traffic`,
    where: `environments.${plan.name}.traffic`,
    why: null,
    wayOut: 'add `colours: {blue: http://…, green: http://…}` there, or put {colour} into the checks’ urls',
  });
}
