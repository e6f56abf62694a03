/** The mark of a forced gate, also where anybody may have written what it is read from. */
import { describe, expect, it } from 'vitest';
import { describeForced, forcedGates } from '../../../workflows/forced.js';
import { renderEnvironment } from '../../../workflows/environment-screen.js';
import { newEnvironment } from '../../../workflows/environment-memory.js';
import type { BuiltArtifact, EvidenceItem } from '../../../workflows/result.js';
import { detailChange } from '../../../workflows/static-details.js';
import { givenArtifacts, givenPlan, givenRecord, givenRequest } from '../../support/given.js';

const MARK = { gate: 'scan', by: 'irina', reason: 'no fix is out', ticket: 'OPS-412' };
const ITEM: EvidenceItem = {
  kind: 'gate',
  name: 'scan',
  verdict: 'forced',
  by: 'irina',
  at: '2026-11-14T10:00:00.000Z',
  note: 'no fix is out',
  ticket: 'OPS-412',
  proof: 'ssh',
};

describe('forced gates', () => {
  it('are those of the release and of the environment, each once', () => {
    const artifacts = givenArtifacts('v1').map((made) => ({
      ...made,
      forced: [MARK, { ...MARK, gate: 'lint' }],
    }));
    expect(forcedGates({ artifacts, evidence: [{ ...ITEM, verdict: 'fail' }, ITEM, ITEM] })).toEqual([
      MARK,
      { ...MARK, gate: 'lint' },
    ]);
    expect(forcedGates({})).toEqual([]);
  });

  it.each<[string, unknown, unknown]>([
    ['no lists', 'x', 7],
    ['lists of nothing', [null, 3], [null, 'x']],
    ['marks that are none', [{ forced: 'x' }, { forced: [null] }], [{ verdict: 'forced' }]],
    ['marks of numbers', [{ forced: [{ gate: 1, by: {}, reason: [], ticket: null }] }], []],
  ])('of %s harm nobody', (_what, artifacts, evidence) => {
    // oxlint-disable typescript/no-unsafe-type-assertion -- the very point: anybody may send anything
    const found = forcedGates({
      artifacts: artifacts as BuiltArtifact[],
      evidence: evidence as EvidenceItem[],
    });
    // oxlint-enable typescript/no-unsafe-type-assertion
    for (const each of found) expect(describeForced(each)).toMatch(/^unknown by unknown/);
  });

  it('are one line, whatever the reason was', () => {
    const [mark] = forcedGates({ evidence: [{ ...ITEM, note: 'one\n```\n\u001b[31mtwo' }] });
    expect(mark === undefined ? '' : describeForced(mark)).toBe('scan by irina: one ``` two (OPS-412)');
  });

  it('stand on the environment’s page and beside the versions one may go back to', () => {
    const plan = givenPlan();
    const forced = { ...givenRecord(plan, 'v2', 'green'), evidence: [ITEM] };
    const clean = givenRecord(plan, 'v1', 'blue');
    const state = { ...newEnvironment('shop', 'prod'), live: forced, good: [forced, clean] };
    const page = renderEnvironment(state, []);
    expect(page).toContain('> ⚠ FORCED scan by irina: no fix is out (OPS-412)');
    expect(page).toContain('live      green v2 (forced)');
    expect(page).toContain('good      v2 (forced) v1');
    expect(renderEnvironment({ ...state, live: clean }, [])).not.toContain('⚠');
  });

  it('stand in what a change shows without any worker', () => {
    const request = givenRequest(givenPlan(), 'v1', 'rollback', { evidence: [ITEM] });
    const details = detailChange(request, null);
    expect(details).toContain('- FORCED scan by irina: no fix is out (OPS-412)');
    expect(details).toContain('gate scan: forced by irina (by ssh)');
  });
});
