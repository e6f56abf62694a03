/**
 * The ways out of a release or promotion, and each activity on them × each way to go wrong: what ends badly still ends
 * with its result, takes back what it asked for, and leaves no word behind. And: no activity is in none of the tables.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { olderThan } from '../support/environment-scene.js';
import { breakActivity, type FaultKind } from '../support/fake-world.js';
import { givenDecision } from '../support/given.js';
import { quiet, startHarness, until, type Harness } from '../support/workflow-harness.js';
import { judgeRelease, type Verdict } from './judge-release.js';
import { nameOf, ReleaseCase, SETTINGS, type Call } from './matrix-of-releases.js';

quiet();
// For a machine that may be busy.
vi.setConfig({ testTimeout: 300_000 });
let harness: Harness;
/** Of releases that go well, in every setting. */
const forward: Call[] = [];
const onTheWayOut: Call[] = [];
beforeAll(async () => {
  harness = await startHarness({ ancestors: olderThan });
  for (const setting of SETTINGS) {
    const run = new ReleaseCase(harness, setting);
    await run.start();
    await run.handle.result();
    forward.push(...(await run.calls()));
  }
});
afterAll(() => harness.close());

interface WayOut {
  name: string;
  /** Before the start. */
  prepare?: (run: ReleaseCase) => Promise<void> | void;
  /** After it. */
  provoke?: (run: ReleaseCase) => Promise<void>;
  /** Where nobody takes the request back the change goes on, once it may. */
  goOn?: (run: ReleaseCase) => Promise<unknown> | undefined;
  ends: Verdict['state'];
}

const [SETTING] = SETTINGS;
const prodOf = (run: ReleaseCase): ReleaseCase['places'][number] => {
  const [prod] = run.places;
  if (prod === undefined) throw new Error('the setting has no environment');
  return prod;
};
const atTheQuestion: Call = { caller: 'prod', activity: 'askEnvironment', after: 0 };

const atTheGate: Call = { caller: 'release', activity: 'runGate', after: 0 };

const WAYS_OUT: WayOut[] = [
  {
    name: 'a gate of the release says no',
    prepare: (run) => {
      run.break(atTheGate, 'hang-before');
      breakActivity(harness.world, run.pipeline, 'runGate', 'refuse');
    },
    // once its words are out: they are what has to be taken back
    provoke: async (run) => {
      await until('it has said what it replaces', async () => (await timesDone(run, 'announce')) === 2);
      run.letGo(atTheGate);
    },
    ends: 'failed',
  },
  {
    name: 'a gate of the promotion says no',
    prepare: (run) => run.break({ caller: 'prod', activity: 'runGate', after: 0 }, 'refuse'),
    ends: 'failed',
  },
  {
    name: 'the environment cannot be asked for the change',
    prepare: (run) => run.break({ caller: 'prod', activity: 'requestChange', after: 0 }, 'refuse'),
    ends: 'failed',
  },
  {
    name: 'cancelled in the queue',
    prepare: (run) => prodOf(run).environment.send('freeze', givenDecision('irina')),
    provoke: async (run) => {
      await prodOf(run).environment.until('it is queued', ({ queue }) => queue.length === 1);
      await run.handleOf('prod').cancel();
    },
    goOn: (run) => prodOf(run).environment.decide('unfreeze'),
    ends: 'aborted',
  },
  {
    name: 'cancelled while its change deploys',
    prepare: (run) => prodOf(run).scene.break('deploy', 'hang-during'),
    provoke: async (run) => {
      await prodOf(run).scene.arrived('deploy');
      await run.handleOf('prod').cancel();
    },
    goOn: (run) => Promise.resolve(prodOf(run).scene.release('deploy')),
    ends: 'aborted',
  },
  {
    name: 'its promotion is terminated',
    prepare: (run) => run.break(atTheQuestion, 'hang-before'),
    provoke: async (run) => {
      await run.arrived(atTheQuestion);
      await run.handleOf('prod').terminate('a person ends it');
      run.letGo(atTheQuestion);
    },
    ends: 'failed',
  },
];

const FAULTS: FaultKind[] = ['refuse', 'refuse-after', 'lose-reply', 'twice', 'unreachable'];

describe.each(WAYS_OUT)('$name', (way) => {
  let calls: Call[];
  beforeAll(async () => {
    const calm = await takeTheWay(way);
    await calm.handle.result().catch(() => undefined);
    const known = new Set(forward.map(nameOf));
    calls = (await calm.calls()).filter((call) => !known.has(nameOf(call)));
    onTheWayOut.push(...calls);
  });

  it.concurrent.each(FAULTS)('%s', async (fault) => {
    expect(calls.length).toBeGreaterThan(0);
    // What is only a hiccup strikes all calls of one run.
    const cells = fault.startsWith('refuse') ? calls.map((call) => [call]) : [calls];
    for (const cell of cells) {
      const run = await takeTheWay(way, cell, fault);
      const unheard =
        fault === 'refuse' ? cell.find(({ activity }) => activity === 'withdrawRequest') : undefined;
      const keptOn = unheard === undefined ? undefined : way.goOn;
      if (unheard !== undefined && keptOn !== undefined) {
        await until('nobody took the request back', () => hasFailed(run, unheard));
        await keptOn(run);
      }
      expect(await judgeRelease(run), cell.map(nameOf).join(' and ')).toEqual({
        state: keptOn === undefined ? way.ends : 'succeeded',
        served: { prod: keptOn === undefined ? 'old' : 'new' },
        wrong: cell.flatMap((call) => notToBeHelped(call, fault)),
      });
    }
  });
});

describe.each(['release', 'promotion'] as const)('a %s', (workflow) => {
  it('has no activity that the matrix does not know', () => {
    const known = [...forward, ...onTheWayOut]
      .filter(({ caller }) => (caller === 'release') === (workflow === 'release'))
      .map(({ activity }) => activity);
    const performed = performedBy(`workflows/${workflow}.ts`).filter((name) => !ELSEWHERE.includes(name));
    expect(performed.filter((name) => !known.some((each) => each === name))).toEqual([]);
  });
});

/**
 * Nobody speaks in these releases, which promotion-signed.test.ts, promotion-github.test.ts and forced.test.ts in test/trust break;
 * and what is said beside a release comes a different number of times and ends none of them: promotion-on-github.test.ts.
 */
const ELSEWHERE = [
  'verifyApproval',
  'findGithubApprovals',
  'verifyForce',
  'recordDeployment',
  'setCommitStatus',
  'commentOnPullRequest',
];

/** What a refusal leaves even so; everything else comes right. */
function notToBeHelped({ caller, activity }: Call, fault: FaultKind): unknown[] {
  // An environment that will not be told forgets it when the next release asks.
  if (activity === 'announce' && fault === 'refuse') return [expect.stringMatching(/is announced as/)];
  // Who may not be asked what came of a request cannot say that nothing did.
  const silent = activity === 'askEnvironment' && caller === 'release' && fault.startsWith('refuse');
  return silent ? ['prod: not clean'] : [];
}

async function takeTheWay(
  way: WayOut,
  struck: Call[] = [],
  fault: FaultKind = 'refuse',
): Promise<ReleaseCase> {
  if (SETTING === undefined) throw new Error('there is no setting');
  const run = new ReleaseCase(harness, SETTING);
  for (const call of struck) run.break(call, fault);
  await run.prepare();
  await way.prepare?.(run);
  await run.begin();
  await way.provoke?.(run);
  return run;
}

/** How many calls of the release have come to their end. */
async function timesDone(run: ReleaseCase, activity: Call['activity']): Promise<number> {
  const { events, scheduled } = await callsOf(run, { caller: 'release', activity });
  return events.filter((event) =>
    scheduled.includes(String(event.activityTaskCompletedEventAttributes?.scheduledEventId)),
  ).length;
}

async function hasFailed(run: ReleaseCase, call: Call): Promise<boolean> {
  const { events, scheduled } = await callsOf(run, call);
  return events.some(
    (event) => String(event.activityTaskFailedEventAttributes?.scheduledEventId) === scheduled[0],
  );
}

/** A caller's history, and the ids of the events in it that scheduled this activity. */
async function callsOf(run: ReleaseCase, { caller, activity }: Pick<Call, 'caller' | 'activity'>) {
  const { events } = await run.handleOf(caller).fetchHistory();
  const calls = (events ?? []).filter(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activity,
  );
  return { events: events ?? [], scheduled: calls.map((event) => String(event.eventId)) };
}

/** Names of all activities in a workflow's file and those it imports, as they are written. */
function performedBy(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  const calls = [...text.matchAll(/\bperform\(\s*('(\w+)')?/g)];
  const unnamed = calls.filter(([, name]) => name === undefined);
  if (unnamed.length > 0)
    throw new Error(`${file} performs an activity that is not named where it is called`);
  const imported = [...text.matchAll(/from '\.\/([\w-]+)\.js'/g)].map(
    ([, name]) => `${path.dirname(file)}/${name}.ts`,
  );
  return [...calls.map(([, , name]) => name ?? ''), ...imported.flatMap((each) => performedBy(each, seen))];
}
