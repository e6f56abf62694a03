import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isTemporalAway } from '../../../workers/temporal-away.js';
import { freePort } from '../../support/sshd.js';

let address: string;
let connection: Connection;
beforeAll(async () => {
  address = `127.0.0.1:${await freePort()}`;
  // connects when it is first asked something
  connection = Connection.lazy({ address });
});
afterAll(() => connection.close());

/** Each as the worker meets it: while it joins, asks for open runs, or registers search attributes. */
test.each<[string, () => Promise<unknown>]>([
  ['the native connection', () => NativeConnection.connect({ address })],
  [
    'a question',
    () =>
      connection.withDeadline(Date.now() + 500, () => connection.operatorService.listSearchAttributes({})),
  ],
  [
    'a list of runs',
    () =>
      connection.withDeadline(Date.now() + 500, () =>
        new Client({ connection }).workflow.list()[Symbol.asyncIterator]().next(),
      ),
  ],
])('%s to a server that is gone', async (_what, ask) => {
  const error = await ask().catch((problem: unknown) => problem);
  expect(error).toBeInstanceOf(Error);
  expect(isTemporalAway(error)).toBe(true);
});

test.each([[new Error('a bug')], ['text'], [new TypeError('x', { cause: new Error('y') })]])(
  '%s is something else',
  (error) => expect(isTemporalAway(error)).toBe(false),
);
