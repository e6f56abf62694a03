// The smallest reverse proxy with two colours. The file `colour` is the configuration; SIGHUP reads it again.
import { readFileSync } from 'node:fs';
import { Agent, createServer, request as ask } from 'node:http';
import path from 'node:path';

const folder = process.argv[2];
const read = (file) => readFileSync(path.join(folder, file), 'utf8').trim();
const ports = { blue: Number(read('ports/blue')), green: Number(read('ports/green')) };
const agent = new Agent({ keepAlive: true });
const window = []; // of the last 4 s: [time, failed]
let colour = read('colour');
process.on('SIGHUP', () => (colour = read('colour')));

createServer((request, response) => {
  if (request.url === '/_proxy/errors') {
    while (window.length > 0 && window[0][0] < Date.now() - 4000) window.shift();
    const failed = window.filter(([, bad]) => bad).length;
    response.end(JSON.stringify({ requests: window.length, failed }));
    return;
  }
  forward(request, response, agent);
}).listen(Number(read('ports/proxy')), '127.0.0.1');

function forward(request, response, connections) {
  const { method, url, headers } = request;
  const options = { host: '127.0.0.1', port: ports[colour], method, path: url, headers, agent: connections };
  const forwarded = ask(options, (answer) => {
    // What users do: neither our own questions nor a health check.
    if (url.startsWith('/orders')) window.push([Date.now(), answer.statusCode >= 500]);
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  forwarded.on('error', (error) => {
    if (response.headersSent) return response.destroy();
    // The shop closed an idle connection in the moment it was used again: it was not asked yet.
    if (forwarded.reusedSocket && error.code === 'ECONNRESET' && method === 'GET')
      return forward(request, response, false);
    response.writeHead(502).end('no answer from the shop\n');
  });
  request.pipe(forwarded);
}
