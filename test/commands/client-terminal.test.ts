/** `slipway watch` and questions on a real terminal: however they end, the terminal is as it was. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setClientScene } from '../support/client-scene.js';
import { compileClient } from '../support/compile-client.js';
import { processesWith } from '../support/processes.js';
import { until } from '../support/workflow-harness.js';

const scene = setClientScene();
let compiled: string;
let folder: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  compiled = await compileClient();
});
afterAll(() => rmSync(compiled, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-terminal-'));
});
afterEach(() => {
  // Its terminal hangs up with it, and ends what is left on it.
  for (const child of children) child.kill();
  children.clear();
  rmSync(folder, { recursive: true, force: true });
});

interface Typed {
  shown(): string;
  type(keys: string): void;
  /** Of the command; the shell around it goes on. */
  exit: Promise<number>;
  before(): string;
  after(): string;
}

/** A shell on a pseudo-terminal that notes the terminal's settings, runs one command line, and notes them again. */
function onTerminal(line: string): Typed {
  const place = (name: string): string => path.join(folder, name);
  const command = [
    // Where the terminal itself turns Ctrl-C into a signal, all on it get it, and this shell has more to note.
    'trap : INT',
    'stty cols 100 rows 40',
    `stty -a > '${place('before')}'`,
    `'${process.execPath}' '${compiled}/client/main.js' ${line}`,
    `echo $? > '${place('exit')}'`,
    `stty -a > '${place('after')}'`,
  ].join('; ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, place('typescript')], {
    cwd: scene.repository.folder,
    env: { ...process.env, CI: '', TERM: 'xterm', ...scene.env('oleg') },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  let shown = '';
  child.stdout.on('data', (data: Buffer) => (shown += data.toString()));
  // Keys may still be on their way when it ends.
  child.stdin.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const read = (name: string): string => readFileSync(place(name), 'utf8');
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  return {
    shown: () => shown,
    type: (keys) => void child.stdin.write(keys),
    exit: ended.then(() => Number(read('exit'))),
    before: () => read('before'),
    after: () => read('after'),
  };
}

describe('slipway watch on a terminal', () => {
  it.each<[string, (typed: Typed) => void | Promise<void>]>([
    ['q', (typed) => typed.type('q')],
    ['Ctrl-C', (typed) => typed.type('\u0003')],
    [
      'Ctrl-C in a question',
      async (typed) => {
        typed.type('x');
        await until('the question', () => typed.shown().includes('Stop v1.0.0'));
        typed.type('\u0003');
      },
    ],
    [
      'Ctrl-C after pasted words, which ask nothing,',
      (typed) => {
        typed.type('slipway status\r');
        typed.type('\u0003');
      },
    ],
    ...(['SIGTERM', 'SIGHUP', 'SIGINT'] as const).map((signal): [string, (typed: Typed) => Promise<void>] => [
      signal,
      async () => {
        const [pid] = await processesWith(`${compiled}/client/main.js watch`);
        if (pid === undefined) throw new Error('the command is not there');
        process.kill(pid, signal);
      },
    ]),
  ])('%s gives the terminal back, exit 130, and the release goes on', async (_what, end) => {
    await scene.run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    const typed = onTerminal(`watch ${scene.prod}`);
    await until('the keys', () => typed.shown().includes('q quit (the release goes on)'));
    await end(typed);
    expect(await typed.exit, typed.shown()).toBe(130);
    expect(typed.after()).toBe(typed.before());
    expect(typed.before()).toMatch(/ icanon .* echo /s);
    // The cursor was hidden, and is shown again.
    expect(typed.shown()).toContain('\u001b[?25l');
    expect(typed.shown().lastIndexOf('\u001b[?25h')).toBeGreaterThan(
      typed.shown().lastIndexOf('\u001b[?25l'),
    );
    expect(typed.shown().lastIndexOf('\u001b[?2004l')).toBeGreaterThan(
      typed.shown().lastIndexOf('\u001b[?2004h'),
    );
    expect(typed.shown()).not.toContain('Approve v1');
    expect(typed.shown()).toContain('The release goes on');
    await scene.waitsFor('1 approval');
  });

  it('a release that ends gives it back too', async () => {
    await scene.run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    const typed = onTerminal(`watch ${scene.prod}`);
    await until('the keys', () => typed.shown().includes('x abort'));
    typed.type('x');
    await until('the question', () => typed.shown().includes('y/n'));
    typed.type('y');
    expect(await typed.exit, typed.shown()).toBe(7);
    expect(typed.after()).toBe(typed.before());
    expect(typed.shown()).toContain('exit 7');
  });
});

describe('a question on a terminal', () => {
  it.each([
    ['typed ahead with y and answered n', 'y\r', 'n\r', 5],
    ['typed ahead with y, and no Enter yet, and answered with Enter alone', 'y', '\r', 5],
    ['pasted ahead with n and answered y', '\u001b[200~n\r\u001b[201~', 'y\r', 0],
  ])('%s goes by the answer', async (_what, ahead, answer, exit) => {
    await scene.run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    const typed = onTerminal(`approve ${scene.prod}`);
    typed.type(ahead);
    let ended = false;
    const ending = typed.exit.finally(() => (ended = true));
    await until('the question', () => ended || typed.shown().includes('[y/N]'));
    // again and again: what comes before the question can be answered is passed over, too
    await until('the end', () => {
      if (!ended) typed.type(answer);
      return ended;
    });
    expect(await ending, typed.shown()).toBe(exit);
    expect(typed.after()).toBe(typed.before());
    await scene.waitsFor(exit === 0 ? 'switch' : '1 approval');
  });

  it('ends with Ctrl-C while it cannot be answered yet, and nothing is decided', async () => {
    await scene.run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');
    const typed = onTerminal(`approve ${scene.prod}`);
    await until('the question', () => typed.shown().includes('[y/N]'));
    typed.type('\u0003');
    expect(await typed.exit, typed.shown()).not.toBe(0);
    expect(typed.after()).toBe(typed.before());
    await scene.waitsFor('1 approval');
  });
});
