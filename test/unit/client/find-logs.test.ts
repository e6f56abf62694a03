/** Which steps have a log to ask for. */
import { expect, it } from 'vitest';
import { askForLogs, describeNoLog, requireLogs } from '../../../client/find-logs.js';
import type { SlipwayClient } from '../../../client/release-client.js';
import { EXIT } from '../../../client/exit-codes.js';
import type { EnvironmentPlan } from '../../../pipeline/plan.js';
import { givenPlanInPlace } from '../../support/given.js';
import { DATABASE } from '../../support/two-releases.js';

const ask = async (step: string | null, change: Partial<EnvironmentPlan> = {}) => {
  const platform = { kind: 'command', command: './up', inspect: null, restore: null, retire: null } as const;
  const plan = givenPlanInPlace({ platform: { ...platform, on: 'host' }, ...change });
  const client = { status: () => Promise.resolve({ live: { plan } }) } as unknown as SlipwayClient;
  return await askForLogs(client, 'prod', { step, host: null, lines: 10 });
};

it.each(['database', 'backup', 'prove', 'migrate', 'contract', 'revert', 'restore', 'deploy'])(
  'of a database %s has one',
  async (step) => {
    expect(await ask(step, { database: DATABASE })).toMatchObject({ what: 'logs', step });
  },
);

it('of an environment without a database its steps have none', async () => {
  await expect(ask('migrate')).rejects.toMatchObject({
    exit: EXIT.badInput,
    message: expect.stringContaining('migrate is not known') as string,
  });
});

it('of commands that say nothing of it there is none, and how it is added is said', async () => {
  const command = { kind: 'command', command: './up', inspect: null, restore: null, retire: null } as const;
  const of = async (step: string | null, logs?: string) => {
    const said = logs === undefined ? {} : { logs };
    return await ask(step, { platform: { ...command, on: 'host', ...said } });
  };
  const none = await of(null);
  expect(() => requireLogs(none)).toThrow(
    expect.objectContaining({
      exit: EXIT.refused,
      what: expect.stringContaining('has no logs command') as string,
      wayOut: expect.stringContaining('add logs: to the platform') as string,
    }),
  );
  for (const input of [await of(null, 'journalctl -u app'), await of('deploy')])
    expect(() => requireLogs(input)).not.toThrow();
});

it('of an empty log never the same is advised again', async () => {
  const cluster = { kind: 'kubernetes', resource: 'deployment/app', container: null } as const;
  const inCluster = { hosts: [], platform: { ...cluster, namespace: null, kubeconfig: null } };
  const said = async (step: string | null, change: Partial<EnvironmentPlan> = {}) =>
    describeNoLog(await ask(step, { name: 'prod', ...change }));
  expect(await said('deploy', inCluster)).toBe(
    'There is no log of deploy. What runs there says: slipway logs prod',
  );
  expect(await said(null, inCluster)).toBe('There is no log.');
  expect(await said(null)).toBe(
    'There is no log. What a step kept on its hosts: slipway logs prod --step deploy',
  );
  // this platform does not tell how its log is printed
  expect(await said('deploy')).toBe('There is no log of deploy.');
});
