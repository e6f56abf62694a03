/** Who is told. */
import { z } from 'zod';
import { kinds, uniqueList } from './schema-words.js';
import { secret, textOrReference } from './schema-values.js';

export const NOTIFY_EVENTS = ['started', 'waiting', 'live', 'failed', 'rolled-back', 'frozen'] as const;

export const notify = z.array(
  kinds(
    'a notification',
    {
      slack: { slack: secret('release') },
      telegram: { telegram: textOrReference('release'), token: secret('release') },
      discord: { discord: secret('release') },
      webhook: { webhook: textOrReference('release'), token: secret('release').optional() },
    },
    {
      /** Default: all of them. */
      when: z.array(z.enum(NOTIFY_EVENTS)).min(1).optional(),
      /** Default: all of them. */
      environments: uniqueList(z.string()).min(1).optional(),
    },
  ),
);
