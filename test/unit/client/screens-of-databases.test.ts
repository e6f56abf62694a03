/** What a person sees while a database goes back, and can do about it. */
import { expect, it } from 'vitest';
import { renderProgress } from '../../../client/render/watch.js';
import { makeStyle } from '../../../client/render/style.js';
import { givenProgress, NOW } from './given-status.js';

it.each(['restore', 'revert'])('a %s that failed can be tried again, and there is no way back', (name) => {
  const steps = [{ name, state: 'failed' as const, tookMs: 10, note: 'exited 7' }];
  const parked = givenProgress({ state: 'waiting', waitingFor: `a person: ${name} failed`, steps });
  const next = renderProgress(makeStyle({ ascii: true, colour: false, columns: 80 }), parked, NOW)
    .split('\n')
    .find((line) => line.includes('next '));
  expect(next?.trim()).toMatch(/^next +slipway retry prod$/);
});
