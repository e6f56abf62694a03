import { describe, expect, it } from 'vitest';
import { readStatements } from '../../../activities/gates/migrations/sql-statements.js';
import { sqlOfFile } from '../../../activities/gates/migrations/sql-text.js';
import { inShort, judgeSteps, sharedParser, type Judged } from '../../support/migrations.js';

const parser = sharedParser();

async function judge(sql: string, isOld?: (name: string) => boolean): Promise<Judged[]> {
  return judgeSteps(await readStatements(parser(), sqlOfFile(sql)), isOld);
}

const short = async (sql: string): Promise<string[]> => inShort(await judge(sql));

describe('what the live version does not notice', () => {
  it.each([
    '',
    '-- only a comment',
    'CREATE TABLE refunds (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, o bigint NOT NULL REFERENCES orders)',
    'ALTER TABLE orders ADD COLUMN note text',
    'ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text NULL',
    "ALTER TABLE orders ADD COLUMN state text NOT NULL DEFAULT 'new'",
    'ALTER TABLE orders ADD COLUMN n int NOT NULL DEFAULT -1',
    'ALTER TABLE orders ADD COLUMN at timestamptz NOT NULL DEFAULT now()',
    "ALTER TABLE orders ADD COLUMN at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'utc')",
    "ALTER TABLE orders ADD COLUMN tags text[] NOT NULL DEFAULT '{}'::text[], ADD d jsonb DEFAULT '{}'::jsonb",
    'ALTER TABLE orders ADD COLUMN user_id bigint REFERENCES users(id)',
    'ALTER TABLE orders ADD COLUMN twice int GENERATED ALWAYS AS (n * 2) VIRTUAL',
    'ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (u) REFERENCES users(id) NOT VALID',
    'ALTER TABLE orders VALIDATE CONSTRAINT f',
    'ALTER TABLE orders ALTER COLUMN note DROP NOT NULL',
    'ALTER TABLE orders ALTER COLUMN note SET DEFAULT 1',
    'ALTER TABLE orders ADD COLUMN c int; ALTER TABLE orders ADD CONSTRAINT k CHECK (c > 0) NOT VALID',
    'ALTER TABLE orders ADD CONSTRAINT u UNIQUE USING INDEX orders_u',
    'ALTER TABLE orders ADD COLUMN c int; CREATE UNIQUE INDEX CONCURRENTLY i ON orders (c)',
    'ALTER TABLE orders ADD COLUMN c int; ALTER TABLE orders DROP COLUMN c',
    "SELECT set_config('lock_timeout', '1s', true)",
    'CREATE INDEX CONCURRENTLY i ON orders (n)',
    'CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON orders (lower(note)) WHERE n > 0',
    'DROP INDEX CONCURRENTLY IF EXISTS i',
    'ALTER INDEX i RENAME TO j',
    "CREATE TYPE state AS ENUM ('a'); ALTER TYPE state ADD VALUE 'b'; ALTER TYPE old ADD VALUE IF NOT EXISTS 'c'",
    'CREATE OR REPLACE VIEW v AS SELECT 1; CREATE SEQUENCE s; CREATE SCHEMA app; CREATE EXTENSION IF NOT EXISTS citext',
    "INSERT INTO orders (n) VALUES (1); UPDATE orders SET n = 2; DELETE FROM orders WHERE n = 3; COMMENT ON TABLE orders IS 'x'",
    'BEGIN; SET lock_timeout = 1000; GRANT SELECT ON orders TO reader; COMMIT; VACUUM orders; ANALYZE',
    'REINDEX TABLE CONCURRENTLY orders; REFRESH MATERIALIZED VIEW CONCURRENTLY v',
    'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()',
    "CREATE FUNCTION g(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'select t'; UPDATE orders SET note = g(note)",
    'ALTER TABLE orders ALTER COLUMN n SET STATISTICS 100, SET (fillfactor = 90)',
    'ALTER SEQUENCE s OWNED BY orders.n',
    "SELECT 'DROP TABLE orders; -- it''s a string'",
    'SELECT 1 /* DROP TABLE orders; /* nested */ */; -- DROP TABLE orders;',
    'SELECT $q$ DROP TABLE orders; $q$, $$ ; $$',
    'ALTER TABLE orders ADD COLUMN "drop column note" text',
    "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 's') THEN CREATE TYPE s AS ENUM ('a'); END IF; END $$",
    "DO $$ BEGIN EXECUTE 'CREATE TABLE refunds (id int)'; END $$",
    '-- migrate:up\nALTER TABLE orders ADD note text;\n-- migrate:down\nALTER TABLE orders DROP note;',
    '-- +goose Up\nALTER TABLE orders ADD note text;\n-- +goose Down\nALTER TABLE orders DROP note;',
    '-- +migrate Up\nALTER TABLE orders ADD note text;\n-- +migrate Down\nthis is not even SQL',
  ])('%s', async (sql) => {
    expect(await short(sql)).toEqual([]);
  });
});

describe('what it does notice', () => {
  it.each([
    ['DROP TABLE orders', 'drops table orders'],
    ['drop table if exists "Orders" cascade', 'drops table Orders'],
    ['ALTER TABLE orders DROP COLUMN note', 'drops column orders.note'],
    ['alter table only app.orders drop note', 'drops column app.orders.note'],
    ['ALTER TABLE orders DROP CONSTRAINT k', 'drops constraint k of orders'],
    ['ALTER TABLE orders ALTER n DROP DEFAULT', 'drops the default of column orders.n'],
    ['ALTER TABLE orders ALTER n DROP IDENTITY', 'drops the identity of column orders.n'],
    ['ALTER TABLE orders DETACH PARTITION p CONCURRENTLY', 'drops a partition of orders'],
    ['DROP VIEW v', 'drops view v'],
    ['DROP MATERIALIZED VIEW v', 'drops materialized view v'],
    ['DROP TYPE state', 'drops type state'],
    ['DROP FUNCTION app.f(int)', 'drops function app.f'],
    ['DROP TRIGGER t ON orders', 'drops trigger orders.t'],
    ['DROP SCHEMA app CASCADE', 'drops schema app'],
    ['DROP EXTENSION citext', 'drops extension citext'],
    ['TRUNCATE orders', 'drops rows of orders (TRUNCATE)'],
    ['DELETE FROM orders', 'drops all rows of orders (DELETE)'],
    ['WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone', 'drops all rows of orders (DELETE)'],
    ['REVOKE SELECT ON orders FROM app', 'drops rights (REVOKE)'],

    ['ALTER TABLE orders RENAME TO purchases', 'renames orders to purchases'],
    ['ALTER TABLE orders RENAME note TO remark', 'renames column note of orders to remark'],
    ["ALTER TYPE state RENAME VALUE 'a' TO 'b'", 'renames value a of type state'],
    ['ALTER TYPE state RENAME TO status', 'renames type state to status'],
    ['ALTER TABLE orders SET SCHEMA app', 'renames orders (SET SCHEMA)'],
    ['ALTER TABLE orders RENAME CONSTRAINT a TO b', 'renames constraint a of orders to b'],

    ['ALTER TABLE orders ALTER note TYPE varchar(10)', 'narrows column orders.note (TYPE)'],
    ['ALTER TABLE orders ALTER n SET DATA TYPE bigint', 'narrows column orders.n (TYPE)'],
    ['ALTER TABLE orders ALTER note SET NOT NULL', 'narrows column orders.note (SET NOT NULL)'],
    ['ALTER TABLE orders ADD note text NOT NULL', 'narrows new column orders.note NOT NULL'],
    ['ALTER TABLE orders ADD note text NOT NULL DEFAULT NULL', 'narrows new column orders.note NOT NULL'],
    ['ALTER TABLE orders ADD CONSTRAINT k CHECK (n > 0) NOT VALID', 'narrows CHECK constraint k on orders'],
    ['CREATE UNIQUE INDEX CONCURRENTLY i ON orders (n)', 'narrows UNIQUE index i of orders'],
    ['ALTER TABLE orders ENABLE ROW LEVEL SECURITY', 'narrows table orders (row level security)'],

    ['CREATE INDEX i ON orders (n)', 'locks index i of orders'],
    ['CREATE INDEX ON app.orders (n)', 'locks index on app.orders of app.orders'],
    ['DROP INDEX i', 'locks index i'],
    ['ALTER TABLE orders ADD at timestamptz DEFAULT clock_timestamp()', 'locks new column orders.at DEFAULT'],
    ['ALTER TABLE orders ADD key uuid DEFAULT gen_random_uuid()', 'locks new column orders.key DEFAULT'],
    ['ALTER TABLE orders ADD key int DEFAULT 1 + random()::int', 'locks new column orders.key DEFAULT'],
    ["ALTER TABLE orders ADD key int DEFAULT nextval('s')", 'locks new column orders.key DEFAULT'],
    ['ALTER TABLE orders ADD key bigserial', 'locks new column orders.key'],
    ['ALTER TABLE orders ADD key int GENERATED ALWAYS AS IDENTITY', 'locks new column orders.key'],
    ['ALTER TABLE orders ADD twice int GENERATED ALWAYS AS (n * 2) STORED', 'locks new column orders.twice'],
    ['ALTER TABLE orders ADD c int UNIQUE', 'locks new column orders.c UNIQUE'],
    ['ALTER TABLE orders ADD c int CHECK (c > 0)', 'locks new column orders.c CHECK'],
    ['ALTER TABLE orders ADD c int DEFAULT 1 REFERENCES users', 'locks new column orders.c REFERENCES'],
    [
      'ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (u) REFERENCES users(id)',
      'locks FOREIGN KEY constraint f on orders',
    ],
    ['LOCK TABLE orders', 'locks table orders (LOCK TABLE)'],
    ['LOCK orders IN SHARE MODE', 'locks table orders (LOCK TABLE)'],
    ['VACUUM FULL orders', 'locks tables (VACUUM FULL)'],
    ['VACUUM (FULL, ANALYZE) orders', 'locks tables (VACUUM FULL)'],
    ['CLUSTER orders USING i', 'locks table orders (CLUSTER)'],
    ['REINDEX TABLE orders', 'locks orders (REINDEX)'],
    ['REFRESH MATERIALIZED VIEW v', 'locks materialized view v (REFRESH)'],
    ['ALTER TABLE orders SET UNLOGGED', 'locks table orders (UNLOGGED)'],
    ['ALTER TABLE orders ATTACH PARTITION old FOR VALUES IN (1)', 'locks a partition attached to orders'],

    ['CALL tidy()', 'unclear CALL tidy, whose body is not read'],
    ['ALTER TABLE orders OWNER TO other', 'unclear ChangeOwner on orders'],
    ['ALTER TABLE orders DISABLE TRIGGER ALL', 'unclear DisableTrigAll on orders'],
    ['ALTER DOMAIN d SET NOT NULL', 'unclear a statement of a kind that is not judged (AlterDomain)'],
    ['DROP OWNED BY app', 'unclear a statement of a kind that is not judged (DropOwned)'],
    ["COPY orders FROM PROGRAM 'rm -rf /'", 'unclear COPY out of the database'],
    [
      'SET standard_conforming_strings = off',
      'unclear SET of standard_conforming_strings, which changes how the rest is read',
    ],
    [
      "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DROP TABLE orders'; SELECT f()",
      'unclear a call of f(), whose body is not read',
    ],
    [
      "SELECT set_config('Standard_Conforming_Strings', 'off', false)",
      'unclear set_config of standard_conforming_strings, which changes how the rest is read',
    ],
    ["DO LANGUAGE plpython3u $$ plpy.execute('x') $$", 'unclear a block in plpython3u'],
    ['DO $$ BEGIN IF true THEN DROP TABLE orders; END IF; END $$', 'drops table orders'],
    [
      "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'orders'; END $$",
      "unclear EXECUTE 'DROP TABLE ' || 'orders', put together while it runs",
    ],
    ["DO $$ BEGIN EXECUTE 'DROP TABLE orders'; END $$", 'drops table orders'],
    [
      "DO $$ DECLARE r record; BEGIN FOR r IN SELECT 1 AS x LOOP EXECUTE format('DROP TABLE %I', r.x); END LOOP; END $$",
      "unclear EXECUTE format('DROP TABLE %I', r.x), put together while it runs",
    ],
    [
      "DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT ' || 1 LOOP DELETE FROM orders; END LOOP; END $$",
      "drops all rows of orders (DELETE) & unclear EXECUTE 'SELECT ' || 1, put together while it runs",
    ],
  ])('%s', async (sql, expected) => {
    expect((await short(sql)).sort()).toEqual(
      expected
        .split(' & ')
        .map((each) => `1 ${each}`)
        .sort(),
    );
  });

  it('says all that is wrong with one statement', async () => {
    expect(
      await short(
        'ALTER TABLE orders ADD CONSTRAINT k CHECK (n > 0), ADD UNIQUE (n), ADD PRIMARY KEY (id), DROP note',
      ),
    ).toEqual([
      '1 narrows CHECK constraint k on orders',
      '1 locks CHECK constraint k on orders',
      '1 narrows UNIQUE constraint (unnamed) on orders',
      '1 locks UNIQUE constraint (unnamed) on orders',
      '1 narrows PRIMARY KEY constraint (unnamed) on orders',
      '1 locks PRIMARY KEY constraint (unnamed) on orders',
      '1 drops column orders.note',
    ]);
  });

  it('names the line and the beginning of each statement, whatever stands around it', async () => {
    const found = await judge(
      `\uFEFF-- é ü 漢字 😀\r\nSELECT 1; DROP TABLE a;\n/* DROP\nTABLE */\n\n  DROP TABLE\n    b; SELECT 'x
y'; DROP TABLE c;\nDO $$\nBEGIN\n  DROP TABLE d;\nEND $$;`,
    );
    expect(found.map(({ line, statement }) => `${line} ${statement}`)).toEqual([
      '2 DROP TABLE a',
      '6 DROP TABLE b',
      '8 DROP TABLE c',
      '11 DROP TABLE d',
    ]);
  });
});

describe('what cannot be read', () => {
  it.each([
    ["SELECT 'open", '1 unclear', 'unterminated quoted string'],
    ['SELECT 1;\nSELECT "open', '2 unclear', 'unterminated quoted identifier'],
    ['SELECT 1;\n\n/* open', '3 unclear', 'unterminated /* comment'],
    ['SELECT $q$ open', '1 unclear', 'unterminated dollar-quoted string'],
    ['CREATE TABLE a (id int);\nDROP TABEL orders;', '2 unclear', 'syntax error at or near "TABEL"'],
    ['\\connect other', '1 unclear', 'syntax error'],
    ['COPY orders FROM stdin;\n1\t2\n\\.\n', '2 unclear', 'syntax error'],
    ['SELECT 1;\n\0 DROP TABLE orders', '2 unclear', 'NUL character'],
    ['CREATE TABLE `orders` (id int)', '1 unclear', 'syntax error'],
    [`SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`, '1 unclear', ''],
    [`SELECT ${'1+'.repeat(100_000)}1`, '1 unclear', ''],
    ['DO $$ BEGIN DROP TABEL x; END $$', '1 unclear', 'syntax error'],
    ['DO $$ BEGIN IF; END $$', '1 unclear', 'a block that PL/pgSQL refuses'],
  ])('%.40s', async (sql, where, why) => {
    const [found = ''] = await short(sql);
    expect(found.startsWith(where), found).toBe(true);
    expect(found).toContain(why);
  });

  it('long statements of data are looked through, of other kinds refused', async () => {
    const rows = '(1),'.repeat(50_000);
    expect(await short(`INSERT INTO orders VALUES ${rows}(2)`)).toEqual([]);
    expect(
      await short(
        `WITH a AS (DELETE FROM orders), b AS (DELETE FROM users WHERE n > 1) INSERT INTO orders VALUES ${rows}(2)`,
      ),
    ).toEqual(['1 drops all rows of orders (DELETE)']);
    expect(
      await short(
        `CREATE FUNCTION f() RETURNS int LANGUAGE sql AS ''; INSERT INTO orders VALUES ${rows}(f())`,
      ),
    ).toEqual(['1 unclear a call of f(), whose body is not read']);
    expect(await judge(`SELECT ${'1 AS a, '.repeat(5000)}2 INTO t; DROP TABLE t`)).toEqual([]);
    expect(await short(`ALTER TABLE orders ${'ADD a int, '.repeat(20_000)}DROP b`)).toEqual([
      '1 unclear a statement of a kind that is not judged (TooLong)',
    ]);
    expect(await short(`DO $$ BEGIN ${'DROP TABLE a; '.repeat(20_000)} END $$`)).toEqual([
      '1 unclear a block that PL/pgSQL refuses: it is too long',
    ]);
  });

  it('the parser still works after what overflowed it', async () => {
    expect(await short(`SELECT ${'1+'.repeat(100_000)}1`)).toHaveLength(1);
    expect(await short('DROP TABLE orders')).toEqual(['1 drops table orders']);
  });

  it('a way back that no way up comes before is run by somebody', async () => {
    expect(await short('-- +goose Down\nDROP TABLE orders;')).toEqual(['2 drops table orders']);
    expect(await short('-- migrate:down\nDROP TABLE orders;\n-- migrate:up\nSELECT 1;')).toEqual([
      '2 drops table orders',
    ]);
    expect(
      await short('-- migrate:up\n-- +goose Up\n-- +goose Down\nDROP TABLE orders;\n-- migrate:down'),
    ).toEqual(['4 drops table orders']);
    expect(await short('-- +goose Up\n-- +goose Down\n-- +goose Up\nDROP TABLE orders;')).toEqual([
      '4 drops table orders',
    ]);
  });
});

describe('tables of this release', () => {
  it.each([
    'CREATE TABLE t (a int); ALTER TABLE t DROP a, ADD b int NOT NULL; CREATE INDEX ON t (b); DROP TABLE t',
    'CREATE TABLE public.t (a int); ALTER TABLE t ALTER a TYPE text',
    'CREATE TABLE t AS SELECT 1 AS a; DELETE FROM t',
    'SELECT 1 AS a INTO t; TRUNCATE t',
    'CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; ALTER TABLE u DROP a',
    'CREATE TEMP TABLE t (a int); LOCK t; DROP TABLE t',
    'CREATE TABLE IF NOT EXISTS t (a int); DROP TABLE t',
    'CREATE TYPE t AS (a int); DROP TYPE t',
  ])('%s', async (sql) => {
    expect(await judge(sql, () => false)).toEqual([]);
  });

  it.each([
    ['it was dropped before', 'DROP TABLE t; CREATE TABLE t (a int)', 'drops table t'],
    ['another schema', 'CREATE TABLE app.t (a int); DROP TABLE t', 'drops table t'],
    ['another case', 'CREATE TABLE "T" (a int); DROP TABLE t', 'drops table t'],
    [
      'temporary, but not the other',
      'CREATE TEMP TABLE t (a int); DROP TABLE public.t',
      'drops table public.t',
    ],
    ['it may have been there', 'CREATE TABLE IF NOT EXISTS t (a int); DROP TABLE t', 'drops table t'],
    [
      'a block',
      'DO $$ BEGIN IF 1=1 THEN CREATE TABLE t (a int); END IF; END $$; DROP TABLE t',
      'drops table t',
    ],
    ['replaced', 'CREATE OR REPLACE VIEW v AS SELECT 1; DROP VIEW v', 'drops view v'],
  ])('not if %s', async (_what, sql, expected) => {
    expect(await short(sql)).toEqual([`1 ${expected}`]);
  });
});
