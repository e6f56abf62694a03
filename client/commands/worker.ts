import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const worker: CommandSpec = {
  name: 'worker',
  arguments: '[check]',
  summary: 'a worker for an existing Temporal; check replays open histories and ends',
  options: [{ flags: '--data <folder>', summary: 'clones and archives (default: ~/.slipway)' }],
  examples: [
    'TEMPORAL_ADDRESS=temporal.internal:7233 slipway worker',
    'slipway worker check --profile production',
  ],
  exits: [EXIT.done, EXIT.refused, EXIT.interrupted],
  run: async (invocation) => {
    const { runWorkerProgram } = await import('../worker-program.js');
    const [what] = invocation.args;
    if (what !== undefined && what !== 'check') {
      const { badInput } = await import('../user-error.js');
      throw badInput({
        what: `no such word: ${what}`,
        where: 'slipway worker',
        wayOut: 'slipway worker, or slipway worker check',
      });
    }
    return runWorkerProgram(invocation, [what ?? 'worker', ...flagOf('data', invocation.value('data'))]);
  },
};

function flagOf(name: string, value: string | null): string[] {
  return value === null ? [] : [`--${name}`, value];
}
