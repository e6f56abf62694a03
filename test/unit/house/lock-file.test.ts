import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

interface LockedPackage {
  optionalDependencies?: Record<string, string>;
}

// A registry that lacks other platforms' binaries writes a lock without them, and `npm ci` refuses such a lock.
test('the lock names every optional package, also those of other platforms', () => {
  const file = path.resolve(import.meta.dirname, '../../../package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockedPackage> };
  const missing = Object.entries(lock.packages).flatMap(([folder, locked]) =>
    Object.keys(locked.optionalDependencies ?? {}).filter((name) => !isLocked(lock.packages, folder, name)),
  );
  expect(missing).toEqual([]);
});

/** Whether Node would find the package from this folder: beside it or in a folder above. */
function isLocked(packages: Record<string, LockedPackage>, folder: string, name: string): boolean {
  const above = folder.split('/node_modules/').slice(0, -1).join('/node_modules/');
  const here = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
  return here in packages || (folder !== '' && isLocked(packages, above, name));
}
