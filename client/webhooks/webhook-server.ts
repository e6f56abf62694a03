/** `POST /webhooks/github` and `GET /healthz`: what is not signed is not read further, what is started is durable first. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { SignatureCheck } from './check-signature.js';
import { createBodyReader, type Body } from '../read-body.js';
import { answer, ourBug, type Delivery, type DeliveryAnswer } from './receive-delivery.js';

export interface WebhookServerOptions {
  isSigned: SignatureCheck;
  /** Never rejects. */
  receive: (delivery: Delivery) => Promise<DeliveryAnswer>;
  /** null = all is well, else what is not. Never rejects. */
  findTrouble: () => Promise<string | null>;
  /** Called once per delivery, after it was answered. */
  log: (record: DeliveryRecord) => void;
}

export interface DeliveryRecord extends DeliveryAnswer {
  /** null = there was no proper header. */
  delivery: string | null;
  githubEvent: string | null;
  tookMs: number;
}

export const WEBHOOK_PATH = '/webhooks/github';
/** GitHub gives up after 10 s; so do we, on whoever sends slowly. */
const REQUEST_TIMEOUT_MS = 10_000;
/** GitHub sends no larger payload. */
const LARGEST_BODY_BYTES = 25 * 1024 * 1024;
/** Of all deliveries at one moment. */
const LARGEST_TOTAL_BYTES = 64 * 1024 * 1024;
/** Beyond this many at once, later is better than slower for all. */
const MOST_IN_PROGRESS = 500;
const RETRY_AFTER_S = 30;

/** Not listening yet. `close()` of it lets deliveries in progress finish. */
export function createWebhookServer(options: WebhookServerOptions): Server {
  const readBody = createBodyReader({ one: LARGEST_BODY_BYTES, all: LARGEST_TOTAL_BYTES });
  let inProgress = 0;

  async function receive(request: IncomingMessage): Promise<DeliveryAnswer> {
    if (inProgress >= MOST_IN_PROGRESS) return TOO_MUCH;
    inProgress += 1;
    try {
      return await judge(request);
    } catch (error) {
      return ourBug(error);
    } finally {
      inProgress -= 1;
    }
  }

  async function judge(request: IncomingMessage): Promise<DeliveryAnswer> {
    const type = request.headers['content-type'] ?? '';
    if (!/^application\/json\s*(;|$)/i.test(type))
      return answer(415, 'refused', 'set the content type of the webhook to application/json');
    const body = await readBody(request);
    if (body.kind !== 'whole') return REFUSED_BODIES[body.kind];
    if (!(await options.isSigned(body.text, header(request, 'x-hub-signature-256'))))
      return answer(401, 'refused', 'no signature (X-Hub-Signature-256) of a secret that is known here');
    const { id, event } = namesOf(request);
    if (id === null || event === null)
      return answer(400, 'refused', 'X-GitHub-Delivery or X-GitHub-Event is missing or malformed');
    const parsed = parseJson(body.text);
    if (parsed === null) return answer(400, 'refused', 'the body is no JSON');
    // not awaited here: the body is not kept while Temporal is asked
    return options.receive({ id, event, body: parsed.value });
  }

  async function handle(request: IncomingMessage): Promise<Reply> {
    const [path] = (request.url ?? '').split('?');
    if (path === '/healthz') return await tellHealth(request, options);
    if (path !== WEBHOOK_PATH) return { status: 404, body: { why: `there is ${WEBHOOK_PATH} and /healthz` } };
    if (request.method !== 'POST')
      return { status: 405, body: { why: 'GitHub delivers by POST' }, headers: { allow: 'POST' } };
    const startedAtMs = performance.now();
    const answered = await receive(request);
    const { status, outcome, why, releases } = answered;
    const { id, event } = namesOf(request);
    const tookMs = Math.round(performance.now() - startedAtMs);
    return {
      status,
      body: { outcome, why, releases },
      headers: status === 503 ? RETRY_LATER : {},
      record: { ...answered, delivery: id, githubEvent: event, tookMs },
    };
  }

  const server = createServer(
    {
      headersTimeout: REQUEST_TIMEOUT_MS / 2,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      void handle(request).then(({ status, body, headers, record }) => {
        // a connection that is kept would hold up the end of a server that closes
        response.shouldKeepAlive &&= server.listening;
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(`${JSON.stringify(body)}\n`);
        if (record !== undefined) options.log(record);
      });
    },
  );
  return server;
}

interface Reply {
  status: number;
  body: Record<string, unknown>;
  headers?: Record<string, string>;
  /** Of deliveries only. */
  record?: DeliveryRecord;
}

const RETRY_LATER = { 'retry-after': String(RETRY_AFTER_S) };

const TOO_MUCH = answer(503, 'unavailable', 'too much at once, deliver it again');

const REFUSED_BODIES: Record<Exclude<Body['kind'], 'whole'>, DeliveryAnswer> = {
  'too-large': answer(
    413,
    'refused',
    `more than ${LARGEST_BODY_BYTES / 1024 / 1024} MB, which GitHub never sends`,
  ),
  'too-much-at-once': TOO_MUCH,
  'no-text': answer(400, 'refused', 'the body is not UTF-8'),
  'cut-off': answer(400, 'refused', 'the sender went away, or was too slow'),
};

async function tellHealth(request: IncomingMessage, { findTrouble }: WebhookServerOptions): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, body: { why: 'ask by GET' }, headers: { allow: 'GET, HEAD' } };
  const trouble = await findTrouble();
  return { status: trouble === null ? 200 : 503, body: { ok: trouble === null, why: trouble } };
}

function header({ headers }: IncomingMessage, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

/** Not signed by anybody: only what looks like GitHub's is shown anywhere. */
function namesOf(request: IncomingMessage): { id: string | null; event: string | null } {
  const id = header(request, 'x-github-delivery');
  const event = header(request, 'x-github-event');
  return {
    id: id !== null && /^[\w-]{1,64}$/.test(id) ? id : null,
    event: event !== null && /^[a-z_]{1,64}$/.test(event) ? event : null,
  };
}

function parseJson(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}
