/** Each step × each way to go wrong: exactly what was there before, or the new release wholly. Never anything between. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../workflows/activity-contract.js';
import { STEPS } from '../../workflows/change-steps.js';
import { decideOn, runChange, startChange, waitsFor } from '../support/change-scene.js';
import type { FaultKind } from '../support/fake-world.js';
import { useHarness } from '../support/use-harness.js';
import { findActivities, findUndos, givenCase, judgeWorld, lastLook, SETTINGS } from './matrix-of-changes.js';

const harness = useHarness();

/** Every step of the table is in the matrix: one that no setting runs would go untried. */
it('the settings run every step of the table', () => {
  const tried = new Set(SETTINGS.flatMap((setting) => setting.steps));
  expect(Object.keys(STEPS).filter((step) => !tried.has(step))).toEqual([]);
});

describe.each(SETTINGS)('$name', (setting) => {
  let activitiesOf: Map<string, (keyof Activities)[]>;
  let undos: (keyof Activities)[];
  beforeAll(async () => {
    const run = (input: Parameters<typeof runChange>[1]): ReturnType<typeof runChange> =>
      runChange(harness, input);
    activitiesOf = await findActivities(run, harness, setting);
    undos = await findUndos(run, harness, setting);
  });

  const FAULTS: FaultKind[] = ['refuse', 'refuse-after', 'lose-reply', 'twice', 'unreachable'];
  const matrix = setting.steps.flatMap((step) => FAULTS.map((fault) => ({ step, fault })));

  it.concurrent.each(matrix)('$step: $fault', async ({ step, fault }) => {
    const activities = activitiesOf.get(step) ?? [];
    expect(activities.length, `${step} calls no activity`).toBeGreaterThan(0);
    for (const activity of activities) {
      const change = givenCase(harness, setting);
      change.scene.break(activity, fault);
      const result = await runChange(harness, change.input);
      const world = judgeWorld(change);
      // A colour that was stopped although its stop was refused stays listed as warm; the release that serves does not change.
      const told = result.live?.version === setting.version ? ['new'] : ['old'];
      expect(setting.kind === 'retire' ? ['old', 'new'] : told, `${activity} ${fault}`).toContain(world);
      expect(result).toMatchObject({
        clean: true,
        unwind: result.unwind.map(() => ({ outcome: expect.stringMatching(/^(undone|never-ran)$/) })),
      });
      // Only a refusal ends it; a lost reply or a second try must not cost the release.
      const refused = fault.startsWith('refuse') && !isTold(step, setting.kind);
      expect(result.state, `${activity} ${fault}`).toBe(refused ? 'failed' : 'succeeded');
    }
  });

  it.concurrent.each(['lose-reply', 'twice', 'unreachable', 'refuse', 'refuse-after', 'foreign'] as const)(
    'undo: %s',
    async (fault) => {
      expect(undos.length > 0).toBe(setting.kind !== 'retire');
      for (const activity of new Set(undos)) {
        const change = givenCase(harness, setting);
        change.scene.break(lastLook(setting), 'say-no');
        const back = change.scene.live?.colour ?? null;
        change.scene.break(activity, fault, activity === 'switchTraffic' ? { to: back } : {});
        const handle = await startChange(harness, change.input);
        if (!['lose-reply', 'twice', 'unreachable'].includes(fault)) {
          await waitsFor(handle, 'a person: undo of');
          await decideOn(handle, 'retryStep');
        }
        expect(await handle.result()).toMatchObject({ state: 'failed', clean: true });
        expect(judgeWorld(change), `${activity} ${fault}`).toBe('old');
      }
    },
  );
});

/** What fails then is told, and undoes nothing: the release was verified, and there is no way back from a contraction. */
function isTold(step: string, kind: string): boolean {
  return step === 'settle' || (step === 'contract' && kind !== 'retire');
}
