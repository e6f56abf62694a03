import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { askChangeInFlight } from '../../../client/change-in-flight.js';
import type { SlipwayClient } from '../../../client/index.js';
import { troubleOf, withTrouble } from '../../../client/trouble.js';
import { givenProgress, givenReleaseStatus } from './given-status.js';

describe('what is tried again', () => {
  const status = givenReleaseStatus({
    steps: [
      { name: 'plan', state: 'succeeded', tookMs: 1, note: '7c1e90ab' },
      { name: 'build', state: 'running', tookMs: null, note: null },
      { name: 'prod', state: 'pending', tookMs: null, note: null },
    ],
  });

  it('is said by the step that runs, and by no other', () => {
    const notes = withTrouble(status, 'tried again: too many requests').steps.map(({ note }) => note);
    expect(notes).toEqual(['7c1e90ab', 'tried again: too many requests', null]);
    expect(withTrouble(status, null)).toBe(status);
  });

  it('is told apart from what a step says by itself', () => {
    const [plan, build] = withTrouble(status, 'tried again: x').steps.map(troubleOf);
    expect([plan, build]).toEqual(['', 'tried again: x']);
  });
});

describe('an undo that does not come through', () => {
  /** Whose activity failed like this. */
  const clientWith = (
    change: ReturnType<typeof givenProgress>,
    pending: object = { lastFailure: { message: 'no answer from the proxy\nat once' } },
  ): SlipwayClient => {
    const raw = { pendingActivities: [pending] };
    const handle = { describe: () => Promise.resolve({ raw }) };
    const link = {
      ask: (question: () => unknown) => question(),
      client: {
        workflow: { getHandle: () => handle },
        options: { loadedDataConverter: { payloadCodecs: [] } },
      },
    };
    return { pipeline: 'shop', link, progress: () => Promise.resolve(change) } as unknown as SlipwayClient;
  };
  const waitingFor = 'a person: undo of switch does not come through';

  it('says what the last try met', async () => {
    const change = await askChangeInFlight(
      clientWith(givenProgress({ state: 'running', waitingFor })),
      'prod',
    );
    expect(change?.trouble).toBe('tried again: no answer from the proxy');
  });

  it('says how far it is while nothing has failed yet, in its own words only', async () => {
    const change = givenProgress({ state: 'running', waitingFor });
    const beats = (details: unknown): object => ({
      heartbeatDetails: { payloads: [defaultPayloadConverter.toPayload(details)] },
    });
    const far = 'http://web-2/: 0 of 20 answers of blue in a row, before that no answer';
    expect(await askChangeInFlight(clientWith(change, beats(far)), 'prod')).toMatchObject({ trouble: far });
    const notes = clientWith(change, beats({ operationId: 'x', offset: 3 }));
    expect(await askChangeInFlight(notes, 'prod')).toMatchObject({ trouble: null });
  });

  it('and nothing else is asked about', async () => {
    const waits = givenProgress({ state: 'waiting', waitingFor: 'a person: undo of switch failed' });
    expect(await askChangeInFlight(clientWith(waits), 'prod')).toBe(waits);
    const goes = givenProgress({ state: 'running', waitingFor: null });
    expect(await askChangeInFlight(clientWith(goes), 'prod')).toBe(goes);
  });
});
