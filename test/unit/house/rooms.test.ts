/** The arrows between the rooms are held by a tool: here one of each is broken on purpose. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = process.cwd();

/** What the tool says of a checkout with these files. */
function cruise(files: Record<string, string>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-rooms-'));
  const rooms = [...new Set(Object.keys(files).map((file) => file.split('/')[0] ?? ''))];
  const argv = ['--config', path.join(root, '.dependency-cruiser.cjs'), ...rooms];
  try {
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    }
    return execFileSync(path.join(root, 'node_modules/.bin/depcruise'), argv, {
      cwd: folder,
      encoding: 'utf8',
    });
  } catch (error) {
    if (error instanceof Error && 'stdout' in error) return String(error.stdout);
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ship = 'export const ship = 1;\n';
const importing = (specifier: string): string =>
  `import { ship } from '${specifier}';\nexport const used = ship;\n`;

const PLANTED = [
  ['workflows-decide-only', 'workflows/planted.ts', importing('../activities/ship.js')],
  ['pipeline-is-pure', 'pipeline/planted.ts', importing('../workflows/ship.js')],
  ['pipeline-is-pure', 'pipeline/reads.ts', "export { readFileSync } from 'node:fs';\n"],
  ['activities-act', 'activities/planted.ts', importing('../workers/ship.js')],
  ['client-asks', 'client/planted.ts', importing('../workers/ship.js')],
  ['workers-run', 'workers/planted.ts', importing('../client/ship.js')],
  ['payloads-know-no-release', 'payloads/planted.ts', importing('../workflows/ship.js')],
  ['workflow-side-is-pure', 'payloads/workflow-side.ts', importing('./ship.js')],
  ['names-load-nothing', 'workflows/names.ts', importing('./ship.js')],
  ['no-circles', 'client/one.ts', "export { ship } from './other.js';\n"],
] as const;

test('every rule is broken here', () => {
  const { forbidden }: { forbidden: { name: string }[] } = createRequire(import.meta.url)(
    path.join(root, '.dependency-cruiser.cjs'),
  );
  expect(new Set(PLANTED.map(([rule]) => rule))).toEqual(new Set(forbidden.map(({ name }) => name)));
});

test('every arrow that is broken is named, with its file', () => {
  const said = cruise({
    ...Object.fromEntries(PLANTED.map(([, file, text]) => [file, text])),
    ...Object.fromEntries(
      ['activities', 'workflows', 'workers', 'client', 'payloads'].map((room) => [`${room}/ship.ts`, ship]),
    ),
    'client/other.ts': "export { ship } from './one.js';\n",
  });
  for (const [rule, file] of PLANTED) expect(said).toContain(`error ${rule}: ${file}`);
});

test('what the rooms allow is not reported', () => {
  expect(
    cruise({ 'activities/planted.ts': importing('../workflows/ship.js'), 'workflows/ship.ts': ship }),
  ).toContain('no dependency violations found');
});
