import { checkHealth } from './health.js';
import { listOrders } from './orders.js';
import { RELEASE } from './release.js';

/** The request handler. Every answer says its colour, so a switch can be seen through the proxy. */
export function createApp({ colour, isReady }) {
  const counts = new Map();

  const routes = {
    '/': () => ({ release: RELEASE }),
    '/health': () => checkHealth(),
    '/ready': () => {
      if (!isReady()) throw Object.assign(new Error('the database is not there yet'), { code: 503 });
      return { ready: true };
    },
    '/orders': () => listOrders(),
  };

  return (request, response) => {
    if (colour !== undefined) response.setHeader('x-colour', colour);
    const { pathname } = new URL(request.url, 'http://secretmagic');
    if (pathname === '/metrics') return response.end(renderCounts(counts));
    const [code, body] = answer(routes[pathname]);
    counts.set(code, (counts.get(code) ?? 0) + 1);
    response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  };
}

function answer(route) {
  if (route === undefined) return [404, { error: 'no such page' }];
  try {
    return [200, route()];
  } catch (error) {
    console.error(error.message);
    return [error.code ?? 500, { error: error.message }];
  }
}

function renderCounts(counts) {
  const lines = [...counts].map(
    ([code, n]) => `http_requests_total{app="secretmagic",code="${code}"} ${n}\n`,
  );
  return `# TYPE http_requests_total counter\n${lines.join('')}`;
}
