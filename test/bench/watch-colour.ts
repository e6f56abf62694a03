/** An observer of its own, outside Slipway: whose answer does a client of the proxy get right now? */
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface ColourWatch {
  /** Milliseconds (monotonic) at which the first answer of this colour was complete, once all that follow agree. */
  sees(colour: string): Promise<number>;
  stop(): Promise<void>;
}

/** Often enough to be at most this late, seldom enough not to take the core it measures. */
const PAUSE_MS = 4;
/** So many answers in a row: a single one may be of a connection that is on its way out. */
const IN_A_ROW = 3;
const PATIENCE_MS = 30_000;

export function watchColour(url: string): ColourWatch {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let stopped = false;
  let colour = '';
  let since = 0;
  let inARow = 0;
  const watching = (async () => {
    while (!stopped) {
      const seen = await ask(url, agent);
      if (seen === colour) inARow += 1;
      else [colour, since, inARow] = [seen, performance.now(), 1];
      await delay(PAUSE_MS);
    }
  })();
  return {
    sees: async (wanted) => {
      const givenUpAt = performance.now() + PATIENCE_MS;
      while (colour !== wanted || inARow < IN_A_ROW) {
        if (performance.now() > givenUpAt) throw new Error(`${url} still answers ${colour}, not ${wanted}`);
        await delay(PAUSE_MS);
      }
      return since;
    },
    stop: async () => {
      stopped = true;
      await watching;
      agent.destroy();
    },
  };
}

function ask(url: string, agent: http.Agent): Promise<string> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve(body.trim()));
      response.on('error', () => resolve(''));
    });
    request.on('error', () => resolve(''));
  });
}
