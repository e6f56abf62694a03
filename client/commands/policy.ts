import { POLICY_FILE } from '../../pipeline/who-may-write.js';
import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const policy: CommandSpec = {
  name: 'policy',
  arguments: 'check [policy-file]',
  summary: "checks a worker's policy file: its words, and who may write it",
  options: [],
  examples: ['slipway policy check', 'slipway policy check ./policy.yaml'],
  exits: [EXIT.done],
  run: async ({ args, style }) => {
    const [word, file = POLICY_FILE] = args;
    const { describePolicy, readPolicy } = await import('../policy.js');
    if (word !== 'check') {
      const { badInput } = await import('../user-error.js');
      throw badInput({
        what: `no such word: ${word ?? ''}`,
        where: 'slipway policy',
        wayOut: 'slipway policy check',
      });
    }
    const lines = describePolicy(await readPolicy(file));
    const screen = [`${style.green(style.ok)} ${file} is valid`, ...lines.map((line) => `  ${line}`)];
    return { exit: EXIT.done, data: { file, environments: lines }, screen: `${screen.join('\n')}\n` };
  },
};
