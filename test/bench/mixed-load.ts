/** Load as clients make it: kept connections, new ones, POSTs with a body, and requests that take two seconds. */
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface LoadOfKind {
  kind: string;
  requests: number;
  failed: number;
  /** An error's code or a status, with how often. */
  why: Record<string, number>;
}

interface Kind {
  kind: string;
  loops: number;
  method: 'GET' | 'POST';
  path: string;
  keepAlive: boolean;
}

const KINDS: Kind[] = [
  { kind: 'kept connections', loops: 4, method: 'GET', path: '/', keepAlive: true },
  { kind: 'new connections', loops: 4, method: 'GET', path: '/', keepAlive: false },
  { kind: 'POSTs', loops: 4, method: 'POST', path: '/orders', keepAlive: true },
  { kind: '2 s requests', loops: 8, method: 'GET', path: '/slow', keepAlive: true },
];
/** Leaves the machine some air: the rate is bounded, not the number of switches that hit a request. */
const PAUSE_MS = 2;
const BODY = 'order=1'.repeat(500);

export function startMixedLoad(url: string): { stop(): Promise<LoadOfKind[]> } {
  let stopped = false;
  const results = KINDS.map(({ kind }): LoadOfKind => ({ kind, requests: 0, failed: 0, why: {} }));
  const agents: http.Agent[] = [];
  const loop = async (kind: Kind, result: LoadOfKind): Promise<void> => {
    const agent = new http.Agent({ keepAlive: kind.keepAlive, maxSockets: 1 });
    agents.push(agent);
    while (!stopped) {
      result.requests += 1;
      const wrong = await ask(url, kind, agent);
      if (wrong !== null) {
        result.failed += 1;
        result.why[wrong] = (result.why[wrong] ?? 0) + 1;
      }
      await delay(PAUSE_MS);
    }
  };
  const loops = KINDS.flatMap((kind, index) => {
    const result = results[index];
    return result === undefined ? [] : Array.from({ length: kind.loops }, () => loop(kind, result));
  });
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      for (const agent of agents) agent.destroy();
      return results;
    },
  };
}

/** What was wrong, or null. */
function ask(url: string, { method, path, keepAlive }: Kind, agent: http.Agent): Promise<string | null> {
  return new Promise((resolve) => {
    const headers = keepAlive ? {} : { connection: 'close' };
    const request = http.request(`${url}${path}`, { method, agent, headers }, (response) => {
      response.resume();
      response.on('error', (error) => resolve(error.message));
      response.on('end', () => resolve(response.statusCode === 200 ? null : String(response.statusCode)));
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.end(method === 'POST' ? BODY : undefined);
  });
}
