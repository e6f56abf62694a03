/** `<file>.blue` and `<file>.green` beside a proxy's file: the whole text of each colour, written by the team. */
import { refused } from '../failure.js';
import type { Host } from '../hosts/host.js';

/** Throws Refused when one is missing, or when both are the same. `wayOut`: how to do without them. */
export async function readColourFiles(
  host: Host,
  file: string,
  wayOut: string,
): Promise<{ blue: string; green: string }> {
  const [blue, green] = await Promise.all([host.readFile(`${file}.blue`), host.readFile(`${file}.green`)]);
  if (blue !== null && green !== null && blue !== green) return { blue, green };
  const missing = blue === null ? 'blue' : 'green';
  throw refused({
    what:
      blue === green && blue !== null
        ? `${file}.blue and ${file}.green are the same text`
        : `${file}.${missing} does not exist`,
    where: host.name,
    why: null,
    wayOut: `write one file per colour there, or ${wayOut} (docs/traffic.md)`,
  });
}
