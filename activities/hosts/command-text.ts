/** What goes to a command beside its words, and what people read of its output. */
import { randomBytes } from 'node:crypto';
import { asJobUser, type JobUser } from '../job-user/job-user.js';
import type { RemoteCommand } from './host.js';
import { quoteExports } from './quote.js';
import { withExports } from './remote-scripts.js';
import { tailOfText } from './tail.js';

export const TAIL_BYTES = 64 * 1024;

/** A team's command on a host that has a user for those; any other as it is. The journal around it stays the worker's. */
export function asItsUser<Command extends RemoteCommand>(command: Command, user: JobUser | null): Command {
  if (command.isTeams !== true || user === null) return command;
  const { argv, env = {}, cwd } = command;
  return { ...command, ...asJobUser(user, { argv, env }, cwd === undefined ? 'anywhere' : 'stay') };
}

/** Environment values travel on stdin, in front of the command's own stdin. */
export function withStdin(
  script: string,
  env: Record<string, string> | undefined,
  stdin: string | undefined,
): { script: string; stdin?: Buffer } {
  const own = stdin === undefined ? {} : { stdin: Buffer.from(stdin) };
  if (env === undefined || Object.keys(env).length === 0) return { script, ...own };
  const endMarker = `slipway-${randomBytes(8).toString('hex')}-end`;
  const exports = `${quoteExports(env)}${endMarker}\n`;
  return { script: withExports(script, endMarker), stdin: Buffer.from(exports + (stdin ?? '')) };
}

/** Scrubbed first, then cut: a value that straddles the cut would otherwise show its half. */
export function readable(bytes: Buffer, scrub: (text: string) => string): string {
  return bytes.length === 0 ? '' : tailOfText(scrub(bytes.toString()), TAIL_BYTES);
}
