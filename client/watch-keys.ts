/** Keys of `slipway watch`: look and decide without leaving the screen. A decision is asked about before it is sent. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProgressStatus } from '../workflows/messages.js';
import type { Invocation } from './command.js';
import { askForLogs } from './find-logs.js';
import { describeReply } from './decide.js';
import type { Followed } from './followed.js';
import type { Footer } from './live-view.js';
import { TO_READ_MS } from './keyboard.js';
import { newLines } from './log-tail.js';
import type { Decided } from './decided.js';
import type { SlipwayClient } from './release-client.js';
import { cut, digest12, plain } from './render/text.js';
import { UserError } from './user-error.js';

export interface WatchKeys {
  footer: Footer;
  /** Aborts at `q`: the view ends, the release goes on. */
  quit: AbortSignal;
  /** Gives the keyboard back, once what was decided has been answered. */
  close(): Promise<void>;
}

interface Question {
  text: string;
  /** What was on the screen: this is decided about, nothing newer. */
  send: () => Promise<Decided>;
  done: string;
}

const LOG_LINES = 10;
const LOOK_AGAIN_MS = 2_000;

/** null where nobody can press a key. */
export async function openWatchKeys(
  invocation: Invocation,
  client: SlipwayClient,
  environment: string,
): Promise<WatchKeys | null> {
  const { terminal, style, global } = invocation;
  if (terminal.listenForKeys === null || terminal.openScreen === null || global.json) return null;
  const quit = new AbortController();
  let redraw = (): void => undefined;
  let shown: ProgressStatus | null = null;
  let question: Question | null = null;
  let answerable = false;
  let notice = '';
  let reading: AbortController | null = null;
  let log: string[] = [];
  const pending = new Set<Promise<void>>();

  const say = (text: string): void => {
    notice = text;
    redraw();
  };

  /** Runs beside the view; what goes wrong is told, and nothing ends for it. */
  function start(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => say(describeError(error)))
      .finally(() => pending.delete(running));
    pending.add(running);
  }

  function describeError(error: unknown): string {
    const what = error instanceof UserError ? `${error.what}; ${error.wayOut}` : String(error);
    return `${style.red(style.failed)} ${plain(what)}`;
  }

  function ask(next: Question | null, otherwise: string): void {
    question = next;
    answerable = false;
    say(next === null ? otherwise : '');
    if (next === null) return;
    const open = (): void => {
      if (question !== next) return;
      answerable = true;
      redraw();
    };
    // After a busy while the time is over before the keys of that time were read: they come first.
    setTimeout(() => setImmediate(open), TO_READ_MS).unref();
  }

  function answer({ send, done }: Question, key: string): void {
    question = null;
    if (!answerable)
      return say('nothing was changed: a key came before the question could be read; ask again');
    if (key !== 'y') return say('nothing was changed');
    say('asking …');
    start(async () => say(await describeReply(invocation, client, await send(), environment, done)));
  }

  /** Its tail, looked at again and again until `l` is pressed once more. */
  function toggleLog(): void {
    if (reading !== null) {
      reading.abort();
      reading = null;
      log = [];
      return say('');
    }
    const stop = new AbortController();
    reading = stop;
    say('reading the log …');
    start(async () => {
      const seen = new Map<string, string>();
      while (!stop.signal.aborted) {
        const wish = { step: null, host: null, lines: LOG_LINES };
        const found = await client.inspect(await askForLogs(client, environment, wish));
        for (const { host, text } of found.log) {
          log.push(...newLines(seen.get(host) ?? '', text).map((line) => `${host} | ${line}`));
          seen.set(host, text);
        }
        log = log.slice(-LOG_LINES);
        if (!stop.signal.aborted) say(log.length === 0 ? 'the log is empty' : '');
        await sleep(LOOK_AGAIN_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    });
  }

  function press(key: string): void {
    if (question !== null) answer(question, key);
    else if (key === 'q') quit.abort();
    else if (key === 'a')
      ask(approval(client, environment, shown, global.reason), 'nothing waits for an approval');
    else if (key === 'x') ask(stop(client, environment, shown, global.reason), 'nothing is left to stop');
    else if (key === 'l') toggleLog();
  }

  const release = await terminal.listenForKeys(press);
  return {
    quit: quit.signal,
    footer: {
      onChange: (draw) => (redraw = draw),
      text: (followed) => {
        shown = findShown(followed, environment);
        return [
          ...log.map((line) => cut(style, `  ${plain(line)}`, style.columns)),
          notice === '' ? '' : `  ${notice}`,
          question === null
            ? `  ${style.dim(legend(shown))}`
            : `  ${style.bold(question.text)}${answerable ? ' y/n' : ''}`,
        ]
          .filter((line) => line !== '')
          .map((line) => `${line}\n`)
          .join('');
      },
    },
    close: async () => {
      release();
      redraw = () => undefined;
      reading?.abort();
      await Promise.all(pending);
    },
  };
}

/** What the keys decide about: the last that is on its way to this environment. */
function findShown({ progress }: Followed, environment: string): ProgressStatus | null {
  return [...progress.values()].findLast((status) => status.environment === environment) ?? null;
}

function isOpen(status: ProgressStatus | null): status is ProgressStatus {
  return status !== null && ['pending', 'running', 'waiting'].includes(status.state);
}

function waitsForApproval(status: ProgressStatus | null): status is ProgressStatus {
  return isOpen(status) && status.state === 'waiting' && /approval/i.test(status.waitingFor ?? '');
}

/** Says which also where another release of this version is beside it; an older worker tells the version only. */
function requestOf({ approving, version }: ProgressStatus): string {
  return approving?.requestId ?? version;
}

function legend(status: ProgressStatus | null): string {
  return [
    'q quit (the release goes on)',
    ...(waitsForApproval(status) ? ['a approve'] : []),
    ...(isOpen(status) ? ['x abort'] : []),
    'l logs',
  ].join('   ');
}

/** Bound to the plan and digest on the screen: another by then voids it. */
function approval(
  client: SlipwayClient,
  environment: string,
  status: ProgressStatus | null,
  reason: string | null,
): Question | null {
  if (!waitsForApproval(status)) return null;
  const { version, artifacts } = status;
  const which = requestOf(status);
  const digests = artifacts.map(({ digest }) => digest12(digest)).join(', ');
  return {
    text: `Approve ${plain(version)} for ${plain(environment)}, ${digests}, as ${plain(client.actor.by)}?${reason === null ? '' : ` (reason: ${plain(reason)})`}`,
    send: () => client.approve(environment, { version: which, shown: status, reason }),
    done: `approved ${version} for ${environment}`,
  };
}

function stop(
  client: SlipwayClient,
  environment: string,
  status: ProgressStatus | null,
  reason: string | null,
): Question | null {
  if (!isOpen(status)) return null;
  const { version } = status;
  return {
    text: `Stop ${plain(version)} on ${plain(environment)} and undo it, as ${plain(client.actor.by)}?`,
    send: () => client.abort(environment, { version: requestOf(status), reason }),
    done: `${environment} is being stopped and undone`,
  };
}
