// coverage.js PERCENT: runs the tests and fails below that share of covered lines of src/.
import { spawnSync } from 'node:child_process';

const least = Number(process.argv[2]);
const { status, stdout } = spawnSync(
  process.execPath,
  ['--test', '--experimental-test-coverage', '--test-reporter=tap'],
  { encoding: 'utf8' },
);
const lines = [...stdout.matchAll(/^# +\S+\.js +\| +([\d.]+)/gm)].map(([, share]) => Number(share));
const covered = Number(/^# all files +\| +([\d.]+)/m.exec(stdout)?.[1] ?? Number.NaN);
if (status !== 0 || Number.isNaN(covered)) {
  process.stdout.write(stdout);
  process.exit(1);
}
console.log(`${covered} % of the lines of ${lines.length} files are covered, needs ${least}`);
process.exit(covered >= least ? 0 : 1);
