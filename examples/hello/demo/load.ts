/** Steady load on the shop through its proxy, counted: what a user would have seen. */
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface Load {
  requests(): number;
  /** No answer, or the proxy's own 502. */
  failed(): number;
  /** The application's own 500s: the bad version's doing, not the switch's. */
  applicationErrors(): number;
  stop(): Promise<void>;
}

export function startLoad(url: string, requestsPerSecond: number): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const counts = { requests: 0, failed: 0, applicationErrors: 0 };
  const open = new Set<Promise<void>>();
  let stopping = false;
  const startedAt = performance.now();

  const running = (async () => {
    while (!stopping) {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * requestsPerSecond);
      while (counts.requests < due && open.size < 200) {
        counts.requests += 1;
        const one = askOnce(url, agent).then((status) => {
          if (status === 500) counts.applicationErrors += 1;
          else if (status !== 200) counts.failed += 1;
        });
        open.add(one);
        void one.finally(() => open.delete(one));
      }
      await delay(5);
    }
    await Promise.all(open);
    agent.destroy();
  })();

  return {
    requests: () => counts.requests,
    failed: () => counts.failed,
    applicationErrors: () => counts.applicationErrors,
    stop: () => {
      stopping = true;
      return running;
    },
  };
}

/** HTTP status; 0 = no answer. */
function askOnce(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const request = get(url, { agent, timeout: 5000 }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', () => resolve(0));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(0));
  });
}
