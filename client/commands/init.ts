import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const init: CommandSpec = {
  name: 'init',
  arguments: '',
  summary: 'writes a pipeline file from what it finds: Dockerfile, compose, stack files, workflows',
  options: [],
  examples: ['slipway init', 'slipway init --file deploy/slipway.yaml'],
  exits: [EXIT.done],
  run: writeFirstFile,
};

async function writeFirstFile({ terminal, global, style }: Invocation): Promise<Outcome> {
  const { mkdir, writeFile } = await import('node:fs/promises');
  const path = await import('node:path');
  const { lookAround } = await import('../init.js');
  const { writePipelineFile } = await import('../init-text.js');
  const { badInput } = await import('../user-error.js');
  const place = path.resolve(terminal.cwd, global.file);
  const found = await lookAround(terminal.cwd);
  const text = writePipelineFile(found);
  await mkdir(path.dirname(place), { recursive: true });
  // wx: refuses to overwrite, also when someone else is just writing it.
  await writeFile(place, text, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw badInput({
      what: 'there is a file already; it was left as it is',
      where: place,
      wayOut: 'look at it with slipway plan, or name another with --file',
    });
  });
  const seen = [found.dockerfile, found.composeFile, ...found.stackFiles].filter((file) => file !== null);
  const { lines } = await import('../render/text.js');
  return {
    exit: EXIT.done,
    data: { file: global.file, found },
    screen: lines(
      `${style.green(style.ok)} ${global.file} written${seen.length === 0 ? '' : `, from ${seen.join(', ')}`}`,
      '  Check the lines marked CHANGE, commit it, then: slipway plan',
    ),
  };
}
