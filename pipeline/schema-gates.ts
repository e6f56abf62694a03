/** Gates: what must be true of the commit before it may go on. */
import { z } from 'zod';
import { REPORT_FORMATS } from './report-formats.js';
import { closed, kinds, named, uniqueList } from './schema-words.js';
import { command, duration, refPattern, repositoryPath } from './schema-values.js';

const report = closed(
  Object.fromEntries(
    Object.keys(REPORT_FORMATS).map((name) => [name, repositoryPath('pipeline').optional()]),
  ),
);

const gate = kinds(
  'a gate',
  {
    run: {
      run: command(),
      /** Format → file the command writes; the file decides, not only the exit code. */
      report: report.optional(),
      'at-least': z.number().min(0).max(100).optional(),
      'fail-on': z
        .enum(['note', 'low', 'warning', 'moderate', 'medium', 'high', 'error', 'critical'])
        .optional(),
      exceptions: repositoryPath('pipeline').optional(),
      forbid: z.array(z.string().min(1)).min(1).optional(),
    },
    'merged-into': { 'merged-into': uniqueList(refPattern).min(1) },
    'github-checks': {
      'github-checks': uniqueList(z.string().min(1)).min(1),
      /** The source branch, not only this commit. */
      of: refPattern.optional(),
    },
    migrations: { migrations: z.enum(['expand-contract']), path: repositoryPath('pipeline') },
    'pull-request': { 'pull-request': closed({ title: z.enum(['conventional']) }) },
  },
  { timeout: duration({ atLeastMs: 1 }).optional() },
);

export const gates = named('a gate', gate);
