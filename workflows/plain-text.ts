/** Other people's text (commits, logs, names) in the UI, the memo and job summaries: shown, never rendered or obeyed. Pure. */

// oxlint-disable-next-line no-control-regex -- what a terminal would obey is what is removed
const ESCAPES = /[\u001b\u009b]\[?[0-?]*[ -/]*[@-~]?/g;

/** One line without anything invisible; only what joins emoji stays. */
export function oneLine(text: string): string {
  return text
    .replaceAll(ESCAPES, '')
    .replaceAll(/(?!\u200d)[\p{Cf}\p{Cs}]/gu, '')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ');
}

const LONGEST = { short: 100, long: 400 };

/** One line of somebody's text: a name, or with `long` a sentence. */
export function shortText(text: string, length: keyof typeof LONGEST = 'short'): string {
  const line = oneLine(text);
  const longest = LONGEST[length];
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}

/**
 * Why somebody says something, as long as screens carry it along; null = not said. A request that somebody typed has none,
 * or a number, and no run may throw for that.
 */
export function shortReason(reason: unknown): string | null {
  return typeof reason !== 'string' || reason.trim() === '' ? null : shortText(reason, 'long');
}

/** Is it one word that means itself where somebody copies it into a shell? */
export function isShellWord(text: string): boolean {
  return /^[\w./@+=,-]+$/.test(text);
}

/** One line of Markdown that means itself. */
export function plainMarkdown(text: string): string {
  return oneLine(text).replaceAll(/[<>*_`[\]|\\]/g, (sign) => `\\${sign}`);
}

/** As `plainMarkdown` where a backslash would be shown: summaries and titles that are not rendered everywhere. */
export function withoutMarkdown(text: string): string {
  return oneLine(text).replaceAll(/[<>*_`[\]|\\]/g, ' ');
}
