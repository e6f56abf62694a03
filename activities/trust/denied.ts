/** What nobody vouches for is refused. */
import { unauthorized } from '../failure.js';

const RELEASE_AGAIN =
  'nothing was touched; release it again, and look who started this (docs/security.md#unauthorized)';

export function denied(where: string, what: string, wayOut = RELEASE_AGAIN): Error {
  return unauthorized({ what, where, why: null, wayOut });
}
