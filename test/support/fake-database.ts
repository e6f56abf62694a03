/** The database of an environment in the fake world: one word, the revision it is at. */
import type { DatabaseActivities } from '../../activities/database/create-database-activities.js';
import { foreignHand, refused } from '../../activities/failure.js';
import type { Activities, UndoResult } from '../../workflows/activity-contract.js';
import { refuseHostOfBackup } from '../../workflows/database-way.js';
import { checkFence, hostsOf, placeOf, type Place } from './fake-hosts.js';
import type { FakeEnvironment } from './fake-world.js';

type Call = <Result>(
  activity: keyof Activities,
  place: Place,
  effect: (environment: FakeEnvironment, half: boolean) => Result,
) => Promise<Result>;

export function fakeDatabase(call: Call): DatabaseActivities & Pick<Activities, 'stopWriters'> {
  return {
    readDatabase: ({ target }) =>
      call('readDatabase', placeOf(target), ({ database }) => ({ revision: database })),
    backupDatabase: ({ target }) =>
      call('backupDatabase', placeOf(target), (environment) => {
        const name = `backup-${target.token}`;
        environment.backups = [...new Set([...(environment.backups ?? []), name])];
        const [host] = target.plan.hosts;
        return { name, proven: true, note: name, ...(host === undefined ? {} : { host: host.name }) };
      }),
    migrateDatabase: ({ target }) =>
      call('migrateDatabase', placeOf(target), (environment, half) => {
        for (const [host, fake] of hostsOf(environment, target, half)) checkFence(fake, target, host);
        environment.database = half ? `half of ${target.version}` : target.version;
        return { after: { revision: environment.database }, note: environment.database };
      }),
    readBackup: ({ target: { plan, ...target }, backup, apart = [] }) =>
      call('readBackup', placeOf({ plan, ...target }), () => {
        const comesBack = target.live?.version ?? '';
        const refusal = refuseHostOfBackup(backup, { plan, hosts: plan.hosts, apart, comesBack });
        if (refusal !== null) throw refused(refusal);
        return { note: `${backup.name}, read back` };
      }),
    stopWriters: ({ target }) =>
      call('stopWriters', placeOf(target), (environment, half): UndoResult => {
        for (const [host, fake] of hostsOf(environment, target, half)) {
          checkFence(fake, target, host);
          fake.slots[target.colour ?? 'live'] = null;
        }
        return { outcome: 'undone', note: `${target.version} stopped` };
      }),
    restoreDatabase: ({ target, backup: { name } }) =>
      call('restoreDatabase', placeOf(target), (environment, half) => {
        for (const [host, fake] of hostsOf(environment, target, half)) checkFence(fake, target, host);
        environment.database = half ? `half of ${name}` : name;
        return { note: `restored from ${name}` };
      }),
    contractDatabase: ({ target }) =>
      call('contractDatabase', placeOf(target), (environment, half) => {
        for (const [host, fake] of hostsOf(environment, target, half)) checkFence(fake, target, host);
        return { note: 'contracted' };
      }),
    revertDatabase: ({ target, before, after }) =>
      call('revertDatabase', placeOf(target), (environment): UndoResult => {
        const now = environment.database;
        if (now === before.revision) return { outcome: 'never-ran', note: `at ${now}` };
        if (after !== null && now !== after.revision)
          throw foreignHand({ what: `database is at ${now}`, where: 'database', why: null, wayOut: 'look' });
        environment.database = before.revision ?? 'base';
        return { outcome: 'undone', note: `back at ${environment.database}` };
      }),
  };
}
