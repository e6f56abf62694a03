/** Steady load on the shop through its proxy, counted: what a user would have seen. */
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface Load {
  requests(): number;
  /** No answer, or the proxy's own 502. */
  failed(): number;
  /** Why they failed: an error's code or a status, with how often; empty = none did. */
  failures(): ReadonlyMap<string, number>;
  /** The application's own 500s: the bad version's doing, not the switch's. */
  applicationErrors(): number;
  stop(): Promise<void>;
}

const MOST_OPEN = 200;

export function startLoad(url: string, requestsPerSecond: number): Load {
  // as many as may be open: a question that queues for a connection is not told that somebody used it before
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_OPEN });
  const counts = { requests: 0, failed: 0, applicationErrors: 0 };
  const failures = new Map<string, number>();
  const open = new Set<Promise<void>>();
  let stopping = false;
  const startedAt = performance.now();

  const running = (async () => {
    while (!stopping) {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * requestsPerSecond);
      while (counts.requests < due && open.size < MOST_OPEN) {
        counts.requests += 1;
        const one = ask(url, agent).then((answer) => {
          if (answer === '500') counts.applicationErrors += 1;
          if (answer === '500' || answer === '200') return;
          counts.failed += 1;
          failures.set(answer, (failures.get(answer) ?? 0) + 1);
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
    failures: () => failures,
    applicationErrors: () => counts.applicationErrors,
    stop: () => {
      stopping = true;
      return running;
    },
  };
}

/** HTTP status, or the code of the error that came instead. */
async function ask(url: string, agent: Agent): Promise<string> {
  const answer = await askOnce(url, agent);
  // as a browser does: the server closed an idle connection in the moment it was used again, so nobody was asked
  return answer === 'connection lost' ? askOnce(url, false) : answer;
}

function askOnce(url: string, agent: Agent | false): Promise<string> {
  return new Promise((resolve) => {
    const request = get(url, { agent, timeout: 5000 }, (response) => {
      response.resume();
      response.once('end', () => resolve(String(response.statusCode)));
      response.once('error', (error) => resolve(error.message));
    });
    request.once('timeout', () => request.destroy(new Error('no answer within 5 s')));
    request.once('error', (error: NodeJS.ErrnoException) => {
      const isLost = request.reusedSocket && error.code === 'ECONNRESET';
      resolve(isLost ? 'connection lost' : (error.code ?? error.message));
    });
  });
}
