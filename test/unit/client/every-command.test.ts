/** Every command × every way it cannot work: the documented exit, one JSON object, words for people, no stack trace. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CommandSpec } from '../../../client/command.js';
import { COMMANDS } from '../../../client/commands/index.js';
import { exitsOf } from '../../../client/program.js';
import { createRepository, type TestRepository } from '../../support/repository.js';
import { smallPipeline } from '../../support/small-pipeline.js';
import { type CommandRun, slipway } from '../../support/slipway-command.js';

// git and the first load of a command take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const FILE = smallPipeline('shop');

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';

let good: TestRepository;
let bad: TestRepository;
let empty: string;

beforeAll(async () => {
  good = await createRepository();
  await good.commit('feat: one', { 'slipway.yaml': FILE, 'app/a': '1' });
  bad = await createRepository();
  await bad.commit('feat: typo', { 'slipway.yaml': 'pipelin: shop\nenvironments: [\n', 'app/a': '1' });
  empty = await mkdtemp(path.join(tmpdir(), 'slipway-empty-'));
});
afterAll(async () => {
  await good.remove();
  await bad.remove();
  await rm(empty, { recursive: true });
});

const WORDS: Record<string, string> = {
  '<environment>': 'prod',
  '<host>': 'web-1',
  '<shell>': 'bash',
};

/** The shortest command line that is complete. */
function lineOf({ name, arguments: wanted }: CommandSpec): string[] {
  const words = wanted.split(' ').filter((word) => word.startsWith('<'));
  return [name, ...words.map((word) => WORDS[word] ?? word), '--yes'];
}

/** These start a program of their own; what they do with its end is in test/commands/client-process.test.ts. */
const PROGRAMS = ['up', 'worker', 'codec-server'];
/** These ask nobody. */
const ALONE = ['schema', 'policy', 'completion'];
/** Reads no file here; the others of its ways are in serve-options.test.ts and test/commands/webhooks.test.ts. */
const BY_FLAGS = ['serve'];
const commands = COMMANDS.filter(({ name }) => !PROGRAMS.includes(name)).map(
  (spec) => [spec.name, spec] as const,
);

/** The exit of a line that is refused, for programs and for people alike. */
async function exitOf(spec: CommandSpec, argv: string[], cwd: string): Promise<number> {
  const env = { TEMPORAL_ADDRESS: NOWHERE, SLIPWAY_ACTOR: 'oleg' };
  const json = await slipway([...argv, '--json'], { cwd, env });
  expectOneObject(spec, json);
  const human = await slipway(argv, { cwd, env });
  expect(human.exit, human.err).toBe(json.exit);
  expect(human.out).toBe('');
  expect(human.err.trim().split('\n').length, human.err).toBeGreaterThan(1);
  for (const { err } of [json, human]) expect(err).not.toMatch(/^ {4}at /m);
  return json.exit;
}

function expectOneObject(spec: CommandSpec, { out, exit }: CommandRun): void {
  expect(out.trim().split('\n'), out).toHaveLength(1);
  const answer: unknown = JSON.parse(out);
  const says = expect.stringMatching(/\S/);
  expect(answer).toMatchObject({
    schema: 1,
    command: spec.name,
    ok: false,
    exit,
    error: { what: says, where: says, wayOut: says },
  });
  expect(Object.keys(answer as object).sort()).toEqual(['command', 'data', 'error', 'exit', 'ok', 'schema']);
  expect(Object.keys((answer as { error: object }).error).sort()).toEqual([
    'docs',
    'wayOut',
    'what',
    'where',
    'why',
  ]);
  expect(exitsOf(spec).map(({ code }) => code as number)).toContain(exit);
}

describe('a bad flag is exit 2', () => {
  it.each(COMMANDS.map((spec) => [spec.name, spec] as const))('slipway %s', async (_name, spec) => {
    expect(await exitOf(spec, [...lineOf(spec), '--nope'], good.folder)).toBe(2);
  });

  it.each(COMMANDS.filter((spec) => spec.arguments.includes('<')).map((spec) => [spec.name, spec] as const))(
    'and so is a missing argument: slipway %s',
    async (_name, spec) => {
      expect(await exitOf(spec, [spec.name], good.folder)).toBe(2);
    },
  );
});

describe('no file is exit 2', () => {
  it.each(commands.filter(([name]) => name !== 'init' && !ALONE.includes(name)))(
    'slipway %s',
    async (_name, spec) => {
      expect(await exitOf(spec, lineOf(spec), empty)).toBe(2);
    },
  );
});

describe('a file that names no pipeline is exit 2', () => {
  it.each(commands.filter(([name]) => !ALONE.includes(name)))('slipway %s', async (_name, spec) => {
    expect(await exitOf(spec, lineOf(spec), bad.folder)).toBe(2);
  });
});

describe('no Temporal is exit 8', () => {
  it.each(commands.filter(([name]) => !['init', 'plan', ...ALONE, ...BY_FLAGS].includes(name)))(
    'slipway %s',
    async (_name, spec) => {
      expect(await exitOf(spec, lineOf(spec), good.folder)).toBe(8);
    },
  );
});

describe('what needs neither file nor Temporal', () => {
  it('prints its one object, or what was asked for', async () => {
    const env = { TEMPORAL_ADDRESS: NOWHERE };
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-init-'));
    const init = await slipway(['init', '--json'], { cwd: folder, env });
    expect(JSON.parse(init.out)).toMatchObject({ schema: 1, command: 'init', ok: true, exit: 0 });
    await writeFile(path.join(folder, 'slipway.yaml'), FILE);
    const again = await slipway(['init', '--json'], { cwd: folder, env });
    expect(JSON.parse(again.out)).toMatchObject({ ok: false, exit: 2 });
    await rm(folder, { recursive: true });
    const schema = await slipway(['schema'], { cwd: empty, env });
    expect(JSON.parse(schema.out)).toMatchObject({ $schema: expect.stringContaining('json-schema') });
    expect(await slipway(['completion', 'bash'], { cwd: empty, env })).toMatchObject({ exit: 0, err: '' });
    for (const line of [['schema'], ['completion', 'bash']]) {
      const { out } = await slipway([...line, '--json'], { cwd: empty, env });
      expect(JSON.parse(out)).toMatchObject({ schema: 1, command: line[0], ok: true, exit: 0, data: {} });
    }
  });

  it('a mistake is told once', async () => {
    const broken = await createRepository();
    await broken.commit('feat: typo', { 'slipway.yaml': FILE.replace('checks:', 'check:') });
    const { err } = await slipway(['plan'], { cwd: broken.folder, env: {} });
    const { out } = await slipway(['plan', '--json'], { cwd: broken.folder, env: {} });
    await broken.remove();
    const { error } = JSON.parse(out) as { error: unknown };
    for (const text of [err, JSON.stringify(error)]) {
      expect(text.split('slipway.yaml:9:5')).toHaveLength(2);
      expect(text.split('no such key')).toHaveLength(2);
      expect(text).toContain('Did you mean checks?');
    }
  });
});
