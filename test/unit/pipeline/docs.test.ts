/** The examples of docs/pipeline-file.md are loaded, so that none of them lies. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findUnsupported } from '../../../pipeline/find-unsupported.js';
import { settings } from '../../../pipeline/schema-environment.js';
import { branch, compile, loadGood, SMALL } from './given.js';

const page = readFileSync(path.join(import.meta.dirname, '../../../docs/pipeline-file.md'), 'utf8');
const blocks = [...page.matchAll(/^```yaml ?(\w*)\n(.*?)^```/gms)].map((match) => ({
  form: match[1] ?? '',
  text: match[2] ?? '',
}));

/** Puts a fragment where it belongs in the smallest file. */
function complete(form: string, text: string): string {
  if (form === 'image') return SMALL.replace('image: ghcr.io/acme/shop\n', text);
  if (form === 'checks') return SMALL + text;
  if (form === 'environment') {
    const lines = SMALL.replace('    platform: {swarm: shop_web}\n', '');
    return lines + text.replaceAll(/^(?=.)/gm, '    ');
  }
  return text;
}

describe('docs/pipeline-file.md', () => {
  const examples = blocks
    .filter((block) => block.form !== 'ignore')
    .map((block) => [block.text.split('\n')[0] ?? '', block] as const);

  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(5);
  });

  it.each(examples)('%s … loads, compiles and can be carried out', (_first, { form, text }) => {
    const file = loadGood(complete(form, text));
    expect(compile(file, branch('main')).environments).toHaveLength(1);
    expect(findUnsupported(file)).toEqual([]);
  });

  it.each(Object.keys(settings))('names the environment key %s', (key) => {
    expect(page).toMatch(new RegExp(`^\\| \`${key}\` +\\|`, 'm'));
  });
});
