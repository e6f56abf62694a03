/** What the shell and CI learn from a command. The table is in docs/commands.md; scripts depend on it. */
import {
  touchedNothing,
  type ChangeResult,
  type PromotionResult,
  type ReleaseResult,
} from '../workflows/result.js';

export const EXIT = {
  done: 0,
  bug: 1,
  badInput: 2,
  failedUndone: 3,
  failedNotUndone: 4,
  refused: 5,
  timeout: 6,
  superseded: 7,
  unreachable: 8,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANING: Record<ExitCode, string> = {
  [EXIT.done]: 'done; with --until started or waiting: got that far',
  [EXIT.bug]: 'our bug',
  [EXIT.badInput]: 'bad flags or file, nothing sent',
  [EXIT.failedUndone]: 'failed, everything undone, the old version serves',
  [EXIT.failedNotUndone]: 'failed, not all undone or unknown: a person, now',
  [EXIT.refused]: 'refused, nothing touched: gate, rejection, expiry, freeze, doctor, not signed',
  [EXIT.timeout]: 'still going when --timeout ended',
  [EXIT.superseded]: 'superseded, or aborted by a person',
  [EXIT.unreachable]: 'Temporal or worker unreachable; nothing is lost',
  [EXIT.interrupted]: 'Ctrl-C, or q in watch: only the view ended',
};

/** How one promotion ended. */
export function exitOfPromotion(result: PromotionResult): ExitCode {
  if (result.state === 'succeeded') return EXIT.done;
  if (!result.clean) return EXIT.failedNotUndone;
  if (result.state === 'superseded' || result.state === 'aborted') return EXIT.superseded;
  return result.refused ? EXIT.refused : EXIT.failedUndone;
}

/** A release is as bad as its worst promotion; without one, its own failure touched nothing. */
export function exitOfRelease(result: ReleaseResult): ExitCode {
  const codes = result.promotions.map(exitOfPromotion);
  const worst = SEVERITY.find((code) => codes.includes(code));
  if (worst !== undefined) return worst;
  if (result.state === 'succeeded') return EXIT.done;
  return result.state === 'failed' ? EXIT.refused : EXIT.superseded;
}

const SEVERITY: ExitCode[] = [EXIT.failedNotUndone, EXIT.failedUndone, EXIT.refused, EXIT.superseded];

/** How a change ended whose aim was to bring an environment back or to stop: being back is success. */
export function exitOfWayBack(result: ChangeResult): ExitCode {
  if (!result.clean) return EXIT.failedNotUndone;
  if (result.state === 'superseded') return EXIT.superseded;
  return result.state === 'failed' ? EXIT.failedUndone : EXIT.done;
}

/** How a change ended. What failed before it touched anything was refused. */
export function exitOfChange(result: ChangeResult): ExitCode {
  if (!result.clean) return EXIT.failedNotUndone;
  if (touchedNothing(result)) return EXIT.refused;
  if (result.state === 'succeeded') return EXIT.done;
  return result.state === 'failed' || result.state === 'rolled-back' ? EXIT.failedUndone : EXIT.superseded;
}

/** How a change ended that was asked for by itself: a rollback. Being back is success. */
export function exitOfRequest(result: ChangeResult): ExitCode {
  return result.clean && result.state === 'rolled-back' ? EXIT.done : exitOfChange(result);
}

export function exitMeaningOf(exit: number): string {
  const known = Object.entries(EXIT_MEANING).find(([code]) => Number(code) === exit);
  return known === undefined ? 'unknown' : known[1];
}
