/** What people write of their own into what they sign: every screen shows it, in one line. */
import { isOneLine, LONGEST_REASON } from '../pipeline/signed-statement.js';
import { badInput } from './user-error.js';

/** `--reason`; null = there is none. Throws UserError (exit 2) before anything is signed. */
export function reasonToSign(reason: string | null | undefined): string | null {
  const text = textToSign('--reason', reason, LONGEST_REASON, 'docs/approvals.md#signing');
  return text === '' ? null : text;
}

/** Without what stands around it. Throws UserError (exit 2) when it is too long, or not one visible line. */
export function textToSign(
  flag: string,
  written: string | null | undefined,
  longest: number,
  docs: string,
): string {
  const text = written?.trim() ?? '';
  if (text.length > longest)
    throw badInput({
      what: `${flag} has ${String(text.length)} characters, at most ${String(longest)} are kept`,
      where: flag,
      wayOut: 'shorten it',
      docs,
    });
  if (isOneLine(text)) return text;
  throw badInput({
    what: `${flag} has line breaks, or characters that nobody sees`,
    where: flag,
    wayOut: 'write it in one line of plain text; nothing was signed',
    docs,
  });
}
