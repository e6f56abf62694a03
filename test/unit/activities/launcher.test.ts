import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  claimScript,
  endGroupScript,
  endScript,
  fencedRunScript,
  killStaleScript,
  pollScript,
  readFileScript,
  runScript,
  startScript,
  withExports,
  writeFileScript,
} from '../../../activities/hosts/remote-scripts.js';
import { announce, AnnouncedOutput } from '../../../activities/hosts/announced-output.js';

const fence = { pipeline: 'shop', environment: 'prod', token: 7 };
const operation = { fence, operationId: '7-deploy' };
const following = { offset: 12, waitSeconds: 0.5 };
const words = { argv: ['sh', '-c', "echo 'it'"], cwd: '/opt/my app' };

describe('the scripts', () => {
  const all: Record<string, string> = {
    run: runScript(words),
    fenced: fencedRunScript(fence, words, { runId: 'run-1', refusalMarker: 'marker:' }),
    claim: claimScript(fence),
    claimBeside: claimScript(fence, '7-*-run-5'),
    claimAlone: claimScript(fence, ''),
    claimForUndo: claimScript({ ...fence, way: 'back' }, ''),
    forward: fencedRunScript({ ...fence, way: 'forward' }, words, { runId: 'run-1', refusalMarker: 'm:' }),
    start: startScript(operation, words, following),
    exports: withExports(startScript(operation, words, following), 'end'),
    poll: pollScript(operation, following),
    end: endScript(operation, 'killed'),
    group: endGroupScript(4242),
    stale: killStaleScript(fence),
    write: writeFileScript('/etc/my file', 0o600, fence),
    read: readFileScript('/etc/my file'),
  };
  const shells = ['dash', 'bash'].filter((shell) => {
    try {
      execFileSync(shell, ['-c', ':']);
      return true;
    } catch {
      return false;
    }
  });

  test('there is a shell to check with', () => {
    expect(shells).not.toEqual([]);
  });

  test.each(Object.keys(all))('%s is well-formed', (name) => {
    for (const shell of shells) {
      expect(() => execFileSync(shell, ['-n', '-c', all[name] ?? ''], { stdio: 'pipe' })).not.toThrow();
    }
  });

  test('a short command replaces the shell, and says where', () => {
    expect(all['run']).toBe(String.raw`cd -- '/opt/my app' || exit 126; exec sh -c 'echo '\''it'\'''`);
  });

  test('the job is launched in a session of its own, with the lock already held', () => {
    expect(all['start']).toContain('flock -w 0.1 8 || follow');
    expect(all['start']).toContain('setsid -f sh -c');
  });

  test.each(['../../etc', 'a b', '', '.', 'x;reboot', '$(id)', 'a/b'])('%j names no folder', (name) => {
    expect(() => claimScript({ ...fence, pipeline: name })).toThrow(/cannot name a folder/);
    expect(() => claimScript({ ...fence, environment: name })).toThrow(/cannot name a folder/);
    expect(() => pollScript({ fence, operationId: name }, following)).toThrow(/cannot name a folder/);
    if (name !== '') expect(() => claimScript(fence, name)).toThrow(/cannot name a folder/);
  });

  test.each([Number.NaN, -1, 1.5, Infinity])('%d is no token', (token) => {
    expect(() => claimScript({ ...fence, token })).toThrow(/whole number/);
  });
});

describe('announced output', () => {
  const collect = (marker: string, chunks: string[], keep = 1000): AnnouncedOutput => {
    const output = new AnnouncedOutput(marker, keep);
    for (const chunk of chunks) output.push(Buffer.from(chunk));
    return output;
  };

  test('drops what the login shell said first', () => {
    const { marker } = announce('true');
    const output = collect(marker, [
      'Welcome!\n',
      marker.slice(0, 5),
      `${marker.slice(5)}42\nfirst `,
      'last\n',
    ]);
    expect(output.group).toBe(42);
    expect(output.bytes().toString()).toBe('first last\n');
  });

  test.each([
    ['bash', true],
    ['dash', true],
    ['zsh', false],
    ['fish', false],
    ['bash forced', false],
    ['', false],
  ])('a login shell that calls itself %j reads a look as it stands: %s', (shell, isInSh) => {
    const output = collect('marker:', [`marker:42 ${shell}\nsaid\n`]);
    expect(output).toMatchObject({ group: 42, isInSh });
    expect(output.bytes().toString()).toBe('said\n');
  });

  test('what says so is POSIX sh, whether it is wrapped or not', () => {
    const { line, text, marker } = announce("exec echo 'a b'");
    expect(text).toBe(
      `echo ${marker}$$ "\${SHELL##*/}\${SSH_ORIGINAL_COMMAND+ forced}"; echo ${marker}$$ >&2\nexec echo 'a b'`,
    );
    expect(line).toBe(`exec sh -c '${text.replaceAll("'", String.raw`'\''`)}'`);
  });

  test('keeps the words of a shell that never got to our line', () => {
    const output = collect('marker:', ['This account is currently not available.\n']);
    expect(output.group).toBeNull();
    expect(output.bytes().toString()).toBe('This account is currently not available.\n');
  });

  test('stays bounded and says so', () => {
    const output = collect('m:', ['m:1\n', ...Array.from({ length: 500 }, (_, n) => `line ${n}\n`)], 100);
    expect(output.bytes().length).toBe(100);
    expect(output.truncated).toBe(true);
    expect(output.bytes().toString().endsWith('line 499\n')).toBe(true);
  });
});
