/**
 * What a promotion makes of a hint that GitHub may have news: it asks GitHub, as it would have a little later. Whoever may
 * review a pull request can make GitHub tell it, so a flood must neither fill a history nor use up the questions that
 * GitHub answers. Pure, and this file imports nothing: the client uses it without the workflow runtime.
 */

/** A hint so soon after GitHub was asked is left: it is asked again within seconds anyway. */
export const HINT_PAUSE_MS = 5_000;

/** From so many events in its history on, a promotion asks in its own time only; Temporal ends a run at 51,200. */
const MOST_EVENTS = 2_000;

/** Would a hint still be looked at in a history of so many events? */
export function takesHints(events: number): boolean {
  return events < MOST_EVENTS;
}

/** Is GitHub asked at once for this hint? `askedMs`: when asking began last. */
export function isWorthAsking(hint: { atMs: number; askedMs: number; events: number }): boolean {
  return hint.atMs - hint.askedMs >= HINT_PAUSE_MS && takesHints(hint.events);
}
