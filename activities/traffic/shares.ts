/** How many of a hundred users each colour has. Pure. */
import type { Colour } from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { otherColour } from '../../workflows/colours.js';

/** Whole percent, together 100. */
export type Shares = Record<Colour, number>;

export function giveShare(to: Colour, percent = 100): Shares {
  const rest = { [otherColour(to)]: 100 - percent };
  return { blue: 0, green: 0, ...rest, [to]: percent };
}

/** Of the weights that a proxy was given; null = nobody has one. */
export function readShares(weights: Record<Colour, number>): Shares | null {
  const all = weights.blue + weights.green;
  if (!(all > 0)) return null;
  const blue = Math.round((100 * weights.blue) / all);
  return { blue, green: 100 - blue };
}

/** The colour that has everybody; null = both have somebody, or none is ours. */
export function colourWithAll(shares: Shares | null): Colour | null {
  return shares?.blue === 100 ? 'blue' : shares?.green === 100 ? 'green' : null;
}

/** Compare-and-set: all of one colour, or a share between them where the plan goes there in steps. */
export function mayLeave(there: Shares | null, { weights }: Pick<TrafficPlan, 'weights'>): boolean {
  return colourWithAll(there) !== null || (weights.length > 0 && there !== null);
}

/** Where a text is one colour's or the other's, and nothing between. */
export function readWhole(text: string, of: Record<Colour, string>): Shares | null {
  return text === of.blue ? giveShare('blue') : text === of.green ? giveShare('green') : null;
}

export function wholeOf(shares: Shares, of: Record<Colour, string>): string {
  const colour = colourWithAll(shares);
  if (colour === null) throw new Error('this proxy has no way to say a share');
  return of[colour];
}
