/** Bounded load on a loopback url, half over kept connections and half over new ones; every answer is looked at. */
import http from 'node:http';

export interface Load {
  /** Stops asking and waits for what is under way. */
  stop(): Promise<LoadResult>;
}

export interface LoadResult {
  requests: number;
  /** What went wrong: an error's code or a status, with how often. */
  failed: Record<string, number>;
  /** Answers per body. */
  answers: Record<string, number>;
}

/** `connections` loops of each sort, each asking again as soon as it is answered. */
export function startLoad(url: string, connections = 4): Load {
  const result: LoadResult = { requests: 0, failed: {}, answers: {} };
  let stopped = false;
  const kept = new http.Agent({ keepAlive: true, maxSockets: connections });
  const loop = async (agent: http.Agent | false): Promise<void> => {
    while (!stopped) {
      result.requests += 1;
      const outcome = await ask(url, agent);
      const counts = outcome.good ? result.answers : result.failed;
      counts[outcome.text] = (counts[outcome.text] ?? 0) + 1;
    }
  };
  const loops = Array.from({ length: connections }, () => [loop(kept), loop(false)]).flat();
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      kept.destroy();
      return result;
    },
  };
}

function ask(url: string, agent: http.Agent | false): Promise<{ good: boolean; text: string }> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('error', (error) => {
        resolve({ good: false, text: error.message });
      });
      response.on('end', () => {
        const good = response.statusCode === 200;
        resolve({ good, text: good ? body.trim() : String(response.statusCode) });
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ good: false, text: error.code ?? error.message });
    });
  });
}
