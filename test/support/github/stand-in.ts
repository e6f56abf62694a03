/**
 * A stand-in for GitHub: a front of our own (faults, a record of the questions), Prism as a validating proxy over
 * GitHub's own OpenAPI description, and a small stateful fake behind it. What breaks the description, a question of
 * Slipway's or an answer of the fake's, is a violation, and `expectNoViolations` fails the test.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { part } from '../parts.js';
import { until } from '../processes.js';
import { freePort } from '../sshd.js';
import { createAnswers, type Answer, type Question } from './answers.js';
import { readDescription, ROUTES, type Json, type Route } from './description.js';
import { emptyState, type GithubState } from './state.js';

export interface GithubFault {
  status: number;
  headers?: Record<string, string>;
  body?: Json;
  /** How many questions get it; default: until `heal()`. */
  times?: number;
  /** Which questions (`GET /repos/acme/shop/…`); default all. */
  when?: RegExp;
}

export interface GithubStandIn {
  readonly apiUrl: string;
  /** As a pipeline names the repository. */
  readonly repositoryUrl: string;
  readonly state: GithubState;
  /** `METHOD /path?query` of everything asked so far. */
  readonly questions: string[];
  fail(fault: GithubFault): void;
  /** No answer at all: the connection is cut. */
  cut(): void;
  heal(): void;
  /** Everything as at the start, and no fault. */
  reset(): void;
  expectNoViolations(): void;
  stop(): Promise<void>;
}

/** With one repository, `owner/name`. */
export async function startGithub(repository = 'acme/shop'): Promise<GithubStandIn> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-github-'));
  const description = await readDescription();
  const state = emptyState(repository);
  const answers = createAnswers(description, state);
  const questions: string[] = [];
  const violations: string[] = [];
  let fault: GithubFault | 'cut' | null = null;

  const fake = http.createServer((request, response) => {
    const broken = (error: unknown): Answer => ({ status: 500, body: { message: String(error) } });
    void answer(request)
      .catch(broken)
      .then(({ status, body, more }) => {
        const link = more === true ? { link: `<http://github.test${request.url}>; rel="next"` } : {};
        response.writeHead(status, { 'content-type': 'application/json', ...link }).end(JSON.stringify(body));
      });
  });

  async function answer(request: http.IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '/', 'http://fake');
    for (const route of ROUTES) {
      const params = matchRoute(route, request.method ?? '', url.pathname);
      if (params === null) continue;
      const who = callerOf(state, route, request.headers.authorization ?? '');
      if (who === null) return { status: 401, body: { message: 'Bad credentials', status: '401' } };
      if (params['owner'] !== undefined && `${params['owner']}/${params['repo']}` !== state.repository)
        return { status: 404, body: { message: 'Not Found', status: '404' } };
      const sent = await text(request);
      const body = sent === '' ? {} : (JSON.parse(sent) as Json);
      const question: Question = { params, query: url.searchParams, body, ...who };
      return answers[route](question);
    }
    return { status: 404, body: { message: `no route ${request.method} ${url.pathname}` } };
  }

  fake.listen(0, '127.0.0.1');
  await once(fake, 'listening');
  const file = path.join(folder, 'github.json');
  await writeFile(file, JSON.stringify(description.document));
  const prism = await startPrism(file, portOf(fake));

  const front = http.createServer((request, response) => {
    const asked = `${request.method} ${request.url}`;
    questions.push(asked);
    if (fault === 'cut') {
      request.socket.destroy();
      return;
    }
    if (fault !== null && (fault.when?.test(asked) ?? true)) {
      const { status, headers, body } = fault;
      if (fault.times !== undefined && --fault.times === 0) fault = null;
      request.resume();
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body ?? { message: `planted ${status}` }));
      return;
    }
    forward(prism.port, request, response, (text) => violations.push(`${asked}: ${text}`));
  });
  front.keepAliveTimeout = 10 * 60_000;
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');

  const standIn: GithubStandIn = {
    apiUrl: `http://127.0.0.1:${portOf(front)}`,
    repositoryUrl: `ssh://git@127.0.0.1/${repository}.git`,
    state,
    questions,
    fail: (planted) => (fault = { ...planted }),
    cut: () => (fault = 'cut'),
    heal: () => (fault = null),
    reset: () => {
      Object.assign(state, emptyState(repository));
      questions.length = 0;
      violations.length = 0;
      fault = null;
    },
    expectNoViolations: () => {
      if (violations.length > 0)
        throw new Error(`against GitHub's own description:\n${violations.join('\n')}`);
    },
    stop: async () => {
      for (const server of [front, fake]) {
        server.closeAllConnections();
        server.close();
      }
      await prism.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return standIn;
}

/** Through Prism; `accept` is plain, since Prism knows GitHub's own media type from no example. */
function forward(
  port: number,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  violated: (text: string) => void,
): void {
  const headers = { ...request.headers, accept: 'application/json', host: `127.0.0.1:${port}` };
  const onward = http.request(
    { port, host: '127.0.0.1', method: request.method, path: request.url, headers },
    (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const found = errorsIn(String(answer.headers['sl-violations'] ?? '[]'));
        if (found.length > 0) violated(JSON.stringify(found));
        else if (text.includes('stoplight.io/prism/errors')) violated(text);
        response.writeHead(answer.statusCode ?? 500, answer.headers).end(text);
      });
    },
  );
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}

/** A warning is about a status such as 401, which the description gives to few routes. */
function errorsIn(violations: string): unknown[] {
  if (!violations.startsWith('[')) return [violations];
  return (JSON.parse(violations) as { severity: string }[]).filter(({ severity }) => severity === 'Error');
}

async function startPrism(file: string, upstream: number): Promise<{ port: number; stop(): Promise<void> }> {
  const program = await part('prism');
  const port = await freePort();
  const address = ['--host', '127.0.0.1', '--port', String(port)];
  const child: ChildProcess = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      process.execPath,
      program,
      'proxy',
      '--errors',
      ...address,
      file,
      `http://127.0.0.1:${upstream}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let told = '';
  const listen = (chunk: Buffer): unknown => (told = (told + chunk.toString()).slice(-4000));
  child.stdout?.on('data', listen);
  child.stderr?.on('data', listen);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  try {
    await until(
      'Prism to listen',
      async () => {
        if (child.exitCode !== null) throw new Error('it ended');
        return told.includes('Prism is listening');
      },
      120_000,
    );
  } catch (error) {
    await stop();
    throw new Error(`Prism did not start: ${told}`, { cause: error });
  }
  return { port, stop };
}

function matchRoute(route: Route, method: string, pathname: string): Record<string, string> | null {
  const [wanted, template = ''] = route.split(' ');
  const own = template.split('/');
  const parts = pathname.split('/');
  if (wanted !== method || own.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [index, word] of own.entries()) {
    const part = decodeURIComponent(parts[index] ?? '');
    const name = /^\{(\w+)\}$/.exec(word)?.[1];
    if (name !== undefined) params[name] = part;
    else if (word !== part) return null;
  }
  return params;
}

/** What only an App may ask is asked with its own signature, everything else with a token. */
function callerOf(
  state: GithubState,
  route: Route,
  authorization: string,
): { caller: string; appId: number | null } | null {
  const credential = authorization.replace(/^(token|bearer) /i, '');
  if (route.includes('/installation')) return isSignedByApp(state, credential) ? appCaller(state) : null;
  const caller = state.tokens.get(credential);
  if (caller === undefined) return null;
  return caller === appCaller(state)?.caller ? appCaller(state) : { caller, appId: null };
}

function appCaller({ app }: GithubState): { caller: string; appId: number } | null {
  return app === null ? { caller: '', appId: 0 } : { caller: `${app.slug}[bot]`, appId: Number(app.id) };
}

function isSignedByApp({ app }: GithubState, token: string): boolean {
  const [head = '', claims = '', signature = ''] = token.split('.');
  // nobody installed it anywhere: any App may ask and hear so
  if (app === null) return signature !== '';
  const { iss } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { iss: unknown };
  const key = createPublicKey(app.publicKey);
  const signed = verify(
    'RSA-SHA256',
    Buffer.from(`${head}.${claims}`),
    key,
    Buffer.from(signature, 'base64url'),
  );
  return signed && String(iss) === app.id;
}

function portOf(server: http.Server): number {
  return (server.address() as AddressInfo).port;
}
