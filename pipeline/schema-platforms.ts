/** Ways of running software, and what is done to its database. */
import { z } from 'zod';
import { closed, kinds, uniqueList } from './schema-words.js';
import { command, hostPath, repositoryPath, secret, text, word } from './schema-values.js';

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
  migrate: command('database').optional(),
  current: command('database').optional(),
  revert: command('database').optional(),
  backup: command('database').optional(),
  restore: command('database').optional(),
  inside: word('container').optional(),
});

export type Platform = z.output<typeof platform>;
