import type { Colour } from '../pipeline/plan.js';

export function otherColour(colour: Colour): Colour {
  return colour === 'blue' ? 'green' : 'blue';
}
