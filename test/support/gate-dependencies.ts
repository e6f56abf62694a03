/** What gates ask: a source, and a GitHub and environments that nobody here asks unless a test says so. */
import type { GateDependencies } from '../../activities/gates/gate-answer.js';
import { createGithub } from '../../activities/github/connect.js';
import { createSecrets } from '../../activities/secrets/secrets.js';

export function givenGateDependencies(
  given: Pick<GateDependencies, 'source'> & Partial<GateDependencies>,
): GateDependencies {
  const settings = { apiUrl: 'https://api.github.com', login: null };
  return {
    github: createGithub({ settings, secrets: createSecrets({}) }),
    scrub: (text) => text,
    liveCommit: () => Promise.resolve(null),
    ...given,
  };
}
