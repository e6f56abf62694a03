import { describe, expect, it } from 'vitest';
import type { PreflightFinding } from '../../../workflows/activity-contract.js';
import { sayWarnings } from '../../../workflows/preflight-warnings.js';

function warning(where: string, message: string, wayOut: string | null = null): PreflightFinding {
  return { where, thing: 'disk', state: 'warning', message, wayOut };
}

describe('what preflight warns of', () => {
  it('is told with place and way out, and nothing else is', () => {
    const fine = { ...warning('web-1', 'logged in'), state: 'ok' as const };
    expect(sayWarnings([fine, warning('web-1', '91 % full', 'remove old images')], 'prod')).toEqual([
      'web-1: 91 % full; remove old images',
    ]);
    expect(sayWarnings([fine], 'prod')).toEqual([]);
  });

  it('is told once where many hosts say the same', () => {
    expect(sayWarnings([warning('web-1', 'full'), warning('web-2', 'full')], 'prod')).toEqual([
      'web-1, web-2: full',
    ]);
  });

  it('is cut to a few short lines, and says where the rest is', () => {
    const many = Array.from({ length: 200 }, (_, place) =>
      warning(`web-${place}`, `${place} ${'x\n'.repeat(5_000)}`, 'y'.repeat(5_000)),
    );
    const told = sayWarnings(many, 'prod');
    expect(told).toHaveLength(4);
    expect(told.at(-1)).toBe('and 197 more; slipway doctor prod');
    expect(told.join('\n').length).toBeLessThan(1_600);
    expect(told.join('')).not.toContain('\n');
  });
});
