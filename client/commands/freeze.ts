import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { SIGNING_OPTIONS, signingOf } from '../signing-flags.js';

export const freeze: CommandSpec = {
  name: 'freeze',
  arguments: '<environment>',
  summary: 'nobody enters until it is over; what is in flight goes on',
  options: [
    { flags: '--until <when>', summary: 'a duration (12h, 7d) or a moment (2026-12-28T18:00Z)' },
    ...SIGNING_OPTIONS,
  ],
  examples: [
    'slipway freeze prod --until 2027-01-09T09:00Z --reason holidays',
    'slipway freeze prod --until 12h',
  ],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { environmentOf } = await import('../decide.js');
    const { openClient, requireNamed } = await import('../session.js');
    const { freezeOrPrint } = await import('../freeze-or-print.js');
    const { readMoment } = await import('../flags.js');
    const { formatMoment } = await import('../render/time.js');
    const environment = environmentOf(invocation);
    const until = readMoment('--until', invocation.value('until'), new Date());
    const client = await openClient(invocation);
    if ((await client.status(environment)) === null) await requireNamed(invocation, environment);
    const done = `${environment} is frozen${until === null ? '' : ` until ${formatMoment(until)}`}`;
    const wish = { until, ...signingOf(invocation) };
    return await freezeOrPrint(invocation, client, 'freeze', wish, done);
  },
};
