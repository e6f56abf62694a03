import { printable } from '../../pipeline/file-error.js';

/** GitHub refuses longer descriptions. */
const LONGEST = 140;

/** A description on one line. */
export function shorten(text: string): string {
  const line = printable(text.replaceAll(/\s+/g, ' ').trim());
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`;
}
