/** `slipway codec-server`: reads its secrets, listens, and ends with Ctrl-C. */
import { once } from 'node:events';
import { createCodecServer } from './codec-server.js';
import { payloadKeysOf } from '../payloads/payload-keys.js';
import { readPrivateFile } from '../payloads/private-file.js';
import type { Invocation, Outcome } from './command.js';
import { EXIT } from './exit-codes.js';
import { badInput } from './user-error.js';

const DOCS = 'docs/security-payloads.md#the-codec-server';
const DEFAULT_ADDRESS = '127.0.0.1:8081';
/** A shorter one can be guessed. */
const TOKEN_CHARACTERS = 16;

/** Resolves when it was interrupted. Throws UserError (exit 2) for what is missing or not usable. */
export async function serveCodec(invocation: Invocation): Promise<Outcome> {
  const { terminal } = invocation;
  const { host, port } = readAddress(invocation.value('address') ?? DEFAULT_ADDRESS);
  const server = createCodecServer({
    keys: readKeys(terminal.env),
    token: readToken(invocation.value('token-file')),
    origin: readOrigin(invocation.value('origin')),
  });
  invocation.onEnd(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const listening = once(server, 'listening');
  server.listen(port, host);
  await listening.catch((error: unknown) => {
    throw badInput({
      what: error instanceof Error ? error.message : String(error),
      where: '--address',
      wayOut: 'choose a free address of this machine',
      docs: DOCS,
    });
  });
  const bound = server.address();
  const url = `http://${host}:${String(typeof bound === 'object' && bound !== null ? bound.port : port)}`;
  const ready = { schema: 1, event: 'ready', url };
  terminal.out(invocation.global.json ? `${JSON.stringify(ready)}\n` : `codec server at ${url}\n`);
  if (!terminal.interrupted.aborted) await once(terminal.interrupted, 'abort');
  return { exit: EXIT.interrupted, data: null, screen: '', written: true };
}

function readKeys(env: Record<string, string | undefined>): NonNullable<ReturnType<typeof payloadKeysOf>> {
  const keys = orBadInput('SLIPWAY_PAYLOAD_KEYS', () => payloadKeysOf(env));
  if (keys !== null) return keys;
  throw badInput({
    what: 'no payload keys',
    where: 'SLIPWAY_PAYLOAD_KEYS',
    wayOut: "set it to a file with the workers' keys",
    docs: 'docs/security-payloads.md#keys',
  });
}

function readToken(file: string | null): string {
  if (file === null) {
    throw badInput({
      what: 'no token: whoever reaches it could read everything',
      where: '--token-file',
      wayOut: 'make one: (umask 077; openssl rand -hex 32 > codec-token)',
      docs: DOCS,
    });
  }
  const token = orBadInput('--token-file', () => readPrivateFile('token', file)).trim();
  if (token.length >= TOKEN_CHARACTERS && !/\s/.test(token)) return token;
  throw badInput({
    what: `not a token of at least ${String(TOKEN_CHARACTERS)} characters on one line`,
    where: `--token-file ${file}`,
    wayOut: 'make one: (umask 077; openssl rand -hex 32 > codec-token)',
    docs: DOCS,
  });
}

function readOrigin(text: string | null): string | null {
  if (text === null) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && ['http:', 'https:'].includes(url.protocol) && ['', '/'].includes(url.pathname))
    return url.origin;
  throw badInput({
    what: `not an origin: ${text}`,
    where: '--origin',
    wayOut: "give scheme, host and port of the UI's address, as in https://temporal.example.com",
    docs: DOCS,
  });
}

function readAddress(text: string): { host: string; port: number } {
  const [, host, digits] = /^([^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && Number(digits) <= 65_535) return { host, port: Number(digits) };
  throw badInput({
    what: `not an address: ${text}`,
    where: '--address',
    wayOut: 'give host:port, as in 127.0.0.1:8081',
    docs: DOCS,
  });
}

/** Ours name file and way out in one line. */
function orBadInput<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw badInput({ what, where, wayOut: 'nothing was started', docs: DOCS });
  }
}
