import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeCompletion, SHELLS } from '../../../client/completion.js';
import { COMMANDS } from '../../../client/commands/index.js';
import { readCount, readDuration, readMoment } from '../../../client/flags.js';
import { newLines } from '../../../client/log-tail.js';
import { createRepository, type TestRepository } from '../../support/repository.js';
import { readJson, slipway } from '../../support/slipway-command.js';

// git and the first load of a command take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const exec = promisify(execFile);

/** Would fail the test by its exit code if anything connected. */
const NOWHERE = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

const FILE = `pipeline: shop
image: {folder: app}
environments:
  stage:
    from: {branch: main}
    hosts: [local]
    platform: {command: "deploy {tag}"}
    url: http://127.0.0.1:1
    checks: [/health]
  prod:
    from: {tag: "v*.*.*"}
    start: manual
    hosts: [local]
    platform: {command: "deploy {tag}"}
    url: http://127.0.0.1:1
    checks: [/health]
  later:
    from: {branch: later}
    hosts: [local]
    platform: {command: "deploy {tag}"}
    url: http://127.0.0.1:1
    checks: [errors]
checks: {errors: {logs: ERROR}}
`;

let repository: TestRepository;
beforeAll(async () => {
  repository = await createRepository();
  await repository.commit('feat: one', { 'slipway.yaml': FILE, 'app/a': '1' });
  await repository.git('tag', 'v1.0.0');
  await repository.git('tag', 'v1.2');
  await repository.git('branch', 'other');
  await repository.git('branch', 'later');
  await repository.git('checkout', '--quiet', '-b', 'broken');
  await repository.commit('feat: typo', {
    'slipway.yaml': FILE.replace('checks: [/health]', 'check: [/health]'),
  });
  await repository.git('checkout', '--quiet', '-b', 'none');
  await repository.commit('feat: nothing', { 'slipway.yaml': null });
  await repository.git('checkout', '--quiet', 'main');
});
afterAll(() => repository.remove());

const run = (line: string) => slipway(line.split(' '), { cwd: repository.folder, env: NOWHERE });

describe('the command line', () => {
  it('explains itself without connecting', async () => {
    const help = await run('--help');
    expect(help).toMatchObject({ exit: 0, err: '' });
    for (const { name } of COMMANDS) expect(help.out).toContain(`  ${name} `);
  });

  it.each(COMMANDS.map(({ name }) => name))('%s --help has examples and exit codes', async (name) => {
    const help = await run(`${name} --help`);
    expect(help).toMatchObject({ exit: 0, err: '' });
    expect(help.out).toMatch(/Examples:\n {2}\S/);
    expect(help.out).toContain('  8   Temporal or worker unreachable; nothing is lost');
    expect(help.out).toContain('--json');
  });

  it.each([
    ['aprove prod', 'Did you mean approve?'],
    ['approve', "missing required argument 'environment'"],
    ['status --nope', "unknown option '--nope'"],
    ['release main --until never', 'one of started, waiting, done'],
    ['release main --timeout soon', 'write one like 90s, 30m or 12h'],
    ['freeze prod --until tomorrow', 'write a duration (12h, 7d) or a time with its zone'],
    ['completion powershell', 'there is bash, zsh, fish'],
    ['worker chek', 'slipway worker check'],
    ['plan nope', 'no branch, tag or commit named nope'],
  ])('slipway %s is exit 2, before anything is sent', async (line, hint) => {
    const answer = await run(line);
    expect(answer).toMatchObject({ exit: 2, out: '' });
    expect(answer.err).toContain(hint);
  });

  it('answers a mistake of the command line with JSON under --json', async () => {
    expect(readJson(await run('aprove prod --json'))).toMatchObject({
      ok: false,
      exit: 2,
      error: { what: "unknown command 'aprove'\n(Did you mean approve?)", wayOut: 'see slipway --help' },
    });
  });
});

describe('a release that cannot be', () => {
  it.each([
    ['release v1.2 --to prod', 2, 'vMAJOR.MINOR.PATCH'],
    ['release other', 2, 'no environment takes branch other'],
    ['release main --to nowhere', 2, 'there is no environment nowhere'],
    ['release main --to prod', 2, 'prod does not take branch main'],
    ['release broken', 2, 'Did you mean checks?'],
    ['release none', 2, 'there is no slipway.yaml'],
    ['release later', 5, 'check logs in later, whose platform has no logs command cannot be carried out yet'],
    ['release main --pipeline other', 2, 'the file is of pipeline shop, not other'],
  ])('slipway %s is exit %i', async (line, exit, hint) => {
    const answer = await run(line);
    expect(answer).toMatchObject({ exit, out: '' });
    expect(answer.err).toContain(hint);
    expect(answer.err).toContain('way out');
  });

  it('starts nothing for a tag whose environment is started by hand', async () => {
    const answer = await run('release v1.0.0');
    expect(answer).toMatchObject({ exit: 0, err: '' });
    expect(answer.out).toContain('slipway release v1.0.0 --to prod');
  });

  it('points at the line in a CI job', async () => {
    const answer = await slipway(['release', 'broken'], {
      cwd: repository.folder,
      env: { ...NOWHERE, GITHUB_ACTIONS: 'true' },
    });
    expect(answer.err).toMatch(/^::error file=slipway\.yaml,line=9,col=\d+,title=slipway::/m);
  });

  it('plan lists every refusal with its place, and exits 5', async () => {
    const answer = readJson(await run('plan later --json'));
    expect(answer).toMatchObject({
      exit: 5,
      data: { refused: [{ where: expect.stringMatching(/^slipway\.yaml:\d+:\d+$/) }], live: null },
    });
  });
});

describe('completion', () => {
  it('of bash is a script bash can read, and completes commands, flags and environments', async () => {
    const script = writeCompletion('bash', COMMANDS);
    await exec('bash', ['-n', '-c', script]);
    const complete = async (words: string[]): Promise<string[]> => {
      const quoted = words.map((word) => `'${word}'`).join(' ');
      const ask = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${String(words.length - 1)}; _slipway; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = await exec('bash', ['-c', ask], { cwd: repository.folder });
      return stdout.trim().split('\n');
    };
    expect(await complete(['slipway', 'app'])).toEqual(['approve']);
    expect(await complete(['slipway', 'approve', '--gr'])).toEqual(['--group']);
    expect(await complete(['slipway', 'approve', ''])).toEqual(['stage', 'prod', 'later']);
  });

  it.each(SHELLS)('of %s names every command and every flag', (shell) => {
    const script = writeCompletion(shell, COMMANDS);
    for (const { name } of COMMANDS) expect(script).toContain(name);
    for (const flag of ['timeout', 'until', 'group', 'profile', 'ascii']) expect(script).toContain(flag);
    expect(script.split("'").length % 2).toBe(1);
  });
});

describe('values of flags', () => {
  it('reads durations, moments and counts', () => {
    const now = new Date('2026-12-01T00:00:00Z');
    expect(readDuration('--timeout', '30m')).toBe(1_800_000);
    expect(readMoment('--until', '12h', now)).toBe('2026-12-01T12:00:00.000Z');
    expect(readMoment('--until', '2026-12-28T18:00+03:00', now)).toBe('2026-12-28T15:00:00.000Z');
    expect(() => readMoment('--until', '2026-12-28T18:00', now)).toThrow('with its zone');
    expect(readCount('--lines', '7')).toBe(7);
    expect(() => readCount('--lines', '0')).toThrow('whole number');
  });

  it('shows of a growing log only what is new', () => {
    expect(newLines('', 'a\nb\n')).toEqual(['a', 'b']);
    expect(newLines('a\nb\n', 'b\nc\n')).toEqual(['c']);
    expect(newLines('a\nb', 'a\nb')).toEqual([]);
    expect(newLines('a', 'x\ny')).toEqual(['x', 'y']);
    expect(newLines('b\na\nb\na', 'a\nb\na\nb\nc\n\n')).toEqual(['b', 'c']);
    expect(newLines('a\na', 'a')).toEqual([]);
    expect(newLines('', '\n\na')).toEqual(['', '', 'a']);
    expect(newLines('a', '')).toEqual([]);
  });
});
