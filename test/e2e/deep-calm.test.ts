/**
 * examples/deep-calm as its team uses it, whole, on real parts: pushes bring dev and test, a person brings prod through
 * Ansible, and what fails is taken back with its database.
 */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { SlipwayClient } from '../../client/index.js';
import type { PromotionResult } from '../../workflows/result.js';
import {
  startDeepCalmWorld,
  type DeepCalmEnvironment,
  type DeepCalmWorld,
} from '../support/deep-calm-world.js';
import { promotionOf, startedBy, untilWaitsFor } from '../support/followed.js';
import { processesWith, until } from '../support/processes.js';
import { playExample } from '../support/play-example.js';
import type { CommandEnd } from '../support/slipway-processes.js';

let world: DeepCalmWorld;
let library: SlipwayClient;

const slipway = playExample({
  pipeline: 'deep-calm',
  start: startDeepCalmWorld,
  by: 'boris',
  entered: (...there) => {
    [world, library] = there;
  },
});

/** What became of the newest push. */
const promoted = (): Promise<PromotionResult> => promotionOf(library, startedBy(world.team.delivered()));

const code = (name: string): Record<string, string> => ({ 'app/release.py': `RELEASE = "${name}"\n` });
const migration = (name: string, after: string, table: string): Record<string, string> => ({
  [`migrations/versions/${name}.py`]: `from alembic import op\n\nrevision = "${name}"\ndown_revision = "${after}"\n\n
def upgrade():\n    op.execute("alter table days add column ${table} int")\n
def downgrade():\n    op.execute("alter table days drop column ${table}")\n`,
});

/** What `/healthz` answers, with one more key. */
const health = (key: string, imports: string, value: string): Record<string, string> => ({
  'app/health.py': `${imports}def health(database, release):\n    days = database.days()\n    return {"status": "ok", "release": release, "days": len(days), "${key}": ${value}}\n`,
});

/** The release that answers; null = nobody does. */
async function served(environment: DeepCalmEnvironment): Promise<string | null> {
  const headers: Record<string, string> =
    environment === 'test'
      ? { authorization: `Basic ${Buffer.from(world.operations).toString('base64')}` }
      : {};
  const answer = await fetch(`${world.urlOf(environment)}/healthz`, { headers }).catch(() => null);
  if (answer === null || !answer.ok) return null;
  return z.object({ release: z.string() }).parse(await answer.json()).release;
}

/** Revision of the database, and the columns that only this one has. */
async function databaseOf(environment: DeepCalmEnvironment): Promise<string> {
  const columns =
    "select string_agg(column_name, ',' order by column_name) from information_schema.columns where table_name = 'days'";
  const url = world.databaseUrls[environment].replace(/@[^:]+:/, '@127.0.0.1:');
  return await world.postgres.query(url, `select version_num, (${columns}) from alembic_version`);
}

async function imageOn(environment: DeepCalmEnvironment): Promise<string> {
  const format = ['inspect', '--format', '{{.Config.Image}}', `deep-calm-${environment}-dc-api-1`];
  return (await world.host.docker(format)).stdout.trim();
}

async function digestOf(tag: string): Promise<string | null> {
  return await world.registry.digestOf('vasiliy-ivanov/deep-calm', tag);
}

describe('a push to main', () => {
  test('is on dev, by digest, with its database and its tags', async () => {
    await world.team.commit('main', 'feat: one', code('one'));
    expect(await promoted()).toMatchObject({ state: 'succeeded', environment: 'dev' });
    expect(await served('dev')).toBe('one');
    expect(await databaseOf('dev')).toBe('0001|customers,day,spend');
    const sha = await world.repository.git('rev-parse', '--short=7', 'main');
    const digest = await digestOf(`sha-${sha}`);
    expect(await digestOf('main')).toBe(digest);
    expect(await imageOn('dev')).toBe(`${world.server}/vasiliy-ivanov/deep-calm:main@${digest}`);
    expect(await world.read('dev', 'deploy.log')).toContain(`deep-calm dev ${sha} ${sha} token 1: deployed`);
  });

  test('whose tests fail goes nowhere', async () => {
    const before = await imageOn('dev');
    await world.team.commit('main', 'feat: broken', {
      'tests/unit/test_broken.py': 'def test_it():\n    assert False\n',
    });
    const { refused, failure } = await promoted();
    expect(refused).toBe(true);
    expect(failure?.what).toMatch(/gate ci says no: .*ui-test failure/);
    expect(await imageOn('dev')).toBe(before);
  });

  test('whose health fails is undone with its migration', async () => {
    const before = await imageOn('dev');
    await world.team.commit('main', 'feat: clicks', {
      ...code('clicks'),
      ...migration('0002', '0001', 'clicks'),
      ...health('latest', '', 'days[-1]'),
      'tests/unit/test_broken.py': null,
    });
    const { state, clean, failure, change } = await promoted();
    expect({ state, clean }, JSON.stringify(failure)).toEqual({ state: 'failed', clean: true });
    // there is no day yet, which only a real database knows
    expect(failure?.what).toMatch(/IndexError/);
    const database = { step: 'database', outcome: 'undone' };
    expect(change?.unwind).toContainEqual(expect.objectContaining(database));
    expect(await served('dev')).toBe('one');
    expect(await imageOn('dev')).toBe(before);
    expect(await databaseOf('dev')).toBe('0001|customers,day,spend');
    expect(await world.read('dev', 'deploy.log')).toMatch(/: deployed\n.*: undone\n$/);
  });
});

describe('a tag', () => {
  test('waits for one approval, and is on test behind its password', async () => {
    await world.team.tag('v0.1.0', 'fix: clicks', {
      ...code('clicks'),
      ...health('latest', '', 'days[-1:]'),
      'migrations/versions/0002.py': null,
    });
    await untilWaitsFor(library, 'test', /1 approval/);
    expect(await served('test')).toBeNull();
    await approve('test');
    expect(await promoted()).toMatchObject({ state: 'succeeded', environment: 'test' });
    expect(await served('test')).toBe('clicks');
    expect((await fetch(`${world.urlOf('test')}/healthz`)).status).toBe(401);
    const digest = await digestOf('v0.1.0');
    expect(await digestOf('0.1')).toBe(digest);
    expect(await imageOn('test')).toBe(`${world.server}/vasiliy-ivanov/deep-calm:v0.1.0@${digest}`);
  });
});

function approve(environment: DeepCalmEnvironment): Promise<CommandEnd> {
  return slipway(0, ['approve', environment, '--yes'], 'mila');
}

async function onTest(version: string, files: Record<string, string>): Promise<void> {
  await world.team.tag(version, `feat: ${version}`, files);
  await untilWaitsFor(library, 'test', /1 approval/);
  await approve('test');
  expect(await promoted()).toMatchObject({ state: 'succeeded' });
}

/** Asked for and approved; gives the id of the release. */
async function sentToProd(version: string): Promise<string> {
  const argv = ['release', version, '--to', 'prod', '--until', 'waiting'];
  const { data } = await slipway(0, [...argv, '--repository', world.repositoryUrl]);
  await approve('prod');
  return z.string().parse(data['workflowId']);
}

async function toProd(version: string): Promise<PromotionResult> {
  return await promotionOf(library, await sentToProd(version));
}

describe('prod', () => {
  test('is what their playbook makes of the digest that was on test', async () => {
    expect(await toProd('v0.1.0')).toMatchObject({ state: 'succeeded', environment: 'prod' });
    expect(await served('prod')).toBe('clicks');
    expect(await imageOn('prod')).toBe(await imageOn('test'));
    expect(await databaseOf('prod')).toBe('0001|customers,day,spend');
    expect(await world.read('prod', 'RELEASE')).toBe('v0.1.0\n');
  });

  test('a worker that dies while the playbook runs: the next one attaches to it', async () => {
    await onTest('v0.2.0', { ...code('two'), ...migration('0002', '0001', 'clicks') });
    const url = world.databaseUrls.prod.replace(/@[^:]+:/, '@127.0.0.1:');
    const letGo = await world.postgres.hold(url, 'lock table days in access exclusive mode');
    const sent = await sentToProd('v0.2.0');
    await until('the migration to wait for the lock', async () => {
      const waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
      return (await world.postgres.query(url, waiting)) === '1';
    });
    const before = await playbooks();
    expect(before).toMatch(/^\d+\n/);
    await world.killWorker();
    await world.startWorker();
    expect(await playbooks()).toBe(before);
    await letGo();
    expect(await promotionOf(library, sent)).toMatchObject({ state: 'succeeded' });
    expect(await served('prod')).toBe('two');
    expect(await databaseOf('prod')).toBe('0002|clicks,customers,day,spend');
    expect(await world.read('prod', 'playbooks.log')).toBe('deploy v0.1.0\ndeploy v0.2.0\n');
  });

  test('a playbook that fails: theirs brings the release before back, with its database', async () => {
    await world.addSetting('test', 'CAC_SOURCE=https://ads.example.com');
    await onTest('v0.3.0', {
      ...code('three'),
      ...migration('0003', '0002', 'source'),
      ...health('source', 'import os\n\n\n', 'os.environ["CAC_SOURCE"]'),
      'tests/unit/conftest.py': 'import os\n\nos.environ["CAC_SOURCE"] = "a test"\n',
    });
    const { state, clean, failure, change } = await toProd('v0.3.0');
    expect({ state, clean }, JSON.stringify(failure)).toEqual({ state: 'failed', clean: true });
    expect(failure?.why).toMatch(/Wait until it is healthy/);
    const deploy = { step: 'deploy', outcome: 'undone' };
    expect(change?.unwind).toContainEqual(expect.objectContaining(deploy));
    expect(await served('prod')).toBe('two');
    expect(await databaseOf('prod')).toBe('0002|clicks,customers,day,spend');
    expect(await world.read('prod', 'RELEASE')).toBe('v0.2.0\n');
    expect(await world.read('prod', 'playbooks.log')).toMatch(/deploy v0.3.0\nrollback v0.2.0\n$/);
  });
});

/** Pids of the playbooks that run. */
async function playbooks(): Promise<string> {
  return (await world.host.run(['pgrep', '-f', '^/usr/bin/python3 .*ansible-playbook'])).stdout;
}

describe('slipway rollback', () => {
  test('brings any earlier version back, to test by compose and with its database', async () => {
    expect(await databaseOf('test')).toBe('0003|clicks,customers,day,source,spend');
    await slipway(0, ['rollback', 'test', 'v0.1.0', '--reason', 'sources are wrong', '--yes'], 'mila');
    expect(await served('test')).toBe('clicks');
    expect(await imageOn('test')).toContain(`:v0.1.0@${await digestOf('v0.1.0')}`);
    expect(await databaseOf('test')).toBe('0001|customers,day,spend');
  });

  test('to prod by the playbook, which leaves the database', async () => {
    await slipway(0, ['rollback', 'prod', '--reason', 'customers complain', '--yes'], 'mila');
    expect(await served('prod')).toBe('clicks');
    expect(await world.read('prod', 'RELEASE')).toBe('v0.1.0\n');
    expect(await databaseOf('prod')).toBe('0002|clicks,customers,day,spend');
    expect(await world.read('prod', 'deploy.log')).toMatch(/v0.1.0/);
  });
});

test("GitHub's own description has no objection to what was asked of it", () => {
  expect(() => world.github.expectNoViolations()).not.toThrow();
});

test('nothing is left: no process, namespace, port or file', async () => {
  const { folder } = world;
  expect(await world.leftovers()).toEqual([]);
  await world.stop();
  expect(await processesWith(folder)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  expect(await processesWith(`slw-${process.pid}-`)).toEqual([]);
});
