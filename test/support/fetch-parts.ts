/** Fetches what the tests need before they start: a first build of a part takes minutes, which no test's hook should wait for. */
import { part, PARTS, type PartName } from './parts.js';

const fast = process.argv.includes('--fast');
const names = (Object.keys(PARTS) as PartName[]).filter((name) => !fast || name.startsWith('temporal'));
for (const name of names) {
  const startedAt = performance.now();
  await part(name);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  if (seconds > 0) process.stderr.write(`test part ${name}: fetched in ${seconds} s\n`);
}
