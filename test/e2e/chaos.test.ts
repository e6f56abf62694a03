/** Short runs of `npm run chaos`: everything under a few releases is killed, and one truth is left. */
import { expect, test } from 'vitest';
import { runChaos } from '../chaos/run-chaos.js';

test.each([
  ['swarm', 10, ['prod', 'stack', 'stage', 'swarm']],
  ['compose', 6, ['prod', 'stage']],
  ['kubernetes', 6, ['prod', 'stage']],
  ['fleet', 6, ['edge', 'prod', 'stage']],
] as const)(
  'on %s: releases back to back while everything is killed leave exactly what is recorded',
  async (platform, changes, environments) => {
    const said: string[] = [];
    // a slow machine gets through fewer of them
    const signal = AbortSignal.timeout(120_000);
    const result = await runChaos({ platform, changes, seed: 1, say: (text) => said.push(text), signal });
    expect(result.wrongs, said.join('\n')).toEqual([]);
    expect(result).toMatchObject({ ok: true, checks: 1, folder: null });
    expect(Object.keys(result.lanes).toSorted()).toEqual(environments);
    expect(result.ends['succeeded']).toBeGreaterThan(0);
    const disturbed = Object.values(result.disturbances).reduce((sum, count) => sum + count, 0);
    expect(disturbed).toBeGreaterThan(0);
  },
  600_000,
);
