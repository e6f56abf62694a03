/** The arrows between the rooms are held by a tool: here one of each is broken on purpose. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = process.cwd();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-rooms-'));
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function plant(files: Record<string, string>): string {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
  const rooms = [...new Set(Object.keys(files).map((file) => file.split('/')[0] ?? ''))];
  const cruise = path.join(root, 'node_modules/.bin/depcruise');
  try {
    return execFileSync(cruise, ['--config', path.join(root, '.dependency-cruiser.cjs'), ...rooms], {
      cwd: folder,
      encoding: 'utf8',
    });
  } catch (error) {
    if (error instanceof Error && 'stdout' in error) return String(error.stdout);
    throw error;
  }
}

const ship = 'export const ship = 1;\n';

test.each([
  ['workflows-decide-only', 'workflows/planted.ts', '../activities/ship.js', 'activities/ship.ts'],
  ['pipeline-is-pure', 'pipeline/planted.ts', '../workflows/ship.js', 'workflows/ship.ts'],
  ['activities-act', 'activities/planted.ts', '../workers/ship.js', 'workers/ship.ts'],
  ['client-asks', 'client/planted.ts', '../workers/ship.js', 'workers/ship.ts'],
  ['workers-run', 'workers/planted.ts', '../client/ship.js', 'client/ship.ts'],
  ['payloads-know-no-release', 'payloads/planted.ts', '../workflows/ship.js', 'workflows/ship.ts'],
  ['workflow-side-is-pure', 'payloads/workflow-side.ts', './ship.js', 'payloads/ship.ts'],
  ['names-load-nothing', 'workflows/names.ts', './ship.js', 'workflows/ship.ts'],
])('%s catches %s', (rule, from, specifier, to) => {
  expect(
    plant({ [from]: `import { ship } from '${specifier}';\nexport const used = ship;\n`, [to]: ship }),
  ).toContain(`error ${rule}: ${from}`);
});

test('a pipeline that does I/O is caught', () => {
  expect(plant({ 'pipeline/planted.ts': "export { readFileSync } from 'node:fs';\n" })).toContain(
    'pipeline-is-pure',
  );
});

test('what the rooms allow is not reported', () => {
  const allowed = plant({
    'activities/planted.ts': "import { ship } from '../workflows/ship.js';\nexport const used = ship;\n",
    'workflows/ship.ts': ship,
  });
  expect(allowed).toContain('no dependency violations found');
});
