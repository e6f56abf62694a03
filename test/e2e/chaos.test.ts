/** A short `npm run chaos`: everything under a few releases is killed, and one truth is left. */
import { expect, test } from 'vitest';
import { runChaos } from '../chaos/run-chaos.js';

test('releases back to back while everything is killed leave exactly one recorded release serving', async () => {
  const said: string[] = [];
  // a slow machine gets through fewer of them
  const signal = AbortSignal.timeout(120_000);
  const result = await runChaos({
    platform: 'swarm',
    changes: 10,
    seed: 1,
    say: (text) => said.push(text),
    signal,
  });
  expect(result.wrongs, said.join('\n')).toEqual([]);
  expect(result).toMatchObject({ ok: true, checks: 1, folder: null });
  expect(Object.keys(result.lanes).toSorted()).toEqual(['prod', 'stack', 'stage', 'swarm']);
  expect(result.ends['succeeded']).toBeGreaterThan(0);
  const disturbed = Object.values(result.disturbances).reduce((sum, count) => sum + count, 0);
  expect(disturbed).toBeGreaterThan(0);
}, 600_000);
