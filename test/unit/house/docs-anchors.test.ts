/** Errors and pages point into the documentation: page and heading must be there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '../../..');

/** As GitHub makes it of a heading; the second of one name gets `-1`, which no link of ours uses. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

function anchorsIn(page: string): Set<string> {
  const text = readFileSync(page, 'utf8').replaceAll(/^```.*?^```/gms, '');
  return new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading.trim())));
}

function isThere(page: string, anchor: string | undefined): boolean {
  return existsSync(page) && (anchor === undefined || anchorsIn(page).has(anchor));
}

function filesIn(folder: string, ending: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => path.join(folder, file));
}

test.each(['client', 'workflows', 'pipeline', 'activities', 'workers', 'payloads'])(
  '%s names pages and headings that exist',
  (folder) => {
    const named = filesIn(folder, '.ts').flatMap((file) =>
      [...readFileSync(path.join(ROOT, file), 'utf8').matchAll(/\bdocs\/([\w-]+\.md)(?:#([\w-]+))?/g)].map(
        ([link, page = '', anchor]) => ({
          file,
          link,
          there: isThere(path.join(ROOT, 'docs', page), anchor),
        }),
      ),
    );
    expect(named.filter(({ there }) => !there)).toEqual([]);
  },
);

test('pages link to pages and headings that exist', () => {
  const pages = [...filesIn('docs', '.md'), 'README.md', 'CONTRIBUTING.md'];
  const links = pages.flatMap((page) =>
    [...readFileSync(path.join(ROOT, page), 'utf8').matchAll(/\]\(([\w./-]*\.md)?(?:#([\w-]+))?\)/g)].map(
      ([link, to, anchor]) => {
        const target = to === undefined ? page : path.join(path.dirname(page), to);
        return { page, link, there: isThere(path.join(ROOT, target), anchor) };
      },
    ),
  );
  expect(links.length).toBeGreaterThan(100);
  expect(links.filter(({ there }) => !there)).toEqual([]);
});

test('anchors are found as GitHub makes them', () => {
  expect(anchorOf('`{migrations: applied}`')).toBe('migrations-applied');
  expect(isThere(path.join(ROOT, 'docs/databases.md'), 'migrations-applied')).toBe(true);
  expect(isThere(path.join(ROOT, 'docs/databases.md'), 'no-such-heading')).toBe(false);
});
