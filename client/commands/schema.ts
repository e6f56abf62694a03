import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const schema: CommandSpec = {
  name: 'schema',
  arguments: '',
  summary: 'prints the JSON Schema of the pipeline file, for editors',
  options: [{ flags: '--policy', summary: "that of a worker's policy file" }],
  examples: ['slipway schema > slipway.schema.json', 'slipway schema --policy > policy.schema.json'],
  exits: [EXIT.done],
  run: async (invocation) => {
    const { jsonSchema, policyJsonSchema } = await import('../../pipeline/json-schema.js');
    const data = invocation.has('policy') ? policyJsonSchema() : jsonSchema();
    return { exit: EXIT.done, data, screen: `${JSON.stringify(data, null, 2)}\n` };
  },
};
