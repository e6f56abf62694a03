import { EXIT, type ExitCode } from './exit-codes.js';

/** One shape for everything that can go wrong and is not our bug; also `error` under `--json`. */
export interface Explanation {
  what: string;
  where: string;
  why: string | null;
  wayOut: string;
  /** Page of the documentation, or null. */
  docs: string | null;
}

/** Ends a command with an explanation and an exit code, without a stack trace. */
export class UserError extends Error implements Explanation {
  readonly what: string;
  readonly where: string;
  readonly why: string | null;
  readonly wayOut: string;
  readonly docs: string | null;
  readonly exit: ExitCode;
  /** What the command knows besides the error; goes into `data`. */
  readonly data: unknown;

  constructor(
    exit: ExitCode,
    explanation: Partial<Explanation> & Pick<Explanation, 'what' | 'where' | 'wayOut'>,
    data: unknown = null,
  ) {
    super(`${explanation.where}: ${explanation.what}; ${explanation.wayOut}`);
    this.name = 'UserError';
    this.exit = exit;
    this.what = explanation.what;
    this.where = explanation.where;
    this.why = explanation.why ?? null;
    this.wayOut = explanation.wayOut;
    this.docs = explanation.docs ?? null;
    this.data = data;
  }

  explanation(): Explanation {
    return { what: this.what, where: this.where, why: this.why, wayOut: this.wayOut, docs: this.docs };
  }
}

type Told = Partial<Explanation> & Pick<Explanation, 'what' | 'where' | 'wayOut'>;

/** Exit 2: flags, file or ref; nothing was sent. */
export function badInput(explanation: Told, data: unknown = null): UserError {
  return new UserError(EXIT.badInput, explanation, data);
}

/** Exit 5: nothing was touched. */
export function refused(explanation: Told, data: unknown = null): UserError {
  return new UserError(EXIT.refused, explanation, data);
}

/** Exit 8: Temporal or the worker does not answer. */
export function unreachable(explanation: Told): UserError {
  return new UserError(EXIT.unreachable, explanation);
}
