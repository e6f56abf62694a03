import { POLICY_FILE } from '../../pipeline/who-may-write.js';
import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const policy: CommandSpec = {
  name: 'policy',
  arguments: 'check [policy-file]',
  summary: "checks a worker's policy file: its words, who may write it, and who jobs run as",
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
    const content = await readPolicy(file);
    const lines = describePolicy(content);
    const { warnOfSharedUser } = await import('../../pipeline/index.js');
    const user = content['run-as']?.user;
    const warning = warnOfSharedUser(content);
    const screen = [
      `${style.green(style.ok)} ${file} is valid`,
      ...lines.map((line) => `  ${line}`),
      ...(user === undefined ? [] : [`  jobs run as ${user}`]),
      ...(warning === null ? [] : [`${style.yellow(style.warning)} ${warning}`]),
    ];
    return {
      exit: EXIT.done,
      data: { file, environments: lines, runAs: user ?? null, warnings: warning === null ? [] : [warning] },
      screen: `${screen.join('\n')}\n`,
    };
  },
};
