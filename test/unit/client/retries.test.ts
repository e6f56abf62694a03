/** A library's connection may be closed while a call of it is tried again, by whoever does not want to wait for Temporal. */
import { createServer } from 'node:net';
import { Connection } from '@temporalio/client';
import { expect, it } from 'vitest';
import { createRetries } from '../../../client/retries.js';
import { listen } from '../../support/listen.js';

it('end with their connection, and whoever waits for an answer hears of it', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  const retries = createRetries();
  const { interceptors } = retries;
  const connection = Connection.lazy({ address: `127.0.0.1:${await listen(server)}`, interceptors });
  const answer = connection.workflowService.getSystemInfo({}).catch((error: unknown) => error);
  await expect.poll(() => connections).toBeGreaterThan(0);
  // what is thrown at the next try, nobody could catch: it would end the run of the tests
  retries.end();
  await connection.close();
  expect(await answer).toMatchObject({ message: expect.stringMatching(/closed|UNAVAILABLE/) });
  server.close();
});
