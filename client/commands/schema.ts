import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const schema: CommandSpec = {
  name: 'schema',
  arguments: '',
  summary: 'prints the JSON Schema of the pipeline file, for editors',
  options: [],
  examples: ['slipway schema > slipway.schema.json'],
  exits: [EXIT.done],
  run: async ({ terminal }) => {
    const { pipelineJsonSchema } = await import('../local-plan.js');
    terminal.out(`${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`);
    return { exit: EXIT.done, data: null, screen: '', written: true };
  },
};
