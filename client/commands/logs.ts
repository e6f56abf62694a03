import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const logs: CommandSpec = {
  name: 'logs',
  arguments: '<environment>',
  summary: 'logs of what runs there, or of one step, read from the worker',
  options: [
    { flags: '--step <name>', summary: 'the log a step of the release kept on its hosts' },
    { flags: '--host <name>', summary: 'one host only' },
    { flags: '--lines <count>', summary: 'last lines of each (default: 100)' },
    { flags: '-f, --follow', summary: 'go on until Ctrl-C' },
  ],
  examples: ['slipway logs prod', 'slipway logs prod --step deploy --host web-1', 'slipway logs prod -f'],
  exits: [EXIT.done, EXIT.refused, EXIT.interrupted],
  run: showLogs,
};

const DEFAULT_LINES = 100;
const LOOK_AGAIN_MS = 2_000;

async function showLogs(invocation: Invocation): Promise<Outcome> {
  const { environmentOf } = await import('../decide.js');
  const { openClient } = await import('../session.js');
  const { readCount } = await import('../flags.js');
  const { newLines } = await import('../log-tail.js');
  const { askForLogs, describeNoLog, requireLogs } = await import('../find-logs.js');
  const { terminal } = invocation;
  const lines = readCount('--lines', invocation.value('lines')) ?? DEFAULT_LINES;
  const environment = environmentOf(invocation);
  const client = await openClient(invocation);
  const wish = { step: invocation.value('step'), host: invocation.value('host'), lines };
  const input = await askForLogs(client, environment, wish);
  const shown = new Map<string, string>();
  let isSaid = false;
  for (;;) {
    const { log } = await client.inspect(input);
    for (const { host, text } of log) {
      print(invocation, host, newLines(shown.get(host) ?? '', text), log.length > 1);
      shown.set(host, text);
    }
    if (!isSaid && log.every(({ text }) => text.trim() === '')) {
      requireLogs(input);
      if (!invocation.global.json) terminal.err(`${describeNoLog(input)}\n`);
    }
    isSaid = true;
    if (!invocation.has('follow')) return { exit: EXIT.done, data: null, screen: '', written: true };
    const { setTimeout: sleep } = await import('node:timers/promises');
    await sleep(LOOK_AGAIN_MS, undefined, { signal: terminal.interrupted }).catch(() => undefined);
    if (terminal.interrupted.aborted)
      return { exit: EXIT.interrupted, data: null, screen: '', written: true };
  }
}

function print({ terminal, global }: Invocation, host: string, lines: string[], several: boolean): void {
  for (const line of lines) {
    if (global.json) terminal.out(`${JSON.stringify({ schema: 1, event: 'log', host, line })}\n`);
    else terminal.out(several ? `${host} | ${line}\n` : `${line}\n`);
  }
}
