/** What is said of a switch that was not seen. */
import http from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { observeBoth } from '../../../activities/traffic/observe-both.js';
import { observeColour } from '../../../activities/traffic/observe-colour.js';
import { probeColour } from '../../../activities/traffic/probe-colour.js';

/** Answers before the silence come at once, on a busy machine as well. */
const WITHIN_MS = 1_500;

let server: http.Server;

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Answers so many times, then not at all. */
async function serveThenHang(answers: number, colour = 'blue'): Promise<string> {
  let left = answers;
  server = http.createServer((_request, response) => {
    left -= 1;
    if (left >= 0) response.setHeader('x-colour', colour).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return `http://127.0.0.1:${address.port}/`;
}

it.each([
  [3, '200 from blue'],
  [0, 'no answer'],
])(
  'after %i answers of the other colour it names %s, not the question its deadline cut off',
  async (answers, seen) => {
    const url = await serveThenHang(answers);
    const observation = await observeColour({
      confirm: { url, header: 'X-Colour', times: 20, intervalMs: 0, timeoutMs: WITHIN_MS },
      colour: 'green',
      accepts: 'well',
      signal: new AbortController().signal,
      onAnswer: () => {},
    });
    expect(observation).toMatchObject({ confirmed: 0, answered: answers > 0 });
    expect(observation.lastWrong?.seen).toContain(seen);
  },
);

it('what the time left has ended is cut off, each time: a timer may fire before its moment', async () => {
  const confirm = {
    url: await serveThenHang(0),
    header: null,
    times: 1,
    intervalMs: 0,
    timeoutMs: WITHIN_MS,
  };
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, each) => probeColour(confirm, { leftMs: 20 + each / 100 })),
  );
  expect(answers.filter(({ cutOff }) => !cutOff)).toEqual([]);
  expect(await probeColour(confirm, { leftMs: 60_000 })).toMatchObject({ status: null, cutOff: false });
  server.closeAllConnections();
  server.close();
  expect(await probeColour(confirm, { leftMs: 60_000 })).toMatchObject({ status: null, cutOff: false });
});

it.each([
  ['silence', 0, 'blue', { silent: true, answered: false }],
  ['an answer without a colour', 5, '', { silent: false, confirmed: 5 }],
  ['the other colour until the end', Infinity, 'blue', { silent: false, confirmed: 0 }],
])('where nothing was before, %s is taken for what it is', async (_, answers, colour, expected) => {
  const url = await serveThenHang(answers, colour);
  const observation = await observeColour({
    confirm: { url, header: 'X-Colour', times: 5, intervalMs: 0, timeoutMs: WITHIN_MS },
    colour: 'green',
    accepts: 'not-the-other',
    signal: new AbortController().signal,
    onAnswer: () => {},
  });
  expect(observation).toMatchObject(expected);
});

it.each([
  [3, null],
  [0, 'no answer'],
])('after %i answers of one colour the last wrong one of a share is %s', async (answers, seen) => {
  const url = await serveThenHang(answers);
  const observation = await observeBoth({
    confirm: { url, header: 'X-Colour', times: 20, intervalMs: 0, timeoutMs: WITHIN_MS },
    signal: new AbortController().signal,
    onAnswer: () => {},
  });
  expect(observation).toMatchObject({ seen: false, answers });
  if (seen === null) expect(observation.lastWrong).toBeNull();
  else expect(observation.lastWrong).toContain(seen);
});

it('leaves a connection that answers of the other colour: what balances connections keeps it there', async () => {
  // a Service follows a moment later, and open connections stay with the pods they were made to
  let asked = 0;
  server = http.createServer((request, response) => {
    asked += 1;
    const { socket } = request as { socket: typeof request.socket & { colour?: string } };
    socket.colour ??= asked <= 3 ? 'blue' : 'green';
    response.setHeader('x-colour', socket.colour).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as { port: number };
  const observation = await observeColour({
    confirm: {
      ...{ url: `http://127.0.0.1:${port}/`, header: 'X-Colour', times: 20, intervalMs: 0 },
      timeoutMs: 30_000,
    },
    colour: 'green',
    accepts: 'well',
    signal: AbortSignal.timeout(20_000),
    onAnswer: () => {},
  });
  expect(observation).toMatchObject({ confirmed: 20 });
});
