/** How a token is made for one approval and no other. */
import { createHash } from 'node:crypto';

export interface TokenBinding {
  /** Where whoever asks chooses the audience: jobs of CI, service accounts. */
  audience: string;
  /** Where a person logs in at a client that has an audience of its own. */
  nonce: string;
}

/** `payload` = what is approved, as it is written. */
export function bindingOf(payload: string): TokenBinding {
  const hash = createHash('sha256').update(payload).digest('hex');
  return { audience: `slipway:${hash}`, nonce: hash };
}
