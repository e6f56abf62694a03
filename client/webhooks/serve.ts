/** `slipway serve`: listens until it is told to stop, then answers what has arrived. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { inspect } from 'node:util';
import type { Invocation, Outcome } from '../command.js';
import { connectToTemporal, type TemporalLink } from '../connect.js';
import { EXIT } from '../exit-codes.js';
import { plain } from '../render/text.js';
import { badInput } from '../user-error.js';
import { createSignatureCheck } from './check-signature.js';
import { deliveryLine, hide } from './delivery-line.js';
import { createHintPromotions } from './hint-promotions.js';
import { receiveDelivery } from './receive-delivery.js';
import { readServeOptions, type ServeOptions } from './serve-options.js';
import { createSlots } from './slots.js';
import { createWebhookServer, WEBHOOK_PATH } from './webhook-server.js';

const HEALTH_ANSWER_MS = 2_000;
const STARTING_AT_ONCE = 32;

export async function serveWebhooks(invocation: Invocation): Promise<Outcome> {
  const { terminal, global } = invocation;
  const options = await readServeOptions(invocation);
  const link = await connectToTemporal({ profile: global.profile, env: terminal.env });
  invocation.onEnd(() => link.close());
  const { routes, secrets } = options;
  const hidden = [...secrets, ...knownSecrets(terminal.env)];
  const receiver = { routes, link, slots: createSlots(STARTING_AT_ONCE), hint: createHintPromotions() };
  const server = createWebhookServer({
    isSigned: createSignatureCheck(secrets),
    receive: (delivery) => receiveDelivery(receiver, delivery),
    findTrouble: shareQuestion(() => findTrouble(link)),
    log: (record) => {
      terminal.out(`${deliveryLine(record, { at: new Date(), json: global.json, secrets: hidden })}\n`);
      if (record.bug !== undefined) terminal.err(`${hide(inspect(record.bug), hidden)}\n`);
    },
  });
  await listen(server, options);
  sayListening(invocation, server, options);
  if (!terminal.interrupted.aborted) await once(terminal.interrupted, 'abort');
  const closed = once(server, 'close');
  server.close();
  await closed;
  return { exit: EXIT.interrupted, data: null, screen: '', written: true };
}

function knownSecrets(env: Record<string, string | undefined>): string[] {
  const key = env['TEMPORAL_API_KEY'] ?? '';
  return key === '' ? [] : [key];
}

async function listen(server: Server, { host, port }: ServeOptions): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw badInput({
      what: 'cannot listen here',
      where: `${host}:${String(port)}`,
      why: error instanceof Error ? error.message : String(error),
      wayOut: 'choose another with --port or --host, or end what has it',
    });
  }
}

function sayListening(
  { terminal, global, style }: Invocation,
  server: Server,
  { routes }: ServeOptions,
): void {
  const url = `http://${placeOf(server)}${WEBHOOK_PATH}`;
  if (global.json) {
    const pipelines = routes.map(({ pipeline, github, file }) => ({ pipeline, github, file }));
    terminal.out(`${JSON.stringify({ schema: 1, event: 'listening', url, pipelines })}\n`);
    return;
  }
  terminal.out(`${style.now} ${url}\n`);
  for (const { pipeline, github, repositoryUrl, file } of routes)
    terminal.out(`  ${plain(`pushes to ${github} release ${pipeline} (${file} of ${repositoryUrl})`)}\n`);
}

function placeOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return String(address);
  return `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${String(address.port)}`;
}

async function findTrouble(link: TemporalLink): Promise<string | null> {
  try {
    const { client, namespace } = link;
    await client.withDeadline(Date.now() + HEALTH_ANSWER_MS, () =>
      client.workflowService.describeNamespace({ namespace }),
    );
    return null;
  } catch {
    return 'Temporal does not answer: deliveries are answered with 503, deliver them again later';
  }
}

/** Whoever asks while an answer is on its way gets that one: anybody may ask, as often as they like. */
function shareQuestion<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let asked: Promise<Answer> | null = null;
  return () => {
    asked ??= ask().finally(() => {
      asked = null;
    });
    return asked;
  };
}
