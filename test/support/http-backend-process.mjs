// A tiny application of one colour: node http-backend-process.mjs PORT COLOUR. Told what to do through POST /control.
import http from 'node:http';

const [, , port, colour] = process.argv;
let settings = { status: 200, errorShare: 0, delayMs: 0 };
let asked = 0;
let errors = 0;

const server = http.createServer((request, response) => {
  if (request.method === 'POST' && request.url === '/control') {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      settings = { ...settings, ...JSON.parse(body) };
      response.end();
    });
    return;
  }
  if (request.url === '/metrics') {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(
      `# TYPE http_requests counter\nhttp_requests_total{code="200"} ${asked - errors}\nhttp_requests_total{code="500"} ${errors}\n`,
    );
    return;
  }
  asked += 1;
  // by count, not by chance: a share of 0.1 is every tenth request
  const erring = settings.errorShare > 0 && asked % Math.round(1 / settings.errorShare) === 0;
  const status = erring ? 500 : settings.status;
  if (status >= 500) errors += 1;
  const answer = () => {
    response.writeHead(status, {
      'x-colour': colour,
      'x-host': request.headers.host,
      'content-type': 'text/plain',
    });
    response.end(`${colour}\n`);
  };
  const delayMs = request.url === '/slow' ? 2000 : settings.delayMs;
  if (delayMs === 0) answer();
  else setTimeout(answer, delayMs);
});
process.stdin.resume().once('end', () => process.exit());
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', () => {
  process.stdout.write(`listening ${server.address().port}\n`);
});
