import { readFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { expect, it } from 'vitest';
import { COMMANDS } from '../../../client/commands/index.js';
import { replaceGenerated } from '../../support/command-reference.js';

const PAGE = path.resolve('docs/commands.md');

/** `-u` writes the page anew; without it a page that has drifted fails. */
it('docs/commands.md is what the commands say of themselves', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const wanted = await format(replaceGenerated(page, COMMANDS), { parser: 'markdown', printWidth: 110 });
  await expect(wanted).toMatchFileSnapshot(PAGE);
});
