import { RELEASE } from './release.js';
import { openSession, readSession } from './sessions.js';

/** The request handler; `secret` signs sessions. */
export function createApp({ secret }) {
  const routes = {
    'GET /api/health': () => ({ status: 'ok', release: RELEASE }),
    'POST /api/sessions': ({ url }) => ({ token: openSession(url.searchParams.get('user') ?? '', secret) }),
    'GET /api/me': ({ headers }) => ({ user: readSession(headers.authorization ?? '', secret) }),
  };

  return (request, response) => {
    const url = new URL(request.url, 'http://katz-backend');
    const [code, body] = answer(routes[`${request.method} ${url.pathname}`], {
      url,
      headers: request.headers,
    });
    response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  };
}

function answer(route, request) {
  if (route === undefined) return [404, { error: 'no such route' }];
  try {
    return [200, route(request)];
  } catch (error) {
    console.error(error.message);
    return [error.code ?? 500, { error: error.message }];
  }
}
