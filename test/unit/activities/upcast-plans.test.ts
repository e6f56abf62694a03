import { describe, expect, test } from 'vitest';
import { upcastPlans } from '../../../activities/upcast-plans.js';
import { PLAN_VERSION } from '../../../pipeline/plan.js';
import { givenArtifacts, givenCommit, givenPlan } from '../../support/given.js';

/** What an activity would be given for `input`. */
async function given(input: unknown): Promise<unknown> {
  const { inbound } = upcastPlans();
  return await inbound?.execute?.({ args: [input], headers: {} }, ({ args }) => Promise.resolve(args[0]));
}

const present = givenPlan();

/** As a worker wrote it before `fixedTags` was there. */
function oldPlan(): Record<string, unknown> {
  const { fixedTags: _later, ...plan } = present;
  return plan;
}

const record = () => ({ version: 'v1', plan: oldPlan(), colour: 'blue' });

describe('plans that enter activities', () => {
  test.each([
    ['of a target', { target: { plan: oldPlan(), live: null } }, { target: { plan: present, live: null } }],
    [
      'of the release that is live',
      { target: { plan: oldPlan(), live: record() }, live: record() },
      {
        target: { plan: present, live: { ...record(), plan: present } },
        live: { ...record(), plan: present },
      },
    ],
    ['of a look', { plan: oldPlan(), live: null, lines: 5 }, { plan: present, live: null, lines: 5 }],
  ])('%s become those of this version', async (_where, input, expected) => {
    expect(await given(input)).toEqual(expected);
  });

  test('of a release are upcast with all their environments', async () => {
    const plan = { planVersion: PLAN_VERSION, environments: [oldPlan()] };
    expect(await given({ plan })).toMatchObject({ plan: { environments: [present] } });
  });

  test('what is no plan passes as it is', async () => {
    const subject = { plan: { pipeline: 'shop', commit: givenCommit(), artifacts: givenArtifacts('v1') } };
    for (const input of [subject, { window: {} }, null, 7]) expect(await given(input)).toEqual(input);
  });

  test('a version nobody wrote is bad input; a newer one may be carried out by a newer worker', async () => {
    const failureOf = async (planVersion: number): Promise<unknown> => {
      try {
        return await given({ target: { plan: { ...present, planVersion }, live: null } });
      } catch (error) {
        return error;
      }
    };
    expect(await failureOf(0)).toMatchObject({
      type: 'BadInput',
      nonRetryable: true,
      message: expect.stringContaining('start the release again'),
    });
    expect(await failureOf(PLAN_VERSION + 1)).toMatchObject({
      nonRetryable: false,
      message: expect.stringContaining('update this worker'),
    });
  });
});
