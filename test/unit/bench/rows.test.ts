import { describe, expect, it } from 'vitest';
import { percentile, renderTable, row, rowAgainst } from '../../bench/rows.js';

describe('rows of the benchmark', () => {
  it('are met at the target, and not above it', () => {
    expect(row('median', 100, 'ms', 100)).toMatchObject({ value: 100, target: 100, met: true, ratio: null });
    expect(row('median', 100.1, 'ms', 100).met).toBe(false);
    expect(row('only told', 7, 'requests')).toMatchObject({ target: null, met: null });
  });

  it('hold a value against another by its ratio', () => {
    const script = { name: 'bare script', value: 0.4 };
    expect(rowAgainst('deploy', 0.8, 's', script, 2)).toMatchObject({ ratio: 2, met: true });
    expect(rowAgainst('deploy', 0.9, 's', script, 2)).toMatchObject({
      value: 0.9,
      against: 'bare script 0.4',
      ratio: 2.25,
      met: false,
    });
  });

  it('take percentiles from what was measured, whatever its order', () => {
    expect(percentile([3, 1, 2], 0.5)).toBe(2);
    expect(percentile([3, 1, 2], 0.99)).toBe(3);
    expect(() => percentile([], 0.5)).toThrow('no values were measured');
  });

  it('make a table whose columns line up and whose misses stand out', () => {
    const table = renderTable([
      row('back: median', 42, 'ms', 100),
      rowAgainst('deploy', 0.9, 's', { name: 'bare script', value: 0.4 }, 2),
    ]);
    expect(table.split('\n')).toEqual([
      '              value  against          ratio  target    met',
      'back: median  42 ms                          ≤ 100 ms  yes',
      'deploy        0.9 s  bare script 0.4  2.25   ≤ 2 ×     NO',
    ]);
  });
});
