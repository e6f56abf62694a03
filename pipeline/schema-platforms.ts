/** Ways of running software, and what is done to its database. */
import { z } from 'zod';
import { closed, kinds, uniqueList } from './schema-words.js';
import { command, duration, hostPath, repositoryPath, secret, text, word } from './schema-values.js';

const workload = text('colour').superRefine((value, context) => {
  if (/^(deployment|statefulset|daemonset)\/[a-z0-9{][a-z0-9.{}-]*$/.test(value)) return;
  context.addIssue({
    code: 'custom',
    message: 'must be deployment/NAME, statefulset/NAME or daemonset/NAME, such as deployment/app',
  });
});

export const platform = kinds(
  'a platform',
  {
    swarm: {
      swarm: word('service'),
    },
    stack: {
      /** Stack file in the repository; `{colour}` for blue/green. */
      stack: repositoryPath('colourPath'),
      /** Default: pipeline-environment, with the colour for blue/green. */
      name: word('stack', 'colour').optional(),
    },
    command: {
      command: command(),
      /** Prints what is deployed, so that doing it again can be skipped and undo can compare. */
      inspect: command().optional(),
      restore: command().optional(),
      /** Stops the idle colour. */
      retire: command().optional(),
      /** Prints the newest lines of the service's log. */
      logs: command().optional(),
      on: z.enum(['host', 'worker']).optional(),
    },
    compose: {
      compose: hostPath('colour'),
      file: repositoryPath('colourPath').optional(),
      services: uniqueList(word('service')).min(1).optional(),
    },
    kubernetes: {
      /** What exists and gets the release's image. */
      kubernetes: workload,
      /** Default: the only one. */
      container: word('container').optional(),
      /** Default: `default`. */
      namespace: word('namespace').optional(),
      /** Its text, or the path of a file on the worker; default: the worker's own. */
      kubeconfig: secret().optional(),
    },
    helm: {
      helm: repositoryPath(),
      release: word('release', 'colour').optional(),
      namespace: word('namespace').optional(),
      set: z.record(z.string().regex(/^[A-Za-z0-9._[\]-]+$/), text('command')).optional(),
      kubeconfig: secret().optional(),
    },
  },
  {},
);

export const database = closed({
  /** Brings the database to what this release needs, before it is deployed; again it does nothing. */
  migrate: command('database').optional(),
  /** Prints the revision the database is at. */
  current: command('database').optional(),
  /** Brings it back to `{previous-revision}`, with the migrations of the release that is undone. */
  revert: command('database').optional(),
  /** Makes the backup called `{backup}`, before `migrate`. */
  backup: command('database').optional(),
  /** Exits 0 when the backup called `{backup}` can be read back. */
  prove: command('database').optional(),
  /** Puts the backup called `{backup}` in the database's place; only by `slipway rollback --restore-database`. */
  restore: command('database').optional(),
  /** Takes away what only the release before needed, once that is retired. */
  contract: command('database').optional(),
  /** Runs them in a container of the release's image, like that container. */
  inside: word('container').optional(),
  /** Longest time one of them may take. */
  timeout: duration({ atLeastMs: 1_000 }).optional(),
}).superRefine((value, context) => {
  const refuse = (key: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [key], message });
  };
  for (const key of ['backup', 'prove', 'restore'] as const)
    if (value[key]?.includes('{backup}') === false)
      refuse(key, 'must have {backup} in it: the name of the backup is given, and remembered');
  if (value.prove !== undefined && value.backup === undefined)
    refuse('prove', 'needs backup: what it proves');
  if (value.restore !== undefined && value.backup === undefined)
    refuse('restore', 'needs backup: what it restores');
  if (value.revert !== undefined && value.current === undefined)
    refuse('revert', 'needs current: only what was migrated is reverted, to where it was');
});

export type Platform = z.output<typeof platform>;
