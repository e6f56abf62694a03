/** `status --json` names every host that stands apart, so that nobody's monitoring sees a whole fleet. */
import { expect, it } from 'vitest';
import type { HostWaiting } from '../../workflows/messages.js';
import { setForgedScene } from '../support/forged-scene.js';
import { forgedStatuses, VERSION } from '../support/forged-statuses.js';
import { givenPlan, givenRecord, givenRequest } from '../support/given.js';
import { readJson } from '../support/slipway-command.js';

const scene = setForgedScene();
const { environmentOf, waitingOn } = forgedStatuses(scene);
const SINCE = '2026-11-14T09:00:00.000Z';

it('quarantined, left out by a person, on the release before, and out of what is in flight', async () => {
  const tried: HostWaiting = {
    ...{ host: 'deploy@web-1', state: 'quarantined', why: 'cannot be reached', since: SINCE },
    ...{ againAt: '2026-11-14T09:05:00.000Z', tries: 1, wordOf: 'anna' },
  };
  const skipped: HostWaiting = {
    ...{ host: 'deploy@web-2', state: 'quarantined', why: 'skipped by anna: new disk', since: SINCE },
    ...{ againAt: null, tries: 0 },
  };
  const before: HostWaiting = { ...skipped, host: 'deploy@web-3', state: 'before', why: 'no room' };
  const inFlightApart = {
    ...{ host: 'deploy@web-4', state: 'quarantined' as const, why: 'no answer', since: SINCE },
  };
  const live = givenRecord(givenPlan(), 'v1.3.9', null);
  await scene.lane('prod', { status: waitingOn('prod') });
  const inFlight = { request: givenRequest(givenPlan(), VERSION), token: 3, cutover: null };
  await scene.environment(
    'prod',
    environmentOf('prod', {
      ...{ live, apart: [tried, skipped, before] },
      inFlight: { ...inFlight, apart: [inFlightApart] },
    }),
  );
  const { exit, data } = readJson(await scene.run(['status', 'prod', '--json']));
  expect(exit).toBe(0);
  expect(data['environments']).toMatchObject([
    {
      apart: [tried, skipped, before],
      inFlight: { apart: [{ ...inFlightApart, againAt: null, tries: 0 }] },
    },
  ]);
  const screen = await scene.run(['status', 'prod']);
  expect(screen.out).toContain('deploy@web-2 quarantined, until the next release: skipped by anna: new disk');
  expect(screen.out).toContain('deploy@web-4 is left out of what is in flight: no answer');
});
