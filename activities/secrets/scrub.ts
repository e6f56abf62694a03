/**
 * Removes known values from text that people will read: as they are, base64 and URL-encoded. Shorter values are
 * left alone, since `prod` or `true` as a secret would blank out ordinary words.
 */
const SHORTEST_SCRUBBED = 6;
/** Shorter lines of a value with several lines (braces, headers) are ordinary text. */
const SHORTEST_LINE = 20;
/** `NAME=value`, `name: value` as a line of a whole document: what stands for a secret of its own there. */
const ENTRY = /^(?:export\s+|- )?[\w."'-]+\s*[:=]\s*["']?(.+?)["']?,?$/;
const SHORTEST_ENTRY = 10;

/** A known value, or a part of one, that stands somewhere inside another. */
export interface Sighting {
  /** Names and indices that lead there. */
  path: string[];
  /** As it is written there: plain, base64, URL-encoded. */
  written: string;
  reference: string;
}

export class Scrubber {
  /** Form → the reference of what it is a form of. */
  private readonly forms = new Map<string, string>();
  private pattern: RegExp | null = null;

  /** From now on every form of `value` reads `[reference]`. */
  add(value: string, reference: string): void {
    const whole = value.trim();
    const lines = whole.includes('\n') ? whole.split('\n').map((line) => line.trim()) : [];
    const entries = lines.map((line) => ENTRY.exec(line)?.[1] ?? '');
    const wanted = [
      value,
      whole,
      ...lines.filter((line) => line.length >= SHORTEST_LINE),
      ...entries.filter((entry) => entry.length >= SHORTEST_ENTRY),
    ];
    for (const text of wanted) {
      if (text.length < SHORTEST_SCRUBBED) continue;
      for (const form of formsOf(text)) {
        if (this.forms.get(form) === reference) continue;
        this.forms.set(form, reference);
        this.pattern = null;
      }
    }
  }

  scrub(text: string): string {
    if (this.forms.size === 0) return text;
    return text.replace(this.known(), (form) => `[${this.forms.get(form) ?? 'secret'}]`);
  }

  /** Every known value in the texts and names inside `value`, which is a tree as JSON knows it. */
  find(value: unknown): Sighting[] {
    const found: Sighting[] = [];
    if (this.forms.size > 0) this.collect(value, this.known(), found);
    return found;
  }

  private collect(value: unknown, known: RegExp, found: Sighting[]): void {
    if (typeof value === 'string') {
      for (const written of value.match(known) ?? [])
        found.push({ path: [], written, reference: this.forms.get(written) ?? 'secret' });
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      const before = found.length;
      this.collect(name, known, found);
      this.collect(inner, known, found);
      for (const { path } of found.slice(before)) path.unshift(name);
    }
  }

  private known(): RegExp {
    this.pattern ??= new RegExp(
      [...this.forms.keys()]
        // the longest first: a value may contain another
        .sort((a, b) => b.length - a.length)
        .map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`))
        .join('|'),
      'g',
    );
    return this.pattern;
  }
}

function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const json = JSON.stringify(text).slice(1, -1);
  const forms = [text, json, encodeURIComponent(text), new URLSearchParams({ v: text }).toString().slice(2)];
  // inside a longer base64 text (user:password) the value starts at any of three positions
  for (const shift of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const start = [0, 2, 3][shift] ?? 0;
    const spare = (bytes.length + shift) % 3 === 0 ? 0 : 1;
    const middle = padded.slice(start, padded.length - spare);
    if (middle.length >= SHORTEST_SCRUBBED) {
      forms.push(middle, middle.replaceAll('+', '-').replaceAll('/', '_'));
    }
  }
  forms.push(bytes.toString('base64'), bytes.toString('base64url'));
  return forms;
}
