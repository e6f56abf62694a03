/** Following something on its way back: abort, back, rollback. Being back, with nothing left over, is success. */
import { setTimeout as sleep } from 'node:timers/promises';
import { laneId } from '../workflows/names.js';
import type { ChangeResult } from '../workflows/result.js';
import type { Invocation, Outcome } from './command.js';
import { EXIT, type ExitCode, exitOfRequest } from './exit-codes.js';
import type { FollowEnd, Progress } from './follow.js';
import { renderFollowed, showWhileFollowing } from './live-view.js';
import { exitOfFollowedWayBack, toReleaseData } from './release-data.js';
import type { AnyResult } from './followed.js';
import type { SlipwayClient } from './release-client.js';
import { decidedNotes } from './render/decided.js';
import { failureLines } from './render/failure.js';
import { labelled, lines, plain } from './render/text.js';
import { formatTook } from './render/time.js';
import { renderExit } from './render/watch.js';

type Following = AsyncGenerator<Progress, FollowEnd<AnyResult>>;

/** Follows to the end and replaces the decision's outcome by how it went. */
export async function followBack(
  invocation: Invocation,
  following: Following,
  decided: Outcome,
): Promise<Outcome> {
  if (!invocation.global.json) invocation.terminal.out(decided.screen);
  const followed = await showWhileFollowing(invocation, following, 'silent');
  const exit = exitOfFollowedWayBack(followed);
  const data = { decision: decided.data, ...toReleaseData(followed, () => null) };
  return { exit, data, screen: renderFollowed(invocation, followed) + tail(exit) };
}

const LOOK_AGAIN_MS = 500;

/** Follows a request until the environment has its result, showing the change while it runs. */
export async function followRequest(
  invocation: Invocation,
  client: SlipwayClient,
  environment: string,
  /** Its id, and what else `--json` tells of it. */
  asked: { requestId: string },
  options: { timeoutMs: number | null; signal: AbortSignal },
): Promise<Outcome> {
  const { style, terminal, global } = invocation;
  const { requestId } = asked;
  const deadline = options.timeoutMs === null ? null : Date.now() + options.timeoutMs;
  let headline = '';
  for (;;) {
    const status = await client.status(environment);
    const done = status?.processed.find((one) => one.requestId === requestId);
    if (done !== undefined) {
      const exit = exitOfRequest(done.result);
      return {
        exit,
        data: { ...asked, ...client.actor, result: done.result },
        screen: renderResult(invocation, done.result) + tail(exit),
      };
    }
    if (options.signal.aborted) return { exit: EXIT.interrupted, data: asked, screen: '' };
    if (deadline !== null && Date.now() >= deadline) {
      return {
        exit: EXIT.timeout,
        data: asked,
        screen: `Still going: slipway watch ${environment}\n`,
      };
    }
    const change =
      status?.inFlight?.request.requestId === requestId
        ? await client.progress(laneId(client.pipeline, environment))
        : null;
    const now = change?.headline ?? status?.headline ?? '';
    if (now !== headline && !global.json) terminal.out(`${style.now} ${plain(now)}\n`);
    headline = now;
    await sleep(LOOK_AGAIN_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

function renderResult({ style }: Invocation, result: ChangeResult): string {
  const { failure, switchMs, said } = result;
  const good = result.state === 'succeeded' || result.state === 'rolled-back';
  return lines(
    `${good ? style.green(style.ok) : style.red(style.failed)} ${plain(result.headline)}`,
    switchMs === null ? null : `  traffic moved in ${formatTook(switchMs)}`,
    labelled('decided', decidedNotes(style, said?.decisions), 9),
    failure === null ? [] : failureLines(style, failure, 9),
  );
}

function tail(exit: ExitCode): string {
  return exit === EXIT.done ? '' : renderExit(exit);
}
