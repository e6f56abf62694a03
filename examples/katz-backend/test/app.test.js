import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { createApp } from '../src/app.js';
import { openSession } from '../src/sessions.js';

let server;
let url;

before(async () => {
  server = createServer(createApp({ secret: 'test' }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${server.address().port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

test('is healthy', async () => {
  const answer = await fetch(`${url}/api/health`);
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).status, 'ok');
});

test('knows who is signed in, and nobody with a token of another environment', async () => {
  const asks = (token) => fetch(`${url}/api/me`, { headers: { authorization: `Bearer ${token}` } });
  const opened = await fetch(`${url}/api/sessions?user=anna`, { method: 'POST' });
  const { token } = await opened.json();
  assert.deepEqual(await (await asks(token)).json(), { user: 'anna' });
  assert.equal((await asks(openSession('anna', 'another'))).status, 401);
});
