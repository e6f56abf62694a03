/** `slipway plan` says what becomes of the database, of the hosts one after the other, and of images. */
import { describe, expect, it } from 'vitest';
import { renderPlan } from '../../../client/render/plan.js';
import { makeStyle } from '../../../client/render/style.js';
import type { DatabasePlan, EnvironmentPlan } from '../../../pipeline/plan.js';
import { givenPlan, givenPlanInPlace, givenPlanWithProxies, givenReleasePlan } from '../../support/given.js';

const style = makeStyle({ ascii: true, colour: false, columns: 100 });

function screenOf(plan: EnvironmentPlan): string {
  const nothing = { status: null, commitsSince: new Map(), isPolicyKnown: true, uncertain: [], refused: [] };
  return renderPlan(style, { plan: givenReleasePlan([plan]), ...nothing, command: 'slipway release v1' });
}

/** The lines below a label, without it. */
function below(label: string, plan: EnvironmentPlan): string[] {
  const all = screenOf(plan).split('\n');
  const start = all.findIndex((line) => line.startsWith(`  ${label} `));
  if (start < 0) return [];
  const more = all.slice(start + 1);
  const end = more.findIndex((line) => !line.startsWith(' '.repeat(12)));
  return [all[start] ?? '', ...more.slice(0, end)].map((line) => line.slice(12));
}

const hostsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `web-${index + 1}`, address: `deploy@web-${index}` }));

const NONE: DatabasePlan = {
  ...{ migrate: null, current: null, revert: null, backup: null, restore: null, inside: null },
};
const WHOLE: DatabasePlan = {
  migrate: 'alembic upgrade head',
  current: 'alembic current',
  revert: 'alembic downgrade {previous-revision}',
  backup: './backup.sh {backup}',
  prove: './read-back.sh {backup}',
  restore: './restore.sh {backup}',
  contract: 'alembic upgrade contract@head',
  inside: null,
  timeoutMs: 3_600_000,
};
const STEPS = ['preflight', 'claim', 'proveWayBack', 'backup', 'database', 'deploy', 'verify', 'settle'];

describe('the database of a plan', () => {
  const given = (database: DatabasePlan, change: Partial<EnvironmentPlan> = {}): EnvironmentPlan =>
    givenPlanInPlace({ hosts: hostsOf(1), gates: [], steps: STEPS, database, ...change });

  it('is every command with its moment, and where they run', () => {
    expect(below('database', given(WHOLE))).toEqual([
      'commands of the file, on web-1, each within 1h',
      'backup, first: ./backup.sh {backup}, read back by ./read-back.sh {backup}',
      'migrate, before the deploy: alembic upgrade head',
      'where it is: alembic current',
      'revert, when undone or rolled back: alembic downgrade {previous-revision}',
      'contract, before it settles: alembic upgrade contract@head',
      "restore, only by a person's word (rollback --restore-database): ./restore.sh {backup}",
    ]);
  });

  it('is done on one of several hosts', () => {
    expect(screenOf(given(WHOLE, { hosts: hostsOf(2) }))).toContain(
      'commands of the file, on web-1, or the first host that is not left out, each within 1h',
    );
  });

  it('is what is not done as well', () => {
    expect(below('database', given({ ...NONE, migrate: './migrate', backup: './backup' }))).toEqual([
      'commands of the file, on web-1, each within 30m',
      'backup, first: ./backup, which nobody reads back',
      'migrate, before the deploy: ./migrate',
      'where it is: nothing tells',
      'undo: it stays as migrated, there is no revert command',
    ]);
    expect(below('database', given({ ...NONE, current: './where', backup: './backup' }))).toEqual([
      'commands of the file, on web-1, each within 30m',
      'migrate: nothing, the release leaves it as it is',
      'where it is: ./where',
    ]);
    const steps = STEPS.filter((step) => step !== 'backup');
    expect(below('database', given({ ...NONE, migrate: './migrate' }, { steps }))).toContain('backup: none');
  });

  it('stays where a gate has read that its migrations only add', () => {
    const gate = { kind: 'migrations', name: 'only-adds', path: 'migrations' };
    const plan = given(WHOLE, { gates: [gate] as unknown as EnvironmentPlan['gates'] });
    expect(screenOf(plan)).toContain('unless gate only-adds has read that it only adds: alembic downgrade');
  });

  it('is asked on the worker, or in a container of the release', () => {
    const platform = {
      kind: 'command',
      command: './up',
      inspect: null,
      restore: null,
      retire: null,
    } as const;
    const onWorker = given(WHOLE, { platform: { ...platform, on: 'worker' } });
    expect(screenOf(onWorker)).toContain('commands of the file, on the worker, in a checkout of the commit');
    const inside = given({ ...WHOLE, inside: 'shop\u001b[2J' });
    expect(screenOf(inside)).toContain("in a container like shop on web-1, of the release's image, each");
  });

  it('loses what only the release before needs once its colour is retired', () => {
    const plan = givenPlan({ database: WHOLE });
    expect(screenOf(plan)).toContain('contract, once the old colour is retired: alembic upgrade');
  });

  it('is no line without one', () => {
    expect(below('database', givenPlanInPlace({ database: null }))).toEqual([]);
  });
});

describe('the rollout of a plan', () => {
  const given = (count: number, rollout: Partial<EnvironmentPlan['rollout']>): string[] =>
    below(
      'rollout',
      givenPlanInPlace({
        hosts: hostsOf(count),
        rollout: { batch: 1, maxFailures: 0, failedHost: 'undo', ...rollout },
      }),
    );

  it.each([
    [5, {}, '1 of 5 hosts at a time; none may fail'],
    [3, { batch: 10 }, 'all 3 hosts at the same time; none may fail'],
    [
      5,
      { batch: 2, maxFailures: 1, failedHost: 'quarantine' as const },
      '2 of 5 hosts at a time; 1 may fail: such a host is quarantined',
    ],
    [
      5,
      { maxFailures: 2 },
      '1 of 5 hosts at a time; 2 may fail: such a host goes back to the release before',
    ],
  ])('of %i hosts with %j is "%s"', (count, rollout, said) => {
    expect(given(count, rollout)).toEqual([said]);
  });

  it('is no line for one host', () => {
    expect(given(1, { maxFailures: 1 })).toEqual([]);
  });
});

it('says that traffic is switched on each host, where each has a proxy', () => {
  expect(below('switch', givenPlanWithProxies()).join(' ')).toContain(
    'command on each host, believed after 20 answers',
  );
  expect(below('switch', givenPlan()).join(' ')).toContain('command, believed after');
});

it('promises no deletion of images, whatever the file asks for', () => {
  for (const retentionMs of [null, 30 * 86_400_000])
    expect(screenOf(givenPlanInPlace({ retentionMs }))).toMatch(/settle {4}.*every image kept/);
});
