/** What is said of a switch that was not seen. */
import http from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { observeBoth } from '../../../activities/traffic/observe-both.js';
import { observeColour } from '../../../activities/traffic/observe-colour.js';

let server: http.Server;

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Answers `blue` so many times, then not at all. */
async function serveThenHang(answers: number): Promise<string> {
  let left = answers;
  server = http.createServer((_request, response) => {
    left -= 1;
    if (left >= 0) response.setHeader('x-colour', 'blue').end();
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
      confirm: { url, header: 'X-Colour', times: 20, intervalMs: 0, timeoutMs: 300 },
      colour: 'green',
      acceptSick: false,
      signal: new AbortController().signal,
      onAnswer: () => {},
    });
    expect(observation).toMatchObject({ confirmed: 0, answered: answers > 0 });
    expect(observation.lastWrong?.seen).toContain(seen);
  },
);

it.each([
  [3, null],
  [0, 'no answer'],
])('after %i answers of one colour the last wrong one of a share is %s', async (answers, seen) => {
  const url = await serveThenHang(answers);
  const observation = await observeBoth({
    confirm: { url, header: 'X-Colour', times: 20, intervalMs: 0, timeoutMs: 300 },
    signal: new AbortController().signal,
    onAnswer: () => {},
  });
  expect(observation).toMatchObject({ seen: false, answers });
  if (seen === null) expect(observation.lastWrong).toBeNull();
  else expect(observation.lastWrong).toContain(seen);
});
