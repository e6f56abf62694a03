import stringWidth from 'string-width';
import type { Style } from './style.js';

// Escape sequences, other control characters, the marks that reorder text and what is drawn as nothing: a commit subject
// must not drive a terminal, nor push away what stands beside it.
// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
const CONTROLS = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u2800\u3164\uffa0]/gu;

/** Untrusted text as one harmless line, with nothing in it that could push words to where others stand. */
export function plain(text: string): string {
  return plainLines(text).replaceAll(/\s+/g, ' ');
}

/** Untrusted text, line breaks kept, everything else that is not a printable character removed. */
export function plainLines(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(ESCAPES, '').replaceAll('\t', '  ').replace(CONTROLS, '');
}

/** Left-aligned in a column of `width` cells; longer text is kept whole, and never touches the next column. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(1, width - stringWidth(text)));
}

/** `left`, and `right` at the screen's edge; two spaces at least between them. */
export function row(style: Style, left: string, right: string): string {
  if (right === '') return left;
  const gap = Math.max(2, style.columns - stringWidth(left) - stringWidth(right));
  return left + ' '.repeat(gap) + right;
}

/** Of marks that take no cell of their own, a cell holds so many at most. */
const UNITS_PER_CELL = 8;

/** Cuts to `width` cells, marking the cut. */
export function cut(style: Style, text: string, width: number): string {
  const start = text.slice(0, width * UNITS_PER_CELL);
  if (start === text && stringWidth(text) <= width) return text;
  let kept = '';
  for (const character of start) {
    if (stringWidth(kept + character + style.ellipsis) > width) break;
    kept += character;
  }
  return kept + style.ellipsis;
}

/** A labelled paragraph: the label once, further lines below the text. */
export function labelled(label: string, lines: string[], width: number): string[] {
  return lines.map((line, index) => `  ${pad(index === 0 ? label : '', width)}${line}`.trimEnd());
}

export function digest12(digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return hex === '' ? digest : `${algorithm}:${hex.slice(0, 12)}`;
}

export function sha7(sha: string): string {
  return sha.slice(0, 7);
}

export function lines(...parts: (string | string[] | null)[]): string {
  return `${parts
    .flat()
    .filter((part) => part !== null)
    .join('\n')}\n`;
}

/** What goes with a decision, shown whole before it is confirmed. */
export function reasonLines(reason: string | null, width: number): string[] {
  return labelled('reason', reason === null ? [] : [plain(reason)], width);
}
