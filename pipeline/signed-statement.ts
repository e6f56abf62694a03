/** Texts that people sign: canonical JSON, so that there is one way to write each. */
import { canonicalize } from 'json-canonicalize';
import { z } from 'zod';

export const LONGEST_REASON = 1000;

/** Is it one line, with nothing in it that nobody sees? What joins letters and emoji is part of them. */
export function isOneLine(text: string): boolean {
  return !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/u.test(text);
}

/** Why the person says it; null = they did not say. */
const signedReason = z.string().min(1).max(LONGEST_REASON).refine(isOneLine).nullable();

/** What somebody signed, as far as its reason goes: none where that was not signed yet (`…/1`). */
interface Reasoned {
  slipway: string;
  reason?: string | null;
}

/** The reason that came beside what was signed: is it another? */
export function hasOtherReason({ reason }: Reasoned, sent: string | null | undefined): boolean {
  return reason !== undefined && (reason ?? '') !== (sent ?? '');
}

/** The reason as the person has signed it; empty = it was not signed yet. */
export function reasonIn({ reason }: Reasoned): Pick<Reasoned, 'reason'> {
  return reason === undefined ? {} : { reason };
}

/** With its reason signed (`…/2`), and from before reasons were: that one counts as it did (`…/1`). */
export function inBothForms<Name extends string, Fields extends z.ZodRawShape>(name: Name, fields: Fields) {
  return z.discriminatedUnion('slipway', [
    z.strictObject({ slipway: z.literal(`${name}/2`), ...fields, reason: signedReason }),
    z.strictObject({ slipway: z.literal(`${name}/1`), ...fields }),
  ]);
}

/** null = it is no such statement, or not written as one. */
export function readStatement<Statement>(schema: z.ZodType<Statement>, payload: string): Statement | null {
  const parsed = schema.safeParse(parse(payload));
  return parsed.success && canonicalize(parsed.data) === payload ? parsed.data : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
