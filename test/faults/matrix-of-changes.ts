/** What the fault matrix of the change consists of: generated from the step table, so a new step is in it by itself. */
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import type { Activities } from '../../workflows/activity-contract.js';
import { STEPS } from '../../workflows/change-steps.js';
import type { ChangeInput, ChangeKind } from '../../workflows/messages.js';
import type { ChangeResult } from '../../workflows/result.js';
import { changeOf, givenScene, runsEverywhere, type Scene } from '../support/change-scene.js';
import { bakesWith } from '../support/compared-check.js';
import type { FakeEnvironment, FaultKind } from '../support/fake-world.js';
import { givenPlan, givenPlanInPlace, givenPlanWithProxies, givenTraffic } from '../support/given.js';
import type { Harness } from '../support/workflow-harness.js';

export interface Setting {
  name: string;
  kind: ChangeKind;
  /** In the order of the table. */
  steps: string[];
  plan: (steps: string[]) => EnvironmentPlan;
  versions: { live: string | null; warm?: string };
  /** What the change is to. */
  version: string;
  /** What may say no after which all that was done is undone. */
  looks: Call[];
  /** Its only step that is not as in another setting: nobody is killed in the others. Absent = all of them. */
  differsIn?: string;
}

/** One call of a run: after so many others of its activity to this colour; `to` null = to none, or to whichever. */
export interface Call {
  activity: keyof Activities;
  to: Colour | null;
  after: number;
}

const BAKE: Call = { activity: 'bake', to: null, after: 0 };

/** Of rollbacks that take the database with them: they are in a matrix of their own. */
export const STEPS_OF_ROLLBACKS = ['readBackup', 'restore', 'revert'];

/** `retire` is a kind of change of its own; everything else in the table is a step of a deploy. */
const DEPLOY_STEPS = Object.keys(STEPS).filter((step) => !['retire', ...STEPS_OF_ROLLBACKS].includes(step));

const CONTRACTED: Partial<EnvironmentPlan> = {
  database: {
    ...{ migrate: './up', current: './at', revert: './down', backup: null, restore: null, inside: null },
    contract: './contract',
  },
};

const MEASURED = bakesWith(givenPlan());

const IN_STEPS = givenTraffic({ weights: [5, 25, 100], stepMs: 1000 });

export const SETTINGS: Setting[] = [
  {
    name: 'blue/green over an older warm release',
    kind: 'deploy',
    steps: DEPLOY_STEPS,
    plan: (steps) => givenPlan({ ...MEASURED, steps }),
    versions: { live: 'v1', warm: 'v0' },
    version: 'v2',
    looks: [BAKE],
  },
  {
    name: 'blue/green, first release',
    kind: 'deploy',
    steps: DEPLOY_STEPS,
    plan: (steps) => givenPlan({ ...MEASURED, steps }),
    versions: { live: null },
    version: 'v2',
    looks: [BAKE],
  },
  {
    name: 'blue/green in steps, each watched',
    kind: 'deploy',
    steps: DEPLOY_STEPS,
    plan: (steps) => givenPlan({ ...MEASURED, steps, traffic: IN_STEPS }),
    versions: { live: 'v1' },
    version: 'v2',
    looks: [BAKE, { ...BAKE, after: 1 }, { ...BAKE, after: 2 }],
    differsIn: 'switch',
  },
  {
    name: 'blue/green with a proxy on each host',
    kind: 'deploy',
    steps: DEPLOY_STEPS,
    plan: (steps) => givenPlanWithProxies({ ...MEASURED, steps }),
    versions: { live: 'v1' },
    version: 'v2',
    looks: [BAKE],
    differsIn: 'switch',
  },
  {
    name: 'in place',
    kind: 'deploy',
    steps: DEPLOY_STEPS.filter((step) => step !== 'switch'),
    plan: (steps) => givenPlanInPlace({ steps }),
    versions: { live: 'v1' },
    version: 'v2',
    looks: [BAKE],
  },
  {
    name: 'in place, first release',
    kind: 'deploy',
    steps: DEPLOY_STEPS.filter((step) => step !== 'switch'),
    plan: (steps) => givenPlanInPlace({ steps }),
    versions: { live: null },
    version: 'v2',
    looks: [BAKE],
  },
  {
    name: 'warm rollback',
    kind: 'rollback',
    steps: ['switch', 'verify', 'settle'],
    plan: () => givenPlan(),
    versions: { live: 'v3', warm: 'v2' },
    version: 'v2',
    looks: [{ ...BAKE, activity: 'verify' }],
  },
  {
    name: 'retire, and take away what it needed',
    kind: 'retire',
    steps: ['claim', 'retire', 'contract'],
    plan: () => givenPlan(CONTRACTED),
    versions: { live: 'v3', warm: 'v2' },
    version: 'v2',
    looks: [],
  },
  {
    name: 'retire',
    kind: 'retire',
    steps: ['claim', 'retire'],
    plan: () => givenPlan(),
    versions: { live: 'v3', warm: 'v2' },
    version: 'v2',
    looks: [],
  },
];

export interface Case {
  scene: Scene;
  input: ChangeInput;
  before: FakeEnvironment | undefined;
  setting: Setting;
}

export function givenCase(harness: Pick<Harness, 'world'>, setting: Setting, steps = setting.steps): Case {
  const scene = givenScene(harness, setting.plan(steps), setting.versions);
  const input = changeOf(scene, setting.version, setting.kind);
  return { scene, input, before: scene.now(), setting };
}

type Run = (input: ChangeInput) => Promise<ChangeResult>;
type In = Pick<Harness, 'world' | 'activities'>;

/** The calls of each step of a setting: what a run up to this step calls more than one that stops before it. */
export async function findCalls(run: Run, harness: In, setting: Setting): Promise<Map<string, Call[]>> {
  const found = new Map<string, Call[]>();
  if (setting.kind !== 'deploy') {
    const { scene, input } = givenCase(harness, setting);
    await run(input);
    const calls = callsIn(scene, harness);
    setting.steps.forEach((step, index) => found.set(step, calls.slice(index, index + 1)));
    return found;
  }
  let before = 0;
  for (const [index, step] of setting.steps.entries()) {
    const { scene, input } = givenCase(harness, setting, setting.steps.slice(0, index + 1));
    await run(input);
    const calls = callsIn(scene, harness);
    found.set(step, calls.slice(before));
    before = calls.length;
  }
  return found;
}

/** The calls that undo a setting, found by letting this look say no. */
export async function findUndos(run: Run, harness: In, setting: Setting, look: Call): Promise<Call[]> {
  const { scene, input } = givenCase(harness, setting);
  breakCall(scene, look, 'say-no');
  await run(input);
  const calls = callsIn(scene, harness);
  const said = calls.findIndex(({ activity, after }) => activity === look.activity && after === look.after);
  return calls.slice(said + 1);
}

export function breakCall(scene: Scene, { activity, ...which }: Call, kind: FaultKind): void {
  scene.break(activity, kind, which);
}

/** `2. bake`, `switchTraffic blue` */
export function nameOf({ activity, to, after }: Call): string {
  return [...(after === 0 ? [] : [`${after + 1}.`]), activity, ...(to === null ? [] : [to])].join(' ');
}

/** `old` exactly what was there · `new` the new release wholly · else what is wrong. */
export function judgeWorld({
  scene,
  before,
  setting,
}: Case): 'old' | 'new' | { halfDone: FakeEnvironment | undefined } {
  const now = scene.now();
  const colours = scene.plan.strategy === 'blue-green';
  const slot = colours ? (scene.live === null ? 'blue' : 'green') : 'live';
  const proxyIsNew = !colours || proxyOf(now) === slot;
  // After a first release that was undone the proxy may keep its name for a colour that no longer runs.
  const proxyIsOld = proxyOf(now) === proxyOf(before) || scene.live === null;
  // Some of the users here and some there is neither.
  if ((now?.shares?.at(-1) ?? 100) !== 100) return { halfDone: now };
  const sameSlots = JSON.stringify(slotsOf(now)) === JSON.stringify(slotsOf(before));
  if (setting.kind === 'retire' && proxyOf(now) === proxyOf(before) && runsEverywhere(scene, 'blue', 'v3')) {
    return runsEverywhere(scene, 'green', null) ? 'new' : 'old';
  }
  if (setting.kind === 'rollback' && sameSlots) return proxyIsNew ? 'new' : 'old';
  const sameDatabase = now?.database === before?.database;
  if (sameSlots && proxyIsOld && sameDatabase) return 'old';
  const isMigrated = setting.steps.includes('database') ? now?.database === setting.version : sameDatabase;
  return proxyIsNew && isMigrated && runsEverywhere(scene, slot, setting.version) ? 'new' : { halfDone: now };
}

/** What they all lead to, where there are several; else what each does. */
function proxyOf(environment: FakeEnvironment | undefined): string | null {
  const { proxy = null, proxies } = environment ?? {};
  return proxies === undefined ? proxy : [...new Set(Object.values(proxies))].join(' and ');
}

function slotsOf(environment: FakeEnvironment | undefined): unknown {
  return Object.entries(environment?.hosts ?? {}).map(([name, { hostId, slots }]) => [name, hostId, slots]);
}

/** In their order, each told from others of its kind. */
function callsIn(scene: Scene, { activities }: Pick<Harness, 'activities'>): Call[] {
  const seen = new Map<string, number>();
  return (scene.now()?.calls ?? []).flatMap((call) => {
    const [activity = '', to = null] = call.split(' ');
    if (!isActivity(activity, activities)) return [];
    const after = seen.get(call) ?? 0;
    seen.set(call, after + 1);
    return [{ activity, to: to === 'blue' || to === 'green' ? to : null, after }];
  });
}

function isActivity(name: string, activities: object): name is keyof Activities {
  return name in activities;
}
