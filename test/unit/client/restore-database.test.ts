/** What a person is told before `slipway rollback --restore-database` does anything. */
import { describe, expect, it } from 'vitest';
import { describeRestore, findRestore } from '../../../client/restore-database.js';
import type { Colour, DatabasePlan, EnvironmentPlan } from '../../../pipeline/plan.js';
import type { BackupRecord } from '../../../workflows/database-state.js';
import { givenPlanInPlace, givenRecord } from '../../support/given.js';
import { givenEnvironment } from './given-status.js';

const DATABASE: DatabasePlan = {
  ...{ migrate: 'up', current: 'at', revert: null, inside: null },
  ...{ backup: 'b {backup}', restore: 'r {backup}' },
};
const BACKUP: BackupRecord = {
  ...{ name: 'backup-2', host: 'web-3', proven: true, note: '', at: '2026-11-14T10:00:00Z' },
};

function givenTwo(change: Partial<EnvironmentPlan> = {}, backup = BACKUP, colour: Colour | null = null) {
  const hosts = ['web-1', 'web-3'].map((name) => ({ name, address: `deploy@${name}` }));
  const plan = givenPlanInPlace({ name: 'prod', hosts, database: DATABASE, ...change });
  const live = { ...givenRecord(plan, 'v2', colour), backup };
  return givenEnvironment({ live, good: [live, givenRecord(plan, 'v1', colour)] });
}

function toldOf(change: Partial<EnvironmentPlan>, colour: Colour | null = null): string {
  const status = givenTwo(change, BACKUP, colour);
  return describeRestore(status, findRestore(status, 'v1')).join('\n');
}

const command: EnvironmentPlan['platform'] & { kind: 'command' } = {
  ...{ kind: 'command', command: 'up', inspect: null, restore: null, retire: 'down', on: 'host' },
};
const GAP = 'nothing answers until';

describe('the prompt', () => {
  it('names the host where the backup lies, where one is known', () => {
    expect(toldOf({})).toContain('restored from backup-2,\nmade before v2, on 14 Nov');
    expect(toldOf({})).toContain('It lies on web-3, and is read and restored there.');
    const { host: _, ...older } = BACKUP;
    const status = givenTwo({}, older);
    expect(describeRestore(status, findRestore(status, 'v1')).join('\n')).not.toContain('It lies on');
  });

  it.each<[string, Partial<EnvironmentPlan>, Colour | null]>([
    ['the commands run inside it', { database: { ...DATABASE, inside: 'shop' }, platform: command }, null],
    ['there is no retire command', { platform: { ...command, retire: null } }, null],
    [
      'nobody knows what of the stack is the database',
      { platform: { kind: 'stack', names: {}, files: {} } as unknown as EnvironmentPlan['platform'] },
      null,
    ],
  ])('says that the release goes on running, and what to do: %s', (why, change, colour) => {
    const told = toldOf(change, colour);
    expect(told).toContain(
      `v2 goes on running meanwhile, and what it writes may be lost or be in the way: ${why}.`,
    );
    expect(told).toContain('pg_terminate_backend');
    expect(told).not.toContain(GAP);
  });

  it.each<[string, EnvironmentPlan['platform'], Colour | null]>([
    ['v2 stops first', command, null],
    ['others go on running', { kind: 'compose' } as unknown as EnvironmentPlan['platform'], null],
    ['runs on every node goes on', { kind: 'swarm', service: 'shop', fields: {} }, null],
    [
      'v2 stops first',
      { kind: 'stack', names: {}, files: {} } as unknown as EnvironmentPlan['platform'],
      'blue',
    ],
  ])('says that nobody is served where it stops: %s, %#', (words, platform, colour) => {
    const told = toldOf({ platform }, colour);
    expect(told).toContain('v2 stops first, so nothing answers until');
    expect(told).toContain(words);
    expect(told).not.toContain('pg_terminate_backend');
  });
});

it('is not asked at all where the host of the backup is gone: that is refused by name', () => {
  const hosts = [{ name: 'web-1', address: 'deploy@web-1' }];
  expect(() => findRestore(givenTwo({ hosts }), 'v1')).toThrow(/backup-2 was made on web-3/);
});
