import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const completion: CommandSpec = {
  name: 'completion',
  arguments: '<shell>',
  summary: 'prints the completion script for bash, zsh or fish',
  options: [],
  examples: [
    'source <(slipway completion bash)',
    'slipway completion fish > ~/.config/fish/completions/slipway.fish',
  ],
  exits: [EXIT.done],
  run: async ({ args, commands }) => {
    const { isShell, SHELLS, writeCompletion } = await import('../completion.js');
    const [shell = ''] = args;
    if (!isShell(shell)) {
      const { badInput } = await import('../user-error.js');
      throw badInput({
        what: `no completion for ${shell}`,
        where: 'slipway completion',
        wayOut: `there is ${SHELLS.join(', ')}`,
      });
    }
    const script = writeCompletion(shell, commands);
    return { exit: EXIT.done, data: { script }, screen: script };
  },
};
