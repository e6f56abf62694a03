/**
 * `npm run bench -- [--only deploy,back] [--json]`: speed and size, measured in one run on this machine. The table goes
 * to stdout, what is going on to stderr. Exit 1 when a target was not met, 2 for a benchmark that does not exist.
 */
import { optionsGiven } from '../support/options-given.js';
import { approvals } from './approvals.js';
import { commandLine } from './command-line.js';
import { composeDeploy, deploy } from './deploy.js';
import { fleet } from './fleet.js';
import {
  caddyAdminUnderLoad,
  caddyUnderLoad,
  haproxyUnderLoad,
  nginxUnderLoad,
  traefikUnderLoad,
} from './under-load.js';
import { renderTable, type Benchmark, type Row } from './rows.js';
import { trust } from './trust.js';
import { webhooks } from './webhooks.js';
import { wayBack, wayBackWithKills } from './way-back.js';

const BENCHMARKS: Benchmark[] = [
  deploy,
  composeDeploy,
  wayBack,
  wayBackWithKills,
  haproxyUnderLoad,
  nginxUnderLoad,
  traefikUnderLoad,
  caddyUnderLoad,
  caddyAdminUnderLoad,
  approvals,
  fleet,
  trust,
  webhooks,
  commandLine,
];

const known = BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(16)} ${about}\n`).join('');
const values = optionsGiven(`bench [--only NAME,NAME] [--json]; there are\n${known}`, {
  only: { type: 'string' },
  json: { type: 'boolean', default: false },
});
const wanted = values.only?.split(',') ?? BENCHMARKS.map(({ name }) => name);
const unknown = wanted.filter((name) => !BENCHMARKS.some((each) => each.name === name));
if (unknown.length > 0) {
  process.stderr.write(`no such benchmark: ${unknown.join(', ')}; there are\n${known}`);
  process.exit(2);
}

const rows: Row[] = [];
for (const benchmark of BENCHMARKS.filter(({ name }) => wanted.includes(name))) {
  const startedAt = performance.now();
  const say = (text: string): void => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    process.stderr.write(`${benchmark.name} ${seconds.padStart(6)}  ${text}\n`);
  };
  say(benchmark.about);
  rows.push(...(await benchmark.run(say)));
}
const met = rows.every((each) => each.met !== false);
process.stdout.write(
  values.json ? `${JSON.stringify({ schema: 1, met, rows })}\n` : `${renderTable(rows)}\n`,
);
process.exit(met ? 0 : 1);
