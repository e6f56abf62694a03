/** The same mistake by every command that takes an environment: one exit code, one sentence, and the name that was meant. */
import { expect, it } from 'vitest';
import type { CommandSpec } from '../../client/command.js';
import { COMMANDS } from '../../client/commands/index.js';
import { setClientScene } from '../support/client-scene.js';
import { readJson } from '../support/slipway-command.js';
import { until } from '../support/until.js';

const scene = setClientScene();
const { run } = scene;

function lineOf({ name, arguments: words }: CommandSpec): string {
  if (!words.includes('environment')) return `${name} v1.0.0 --to stag`;
  return `${name} stag${words.includes('<host>') ? ' web-1' : ''}`;
}

it('is exit 2 with the near name by every command, and nothing is started under that name', async () => {
  const naming = COMMANDS.filter(
    ({ arguments: words, options }) =>
      words.includes('environment') || options.some(({ flags }) => flags.startsWith('--to ')),
  );
  expect(naming.map(({ name }) => name)).toEqual(expect.arrayContaining(['plan', 'status', 'skip-host']));
  for (const command of naming) {
    const line = lineOf(command);
    const answer = readJson(await run(`${line} --yes --json`));
    expect(answer, line).toMatchObject({ ok: false, exit: 2 });
    expect(answer.error, line).toMatchObject({
      ...{ what: 'there is no environment stag', where: scene.pipeline },
      wayOut: `did you mean stage? known: stage, ${scene.prod}`,
    });
  }
  const names = readJson(await run('status --json')).data['environments'] as { name: string }[];
  expect(names.map(({ name }) => name)).toEqual(['stage', scene.prod]);
});

it('is held against what Temporal knows where there is no file', async () => {
  const bare = (line: string) => run(`${line} --pipeline ${scene.pipeline}`);
  // there is nothing to hold it against
  expect(await bare('watch stag')).toMatchObject({ exit: 5 });
  expect(await run('freeze stage')).toMatchObject({ exit: 0 });
  await until('Temporal lists it', async () => (await bare('watch stag')).exit === 2);
  const wrong = readJson(await bare('unfreeze stag --json'));
  expect(wrong).toMatchObject({
    exit: 2,
    error: {
      what: 'there is no environment stag',
      wayOut:
        'did you mean stage? known: stage; before its first release one is known only where the pipeline file is',
    },
  });
  expect(await bare('unfreeze stage')).toMatchObject({ exit: 0 });
});

it('is none where the file names it, and no release has reached it yet', async () => {
  const early = await run(`watch ${scene.prod}`);
  expect(early).toMatchObject({ exit: 5 });
  expect(early.err).toContain('no release has reached it yet');
});
