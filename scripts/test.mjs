// `npm test`: everything CI checks. `npm test -- --fast`: no root, no Docker (unit and workflow tests).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { root, run } from './ensure-installed.mjs';

const args = process.argv.slice(2);
const fast = args.includes('--fast');
const patterns = args.filter((argument) => argument !== '--fast');

await build();
if (!fast && patterns.length === 0) run('node', ['scripts/verify.mjs']);
if (patterns.length === 0)
  run('node', ['scripts/run-typescript.mjs', 'test/support/fetch-parts.ts', ...(fast ? ['--fast'] : [])]);

const folder = mkdtempSync(path.join(tmpdir(), 'slipway-test-'));
const report = path.join(folder, 'report.json');
const projects = fast ? ['--project', 'unit', '--project', 'workflows'] : [];
const result = spawnSync(
  'npx',
  [
    '--no-install',
    'vitest',
    'run',
    ...projects,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...patterns,
  ],
  // Temporal, dockerd and the like collect their garbage less often: a whole run has memory to spare, and no time.
  { cwd: root, stdio: 'inherit', env: { GOGC: '400', ...process.env } },
);
const code = printCounts(report, result.status ?? 1);
rmSync(folder, { recursive: true, force: true });
process.exit(code);

/** Prints the closing line; a skipped test is a failure under CI, for what cannot run must say why by failing. */
function printCounts(file, status) {
  let counts;
  try {
    counts = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    process.stdout.write('0 passed, 1 failed\n');
    return status || 1;
  }
  const {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    numTodoTests: todo,
  } = counts;
  const left = skipped + todo;
  process.stdout.write(`\n${passed} passed, ${failed} failed, ${left} skipped\n`);
  if (passed === 0) return status || 1;
  if (left > 0 && process.env.CI === 'true') {
    process.stderr.write('Skipped tests are failures under CI.\n');
    return status || 1;
  }
  return status;
}
