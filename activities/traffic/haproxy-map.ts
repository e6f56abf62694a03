/** The map file `use_backend %[…,map(FILE)]` reads: `key backend` per line, shared by pipelines. Pure. */

/** Backend of the key, or null. As HAProxy does, the first line with the key counts. */
export function readMapKey(text: string, key: string): string | null {
  for (const line of text.split('\n')) {
    const [name, value] = entryOf(line);
    if (name === key) return value ?? null;
  }
  return null;
}

/** The same file with one key changed or added; comments and other keys stay as they are. */
export function writeMapKey(text: string, key: string, backend: string): string {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => entryOf(line)[0] === key);
  if (at >= 0) return lines.with(at, `${key} ${backend}`).join('\n');
  const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return `${before}${key} ${backend}\n`;
}

/** Key and backend of one line of `show map` (`0x55d… key backend`). */
export function readShownMap(shown: string, key: string): string | null {
  const entries = shown.split('\n').map((line) => line.trim().split(/\s+/));
  return entries.find((entry) => entry[1] === key)?.[2] ?? null;
}

function entryOf(line: string): string[] {
  const trimmed = line.trim();
  return trimmed.startsWith('#') ? [] : trimmed.split(/\s+/);
}
