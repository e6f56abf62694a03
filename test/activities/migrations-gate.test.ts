import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { GatePlan } from '../../pipeline/plan.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { givenGateScene } from '../support/gate-scene.js';

/** Environment → what it serves. */
let live: Record<string, string | null>;

const { repository, ask: askGate } = givenGateScene({
  liveCommit: (_pipeline, environment) => Promise.resolve(live[environment] ?? null),
});

beforeEach(() => {
  live = {};
});

interface Asking {
  path?: string;
  timeoutMs?: number;
  environments?: string[];
}

async function ask(sha: string, asking: Asking = {}): Promise<EvidenceItem> {
  const gate: GatePlan = {
    name: 'migrations',
    kind: 'migrations',
    mode: 'expand-contract',
    path: asking.path ?? 'migrations',
    timeoutMs: asking.timeoutMs ?? 60_000,
  };
  const item = await askGate(gate, sha, { environments: asking.environments ?? ['prod'] });
  expect(item.note?.length).toBeLessThanOrEqual(2000);
  return item;
}

const FIRST = { 'migrations/0001_orders.sql': 'CREATE TABLE orders (id int, note text);\n', 'app.js': '' };

describe('what is new', () => {
  it('is everything when nothing is live, and a table made and changed in it is nobody else’s', async () => {
    const sha = await repository.commit('one', {
      ...FIRST,
      'migrations/0002_note.sql': 'ALTER TABLE orders DROP COLUMN note;\n',
    });
    expect(await ask(sha)).toMatchObject({
      verdict: 'pass',
      note: '2 new, expand only (0001_orders.sql, 0002_note.sql)',
    });
  });

  it('is what the environment does not serve yet', async () => {
    live['prod'] = await repository.commit('one', FIRST);
    const expand = await repository.commit('two', {
      'migrations/0002_state.sql': 'ALTER TABLE orders ADD state text;\n',
    });
    expect(await ask(expand)).toMatchObject({ verdict: 'pass', note: '1 new, expand only (0002_state.sql)' });
    live['prod'] = expand;
    expect(await ask(expand)).toMatchObject({ verdict: 'pass', note: 'no new migrations' });
    const contract = await repository.commit('three', {
      'migrations/0003_drop.sql': '-- nobody reads it\n\nSELECT 1; ALTER TABLE orders\n  DROP COLUMN note;\n',
    });
    const item = await ask(contract);
    expect(item.verdict).toBe('fail');
    expect(item.note).toBe(
      '1 problem in 1 migration (1 new)\n' +
        'migrations/0003_drop.sql:3 drops column orders.note [ALTER TABLE orders DROP COLUMN note]: the live version ' +
        'may still use it; stop using it in this release, drop it in a later one',
    );
  });

  it('is judged for every environment it goes to', async () => {
    const first = await repository.commit('one', FIRST);
    const second = await repository.commit('two', {
      'migrations/0002_refunds.sql': 'CREATE TABLE refunds (a int);',
    });
    const third = await repository.commit('three', {
      'migrations/0003_a.sql': 'ALTER TABLE refunds DROP a;',
    });
    live = { prod: first, stage: second };
    expect(await ask(third)).toMatchObject({ verdict: 'pass' });
    expect(await ask(third, { environments: ['stage'] })).toMatchObject({ verdict: 'fail' });
    const both = await ask(third, { environments: ['prod', 'stage'] });
    expect(both.note).toMatch(
      /^1 problem in 1 migration \(2 new\)\nmigrations\/0003_a\.sql:1 drops column refunds\.a /,
    );
    expect(await ask(third, { environments: [] })).toMatchObject({ verdict: 'pass' });
  });

  it('is everything when the repository has lost what is live', async () => {
    live['prod'] = 'a'.repeat(40);
    const sha = await repository.commit('one', { 'migrations/1.sql': 'DROP TABLE orders;' });
    expect(await ask(sha)).toMatchObject({
      verdict: 'fail',
      note: expect.stringContaining('1.sql:1 drops table'),
    });
  });

  it('does not believe IF NOT EXISTS of a table that an older migration speaks of', async () => {
    live['prod'] = await repository.commit('one', FIRST);
    const sha = await repository.commit('two', {
      'migrations/0002.sql': 'CREATE TABLE IF NOT EXISTS orders (id int); DROP TABLE orders;',
      'migrations/0003.sql': 'CREATE TABLE IF NOT EXISTS refunds (id int); DROP TABLE refunds;',
    });
    const { note } = await ask(sha);
    expect(note).toContain('0002.sql:1 drops table orders');
    expect(note).not.toContain('refunds');
  });

  it('goes in the order of numbers, and of Alembic’s revisions', async () => {
    const alembic = (id: string, after: string | null, body: string): string =>
      `from alembic import op\nimport sqlalchemy as sa\nrevision = '${id}'\ndown_revision = ${after === null ? 'None' : `'${after}'`}\n` +
      `def upgrade():\n    ${body}\ndef downgrade():\n    op.drop_table('t')\n`;
    const sha = await repository.commit('one', {
      'migrations/V10__drop.sql': 'DROP TABLE a;',
      'migrations/V9__make.sql': 'CREATE TABLE a (id int);',
      'alembic/env.py': 'run_migrations_online()\n',
      'alembic/README': 'x',
      'alembic/script.py.mako': '${up}',
      'alembic/versions/__init__.py': '',
      'alembic/versions/aaa_drop.py': alembic('a2', 'z1', "op.drop_table('t')"),
      'alembic/versions/zzz_make.py': alembic(
        'z1',
        null,
        "op.create_table('t', sa.Column('id', sa.Integer()))",
      ),
    });
    expect(await ask(sha)).toMatchObject({ verdict: 'pass' });
    expect(await ask(sha, { path: 'alembic' })).toMatchObject({
      verdict: 'pass',
      note: expect.stringMatching(/^3 new/),
    });
  });
});

describe('applied history', () => {
  it.each([
    ['changed', { 'migrations/0001_orders.sql': 'CREATE TABLE orders (id bigint);' }],
    ['removed', { 'migrations/0001_orders.sql': null, 'migrations/0002.sql': 'SELECT 1;' }],
  ])('may not be %s', async (how, files) => {
    live['prod'] = await repository.commit('one', FIRST);
    const sha = await repository.commit('two', files);
    const item = await ask(sha);
    expect(item.verdict).toBe('fail');
    expect(item.note).toContain(
      `migrations/0001_orders.sql was ${how}, but it has been applied; put it back, and add a migration instead`,
    );
  });

  it('is not what stands beside it', async () => {
    live['prod'] = await repository.commit('one', {
      ...FIRST,
      'migrations/README.md': 'x',
      'migrations/0001_orders.down.sql': 'DROP TABLE orders;',
      'migrations/atlas.sum': '1',
      'migrations/meta/_journal.json': '{}',
    });
    const sha = await repository.commit('two', {
      'migrations/README.md': 'y',
      'migrations/0001_orders.down.sql': 'DROP TABLE IF EXISTS orders;',
      'migrations/atlas.sum': '2',
      'migrations/meta/_journal.json': '[]',
      'migrations/0002.up.sql': 'ALTER TABLE orders ADD a int;',
      'migrations/0002.down.sql': 'ALTER TABLE orders DROP a;',
      'migrations/2026_03/up.sql': 'ALTER TABLE orders ADD b int;',
      'migrations/2026_03/down.sql': 'ALTER TABLE orders DROP b;',
    });
    expect(await ask(sha)).toMatchObject({
      verdict: 'pass',
      note: '2 new, expand only (0002.up.sql, up.sql)',
    });
  });
});

describe('bad input', () => {
  it('a folder that is not there', async () => {
    const sha = await repository.commit('one', FIRST);
    expect(await ask(sha, { path: 'db' })).toMatchObject({
      verdict: 'fail',
      note: `there is no folder db at ${sha.slice(0, 12)}; commit it, or correct gates.migrations.path`,
    });
  });

  it.each([
    [
      'not UTF-8',
      { 'migrations/1.sql': new Uint8Array([0x53, 0xff]) },
      '1.sql:1 cannot be read: a file that is not UTF-8',
    ],
    [
      'too large',
      { 'migrations/1.sql': `-- ${'x'.repeat(1_048_576)}` },
      '1.sql:1 cannot be read: a file of 1048579 bytes',
    ],
    [
      'another language',
      { 'migrations/1.js': 'x' },
      '1.js:1 cannot be read: a file that is neither SQL nor Alembic',
    ],
    [
      'Django',
      { 'migrations/1.py': 'class Migration: pass' },
      '1.py:1 cannot be read: a file that is neither SQL nor Alembic',
    ],
    [
      'a way back alone',
      { 'migrations/1.down.sql': 'DROP TABLE orders;' },
      '1.down.sql:1 drops table orders',
    ],
    [
      'a name that obeys',
      { 'migrations/1\n\u001b[31m.sql': 'DROP TABLE a' },
      'migrations/1 .sql:1 drops table a',
    ],
    ['an open string', { 'migrations/1.sql': "\nSELECT 'x" }, '1.sql:2 cannot be read: SQL that PostgreSQL'],
  ])('%s', async (_what, files, expected) => {
    const sha = await repository.commit('one', files);
    expect(await ask(sha)).toMatchObject({ verdict: 'fail', note: expect.stringContaining(expected) });
  });

  it('a symbolic link', async () => {
    await repository.commit('one', FIRST);
    await symlink('/etc/passwd', path.join(repository.folder, 'migrations/2.sql'));
    const sha = await repository.commit('two', {});
    expect(await ask(sha)).toMatchObject({
      verdict: 'fail',
      note: expect.stringContaining('2.sql:1 cannot be read'),
    });
  });

  it('more problems than a note holds', async () => {
    const drops = Array.from({ length: 500 }, (_, index) => `DROP TABLE t${index};`).join('\n');
    const { note } = await ask(await repository.commit('one', { 'migrations/1.sql': drops }));
    expect(note).toMatch(/^500 problems in 1 migration \(1 new\)\nmigrations\/1\.sql:1 drops table t0 /);
    expect(note).toMatch(/\n… and \d+ more$/);
  });

  it('a deadline that is over', async () => {
    const sha = await repository.commit('one', FIRST);
    expect(await ask(sha, { timeoutMs: 1 })).toMatchObject({
      verdict: 'fail',
      note: 'the migrations were not read within 0.001s',
    });
  });
});
