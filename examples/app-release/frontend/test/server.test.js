import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { createFrontend } from '../src/server.js';

let servers;
let url;

before(async () => {
  const backend = createServer((asked, answer) => answer.end(`backend ${asked.url}`));
  await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const frontend = createFrontend(`http://127.0.0.1:${backend.address().port}`);
  await new Promise((resolve) => frontend.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${frontend.address().port}`;
  servers = [backend, frontend];
});
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

test('shows the page', async () => {
  const answer = await fetch(url);
  assert.match(await answer.text(), /<h1>Notes/);
});

test('asks the backend', async () => {
  const answer = await fetch(`${url}/api/notes`);
  assert.equal(await answer.text(), 'backend /api/notes');
});
