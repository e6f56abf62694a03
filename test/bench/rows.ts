/** What a benchmark says: rows of numbers, each with what it is held against; and how they are printed. */
export interface Row {
  name: string;
  /** null = it could not be measured; `name` and `against` say what was tried. */
  value: number | null;
  unit: string;
  /** What the value is compared with: `bare script, same run`, `Kamal 2.12, recorded`. */
  against: string | null;
  /** value ÷ what it is compared with. */
  ratio: number | null;
  /** At most this, for `ratio` where there is one, else for `value`; null = only told. */
  target: number | null;
  met: boolean | null;
}

export interface Benchmark {
  name: string;
  /** One line for people. */
  about: string;
  run: (say: (text: string) => void) => Promise<Row[]>;
}

/** A number on its own: met when it is at most `target`. */
export function row(name: string, value: number, unit: string, target: number | null = null): Row {
  const rounded = round(value);
  return {
    name,
    value: rounded,
    unit,
    against: null,
    ratio: null,
    target,
    met: target === null ? null : value <= target,
  };
}

/** A number held against another of the same unit: met when value ÷ other is at most `target`; null = only told. */
export function rowAgainst(
  name: string,
  value: number,
  unit: string,
  other: { name: string; value: number },
  target: number | null,
): Row {
  const ratio = value / other.value;
  return {
    name,
    value: round(value),
    unit,
    against: `${other.name} ${round(other.value)}`,
    ratio: round(ratio),
    target,
    met: target === null ? null : ratio <= target,
  };
}

/** `share` 0.5 = the median; the nearest value that was measured, nothing between two. Throws without values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error('no values were measured');
  return value;
}

export function renderTable(rows: readonly Row[]): string {
  const lines = [
    ['', 'value', 'against', 'ratio', 'target', 'met'],
    ...rows.map((each) => [
      each.name,
      each.value === null ? '-' : `${each.value} ${each.unit}`,
      each.against ?? '',
      each.ratio === null ? '' : String(each.ratio),
      each.target === null ? '' : `≤ ${each.target}${each.ratio === null ? ` ${each.unit}` : ' ×'}`,
      each.met === null ? '' : each.met ? 'yes' : 'NO',
    ]),
  ];
  const widths = lines.reduce<number[]>(
    (widest, cells) => cells.map((cell, column) => Math.max(widest[column] ?? 0, cell.length)),
    [],
  );
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
