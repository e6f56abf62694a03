// The application: one process per colour. It says who it is, and a bad version fails one order in ten.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { COLOUR: colour, PORT: port } = process.env;
const { version, failEvery } = JSON.parse(readFileSync(new URL('release.json', import.meta.url), 'utf8'));
let count = 0;

const server = createServer((request, response) => {
  response.setHeader('x-colour', colour);
  response.setHeader('x-version', version);
  if (request.url === '/health') {
    response.end('ok\n');
    return;
  }
  if (request.url.startsWith('/orders')) count += 1;
  if (request.url.startsWith('/orders') && failEvery > 0 && count % failEvery === 0) {
    response.writeHead(500).end('column orders.region does not exist\n');
    return;
  }
  response.end(`${version} ${colour}\n`);
});
server.keepAliveTimeout = 30_000;
server.listen(Number(port), '127.0.0.1');
