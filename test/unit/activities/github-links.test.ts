/** Links of workflows, as GitHub needs them. */
import { describe, expect, it } from 'vitest';
import { createLinks } from '../../../activities/github/links.js';

describe('links to the UI', () => {
  const path = '/namespaces/default/workflows/release%2Fshop%2Fv1%28a%29';
  const known = createLinks('https://temporal.example.com/');
  const unknown = createLinks(null);

  it('have the address that the worker knows', () => {
    expect(known.linkFor(path)).toBe(`https://temporal.example.com${path}`);
    expect(known.linksIn(`- [a b](${path}) · [x](other)`)).toBe(
      `- [a b](https://temporal.example.com${path}) · [x](other)`,
    );
  });

  it('are left out, and their text stays, when it knows none', () => {
    expect(unknown.linkFor(path)).toBeNull();
    expect(unknown.linksIn(`[release](${path}) · [promotion](${path})`)).toBe('release · promotion');
  });

  it('that are addresses stay as they are', () => {
    expect(unknown.linkFor('https://example.com/1')).toBe('https://example.com/1');
    expect(known.linkFor(null)).toBeNull();
  });
});
