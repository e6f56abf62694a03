/** `npm run chaos -- [--changes 200] [--seed N]`: counts and the seed as one JSON line; exit 1 when something is wrong. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { runChaos } from './run-chaos.js';

const { values } = parseArgs({
  options: { changes: { type: 'string', default: '200' }, seed: { type: 'string' } },
});
const changes = Number(values.changes);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (!Number.isInteger(changes) || changes < 1 || !Number.isInteger(seed)) {
  process.stderr.write('chaos [--changes N] [--seed N], both whole numbers\n');
  process.exit(2);
}
const startedAt = performance.now();
const say = (text: string): void => {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stderr.write(`${seconds.padStart(7)}  ${text}\n`);
};
say(`${changes} changes, seed ${seed}`);
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
const result = await runChaos({ changes, seed, say, signal: interrupted.signal });
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(result.ok ? 0 : 1);
