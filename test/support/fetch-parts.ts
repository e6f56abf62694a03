/** Fetches what the tests need before they start: a first build of a part takes minutes, which no test's hook should wait for. */
import { part, PARTS, type PartName } from './parts.js';

/** While one is downloaded or linked, the other compiles. */
const AT_A_TIME = 2;

const fast = process.argv.includes('--fast');
const names = (Object.keys(PARTS) as PartName[]).filter((name) => !fast || name.startsWith('temporal'));

async function fetchNext(): Promise<void> {
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const startedAt = performance.now();
    await part(name);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    if (seconds > 0) process.stderr.write(`test part ${name}: fetched in ${seconds} s\n`);
  }
}

await Promise.all(Array.from({ length: AT_A_TIME }, fetchNext));
