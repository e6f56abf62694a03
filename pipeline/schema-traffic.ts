/** Reverse proxies that move traffic from one colour to the other. */
import { z } from 'zod';
import { choose, closed, kinds } from './schema-words.js';
import {
  command,
  count,
  duration,
  hostAddress,
  hostPath,
  httpUrl,
  secret,
  text,
  wholePercent,
  word,
} from './schema-values.js';

const address = text('environment').superRefine((value, context) => {
  if (/^[A-Za-z0-9._{}-]+:[0-9]{1,5}$/.test(value)) return;
  context.addIssue({ code: 'custom', message: 'must be host:port, such as 127.0.0.1:8081' });
});

/** Caddy's admin API, as the proxy's host sees it: it listens there without TLS. */
const adminAddress = text('environment').superRefine((value, context) => {
  if (/^http:\/\/[A-Za-z0-9._{}-]+:[0-9]{1,5}$/.test(value)) return;
  context.addIssue({
    code: 'custom',
    message: 'must be a file on the host, or an address such as http://127.0.0.1:2019',
  });
});

function perColour(value: z.ZodType<string, string>) {
  return closed({ blue: value, green: value });
}

const service = text('environment').superRefine((value, context) => {
  if (/^service\/[a-z0-9{][a-z0-9.{}-]*$/.test(value)) return;
  context.addIssue({ code: 'custom', message: 'must be service/NAME, such as service/app' });
});

const confirm = closed({
  /** Asked through the proxy; `/path` is on the environment's url, which is the default. With `{host}` each host has one. */
  url: choose(
    (value) => typeof value === 'string' && value.startsWith('/'),
    text('eachHost').regex(/^\/[^\s'"`\\]*$/, { error: 'must be a path such as /colour' }),
    httpUrl('eachHost'),
  ).optional(),
  /** Response header that names the colour. */
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, { error: 'must be a header name such as X-Colour' })
    .optional(),
  /** The body's text is the colour. */
  body: z.boolean().optional(),
  times: count(1, 10_000).optional(),
  interval: duration().optional(),
  timeout: duration({ atLeastMs: 100 }).optional(),
}).superRefine((value, context) => {
  if (value.body !== true || value.header === undefined) return;
  context.addIssue({
    code: 'custom',
    path: ['body'],
    message: 'the colour is read from a header or from the body, not both',
  });
});

export const traffic = kinds(
  'traffic',
  {
    nginx: {
      /** Include file with the `upstream` block. */
      nginx: hostPath(),
      /** Without it `<file>.blue` and `<file>.green` on the host hold the whole text. */
      upstreams: perColour(address).optional(),
      /** Name of the upstream; default: the file's name without `.conf`. */
      upstream: word('upstream').optional(),
      test: command('environment').optional(),
      reload: command('environment').optional(),
    },
    haproxy: {
      /** Admin socket. */
      haproxy: hostPath(),
      map: hostPath(),
      key: word('key'),
      backends: perColour(word('backend')),
    },
    command: {
      command: command('colour'),
      /** Prints `blue` or `green`. */
      current: command('environment'),
      test: command('colour').optional(),
      on: z.enum(['host', 'worker']).optional(),
    },
    traefik: {
      /** File in the folder that the file provider watches. */
      traefik: hostPath(),
      /** Services of the colours. Without it `<file>.blue` and `<file>.green` on the host hold the whole text. */
      services: perColour(word('service')).optional(),
      /** Name of the weighted service; default: the file's name without `.yml`. */
      service: word('service').optional(),
    },
    kubernetes: {
      /** Service whose selector names the colour. */
      kubernetes: service,
      /** Label of the selector; default `colour`. */
      key: word('label').optional(),
      /** Default: the platform's. */
      namespace: word('namespace').optional(),
      kubeconfig: secret().optional(),
    },
    caddy: {
      /** File that Caddy reads with every request, or its admin address. */
      caddy: choose((value) => typeof value === 'string' && value.startsWith('/'), hostPath(), adminAddress),
      upstreams: perColour(address),
      /** With an admin address: snippet that the Caddyfile imports; without it Caddy must run with `--resume`. */
      file: hostPath().optional(),
      /** With an admin address: where in Caddy's configuration to look; default: everywhere. */
      path: text('environment')
        .regex(/^\/(config|id)(\/[A-Za-z0-9._~{}-]+)+$/, { error: 'must start with /config/ or /id/' })
        .optional(),
    },
  },
  {
    switch: z.enum(['auto', 'manual']).optional(),
    /** How long a manual switch may be waited for. */
    within: duration({ atLeastMs: 1_000 }).optional(),
    confirm: confirm.optional(),
    /** Where each colour answers by itself, past the proxy. */
    colours: perColour(httpUrl()).optional(),
    drain: duration().optional(),
    /** Shares of the users, `[5%, 25%, 100%]`, with the bake's checks between them. */
    steps: z.array(wholePercent).min(2).optional(),
    /** How long each share is watched before the next. */
    each: duration({ atLeastMs: 1_000 }).optional(),
    /** Where the proxy runs; default: the environment's first host. */
    host: hostAddress.optional(),
  },
);

export type Traffic = z.output<typeof traffic>;
