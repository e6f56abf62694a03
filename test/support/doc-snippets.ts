/** Examples in the documentation, so that tests run what people copy: fences like ```nginx file=/etc/… proxy=nginx. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface Snippet {
  language: string;
  /** `key=value` words after the language. */
  words: Record<string, string>;
  text: string;
}

const FENCE = /^```(\w+)[ \t]*([^\n]*)\n([\s\S]*?)^```$/gm;

/** Every fence of a page in `docs/`, in order. */
export async function readSnippets(page: string): Promise<Snippet[]> {
  const text = await readFile(fileURLToPath(new URL(`../../docs/${page}`, import.meta.url)), 'utf8');
  return [...text.matchAll(FENCE)].map(([, language = '', info = '', body = '']) => ({
    language,
    words: Object.fromEntries(
      info
        .split(/\s+/)
        .filter((word) => word.includes('='))
        .map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
    ),
    text: body,
  }));
}
