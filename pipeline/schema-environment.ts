/** What an environment may say; everything except `from`, `after` and `production` may also stand in `defaults`. */
import { z } from 'zod';
import { instantsOf, readWallTime } from './freezes.js';
import { registry, tagTemplate } from './schema-artifacts.js';
import { database, platform } from './schema-platforms.js';
import { traffic } from './schema-traffic.js';
import { choose, closed, kinds, oneOrMany, uniqueList } from './schema-words.js';
import {
  command,
  count,
  duration,
  hostAddress,
  hostPath,
  httpUrl,
  percent,
  refPattern,
  repositoryPath,
  secret,
  size,
  textOrReference,
  word,
} from './schema-values.js';

const approval = closed({
  count: count(1, 20),
  group: word('group').optional(),
  by: z.enum(['ssh', 'oidc', 'github-review', 'github-environment', 'unverified']).optional(),
  /** github-review: the branch whose pull request was reviewed, or a pattern. github-environment: its name there. */
  of: refPattern.optional(),
  expires: duration({ atLeastMs: 60_000 }).optional(),
}).refine(({ by, of }) => by !== 'github-environment' || of?.includes('*') !== true, {
  path: ['of'],
  error: 'is a pattern; an environment on GitHub is named whole',
});

/** `approvals: 2` is one rule for anyone. */
export const approvals = choose(
  (value) => Array.isArray(value),
  z.array(approval),
  z
    .int({ error: 'must be a number of approvals or a list of rules such as {count: 1, group: platform}' })
    .min(0)
    .max(20),
);

const DAY = '(Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const timeZone = z.string().superRefine((value, context) => {
  // a pure look at the runtime's own list of zones
  const known = value === 'UTC' || Intl.supportedValuesOf('timeZone').includes(value);
  if (!known)
    context.addIssue({ code: 'custom', message: 'is no time zone; write one such as Europe/Berlin or UTC' });
});
const window = closed({
  days: z.string().regex(new RegExp(`^${DAY}(-${DAY})?(,${DAY}(-${DAY})?)*$`), {
    error: 'must be days such as Mon-Thu or Mon,Wed,Fri',
  }),
  hours: z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-4]):[0-5][0-9]$/, {
    error: 'must be hours such as 09:00-17:00',
  }),
  zone: timeZone.optional(),
});

const wallTime = z.string().superRefine((value, context) => {
  if (readWallTime(value) !== null) return;
  const message = 'is no day or time of day; write 2026-12-24 or 2026-12-24T18:00, without a zone';
  context.addIssue({ code: 'custom', message });
});

/** Nothing begins from `from` to `to`: days are meant whole, times up to the minute. */
export const freeze = z
  .array(
    closed({
      from: wallTime,
      to: wallTime,
      zone: timeZone.optional(),
      reason: z
        .string()
        .regex(/^\P{C}{1,200}$/u, { error: 'must be one line of at most 200 characters' })
        .optional(),
    }).superRefine((value, context) => {
      const instants = instantsOf(value);
      if (instants !== null && instants.untilMs <= instants.fromMs)
        context.addIssue({
          code: 'custom',
          path: ['to'],
          message: `is before from: the freeze ends before it begins (${value.from})`,
        });
    }),
  )
  .max(100);

const ssh = closed({
  user: textOrReference().optional(),
  port: count(1, 65_535).optional(),
  key: secret().optional(),
  /** known_hosts file in the repository. */
  'known-hosts': repositoryPath().optional(),
  jump: oneOrMany(hostAddress).optional(),
});

const preflight = closed({
  'registry-login': z.boolean().optional(),
  commands: z.array(command('environment')).optional(),
  files: z.array(command('environment')).optional(),
  ports: z.array(count(1, 65_535)).optional(),
  disk: size.optional(),
});

const bake = closed({
  for: duration({ atLeastMs: 1_000 }),
  interval: duration({ atLeastMs: 100 }).optional(),
  /** Bad samples of one check in a row before the bake has failed. */
  failures: count(1, 100).optional(),
  /** Share of one check's samples that may be bad over the whole bake. */
  'max-errors': percent.optional(),
  /** Default: the environment's checks. */
  checks: uniqueList(z.string()).min(1).optional(),
});

const rollout = closed({
  batch: count(1, 1_000).optional(),
  'max-failures': count(0, 1_000).optional(),
  'failed-host': z.enum(['undo', 'quarantine']).optional(),
});

/** Of images. A duration is not carried out yet: every image is kept. */
const retention = choose((value) => value === 'forever', z.literal('forever'), duration({ atLeastMs: 1 }));

/** What GitHub is told: nothing, unless it is asked for. */
const github = closed({
  deployments: z.boolean().optional(),
  statuses: z.boolean().optional(),
  comment: z.boolean().optional(),
});

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/);
const dockerSecretName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,50}$/);

export const settings = {
  start: z.enum(['auto', 'manual']).optional(),
  queue: z.enum(['newest', 'fifo']).optional(),
  'on-supersede': z.enum(['finish', 'undo']).optional(),
  'paths-ignore': uniqueList(z.string().min(1).max(200)).optional(),
  gates: uniqueList(z.string()).optional(),
  approvals: approvals.optional(),
  'self-approval': z.boolean().optional(),
  wait: duration().optional(),
  window: window.optional(),
  freeze: freeze.optional(),
  hosts: uniqueList(hostAddress).min(1).optional(),
  ssh: ssh.optional(),
  preflight: preflight.optional(),
  platform: platform.optional(),
  strategy: z.enum(['in-place', 'blue-green']).optional(),
  url: httpUrl('url').optional(),
  traffic: traffic.optional(),
  checks: uniqueList(z.string()).min(1).optional(),
  dependencies: uniqueList(z.string()).optional(),
  bake: bake.optional(),
  'keep-warm': duration().optional(),
  retention: retention.optional(),
  rollout: rollout.optional(),
  database: database.optional(),
  'on-failure': z.enum(['undo', 'hold']).optional(),
  timeout: duration({ atLeastMs: 1_000 }).optional(),
  tags: uniqueList(tagTemplate).optional(),
  secrets: z.record(variable, secret()).optional(),
  'docker-secrets': z.record(dockerSecretName, secret()).optional(),
  registry: registry.optional(),
  github: github.optional(),
  'host-log': hostPath().optional(),
  'log-tail': count(0, 1_000).optional(),
};

const takes = kinds('from', { branch: { branch: refPattern }, tag: { tag: refPattern } }, {});

/** Branches and tags, one or many. */
export const takesRefs = oneOrMany(takes);

export const defaults = closed(settings);
export const environment = closed({
  ...settings,
  /** Which refs may enter; any other is refused, also by hand. */
  from: takesRefs,
  /** The same commit must be good there first. */
  after: oneOrMany(z.string()).optional(),
  production: z.boolean().optional(),
});

export type Settings = z.output<typeof defaults>;
export type Environment = z.output<typeof environment>;
export type Takes = z.output<typeof takes>;
