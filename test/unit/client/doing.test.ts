/** What a change does now is what it says itself, on the screens of its environment and its own. */
import { describe, expect, it } from 'vitest';
import { renderStatus } from '../../../client/render/status.js';
import { makeStyle } from '../../../client/render/style.js';
import { renderProgress } from '../../../client/render/watch.js';
import type { StepState } from '../../../workflows/result.js';
import { givenPlan, givenRequest } from '../../support/given.js';
import { givenEnvironment, givenProgress, NOW } from './given-status.js';

const style = makeStyle({ ascii: false, colour: false, columns: 80 });
const plan = givenPlan({ pipeline: 'secretmagic', name: 'prod' });
const inFlight = { request: givenRequest(plan, 'v1.4.0'), token: 4, cutover: null };

function given(doing: string, state: StepState, step = 'switch') {
  const headline = `secretmagic v1.4.0 → prod: ${doing}`;
  const steps = [{ name: step, state, tookMs: null, note: null }];
  return givenProgress({ state: 'running', headline, steps });
}

describe('a change in flight', () => {
  it.each([
    ['deploy', given('deploy', 'running', 'deploy')],
    ['switch: 5% to green, watched for 2m', given('5% to green, watched for 2m', 'running')],
    ['5% to green, watched for 2m', given('5% to green, watched for 2m', 'inconclusive')],
    ['undoing switch', given('undoing switch', 'aborted')],
    ['recovering: deploy', given('recovering: deploy', 'running', 'deploy')],
    ['starting', given('starting', 'pending')],
    // of another worker, which says it in words of its own
    ['deploy, running', givenProgress({ state: 'running', headline: 'it goes on' })],
    ['switch', given('switch\u001b[2J', 'aborted')],
  ])('says in the status: %s', (said, change) => {
    const status = givenEnvironment({ inFlight });
    const view = { name: 'prod', status, change, promotions: new Map() };
    expect(renderStatus(style, 'secretmagic', [view], NOW)).toContain(`▸ v1.4.0, ${said}\n`);
  });

  it('says on its own screen what goes on where no step does', () => {
    expect(renderProgress(style, given('undoing switch', 'aborted'), NOW)).toContain(
      'secretmagic v1.4.0 → prod   RUNNING undoing switch\n',
    );
    expect(renderProgress(style, given('deploy', 'running', 'deploy'), NOW)).toContain('RUNNING deploy\n');
  });
});
