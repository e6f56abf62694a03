/** What commands have in common that sign with a person's SSH key. */
import type { CommandSpec, Invocation, Outcome } from './command.js';
import type { SigningOptions } from './decided.js';
import { EXIT } from './exit-codes.js';
import { spellOut } from './guarded-terminal.js';
import { sentWith } from './sign-with-ssh.js';

export const SIGNING_OPTIONS: CommandSpec['options'] = [
  {
    flags: '--key <path>',
    summary: 'SSH key to sign with (default: SLIPWAY_SIGNING_KEY, else ~/.ssh/id_…)',
  },
  {
    flags: '--print',
    summary: 'sign and print what would be sent, for temporal workflow signal; send nothing',
  },
];

export function signingOf(invocation: Invocation): Required<SigningOptions> {
  const { terminal, global } = invocation;
  const { reason } = global;
  return { key: invocation.value('key'), env: terminal.env, reason, insists: invocation.has('print') };
}

/** What would be sent, for another way there. */
export function printed(data: object): Outcome {
  return { exit: EXIT.done, data, screen: `${spellOut(JSON.stringify(data))}\n` };
}

/** The same of a decision; null = there is nothing to sign. */
export function printedDecision(by: string, said: object, signed: Parameters<typeof sentWith>[0]): Outcome {
  return printed({ by, ...said, ...sentWith(signed) });
}
