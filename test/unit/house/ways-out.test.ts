/** Ways out are commands that people type: each one named in a message must exist. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../../client/commands/index.js';

const ROOT = path.join(import.meta.dirname, '../../..');
const known = new Set(COMMANDS.map(({ name }) => name));

/** `slipway word` in the text of a string, not in a comment. */
function commandsIn(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [...code.matchAll(/[`'"; ,(]slipway ([a-z][a-z-]+)(?= [A-Z$<{]|[`'";,.)])/g)].flatMap(
    ([, word]) => word ?? [],
  );
}

test.each(['workflows', 'activities', 'pipeline', 'workers'])('%s names commands that exist', (folder) => {
  const files = readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  const named = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      commandsIn(readFileSync(path.join(ROOT, folder, file), 'utf8')).map((command) => ({ file, command })),
    );
  expect(named.filter(({ command }) => !known.has(command))).toEqual([]);
});

test('the commands in messages are found at all', () => {
  const text = readFileSync(path.join(ROOT, 'workflows/decisions.ts'), 'utf8');
  expect(commandsIn(text)).toEqual(expect.arrayContaining(['abort', 'retry', 'watch', 'skip-host']));
  expect(commandsIn('`x; slipway unlock ${environment} to give up`')).toEqual(['unlock']);
});
