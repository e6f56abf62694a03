/**
 * `npm run chaos -- [--platform swarm] [--changes 200] [--seed N]`: counts and the seed as one JSON line; exit 1 when something is
 * wrong. SIGTERM lets what is under way end and looks at all of it; Ctrl-C ends at once.
 */
import { randomInt } from 'node:crypto';
import { optionsGiven } from '../support/options-given.js';
import { isPlatformName, PLATFORM_NAMES } from './grounds.js';
import { runChaos } from './run-chaos.js';

const usage = `chaos [--platform ${PLATFORM_NAMES.join('|')}] [--changes N] [--seed N], both whole numbers\n`;
const values = optionsGiven(usage, {
  platform: { type: 'string', default: 'swarm' },
  changes: { type: 'string', default: '200' },
  seed: { type: 'string' },
});
const changes = Number(values.changes);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const { platform } = values;
if (!isPlatformName(platform) || !Number.isInteger(changes) || changes < 1 || !Number.isInteger(seed)) {
  process.stderr.write(usage);
  process.exit(2);
}
const startedAt = performance.now();
const say = (text: string): void => {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stderr.write(`${seconds.padStart(7)}  ${text}\n`);
};
say(`${platform}: ${changes} changes, seed ${seed}`);
const [ending, abandoning] = [new AbortController(), new AbortController()];
process.on('SIGTERM', () => ending.abort());
// the terminal tells everybody of Ctrl-C: what we would wait for is dying as well
process.on('SIGINT', () => abandoning.abort(new Error('interrupted')));
const signals = { signal: ending.signal, abandon: abandoning.signal };
const result = await runChaos({ platform, changes, seed, say, ...signals }).catch((error: unknown) => {
  if (abandoning.signal.aborted) process.exit(130);
  throw error;
});
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(abandoning.signal.aborted ? 130 : result.ok ? 0 : 1);
