/**
 * Each activity of a release and its promotions × each way to go wrong: exactly what was there before, or the new
 * release wholly; nothing left behind, and the results say what happened.
 */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { olderThan } from '../support/environment-scene.js';
import type { FaultKind } from '../support/fake-world.js';
import { useHarness } from '../support/use-harness.js';
import { startHarness } from '../support/workflow-harness.js';
import { judgeRelease, type Verdict } from './judge-release.js';
import { nameOf, ReleaseCase, SETTINGS, type Call } from './matrix-of-releases.js';

// Many releases in one test, on a machine that may be busy.
vi.setConfig({ testTimeout: 300_000 });
const harness = useHarness(() => startHarness({ ancestors: olderThan }));

describe.each(SETTINGS)('$name', (setting) => {
  let calls: Call[];
  beforeAll(async () => {
    const calm = new ReleaseCase(harness, setting);
    await calm.start();
    await calm.handle.result();
    calls = await calm.calls();
  });

  /** Only a refusal ends it; a lost reply or a second try must not cost the release. */
  const REFUSALS: FaultKind[] = setting.thorough ? ['refuse', 'refuse-after'] : ['refuse'];
  it.concurrent.each(REFUSALS)('%s', async (fault) => {
    const found: Record<string, Verdict> = {};
    const wanted: Record<string, Verdict> = {};
    for (const call of calls) {
      const run = await strike([call], fault);
      found[nameOf(call)] = await judgeRelease(run);
      // Whoever comes before the promotion that was refused is live.
      const names = run.places.map(({ plan }) => plan.name);
      wanted[nameOf(call)] = verdict(
        'failed',
        names,
        names.slice(0, Math.max(0, names.indexOf(call.caller))),
      );
    }
    expect(found).toEqual(wanted);
  });

  const HICCUPS: FaultKind[] = setting.thorough ? ['lose-reply', 'twice', 'unreachable'] : ['lose-reply'];
  it.concurrent.each(HICCUPS)('%s', async (fault) => {
    const found: Record<string, Verdict> = {};
    const wanted: Record<string, Verdict> = {};
    const carryOut = async (together: Call[]): Promise<void> => {
      const run = await strike(together, fault);
      const name = together.map(nameOf).join(' and ');
      found[name] = await judgeRelease(run);
      const names = run.places.map(({ plan }) => plan.name);
      wanted[name] = verdict('succeeded', names, names);
    };
    // They wait for the next try more than they do.
    await Promise.all(atOnce(calls).map(carryOut));
    expect(found).toEqual(wanted);
  });

  async function strike(struck: Call[], fault: FaultKind): Promise<ReleaseCase> {
    const run = new ReleaseCase(harness, setting);
    for (const call of struck) run.break(call, fault);
    await run.start();
    return run;
  }
});

/** What ends nobody's way strikes one call of the release and one of each promotion in a single run. */
function atOnce(calls: Call[]): Call[][] {
  const callers = [...new Set(calls.map(({ caller }) => caller))];
  const ways = callers.map((caller) => calls.filter((call) => call.caller === caller));
  const longest = Math.max(...ways.map((way) => way.length));
  return Array.from({ length: longest }, (_, index) => ways.flatMap((way) => way.slice(index, index + 1)));
}

function verdict(state: Verdict['state'], names: string[], live: string[]): Verdict {
  const served = Object.fromEntries(
    names.map((name) => [name, live.includes(name) ? ('new' as const) : ('old' as const)]),
  );
  return { state, served, wrong: [] };
}
