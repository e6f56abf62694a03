/** Is what came from elsewhere what it should be? Small and without zod, which would cost every command its load time. */

/** null = it is; else the place of the first thing that is not, such as `.steps[3].state`. */
export type Shape = (value: unknown) => string | null;

/** Nobody has more steps, promotions or findings; a screen with a million of them would never end. */
const MOST_ITEMS = 2_000;
const LONGEST_TEXT = 200_000;
/** Deeper is nothing that was written by hand or by us, and the end of whoever walks through it. */
const DEEPEST = 100;

const when =
  (isIt: (value: unknown) => boolean): Shape =>
  (value) =>
    isIt(value) ? null : '';

export const text = when((value) => typeof value === 'string' && value.length <= LONGEST_TEXT);

/** A log, as many lines as were asked for. */
export const longText = when((value) => typeof value === 'string');

/** An id, a sha or a digest: shown, signed and handed to shells of other people as it is. */
export const word = when((value) => typeof value === 'string' && /^[\w:.+@-]{0,200}$/.test(value));

export const moment = when((value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)));

export const flag = when((value) => typeof value === 'boolean');

/** A number of things or milliseconds. */
export const count = when(
  (value) => typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER,
);

export const oneOf = (...words: readonly string[]): Shape =>
  when((value) => typeof value === 'string' && words.includes(value));

/** Whatever is in it; nobody here looks. */
export const anything = when((value) => isFlat(value));

export function orNull(shape: Shape): Shape {
  return (value) => (value === null ? null : shape(value));
}

/** May be left out. */
export function maybe(shape: Shape): Shape {
  return (value) => (value === undefined ? null : shape(value));
}

export function list(of: Shape): Shape {
  return (value) => {
    if (!Array.isArray(value) || value.length > MOST_ITEMS) return '';
    for (const [index, item] of value.entries()) {
      const wrong = of(item);
      if (wrong !== null) return `[${String(index)}]${wrong}`;
    }
    return null;
  };
}

/** Fields that nobody asks about may be there too. */
export function fields(shapes: Record<string, Shape>): Shape {
  return (value) => {
    if (!isFields(value)) return '';
    for (const [name, shape] of Object.entries(shapes)) {
      const wrong = shape(Object.hasOwn(value, name) ? value[name] : undefined);
      if (wrong !== null) return `.${name}${wrong}`;
    }
    return null;
  };
}

/** All of them. */
export function both(...shapes: readonly Shape[]): Shape {
  return (value) => shapes.map((shape) => shape(value)).find((wrong) => wrong !== null) ?? null;
}

export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFlat(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEPEST) return false;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return true;
}
