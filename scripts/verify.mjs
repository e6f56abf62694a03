// The static half of `npm test`: format, types, lint, rooms, unused code, side by side. What fails is told whole.
import { execFile } from 'node:child_process';
import { ensureInstalled, fail, root } from './ensure-installed.mjs';

const CHECKS = ['format:check', 'typecheck', 'lint', 'rooms', 'unused'];
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;

ensureInstalled();
const complaints = await Promise.all(CHECKS.map(complaintOf));
const told = complaints.filter((complaint) => complaint !== null);
if (told.length > 0) fail(told.join('\n'));

/** null = nothing to complain of. */
function complaintOf(check) {
  const options = { cwd: root, maxBuffer: MOST_OUTPUT_BYTES };
  return new Promise((resolve) => {
    execFile('npm', ['run', '--silent', check], options, (error, stdout, stderr) =>
      resolve(error === null ? null : `npm run ${check} failed\n${stdout}${stderr}`),
    );
  });
}
