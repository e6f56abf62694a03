/** How a token is made for one approval and no other. `hash` = hex sha256 of what is approved, as it is written. */

/** Where whoever asks chooses the audience: jobs of CI, service accounts. */
export function audienceOf(hash: string): string {
  return `slipway:${hash}`;
}

/** Where a person logs in at a client that has an audience of its own. */
export function nonceOf(hash: string): string {
  return hash;
}
