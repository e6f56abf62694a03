/**
 * Templates are `{name}` and nothing else: no expressions, and an unknown name is an error. `${NAME}`, `{{.Field}}`,
 * `{ print }` and `{le="0.5"}` are not templates, so shell, docker and PromQL text stays as it is.
 */

/** Known once the commit and the environment are: rendered by the compiler. */
export const COMPILE_NAMES = [
  'pipeline',
  'environment',
  'ENVIRONMENT',
  'url',
  'sha',
  'sha7',
  'branch',
  'major',
  'minor',
  'patch',
  'pr',
] as const;

/** Known only while the change runs: the compiler leaves them in the plan's commands. */
export const RUN_NAMES = [
  'colour',
  'digest',
  'image',
  'tag',
  'previous-tag',
  'previous-digest',
  'version',
  'commit',
] as const;

const DATABASE_NAMES = ['backup', 'previous-revision'] as const;

/** Which names a place in the file may use. */
export const NAMES = {
  /** `tags`: everything is known when they are put. */
  tag: [...COMPILE_NAMES.filter((name) => name !== 'url'), 'version'],
  /** Files of the repository: known before anything else, so that they can be fetched. */
  path: ['pipeline', 'environment', 'ENVIRONMENT'],
  colourPath: ['pipeline', 'environment', 'ENVIRONMENT', 'colour'],
  pipeline: ['pipeline'],
  /** Before an environment is chosen. */
  release: ['pipeline', 'sha', 'sha7', 'branch', 'major', 'minor', 'patch', 'version', 'commit'],
  url: [...COMPILE_NAMES.filter((name) => name !== 'url'), 'version', 'commit'],
  environment: [...COMPILE_NAMES, 'version', 'commit'],
  /** One value per colour. */
  colour: [...COMPILE_NAMES, 'version', 'commit', 'colour'],
  command: [...COMPILE_NAMES, ...RUN_NAMES],
  /** What a check asks: with `{host}` it is one check for each host. */
  checkUrl: [...COMPILE_NAMES, 'version', 'commit', 'colour', 'host'],
  eachHost: [...COMPILE_NAMES, 'version', 'commit', 'host'],
  checkCommand: [...COMPILE_NAMES, ...RUN_NAMES, 'host'],
  database: [...COMPILE_NAMES, ...RUN_NAMES, ...DATABASE_NAMES],
} as const satisfies Record<string, readonly string[]>;

export type Place = keyof typeof NAMES;
export type TemplateValues = Readonly<Record<string, string | null>>;

const TEMPLATE = /(?<![${])\{([A-Za-z][A-Za-z0-9_-]*)\}(?!\})/g;

/** Names a text uses, in order, each once. */
export function namesIn(text: string): string[] {
  return [...new Set([...text.matchAll(TEMPLATE)].map((match) => match[1] ?? ''))];
}

/** A template that could not be rendered: the name has no value here. */
export class TemplateWithoutValue extends Error {
  constructor(readonly templateName: string) {
    super(`{${templateName}} has no value`);
  }
}

/**
 * Replaces every name by its value; names in `keep` stay as they are.
 * Throws TemplateWithoutValue for a name that is unknown or whose value is null.
 */
export function renderTemplate(text: string, values: TemplateValues, keep: readonly string[] = []): string {
  return text.replaceAll(TEMPLATE, (whole, name: string) => {
    if (keep.includes(name)) return whole;
    const value = Object.hasOwn(values, name) ? values[name] : null;
    if (value === null || value === undefined) throw new TemplateWithoutValue(name);
    return value;
  });
}

/** What may be put into shell text without quotes changing its meaning. */
const SHELL_SAFE = /^[A-Za-z0-9._:@/+=,-]*$/;

/** The first name a command uses whose value the shell could read as something else; null = none. */
export function findUnsafeValue(
  command: string,
  values: TemplateValues,
): { name: string; value: string } | null {
  for (const name of namesIn(command)) {
    const value = Object.hasOwn(values, name) ? values[name] : null;
    if (typeof value === 'string' && !SHELL_SAFE.test(value)) return { name, value };
  }
  return null;
}
