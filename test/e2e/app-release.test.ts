/**
 * examples/app-release as its team uses it, whole, on real parts: a version of three images goes to staging and, approved,
 * to production; what its gates find, what is forced, what fails, and the way back.
 */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { SlipwayClient } from '../../client/index.js';
import type { PromotionResult, ReleaseResult } from '../../workflows/result.js';
import {
  IMAGES,
  startAppReleaseWorld,
  type AppEnvironment,
  type AppReleaseWorld,
} from '../support/app-release-world.js';
import { followed, promotionOf, startedBy } from '../support/followed.js';
import { processesWith } from '../support/processes.js';
import { playExample } from '../support/play-example.js';
import type { CommandEnd } from '../support/slipway-processes.js';

let world: AppReleaseWorld;
let library: SlipwayClient;

const slipway = playExample({
  pipeline: 'app-release',
  start: startAppReleaseWorld,
  by: 'boris',
  entered: (...there) => {
    [world, library] = there;
  },
});

const release = (exit: number, ref: string, ...more: string[]): Promise<CommandEnd> =>
  slipway(exit, ['release', ref, '--repository', world.repositoryUrl, ...more]);

/** What became of the newest tag. */
const released = (): Promise<ReleaseResult> => followed(library, startedBy(world.team.delivered()));

const code = (name: string): Record<string, string> => ({
  'backend/app/release.py': `RELEASE = "${name}"\n`,
  'frontend/src/release.js': `export const RELEASE = '${name}';\n`,
});
const changelog = (...versions: string[]): Record<string, string> => ({
  'docs/CHANGELOG.md': ['# Changelog', ...versions.map((version) => `## ${version}`), ''].join('\n\n'),
});

/** The release that backend and page are of; null = nobody answers. */
async function served(environment: AppEnvironment): Promise<string[] | null> {
  const answer = await fetch(`${world.urls[environment]}/api/health`).catch(() => null);
  if (answer === null || !answer.ok) return null;
  const { release: backend } = z.object({ release: z.string() }).parse(await answer.json());
  const page = await (await fetch(world.urls[environment])).text();
  return [backend, /<!-- (.*) -->/.exec(page)?.[1] ?? ''];
}

async function notesOf(environment: AppEnvironment): Promise<string[]> {
  const answer = await fetch(`${world.urls[environment]}/api/notes`);
  const notes = z.array(z.object({ text: z.string() })).parse(await answer.json());
  return notes.map(({ text }) => text);
}

async function write(environment: AppEnvironment, body: string): Promise<void> {
  const { ok } = await fetch(`${world.urls[environment]}/api/notes`, { method: 'POST', body });
  expect(ok).toBe(true);
}

async function columnsOf(environment: AppEnvironment): Promise<string> {
  const columns =
    "select string_agg(column_name, ',' order by column_name) from information_schema.columns where table_name = 'notes'";
  return await world.postgres.query(world.databaseUrls[environment], columns);
}

/** Service → image of everything that runs there. */
async function imagesOn(environment: AppEnvironment): Promise<Record<string, string>> {
  const format = '{{.Label "com.docker.compose.service"}} {{.Image}}';
  const { stdout } = await world.hosts[environment].docker(['ps', '--no-trunc', '--format', format]);
  const lines = stdout.trim().split('\n');
  return Object.fromEntries(lines.toSorted().map((line) => line.split(' ')));
}

/** What should run when a version is released. */
async function imagesOf(version: string): Promise<Record<string, string>> {
  const images = await Promise.all(
    IMAGES.toSorted().map(async (name) => [
      name,
      `${world.server}/${name}:${version}@${await world.registry.digestOf(name, version)}`,
    ]),
  );
  return Object.fromEntries(images);
}

async function backupsOn(environment: AppEnvironment): Promise<string[]> {
  const list = ['exec', 'app-backend-1', 'ls', '/backups'];
  return (await world.hosts[environment].docker(list)).stdout.split('\n').filter((name) => name !== '');
}

async function toProduction(version: string): Promise<PromotionResult> {
  const { data } = await release(0, version, '--to', 'production', '--until', 'waiting');
  await slipway(0, ['approve', 'production', '--yes'], 'lena');
  return await promotionOf(library, z.string().parse(data['workflowId']));
}

const onStaging = { state: 'succeeded', environment: 'staging' };

describe('a version', () => {
  test('whose form is wrong is told which it should have', async () => {
    await world.repository.git('tag', 'v1.0');
    await world.repository.git('push', '--quiet', 'origin', 'v1.0');
    const { exit, text } = await world.slipway(
      ['release', 'v1.0', '--repository', world.repositoryUrl],
      'boris',
    );
    expect([2, 5]).toContain(exit);
    expect(text).toMatch(/vMAJOR\.MINOR\.PATCH, such as v1\.2\.3 or v1\.2\.3-beta\.1; did you mean v1\.0\.0/);
  });

  test('goes to staging: three images of one commit, behind six gates, after a backup', async () => {
    await world.team.tag('v1.0.0', 'feat: one', code('one'));
    expect((await released()).promotions).toEqual([expect.objectContaining(onStaging)]);
    expect(await served('staging')).toEqual(['one', 'one']);
    expect(await imagesOn('staging')).toEqual(await imagesOf('v1.0.0'));
    expect(await backupsOn('staging')).toHaveLength(1);
    expect(await served('production')).toBeNull();
  });

  test('goes to production when it is asked for and approved; its tags move there', async () => {
    expect(await toProduction('v1.0.0')).toMatchObject({ state: 'succeeded' });
    expect(await served('production')).toEqual(['one', 'one']);
    expect(await imagesOn('production')).toEqual(await imagesOn('staging'));
    for (const name of IMAGES) {
      const digest = await world.registry.digestOf(name, 'v1.0.0');
      const tags = ['1.0', '1', 'latest'].map((tag) => world.registry.digestOf(name, tag));
      expect(await Promise.all(tags)).toEqual([digest, digest, digest]);
    }
  });
});

describe('a gate that says no', () => {
  test('stops the release, and what may be forced is forced by a lead and marked for good', async () => {
    const advisory = { id: 'CVE-2026-1', package: 'alembic', version: '1.17.2', severity: 'HIGH' };
    await world.team.tag('v1.1.0-beta.1', 'feat: two', {
      ...code('two'),
      ...changelog('1.1.0', '1.0.0'),
      'security/advisories.json': JSON.stringify([advisory]),
    });
    expect((await released()).failure?.what).toMatch(
      /gate vulnerabilities says no: .*\nCVE-2026-1 high in alembic/,
    );
    const argv = ['release', 'v1.1.0-beta.1', '--repository', world.repositoryUrl, '--yes'];
    const force = ['--force', 'vulnerabilities', '--ticket', 'OPS-412', '--reason', 'no fix is out yet'];
    const forced = await slipway(0, [...argv, ...force], 'lena');
    const mark = { gate: 'vulnerabilities', by: 'lena', ticket: 'OPS-412' };
    expect(forced.data['forced']).toEqual([expect.objectContaining(mark)]);
    expect(await served('staging')).toEqual(['two', 'two']);
    expect((await slipway(0, ['status', 'staging'])).text).toContain('OPS-412');
  });

  test('a prerelease moves no stable tag', async () => {
    for (const name of IMAGES)
      expect(await world.registry.digestOf(name, 'latest')).toBe(
        await world.registry.digestOf(name, 'v1.0.0'),
      );
  });

  test('what may not be forced stops it, whoever asks', async () => {
    await world.team.tag('v1.2.0', 'feat: undocumented', { 'security/advisories.json': '[]' });
    expect((await released()).failure?.what).toMatch(/gate documented says no/);
    const force = ['--force', 'documented', '--ticket', 'OPS-413', '--reason', 'later', '--yes'];
    await slipway(5, ['release', 'v1.2.0', '--repository', world.repositoryUrl, ...force], 'lena');
  });
});

describe('what fails', () => {
  test('is undone: all three services are of the version before', async () => {
    const before = await imagesOn('production');
    await write('staging', 'kept');
    await world.team.tag('v1.3.0', 'feat: three', {
      ...code('three'),
      ...changelog('1.3.0', '1.0.0'),
      'backend/migrations/versions/0002.py': MIGRATION,
      'backend/app/worker.py': (world.files['backend/app/worker.py'] ?? '').replace(
        '    url = os.environ["DATABASE_URL"]',
        '    url = os.environ["DATABASE_URL"]\n    "app_production" in url and sys.exit("no queue")',
      ),
    });
    expect((await released()).promotions).toEqual([expect.objectContaining(onStaging)]);
    const { state, clean, failure } = await toProduction('v1.3.0');
    expect({ state, clean }, JSON.stringify(failure)).toEqual({ state: 'failed', clean: true });
    expect(JSON.stringify(failure)).toMatch(/arq-worker.*no queue/);
    expect(await served('production')).toEqual(['one', 'one']);
    expect(await imagesOn('production')).toEqual(before);
    // migrations only add; the backup of before is there for whoever wants the database of then
    expect(await columnsOf('production')).toBe('id,pinned,text,words');
    expect(await backupsOn('production')).toHaveLength(2);
  });
});

const MIGRATION = `from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.execute("alter table notes add column pinned boolean not null default false")


def downgrade():
    op.execute("alter table notes drop column pinned")
`;

describe('slipway rollback', () => {
  test('with --restore-database: the database as it was when that version was left', async () => {
    await write('staging', 'lost');
    const why = ['--reason', 'three is slow', '--yes'];
    await slipway(0, ['rollback', 'staging', 'v1.1.0-beta.1', '--restore-database', ...why], 'lena');
    expect(await served('staging')).toEqual(['two', 'two']);
    expect(await columnsOf('staging')).toBe('id,text,words');
    expect(await notesOf('staging')).toEqual(['kept']);
  });

  test('without: the images of the version, and what was written since', async () => {
    await write('staging', 'kept as well');
    await slipway(0, ['rollback', 'staging', 'v1.0.0', '--reason', 'two is slow', '--yes'], 'lena');
    expect(await served('staging')).toEqual(['one', 'one']);
    expect(await imagesOn('staging')).toEqual(await imagesOf('v1.0.0'));
    expect(await notesOf('staging')).toEqual(['kept', 'kept as well']);
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
