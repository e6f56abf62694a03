/** Checks: questions to a running release, asked after a deploy, of the idle colour and while baking. */
import { z } from 'zod';
import { choose, kinds, named } from './schema-words.js';
import {
  command,
  count,
  duration,
  factor,
  httpUrl,
  linePattern,
  repositoryPath,
  secret,
  text,
  word,
} from './schema-values.js';

/** `/health` on the environment's url, or a whole address. */
const httpTarget = choose(
  (value) => typeof value === 'string' && value.startsWith('/'),
  text('checkUrl').superRefine((value, context) => {
    if (/^\/[^\s'"`\\]*$/.test(value)) return;
    context.addIssue({ code: 'custom', message: 'must be a path such as /health, without spaces or quotes' });
  }),
  httpUrl('checkUrl'),
);

const tcpTarget = text('eachHost').superRefine((value, context) => {
  const port = /^[A-Za-z0-9._{}-]+:([0-9]{1,5})$/.exec(value)?.[1];
  if (port !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return;
  context.addIssue({ code: 'custom', message: 'must be host:port, such as redis:6379' });
});

const check = kinds(
  'a check',
  {
    http: {
      http: httpTarget,
      status: count(100, 599).optional(),
      'basic-auth': secret().optional(),
      /** Longest answer: of one question after the deploy, the 95th percentile of all while baking. */
      within: duration({ atLeastMs: 1 }).optional(),
      header: z.record(z.string().regex(/^[A-Za-z0-9-]+$/), text('environment')).optional(),
    },
    tcp: {
      tcp: tcpTarget,
      /** Ask from inside this container or service. */
      inside: word('container').optional(),
    },
    run: {
      run: command('checkCommand'),
      on: z.enum(['worker', 'host']).optional(),
    },
    prometheus: {
      prometheus: text('colour'),
      server: httpUrl('environment'),
      max: z.number().optional(),
      min: z.number().optional(),
      /** `2x`: at most twice the mean of `baseline` before the switch. */
      'max-increase': factor.optional(),
      baseline: duration({ atLeastMs: 1_000 }).optional(),
    },
    logs: {
      /** Lines of the environment's own processes since the deploy that match; more than `max` are bad. */
      logs: linePattern,
      max: z.int().min(0).optional(),
    },
    migrations: {
      /** What the database's `current` says is held against the newest migrations of the commit. */
      migrations: z.enum(['applied']),
      /** Folder of the migrations; default: where alembic.ini says, else `migrations`. */
      path: repositoryPath('environment').optional(),
    },
  },
  {
    /** One try. */
    timeout: duration({ atLeastMs: 1 }).optional(),
    /** Tries after the first. */
    retries: count(0, 1_000).optional(),
    interval: duration({ atLeastMs: 10 }).optional(),
    /** Failures inside this time after the deploy do not count. */
    'start-period': duration().optional(),
  },
).superRefine((value, context) => {
  if (value.kind !== 'prometheus') return;
  if (value.max !== undefined || value.min !== undefined || value['max-increase'] !== undefined) return;
  context.addIssue({
    code: 'custom',
    message: 'a prometheus check needs max, min or max-increase to know what is bad',
  });
});

export const checks = named('a check', check);
export type Check = z.output<typeof check>;
