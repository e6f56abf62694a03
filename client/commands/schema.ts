import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const schema: CommandSpec = {
  name: 'schema',
  arguments: '',
  summary: 'prints the JSON Schema of the pipeline file, for editors',
  options: [],
  examples: ['slipway schema > slipway.schema.json'],
  exits: [EXIT.done],
  run: async () => {
    const { pipelineJsonSchema } = await import('../local-plan.js');
    const data = pipelineJsonSchema();
    return { exit: EXIT.done, data, screen: `${JSON.stringify(data, null, 2)}\n` };
  },
};
