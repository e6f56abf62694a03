/** A real Prometheus that scrapes the given addresses every 100 ms. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { part } from './parts.js';
import { until } from './processes.js';
import { freePort } from './sshd.js';

export interface Prometheus {
  readonly url: string;
  /** The value of an instant query with one series; null = none yet. */
  query(text: string): Promise<number | null>;
  stop(): Promise<void>;
}

const ANSWER = z.object({
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

/** `targets` is `host:port` per scraped application, all with the label `app`. */
export async function startPrometheus(targets: string[], app = 'shop'): Promise<Prometheus> {
  const program = await part('prometheus');
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-prometheus-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const configuration = {
    global: { scrape_interval: '100ms', scrape_timeout: '100ms' },
    scrape_configs: [{ job_name: 'shop', static_configs: [{ targets, labels: { app } }] }],
  };
  // JSON is YAML
  await writeFile(path.join(folder, 'prometheus.yml'), JSON.stringify(configuration));
  const logFile = path.join(folder, 'log');
  const log = openSync(logFile, 'a');
  const child = spawn(
    'setpriv',
    [
      // dies with the test process, so an aborted run leaves nothing behind
      ...['--pdeathsig', 'KILL', program],
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', log, log] },
  );
  closeSync(log);
  await until('Prometheus to be ready', async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended: ${await readFile(logFile, 'utf8')}`);
    return fetch(`${url}/-/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
  });
  return {
    url,
    query: async (text) => {
      const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(text)}`);
      const [first] = ANSWER.parse(await answer.json()).data.result;
      return first === undefined ? null : Number(first.value[1]);
    },
    stop: async () => {
      const gone = once(child, 'exit');
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await gone;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
