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

export class Scrubber {
  /** Form → what is shown in its place. */
  private readonly forms = new Map<string, string>();
  private pattern: RegExp | null = null;

  /** From now on every form of `value` reads `[reference]`. */
  add(value: string, reference: string): void {
    const shown = `[${reference}]`;
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
        if (this.forms.get(form) === shown) continue;
        this.forms.set(form, shown);
        this.pattern = null;
      }
    }
  }

  scrub(text: string): string {
    if (this.forms.size === 0) return text;
    this.pattern ??= new RegExp(
      [...this.forms.keys()]
        // the longest first: a value may contain another
        .sort((a, b) => b.length - a.length)
        .map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`))
        .join('|'),
      'g',
    );
    return text.replace(this.pattern, (form) => this.forms.get(form) ?? '[secret]');
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
