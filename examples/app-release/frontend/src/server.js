import { createServer, request } from 'node:http';
import { RELEASE } from './release.js';

const PAGE = `<!doctype html><title>Notes</title><h1>Notes</h1><!-- ${RELEASE} -->`;

/** Serves the page; /api/… is the backend's. */
export function createFrontend(backend) {
  return createServer((asked, answer) => {
    if (!asked.url.startsWith('/api/')) {
      answer.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
      return;
    }
    const { method, headers } = asked;
    const passed = request(new URL(asked.url, backend), { method, headers }, (from) => {
      answer.writeHead(from.statusCode, from.headers);
      from.pipe(answer);
    });
    passed.on('error', (error) => answer.writeHead(502).end(`${error.message}\n`));
    asked.pipe(passed);
  });
}
