/** For platforms that read no file of a commit and ask no registry, and whose commands run as the worker. */
import { createSource } from '../../activities/source/source.js';

export const NO_REPOSITORY = {
  source: createSource({ cacheFolder: '/nowhere' }),
  jobUserOf: () => Promise.resolve(null),
  insecureRegistries: [],
};
