/** The schema of `slipway.yaml`. Reference with examples: docs/pipeline-file.md. */
import { z } from 'zod';
import { image, images, registry, release, tagTemplate } from './schema-artifacts.js';
import { checks } from './schema-checks.js';
import { defaults, environment } from './schema-environment.js';
import { gates } from './schema-gates.js';
import { notify } from './schema-notify.js';
import { SLUG, closed, named, uniqueList } from './schema-words.js';

export const pipelineFile = closed({
  pipeline: z.string().regex(SLUG, {
    error: 'must be a name of lower-case letters, digits and `-`, a letter first, at most 40',
  }),
  image: image.optional(),
  images: images.optional(),
  tags: uniqueList(tagTemplate).optional(),
  /** Added for versions that are no prerelease. */
  'stable-tags': uniqueList(tagTemplate).optional(),
  registry: registry.optional(),
  release: release.optional(),
  gates: gates.optional(),
  checks: checks.optional(),
  defaults: defaults.optional(),
  environments: named('an environment', environment, 'slug'),
  notify: notify.optional(),
});

/** A parsed pipeline file: durations are milliseconds, sizes bytes, one-or-many are lists. */
export type PipelineFile = z.output<typeof pipelineFile>;
