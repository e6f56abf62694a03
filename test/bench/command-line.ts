/** Small things people wait for: the command's own start, and the demo from nothing to its last line. */
import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { percentile, row, type Benchmark } from './rows.js';

const exec = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const STARTS = 11;

export const commandLine: Benchmark = {
  name: 'command-line',
  about: 'slipway --help, and the demo unattended',
  run: async (say) => {
    const starts: number[] = [];
    for (let turn = 0; turn < STARTS; turn += 1)
      starts.push(await secondsOf(process.execPath, [path.join(root, 'dist/client/main.js'), '--help']));
    say('npm start -- --yes');
    const demo = await secondsOf('npm', ['start', '--silent', '--', '--yes']);
    return [
      row(`slipway --help: median of ${STARTS}`, percentile(starts, 0.5), 's', 0.3),
      row('demo, npm start -- --yes', demo, 's', 90),
    ];
  },
};

/** Rejects when the program fails: a demo that ends early is not a fast one. */
async function secondsOf(program: string, argv: string[]): Promise<number> {
  const startedAt = performance.now();
  await exec(program, argv, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return (performance.now() - startedAt) / 1000;
}
