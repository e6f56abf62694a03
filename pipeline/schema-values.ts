/** The values the pipeline file's schema is made of: text with templates, durations, references, paths, hosts. */
import { RE2JS } from 're2js';
import { z } from 'zod';
import {
  DURATION_PATTERN,
  formatDuration,
  SIZE_PATTERN,
  parseDuration,
  parseSize,
  suggestDuration,
} from './durations.js';
import type { IssueFacts } from './schema-words.js';
import { REFERENCE_FORMS, isSecretReference, schemeOf } from './secret-references.js';
import { NAMES, namesIn, type Place } from './templates.js';

type Context = z.core.$RefinementCtx<string>;

function refuse(context: Context, message: string, facts: IssueFacts = {}): void {
  context.issues.push({
    code: 'custom',
    input: context.value,
    path: [],
    message,
    params: { ...facts },
    continue: false,
  });
}

function checkTemplates(value: string, place: Place, context: Context): void {
  for (const name of namesIn(value)) {
    if ((NAMES[place] as readonly string[]).includes(name)) continue;
    refuse(context, `{${name}} is no template name here; known here: ${NAMES[place].join(' ')}`, {
      known: NAMES[place],
    });
  }
}

/** Control characters have no business in a command, a path or a name. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

/** One line of text in which the template names of `place` may stand. */
export function text(place: Place) {
  return z.string().superRefine((value, context) => {
    if (value.trim() === '') refuse(context, 'must not be empty');
    else if (CONTROL.test(value)) refuse(context, 'must be one line of text without control characters');
    else checkTemplates(value, place, context);
  });
}

/** A shell command; several lines are fine (`|` blocks). */
export function command(place: Place = 'command') {
  return z.string().superRefine((value, context) => {
    if (value.trim() === '') refuse(context, 'must not be empty');
    else if (value.includes('\0')) refuse(context, 'must not contain a NUL character');
    else checkTemplates(value, place, context);
  });
}

/** Words such as group, service and container names: never a shell metacharacter. */
export function word(noun: string, place: Place = 'environment') {
  return text(place).superRefine((value, context) => {
    if (/^[A-Za-z0-9_{][A-Za-z0-9._:/@{}-]*$/.test(value)) return;
    refuse(context, `is no ${noun}: only letters, digits and . _ : / @ - may be in it`);
  });
}

const NO_DURATION = 'is not a duration; write 500ms, 10s, 5m, 24h or 30d';
const NO_SIZE = 'is not a size; write 500MB, 2GB or 1GiB';
const NO_FACTOR = 'is not a factor; write 2x or 1.5x';
const NO_PERCENTAGE = 'is not a percentage; write 1% to 100%';
const NO_SHARE = 'is no share; write 1% or 0.5%';

/** Whole number of milliseconds from `500ms 10s 5m 24h 30d`. */
export function duration(limits: { atLeastMs?: number } = {}) {
  const atLeastMs = limits.atLeastMs ?? 0;
  return readText(
    DURATION_PATTERN,
    'A duration: 500ms, 10s, 5m, 24h or 30d',
    NO_DURATION,
    (value, context) => {
      const ms = parseDuration(value);
      if (ms === null) {
        refuse(context, `${quote(value)} ${NO_DURATION}`, {
          suggestion: suggestDuration(value),
        });
        return 0;
      }
      if (ms < atLeastMs) refuse(context, `${value} is too short; at least ${formatDuration(atLeastMs)}`);
      return ms;
    },
  );
}

/** Bytes from `2GB`. */
export const size = readText(SIZE_PATTERN, 'A size: 500MB, 2GB or 1GiB', NO_SIZE, (value, context) => {
  const bytes = parseSize(value);
  if (bytes === null) refuse(context, `${quote(value)} ${NO_SIZE}`);
  return bytes ?? 0;
});

/** The factor in `2x`. */
export const factor = readText(
  /^[0-9]+(\.[0-9]+)?x$/,
  'A factor: 2x or 1.5x',
  NO_FACTOR,
  (value, context) => {
    const number = /^[0-9]{1,6}(\.[0-9]{1,6})?x$/.test(value) ? Number.parseFloat(value) : Number.NaN;
    if (!(number > 0)) refuse(context, `${quote(value)} ${NO_FACTOR}`);
    return number;
  },
);

/** A whole number of percent from `25%`. */
export const wholePercent = readText(
  /^[0-9]{1,3}%$/,
  'A percentage: 25%',
  NO_PERCENTAGE,
  (value, context) => {
    const number = /^[0-9]{1,3}%$/.test(value) ? Number.parseInt(value, 10) : 0;
    if (number < 1 || number > 100) refuse(context, `${quote(value)} ${NO_PERCENTAGE}`);
    return number;
  },
);

/** A share from `1%`: 0.01. */
export const percent = readText(/^[0-9]+(\.[0-9]+)?%$/, 'A share: 1% or 0.5%', NO_SHARE, (value, context) => {
  const number = /^[0-9]{1,3}(\.[0-9]{1,6})?%$/.test(value) ? Number.parseFloat(value) : Number.NaN;
  if (!(number >= 0 && number <= 100)) refuse(context, `${quote(value)} ${NO_SHARE}`);
  return number / 100;
});

const LONGEST_PATTERN = 1_000;

/** A regular expression of RE2: matching takes time linear in the text, whatever the file says. */
export const linePattern = z.string().superRefine((value, context) => {
  if (value === '') refuse(context, 'must not be empty');
  else if (value.length > LONGEST_PATTERN)
    refuse(context, `is too long; at most ${LONGEST_PATTERN} characters`);
  else {
    const problem = problemOfPattern(value);
    if (problem !== null)
      refuse(context, `is no regular expression of RE2 (no look-around, no back-references): ${problem}`);
  }
});

function problemOfPattern(value: string): string | null {
  try {
    RE2JS.compile(value);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
  }
}

/** `wrong` is what a text of another form is not, and a bare number as well: in quotes it would be as wrong. */
function readText<T>(
  pattern: RegExp,
  description: string,
  wrong: string,
  read: (value: string, context: Context) => T,
) {
  return z
    .string({ error: ({ input }) => (typeof input === 'number' ? `${input} ${wrong}` : undefined) })
    .meta({ pattern: pattern.source, description })
    .transform((value, context) => read(value, context));
}

function quote(value: string): string {
  return `"${value.slice(0, 60)}"`;
}

/** A secret: only ever the name of the place where it is. */
export function secret(place: Place = 'environment') {
  return z
    .string()
    .meta({ pattern: '^(env|file|age|sops|vault):', description: `A secret reference: ${REFERENCE_FORMS}` })
    .superRefine((value, context) => {
      if (schemeOf(value) === null) {
        refuse(context, `a secret is never written into this file; say where it is: ${REFERENCE_FORMS}`, {
          secret: true,
        });
      } else if (isSecretReference(value)) checkTemplates(value, place, context);
      else refuse(context, `is not a secret reference; write ${REFERENCE_FORMS}`, { secret: true });
    });
}

/** Plain text, or a reference where the text itself is nobody's business. */
export function textOrReference(place: Place = 'environment') {
  return text(place).superRefine((value, context) => {
    if (schemeOf(value) === null || isSecretReference(value)) return;
    refuse(context, `is not a reference; write ${REFERENCE_FORMS}`);
  });
}

/** A path inside the repository: relative, never upwards. */
export function repositoryPath(place: Place = 'path') {
  return text(place).superRefine((value, context) => {
    const inside = !value.startsWith('/') && !value.startsWith('-') && !value.split('/').includes('..');
    if (!inside || /[\\:*?"<>|;&$`'()]/.test(value)) {
      refuse(context, 'must be a path inside the repository, such as deploy/stack.yml');
    }
  });
}

/** An absolute path on a host. */
export function hostPath(place: Place = 'environment') {
  return text(place).superRefine((value, context) => {
    if (value.startsWith('/') && !value.split('/').includes('..') && !/[;&|$`'"<>()*?\\\s]/.test(value))
      return;
    refuse(
      context,
      'must be an absolute path on the host, such as /opt/app, without spaces or shell characters',
    );
  });
}

/** A git ref pattern: `main`, `release/*`, `v*.*.*`. */
export const refPattern = z.string().superRefine((value, context) => {
  if (/^[A-Za-z0-9*][A-Za-z0-9._/@+=*-]*$/.test(value) && !value.includes('..')) return;
  refuse(
    context,
    `${quote(value)} is no pattern of branch or tag names; letters, digits, . _ / @ + = - and * only`,
  );
});

const HOST =
  /^([A-Za-z0-9_{][A-Za-z0-9._{}-]*@)?([A-Za-z0-9{][A-Za-z0-9.{}-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$/;

/** `host`, `user@host`, `user@host:port`, `local`, or a reference to one of these. */
export const hostAddress = textOrReference('environment').superRefine((value, context) => {
  if (schemeOf(value) !== null || HOST.test(value)) return;
  refuse(context, `${quote(value)} is no host; write host, user@host, user@host:port, local or env:NAME`);
});

/** An image repository without tag or digest, lower case as registries want it. */
export const imageRepository = z.string().superRefine((value, context) => {
  if (
    /^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/.test(value) &&
    !/:[0-9]{1,5}$/.test(value)
  )
    return;
  const tagged = /^([a-z0-9./:_-]*\/?[a-z0-9._-]+)(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]+)$/.exec(value);
  if (tagged !== null) {
    refuse(context, 'is an image with a tag; name only the repository, and say tags in tags:', {
      suggestion: tagged[1] ?? null,
    });
  } else
    refuse(
      context,
      `${quote(value)} is no image repository, such as ghcr.io/acme/app (lower case, no shell characters)`,
    );
});

/** An http or https address. */
export function httpUrl(place: Place = 'environment') {
  return text(place).superRefine((value, context) => {
    const plain = value.replaceAll(/\{[A-Za-z0-9-]+\}/g, 'x');
    if (/^https?:\/\/[^\s/?#@'"`\\]+([/?#][^\s'"`\\]*)?$/.test(plain) && URL.canParse(plain)) return;
    refuse(context, 'must be an address such as https://app.example.com, without credentials');
  });
}

/** Of a provider of tokens: nobody on the way may exchange its keys. */
export const issuerUrl = z.string().superRefine((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  const isLocal = url?.hostname === '127.0.0.1' || url?.hostname === 'localhost';
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal);
  if (url !== null && isSafe && url.username === '' && url.search === '' && url.hash === '') return;
  refuse(context, 'must be an https address, such as https://token.actions.githubusercontent.com');
});

export const count = (from: number, to: number) => z.int().min(from).max(to);
