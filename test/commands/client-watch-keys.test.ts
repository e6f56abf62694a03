/** `slipway watch` on a terminal: keys that look and decide, and a terminal that is given back. */
import { describe, expect, it } from 'vitest';
import { setClientScene } from '../support/client-scene.js';
import { type CommandRun, slipway } from '../support/slipway-command.js';

const scene = setClientScene();
const { bringLive, env, run, waitsFor } = scene;

/** Presses each key as soon as the screen shows what stands before it. */
async function watch(
  actor: string,
  script: [sight: RegExp, key: string][],
): Promise<CommandRun & { screens: string[] }> {
  const left = [...script];
  const screens: string[] = [];
  const watched = await slipway(['watch', scene.prod], {
    cwd: scene.repository.folder,
    env: env(actor),
    onScreen: (text, press) => {
      screens.push(text);
      const [next] = left;
      if (next === undefined || !next[0].test(text)) return;
      left.shift();
      // As a person does: after the screen, not inside its drawing.
      setImmediate(() => press(next[1]));
    },
  });
  expect(left, screens.at(-1)).toEqual([]);
  return { ...watched, screens };
}

const waitingRelease = () => run(`release v1.0.0 --to ${scene.prod} --until waiting`, 'irina');

describe('the keys of slipway watch', () => {
  it('q quits: 130, and the release goes on', async () => {
    await waitingRelease();
    const watched = await watch('oleg', [[/WAITING for 1 approval/, 'q']]);
    expect(watched).toMatchObject({ exit: 130, err: '' });
    expect(watched.out).toContain('The release goes on');
    expect(watched.screens[0]).toContain('q quit (the release goes on)   a approve   x abort   l logs');
    await waitsFor('1 approval');
  });

  it('a approves what is on the screen, once it was confirmed', async () => {
    await waitingRelease();
    const watched = await watch('oleg', [
      [/a approve/, 'a'],
      [/Approve v1\.0\.0 for prod-\w+, sha256:\w{12}, as oleg\? y\/n/, 'n'],
      [/nothing was changed\n/, 'a'],
      [/Approve v1\.0\.0 .* y\/n/, ''],
      [/nothing was changed\n/, 'a'],
      [/Approve v1\.0\.0 .* y\/n/, 'y'],
      [/✓ approved v1\.0\.0 for prod-\w+, by oleg \(identity: unverified\): (?!.*waits for 1 approval)/, 'z'],
      [/WAITING for switch/, 'a'],
      [/nothing waits for an approval/, 'q'],
    ]);
    expect(watched.exit).toBe(130);
    expect(watched.screens.at(-1)).not.toContain('a approve');
    await waitsFor('switch');
  });

  it.each([
    ['y, typed on', 'y'],
    ['a paste', ''],
  ])('a question that nobody can have read yet is withdrawn by %s', async (_what, key) => {
    await waitingRelease();
    const watched = await watch('oleg', [
      [/a approve/, 'a'],
      [/Approve v1\.0\.0 .* as oleg\?(?! y)/, key],
      [/nothing was changed: a key came before the question could be read/, 'q'],
    ]);
    expect(watched).toMatchObject({ exit: 130, err: '' });
    await waitsFor('1 approval');
  });

  it('a says why it was refused', async () => {
    await waitingRelease();
    const watched = await watch('irina', [
      [/a approve/, 'a'],
      [/as irina\? y\/n/, 'y'],
      [/✗ irina asked for this release and may not approve it; ask somebody else/, 'q'],
    ]);
    expect(watched).toMatchObject({ exit: 130, err: '' });
    await waitsFor('1 approval');
  });

  it('x stops and undoes it, and the watch ends with it', async () => {
    await waitingRelease();
    const watched = await watch('oleg', [
      [/x abort/, 'x'],
      [/Stop v1\.0\.0 on prod-\w+ and undo it, as oleg\? y\/n/, 'y'],
    ]);
    expect(watched.exit).toBe(7);
    expect(watched.out).toContain('ABORTED');
  });

  it('l shows the log, and hides it again', async () => {
    await bringLive('v1.0.0');
    await run(`release v2.0.0 --to ${scene.prod} --until waiting`, 'irina');
    const watched = await watch('oleg', [
      [/l logs/, 'l'],
      [/ {2}local \| one\n {2}local \| two\n/, 'l'],
      [/^(?![^]*local \| )/, 'q'],
    ]);
    expect(watched.exit).toBe(130);
    expect(scene.looked.at(-1)).toMatchObject({ what: 'logs', lines: 10 });
  });

  it('there is no legend where nobody can press a key', async () => {
    await waitingRelease();
    const watched = await run(`watch ${scene.prod} --until waiting`);
    expect(watched.out).toContain('WAITING for 1 approval');
    expect(watched.out).not.toContain('q quit');
  });
});
