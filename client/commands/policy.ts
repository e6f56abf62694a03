import { POLICY_FILE } from '../../pipeline/who-may-write.js';
import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const policy: CommandSpec = {
  name: 'policy',
  arguments: 'check [policy-file]',
  summary: "checks a worker's policy file: its words, who may write it, who can sign, and who jobs run as",
  options: [],
  examples: ['slipway policy check', 'slipway policy check ./policy.yaml'],
  exits: [EXIT.done],
  run: async ({ args, style, terminal }) => {
    const [word, named] = args;
    // the worker looks there, too
    const file = named ?? (terminal.env['SLIPWAY_POLICY'] || POLICY_FILE);
    const { describePolicy, readPolicy } = await import('../policy.js');
    if (word !== 'check') {
      const { badInput } = await import('../user-error.js');
      throw badInput({
        what: `no such word: ${word ?? ''}`,
        where: 'slipway policy',
        wayOut: 'slipway policy check',
      });
    }
    const { content, warnings } = await readPolicy(file);
    const lines = describePolicy(content);
    const user = content['run-as']?.user;
    const screen = [
      `${style.green(style.ok)} ${file} is valid`,
      ...lines.map((line) => `  ${line}`),
      ...(user === undefined ? [] : [`  jobs run as ${user}`]),
      ...warnings.map((warning) => `${style.yellow(style.warning)} ${warning}`),
    ];
    return {
      exit: EXIT.done,
      data: { file, environments: lines, runAs: user ?? null, warnings },
      screen: `${screen.join('\n')}\n`,
    };
  },
};
