import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const ASK = "import('./scripts/build.mjs').then(({ isBuilt }) => process.exit(isBuilt() ? 0 : 1))";

/** Is dist/ of these sources? Then what was made for it need not be made again. */
export function isBuilt(): Promise<boolean> {
  return promisify(execFile)(process.execPath, ['-e', ASK]).then(
    () => true,
    () => false,
  );
}
