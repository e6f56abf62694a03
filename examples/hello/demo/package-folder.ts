import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where Slipway's package.json is: this module runs compiled, or from its sources in tests. */
export const packageFolder = findUp(path.dirname(fileURLToPath(import.meta.url)));

function findUp(folder: string): string {
  return existsSync(path.join(folder, 'package.json')) ? folder : findUp(path.dirname(folder));
}
