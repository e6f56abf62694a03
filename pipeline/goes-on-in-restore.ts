import type { Colour, EnvironmentPlan } from './plan.js';

/**
 * Why the release that is live goes on running while its database is restored, as far as the plan tells; null = it is
 * stopped first. Pure.
 */
export function whyItGoesOn(
  { database, platform }: Pick<EnvironmentPlan, 'database' | 'platform'>,
  colour: Colour | null,
): string | null {
  // their commands run in its network
  if ((database?.inside ?? null) !== null) return 'the commands run inside it';
  switch (platform.kind) {
    case 'stack':
    case 'helm':
      // a colour is the release's alone; without colours the database may be among it
      return colour === null ? `nobody knows what of the ${platform.kind} is the database` : null;
    case 'command':
      return platform.retire === null ? 'there is no retire command' : null;
    case 'compose':
    case 'swarm':
    case 'kubernetes':
      return null;
  }
}
