/** Lines of a log as container engines print them when asked for timestamps. Pure. */

export interface LogLine {
  /** RFC 3339 with nanoseconds, UTC: comparable as text. */
  at: string;
  said: string;
}

/** Of one log in one look; who writes more between two looks is told, not believed. */
export const MOST_LINES = 20_000;

/** `2026-11-22T05:27:15.123456789Z the line`; a node may have a zone of its own, and say `+03:00`. */
const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{9})(Z|[+-]\d\d:\d\d) ?(.*)$/;

/** `unstamped` = what is no line of the log: words of whoever was asked for it. */
export function readLines(text: string): { lines: LogLine[]; unstamped: string[] } {
  const lines: LogLine[] = [];
  const unstamped: string[] = [];
  for (const each of text.split('\n')) {
    const line = each.replace(/\r$/, '');
    const [, second = '', fraction = '', zone = '', said = ''] = LINE.exec(line) ?? [];
    if (second !== '') lines.push({ at: `${inUtc(second, zone)}${fraction}Z`, said });
    else if (line !== '') unstamped.push(line);
  }
  return { lines, unstamped };
}

function inUtc(second: string, zone: string): string {
  return zone === 'Z' ? second : new Date(`${second}${zone}`).toISOString().slice(0, second.length);
}

/** The later of `last` and the latest of the lines; '' = none. */
export function newestOf(lines: readonly LogLine[], last = ''): string {
  return lines.reduce((latest, { at }) => (at > latest ? at : latest), last);
}
