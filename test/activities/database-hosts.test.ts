/** On which of several hosts a backup is made, read and restored, and what stops before, over SSH to two of them. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabaseActivities } from '../../activities/database/create-database-activities.js';
import { createPlatformActivities } from '../../activities/platforms/deploy-activities.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { BackupRecord } from '../../workflows/database-state.js';
import { givenPlanInPlace, givenRecord, givenTarget } from '../support/given.js';
import { hostsKnowing } from '../support/hosts.js';
import { NO_REPOSITORY } from '../support/no-repository.js';
import { runActivity } from '../support/run-activity.js';
import { startSshd, type Sshd } from '../support/sshd.js';

let [first, second]: Sshd[] = [];
let hosts: ReturnType<typeof hostsKnowing>;
let activities: ReturnType<typeof createDatabaseActivities>;

beforeAll(async () => {
  first = await startSshd();
  second = await startSshd({ keyPath: first.keyPath });
  const known = path.join(first.folder, 'both-known-hosts');
  const lines = [first, second].map(({ knownHostsPath }) => readFile(knownHostsPath, 'utf8'));
  await writeFile(known, (await Promise.all(lines)).join('\n'));
  hosts = hostsKnowing(known);
  activities = createDatabaseActivities({ hosts, secrets: createSecrets({}), ...NO_REPOSITORY });
});
afterAll(async () => {
  await hosts?.close();
  await Promise.all([first?.stop(), second?.stop()]);
});

/** What each command did lies in the home of the host where it ran. */
function targetOn(names: ('web-1' | 'web-2')[], token: number): Target {
  if (first === undefined || second === undefined) throw new Error('they run');
  const addresses = { 'web-1': first.destination, 'web-2': second.destination };
  const plan = givenPlanInPlace({
    name: 'prod',
    hosts: names.map((name) => ({ name, address: addresses[name] })),
    ssh: { user: null, port: null, key: `file:${first.keyPath}`, knownHosts: null, jump: [] },
    database: {
      ...{ migrate: null, revert: null, inside: null },
      current: 'echo at >> "$HOME/asked"; echo r1',
      backup: 'echo kept > "$HOME/{backup}.dump"',
      prove: 'cat "$HOME/{backup}.dump"',
      restore: 'cp "$HOME/{backup}.dump" "$HOME/restored"',
    },
  });
  return givenTarget(plan, { token, colour: null, live: givenRecord(plan, 'v1', null) });
}

const restored = (sshd: Sshd | undefined) =>
  readFile(path.join(sshd?.home ?? '', 'restored'), 'utf8').catch(() => null);

it('is the host where it was made, also when it is not the first any more', async () => {
  // web-1 was skipped then
  const backup = await runActivity(activities.backupDatabase, { target: targetOn(['web-2'], 3) });
  expect(backup).toMatchObject({ host: 'web-2', proven: true, note: `${backup.name} on web-2, read back` });
  const asked = { target: targetOn(['web-1', 'web-2'], 4), backup, prior: [] };
  const { note } = await runActivity(activities.readBackup, asked);
  expect(note).toBe(`${backup.name} on web-2, read back`);
  expect(await runActivity(activities.restoreDatabase, asked)).toEqual({
    note: `restored from ${backup.name} on web-2`,
  });
  expect([await restored(first), await restored(second)]).toEqual([null, 'kept\n']);
  // what asks for no backup runs on the first
  await runActivity(activities.readDatabase, { target: asked.target });
  expect(await readFile(path.join(first?.home ?? '', 'asked'), 'utf8')).toBe('at\n');
});

it('is refused by name, before it is read, where that host is left out or gone', async () => {
  const backup: BackupRecord = { name: 'prod-before-v2-3', host: 'web-2', proven: true, note: '' };
  const left = { target: targetOn(['web-1', 'web-2'], 5), backup, prior: [], apart: ['web-2'] };
  await expect(runActivity(activities.readBackup, left)).rejects.toThrow(
    /prod-before-v2-3 was made on web-2, which stays out of this rollback; .*slipway retry prod --host web-2/,
  );
  const gone = { target: targetOn(['web-1'], 5), backup, prior: [] };
  for (const activity of [activities.readBackup, activities.restoreDatabase])
    await expect(runActivity(activity, gone)).rejects.toThrow(
      /was made on web-2, which is no host of what is live there; restore it by hand from web-2, then slipway rollback prod v1$/,
    );
});

it('is the first host where its record says none, as older workers left them', async () => {
  const target = targetOn(['web-1', 'web-2'], 6);
  const { host: _, ...older } = await runActivity(activities.backupDatabase, { target });
  await runActivity(activities.restoreDatabase, { target, backup: older, prior: [] });
  expect(await restored(first)).toBe('kept\n');
});

it('is restored beside a release that goes on running on every host, which is said once', async () => {
  const { stopWriters } = createPlatformActivities({
    ...{ hosts, secrets: createSecrets({}), ...NO_REPOSITORY },
    proveTraffic: async () => '',
    whoIsServed: async () => ({ colour: null, answered: true }),
    configuredColour: async () => null,
    lookAtDependencies: async () => [],
  });
  const target = targetOn(['web-1', 'web-2'], 7);
  const backup: BackupRecord = { name: 'prod-before-v2-3', proven: true, note: '' };
  expect(await runActivity(stopWriters, { target, backup, prior: [] })).toEqual({
    outcome: 'never-ran',
    note: `web-1, web-2: ${target.version} goes on running: there is no retire command`,
  });
});
