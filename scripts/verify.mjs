// The static half of `npm test`: format, types, lint, rooms, unused code. Stops at the first that fails.
import { ensureInstalled, run } from './ensure-installed.mjs';

ensureInstalled();
for (const check of ['format:check', 'typecheck', 'lint', 'rooms', 'unused']) {
  run('npm', ['run', '--silent', check]);
}
