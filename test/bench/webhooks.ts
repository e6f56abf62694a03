/** `slipway serve` under a burst of pushes that does not wait for answers, as GitHub does not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WORKFLOW } from '../../workflows/names.js';
import { until } from '../support/processes.js';
import { deliver, GITHUB_NAME, pushOf, SECRET } from '../support/webhooks.js';
import { withEnds, type Ends } from './ends.js';
import { residentMib } from './resident.js';
import { percentile, row, type Benchmark } from './rows.js';
import { startTemporalStage } from './temporal-stage.js';

const PER_SECOND = 100;
const SECONDS = 60;
/** Every tenth delivery is one that was delivered before. */
const AGAIN_EVERY = 10;
const PIPELINE = 'bench';
/** GitHub gives up after this long. */
const PATIENCE_MS = 10_000;

const program = fileURLToPath(new URL('../../dist/client/main.js', import.meta.url));

export const webhooks: Benchmark = {
  name: 'webhooks',
  about: `slipway serve: ${PER_SECOND} deliveries a second for ${SECONDS} s, every ${AGAIN_EVERY}th again`,
  run: (say) =>
    withEnds(async (ends) => {
      // without a worker: what is measured is that each release is in Temporal before the answer
      const { client } = await startTemporalStage(ends, { pipeline: PIPELINE, workers: 0 });
      const { url, pid } = await startServe(ends, client.link.address);
      const results = await deliverAll(url);
      const mib = await residentMib(pid, 'VmHWM');
      const answered = results.filter(({ status }) => status === 202).length;
      say(`${answered} of ${results.length} answered with 202`);
      for (const [why, count] of countReasons(results)) say(`${count} were not: ${why}`);
      const pushes = new Set(results.map(({ commit }) => commit)).size;
      const query = `WorkflowType = '${WORKFLOW.release}'`;
      const count = async (): Promise<number> => (await client.link.client.workflow.count(query)).count;
      const started = await until('the releases to be listed', async () => {
        const before = await count();
        await delay(1_000);
        return before === (await count()) && before;
      });
      const tookMs = results.map((each) => each.tookMs);
      return [
        row('deliveries not taken', results.length - answered, 'deliveries', 0),
        row(`of ${pushes} pushes without a release`, Math.max(0, pushes - started), 'pushes', 0),
        row('releases beyond one per push', Math.max(0, started - pushes), 'releases', 0),
        row('answer: median', percentile(tookMs, 0.5), 'ms'),
        row('answer: p99', percentile(tookMs, 0.99), 'ms'),
        row('answer: slowest', Math.max(...tookMs), 'ms', PATIENCE_MS),
        row('serve at its largest, RSS', mib, 'MiB', 256),
      ];
    }),
};

async function startServe(ends: Ends, temporal: string): Promise<{ url: string; pid: number }> {
  const flags = ['--pipeline', PIPELINE, '--repository', '/srv/git/bench.git', '--github', GITHUB_NAME];
  const child = spawn(process.execPath, [program, 'serve', '--port', '0', '--json', ...flags], {
    env: { ...process.env, TEMPORAL_ADDRESS: temporal, SLIPWAY_WEBHOOK_SECRET: SECRET },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  ends.push(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
  const lines = createInterface({ input: child.stdout });
  const [first] = (await once(lines, 'line')) as [string];
  const { url } = JSON.parse(first) as { url?: string };
  if (url === undefined || child.pid === undefined)
    throw new Error(`slipway serve does not listen: ${first}`);
  return { url, pid: child.pid };
}

interface Told {
  commit: string;
  /** 0 = no answer within the time GitHub waits. */
  status: number;
  /** Why it was not taken. */
  why: string;
  tookMs: number;
}

function countReasons(results: readonly Told[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { status, why } of results) if (status !== 202) counts.set(why, (counts.get(why) ?? 0) + 1);
  return counts;
}

async function deliverAll(url: string): Promise<Told[]> {
  const startedAtMs = performance.now();
  const under: Promise<Told>[] = [];
  for (let index = 0; index < PER_SECOND * SECONDS; index += 1) {
    const dueMs = startedAtMs + (index * 1000) / PER_SECOND;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 1) await delay(earlyMs);
    const isAgain = index % AGAIN_EVERY === AGAIN_EVERY - 1;
    under.push(deliverOne(url, isAgain ? index - 1 : index));
  }
  return Promise.all(under);
}

async function deliverOne(url: string, push: number): Promise<Told> {
  const commit = push.toString(16).padStart(6, '0').padEnd(39, '0');
  const payload = pushOf({
    ref: 'refs/heads/main',
    after: `1${commit}`,
    pushedAtMs: push * 1000,
  });
  const startedAtMs = performance.now();
  const tookMs = (): number => performance.now() - startedAtMs;
  try {
    const { status, body } = await Promise.race([
      deliver(url, 'push', payload, { id: `bench-${push}` }),
      delay(PATIENCE_MS, undefined, { ref: false }).then(() => Promise.reject(new Error('GitHub gave up'))),
    ]);
    return { commit, status, why: String(body['why']), tookMs: tookMs() };
  } catch (error) {
    return { commit, status: 0, why: String(error), tookMs: tookMs() };
  }
}
