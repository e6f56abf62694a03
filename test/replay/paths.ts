/** Every path that is recorded, by the name of its history. */
import { PATHS_OF_CHANGE, type Path } from './paths-of-change.js';
import { PATHS_OF_DATABASE } from './paths-of-database.js';
import { PATHS_OF_FLEET } from './paths-of-fleet.js';
import { PATHS_OF_RELEASE } from './paths-of-release.js';

export const PATHS: Record<string, Path> = {
  ...PATHS_OF_CHANGE,
  ...PATHS_OF_DATABASE,
  ...PATHS_OF_FLEET,
  ...PATHS_OF_RELEASE,
};
