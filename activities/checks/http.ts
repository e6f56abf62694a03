/** `{http: /health}`: one GET, one good status. A redirect is its own status: a login page answers 200 as well. */
import http from 'node:http';
import https from 'node:https';
import type { CheckPlan, EnvironmentPlan } from '../../pipeline/plan.js';
import type { HostPlan } from '../../pipeline/plan-platform.js';
import type { Host } from '../hosts/host.js';
import { atProxy } from '../../workflows/target-hosts.js';
import { failed, inconclusive, passed, type CheckContext, type CheckOnce, type Finding } from './check.js';
import { findOwnUrl, findProxyHost, locateColour, type CheckAddress } from './colour-address.js';
import { askHttp, type HttpAnswer } from './http-request.js';

type HttpPlan = Extract<CheckPlan, { kind: 'http' }>;

const KEPT = { keepAlive: true, maxSockets: 8, maxFreeSockets: 4, timeout: 30_000 };
const agents = { 'http:': new http.Agent(KEPT), 'https:': new https.Agent(KEPT) };

/** The worker's own network, not the service: says nothing about the release. */
const NOT_ASKED = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'ENETDOWN', 'EMFILE', 'EADDRNOTAVAIL']);

export const askHttpCheck: CheckOnce<HttpPlan> = async (plan, context) => {
  let address: CheckAddress;
  try {
    address = await locate(plan, context);
  } catch (error) {
    if (error instanceof HostUnreachable) return inconclusive(error.message);
    throw error;
  }
  const headers = { ...plan.header };
  if (address.hostHeader !== null) headers['host'] = address.hostHeader;
  if (plan.basicAuth !== null) {
    const login = await context.secrets.resolve(plan.basicAuth);
    headers['authorization'] = `Basic ${Buffer.from(login).toString('base64')}`;
  }
  const startedAt = performance.now();
  let answer: HttpAnswer;
  try {
    answer = await ask(plan, context, address, headers);
  } catch (error) {
    context.signal.throwIfAborted();
    return explain(address.url, error);
  }
  const tookMs = Math.round(performance.now() - startedAt);
  const shown = `${address.url.pathname} ${answer.status} in ${tookMs}ms`;
  if (answer.status === plan.status) {
    const { withinMs } = plan;
    const isSlow = withinMs !== undefined && tookMs > withinMs && !context.sampling;
    return isSlow ? failed(`${shown}, at most ${withinMs}ms`) : { ...passed(shown), tookMs };
  }
  const location = answer.headers.location === undefined ? '' : ` to ${answer.headers.location}`;
  const body = answer.body.trim().slice(0, 200);
  return failed(
    context.secrets.scrub(
      `${shown}${location}, expected ${plan.status}${body === '' ? '' : `: ${body.replaceAll(/\s+/g, ' ')}`}`,
    ),
  );
};

async function locate(plan: HttpPlan, context: CheckContext): Promise<CheckAddress> {
  const { colour, at } = context;
  if (at === 'colour' && colour !== null) {
    const seen = planAround(plan, context);
    const own = await findOwnUrl(seen, colour, (host) => openOrGiveUp(context, host));
    return locateColour(seen, plan.url, colour, own);
  }
  const url = colour === null ? plan.url : plan.url.replaceAll('{colour}', colour);
  return { url: new URL(url), hostHeader: null, fromProxyHost: false };
}

/** A check of one host is asked beside that host's proxy, where each has one. */
function planAround({ host }: HttpPlan, { target }: CheckContext): EnvironmentPlan {
  return host === undefined ? target.plan : atProxy(target, host).plan;
}

async function openOrGiveUp({ openHost }: CheckContext, host: HostPlan): Promise<Host> {
  return openHost(host).catch((error: unknown) => {
    throw new HostUnreachable(messageOf(error));
  });
}

async function ask(
  plan: HttpPlan,
  context: CheckContext,
  address: CheckAddress,
  headers: Record<string, string>,
): Promise<HttpAnswer> {
  const { url } = address;
  const question = { url, headers, timeoutMs: plan.timeoutMs, signal: context.signal };
  const secure = url.protocol === 'https:';
  if (!address.fromProxyHost) return askHttp({ ...question, agent: agents[secure ? 'https:' : 'http:'] });
  const proxyHost = findProxyHost(planAround(plan, context));
  if (proxyHost === null) throw new HostUnreachable('the environment has no host');
  const host = await openOrGiveUp(context, proxyHost);
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const connection = await host.connectFrom(hostname, port, plan.timeoutMs).catch((error: unknown) => {
    // nobody listens there, says the host: that is an answer; a host that cannot connect for us gives none
    if (/ECONNREFUSED|Connection refused/.test(messageOf(error))) throw error;
    throw new HostUnreachable(messageOf(error));
  });
  return askHttp({ ...question, connection });
}

class HostUnreachable extends Error {}

function explain(url: URL, error: unknown): Finding {
  const detail = `${url.origin}${url.pathname}: ${messageOf(error)}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return error instanceof HostUnreachable || NOT_ASKED.has(code) ? inconclusive(detail) : failed(detail);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
