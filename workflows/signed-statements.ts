/** What people put their names to, and how it is known that they did. Plain JSON, inside decisions and requests. */

export type SignedStatement = SshStatement | TokenStatement;

interface Statement {
  /** Canonical JSON, as `pipeline/approval-statement.ts`, `force-statement.ts` and `decision-statement.ts` have it. */
  payload: string;
}

export interface SshStatement extends Statement {
  scheme: 'ssh';
  /** Armored. */
  signature: string;
}

/** Of an approval only. */
export interface TokenStatement extends Statement {
  scheme: 'oidc';
  /** A JWT that was made for this very payload. */
  token: string;
}
