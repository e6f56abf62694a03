import { expect, it } from 'vitest';
import { makeStyle } from '../../../client/render/style.js';
import { renderStatus } from '../../../client/render/status.js';
import { renderProgress } from '../../../client/render/watch.js';
import type { StepReport } from '../../../workflows/result.js';
import { givenPlan, givenRequest } from '../../support/given.js';
import { givenEnvironment, givenProgress, NOW } from './given-status.js';

const style = makeStyle({ ascii: false, colour: false, columns: 80 });

const preflight: StepReport = {
  ...{ name: 'preflight', state: 'succeeded', tookMs: 9, note: '1 warning' },
  warnings: ['web-1: the disk is \u001b[31m91 % full; remove old images'],
};
const told = '! web-1: the disk is 91 % full; remove old images';

it('what preflight warns of stands below it', () => {
  const screen = renderProgress(style, givenProgress({ state: 'running', steps: [preflight] }), NOW);
  expect(screen).toContain(
    `  ✓ preflight     1 warning                                                  9ms\n`,
  );
  expect(screen).toContain(`\n    ${told}\n`);
});

it('what preflight warns of is in the status of the environment that is asked for', () => {
  const change = givenProgress({ state: 'running', steps: [preflight] });
  const inFlight = { request: givenRequest(givenPlan(), 'v1.4.0'), token: 3, cutover: null };
  const status = givenEnvironment({ inFlight });
  const view = { name: 'prod', status, change, promotions: new Map() };
  expect(renderStatus(style, 'shop', [view], NOW, true)).toContain(told);
  expect(renderStatus(style, 'shop', [view], NOW)).not.toContain(told);
});

it('what was superseded says by which release', () => {
  const headline = 'secretmagic v1.4.0 → prod: superseded by v1.5.0, nothing was touched';
  const screen = renderProgress(style, givenProgress({ state: 'superseded', headline }), NOW);
  expect(screen).toContain('\n  why      superseded by v1.5.0, nothing was touched\n');
});
