import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { createApp } from '../src/app.js';
import { watchDatabase } from '../src/database.js';

let server;
let url;

before(async () => {
  server = createServer(createApp({ colour: 'blue', isReady: () => true }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${server.address().port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

test('is live, ready and says its colour', async () => {
  for (const path of ['/health', '/ready', '/orders', '/']) {
    const answer = await fetch(url + path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get('x-colour'), 'blue');
  }
});

test('counts what it answers', async () => {
  assert.equal((await fetch(`${url}/nothing`)).status, 404);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /http_requests_total\{app="secretmagic",code="404"\} 1/);
});

test('is ready when its database can be found', async () => {
  let tries = 0;
  const isReady = watchDatabase('db', async () => {
    tries += 1;
  });
  assert.equal(isReady(), false);
  await new Promise(setImmediate);
  assert.deepEqual([isReady(), tries], [true, 1]);
});
