/**
 * The grammar the pipeline file's schema is written in. Each combinator looks before it parses (which kind? a name or
 * a list?), so an error talks about what the author wrote and never about the branches they did not take.
 */
import { z } from 'zod';

/** What a combinator knows about an error besides its text; travels in the zod issue's `params`. */
export interface IssueFacts {
  /** The words that would have been right: the nearest becomes the suggestion. */
  known?: readonly string[];
  /** A ready suggestion. */
  suggestion?: string | null;
  /** The value is a secret: no message or snippet shows it. */
  secret?: boolean;
  /** Point at the key instead of its value. */
  atKey?: boolean;
}

/** How to write a combinator as JSON Schema, since its own zod type is opaque. */
export type JsonShape =
  | { form: 'closed'; schema: z.ZodType }
  | { form: 'anyOf'; options: z.ZodType[] }
  | { form: 'oneOf'; options: z.ZodType[] }
  | { form: 'map'; keys: RegExp; values: z.ZodType };

const shapes = new WeakMap<object, JsonShape>();

/** An opaque start whose JSON Schema is known: it stays the same object when refinements clone what is built on it. */
function opaque(shape: JsonShape): z.ZodUnknown {
  const schema = z.unknown();
  shapes.set(schema, shape);
  return schema;
}

export function jsonShapeOf(schema: object): JsonShape | null {
  return shapes.get(schema) ?? null;
}

type Context = z.core.$RefinementCtx;

/** Adds an error at `path` below the value being parsed. */
function complain(context: Context, path: PropertyKey[], message: string, facts: IssueFacts = {}): void {
  context.issues.push({ code: 'custom', input: context.value, path, message, params: { ...facts } });
}

/** Runs a schema one level down and carries its errors up. */
function parseInto<S extends z.ZodType>(
  schema: S,
  value: unknown,
  path: PropertyKey[],
  context: Context,
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const moved = { ...issue, input: value, path: [...path, ...issue.path] };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a finished issue is a raw one with its message
    context.issues.push(moved as z.core.$ZodRawIssue);
  }
  return z.NEVER;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Extensions: anyone may write `x-…` anywhere a key is expected, for anchors and for other tools. */
function isExtension(key: string): boolean {
  return key.startsWith('x-');
}

function nameType(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}

function complainNoMap(context: Context, value: unknown): void {
  complain(
    context,
    [],
    value === undefined ? 'is missing' : `must be a map of keys, but is ${nameType(value)}`,
  );
}

function withoutExtensions(value: Record<string, unknown>, drop: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !isExtension(key) && !drop.includes(key)),
  );
}

/** A map with exactly these keys (and `x-…`). */
export function closed<S extends z.ZodRawShape>(shape: S) {
  const object = z.strictObject(shape);
  const known = Object.keys(shape);
  return opaque({ form: 'closed', schema: object }).transform((value, context): z.output<typeof object> => {
    if (!isMap(value)) {
      complainNoMap(context, value);
      return z.NEVER;
    }
    const unknown = Object.keys(value).filter((key) => !isExtension(key) && !Object.hasOwn(shape, key));
    for (const key of unknown) complain(context, [key], 'no such key', { known, atKey: true });
    return parseInto(object, withoutExtensions(value, unknown), [], context);
  });
}

type KindOutput<K extends Record<string, z.ZodRawShape>, C extends z.ZodRawShape> = {
  [N in keyof K & string]: { kind: N } & z.output<z.ZodObject<K[N] & C>>;
}[keyof K & string];

/**
 * A map whose kind is one of its keys: `{http: /health, timeout: 5s}`. The kind is found first, then only that kind's
 * schema is used. `kinds` lists the shapes per kind, `common` what every kind may have.
 */
export function kinds<K extends Record<string, z.ZodRawShape>, C extends z.ZodRawShape>(
  noun: string,
  byKind: K,
  common: C,
) {
  const names = Object.keys(byKind);
  const objects = new Map(names.map((name) => [name, z.strictObject({ ...byKind[name], ...common })]));

  /** The one kind, or null after saying why there is none. */
  const findKind = (value: Record<string, unknown>, context: Context): string | null => {
    const [kind, second] = names.filter((name) => Object.hasOwn(value, name));
    if (kind !== undefined && second === undefined) return kind;
    if (kind === undefined) {
      const key = Object.keys(value).find((each) => !isExtension(each) && !Object.hasOwn(common, each));
      const message = `${noun} has no kind; one of its keys must be ${listWords(names)}`;
      complain(context, key === undefined ? [] : [key], message, { known: names, atKey: true });
    } else {
      const message = `${noun} has one kind, but this one says ${kind} and ${second ?? ''}`;
      complain(context, second === undefined ? [] : [second], message, { atKey: true });
    }
    return null;
  };

  const complainUnknown = (context: Context, key: string, kind: string, known: string[]): void => {
    const owner = names.find((name) => Object.hasOwn(byKind[name] ?? {}, key));
    if (owner === undefined) complain(context, [key], 'no such key', { known, atKey: true });
    else complain(context, [key], `belongs to ${owner}, not to ${kind}`, { atKey: true });
  };

  return opaque({ form: 'oneOf', options: [...objects.values()] }).transform(
    (value, context): KindOutput<K, C> => {
      if (!isMap(value)) {
        complainNoMap(context, value);
        return z.NEVER;
      }
      const kind = findKind(value, context);
      const object = objects.get(kind ?? '');
      if (kind === null || object === undefined) return z.NEVER;
      const known = Object.keys(object.shape);
      const unknown = Object.keys(value).filter((key) => !isExtension(key) && !known.includes(key));
      for (const key of unknown) complainUnknown(context, key, kind, known);
      const parsed = parseInto(object, withoutExtensions(value, unknown), [], context);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the object is the one of this kind
      return { kind, ...parsed } as KindOutput<K, C>;
    },
  );
}

/** Looks at the value, then parses with that branch only. */
export function choose<A extends z.ZodType, B extends z.ZodType>(
  isFirst: (value: unknown) => boolean,
  first: A,
  second: B,
) {
  return opaque({ form: 'anyOf', options: [first, second] }).transform(
    (value, context): z.output<A> | z.output<B> =>
      isFirst(value) ? parseInto(first, value, [], context) : parseInto(second, value, [], context),
  );
}

/** One value or a list of them; always a list afterwards. */
export function oneOrMany<S extends z.ZodType>(item: S) {
  return choose((value) => !Array.isArray(value), item, z.array(item)).transform((value): z.output<S>[] =>
    Array.isArray(value) ? (value as z.output<S>[]) : [value as z.output<S>],
  );
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** Names that become ids, folders and tags. */
export const SLUG = /^[a-z][a-z0-9-]{0,39}$/;

/** A map whose keys are the author's names (gates, checks, environments, images). */
export function named<S extends z.ZodType>(noun: string, item: S, keys: 'name' | 'slug' = 'name') {
  const pattern = keys === 'slug' ? SLUG : NAME;
  const rule =
    keys === 'slug'
      ? 'lower-case letters, digits and `-`, a letter first, at most 40'
      : 'letters, digits, `.`, `_` and `-`, at most 63';
  return opaque({ form: 'map', keys: pattern, values: item }).transform(
    (value, context): ReadonlyMap<string, z.output<S>> => {
      const result = new Map<string, z.output<S>>();
      if (!isMap(value)) {
        complainNoMap(context, value);
        return result;
      }
      for (const [name, content] of Object.entries(value)) {
        if (isExtension(name)) continue;
        if (!pattern.test(name)) {
          complain(context, [name], `is no name for ${noun}; a name is ${rule}`, { atKey: true });
        }
        result.set(name, parseInto(item, content, [name], context));
      }
      return result;
    },
  );
}

export function listWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

/** A list without repetitions. */
export function uniqueList<S extends z.ZodType<string>>(item: S) {
  return z.array(item).superRefine((list, context) => {
    for (const [index, entry] of list.entries()) {
      if (list.indexOf(entry) === index) continue;
      complain(context, [index], `${entry} is in this list twice`);
    }
  });
}
