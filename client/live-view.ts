/** Shows what is followed: redrawn on a screen, one line per change elsewhere, one event per line under `--json`. */
import type { Invocation } from './command.js';
import type { FollowEnd, Progress } from './follow.js';
import { type Followed, type FollowedTo, followToEnd, nothingFollowed } from './followed.js';
import type { Screen } from './terminal.js';
import { decidedNote } from './render/decided.js';
import { deniedNote } from './render/denied.js';
import { renderRelease } from './render/release.js';
import { warningLines } from './render/step-warnings.js';
import { signOf } from './render/style.js';
import { pad, plain, row } from './render/text.js';
import { formatTook } from './render/time.js';
import { renderProgress } from './render/watch.js';
import { troubleOf } from './trouble.js';

type Mode = 'lines' | 'events' | 'silent';

/** What stands below a redrawn screen, and may change by itself. */
export interface Footer {
  /** Empty or with a line break at its end. */
  text(followed: Followed): string;
  onChange(redraw: () => void): void;
}

/** Follows to the end, showing as it goes. `events` also under `--json`; `silent` for a single JSON object. */
export async function showWhileFollowing<Result>(
  invocation: Invocation,
  following: AsyncGenerator<Progress, FollowEnd<Result>>,
  json: 'events' | 'silent',
  footer: Footer | null = null,
): Promise<FollowedTo<Result>> {
  const { terminal, global } = invocation;
  const followed = nothingFollowed();
  const show =
    terminal.openScreen !== null && !global.json
      ? paintScreen(invocation, await terminal.openScreen(), followed, footer)
      : printLines(invocation, global.json ? json : 'lines');
  try {
    return await followToEnd(following, followed, (progress) => show.change(progress));
  } finally {
    show.done();
  }
}

/** Screens of everything followed, for the end of a command. */
export function renderFollowed(invocation: Invocation, followed: Followed): string {
  const { style } = invocation;
  const now = new Date();
  const release = followed.release === null ? [] : [renderRelease(style, followed.release)];
  return [
    ...release,
    ...[...followed.progress.values()].map((status) => renderProgress(style, status, now)),
  ].join('\n');
}

interface Painter {
  change(progress: Progress): void;
  done(): void;
}

function paintScreen(
  invocation: Invocation,
  screen: Screen,
  followed: Followed,
  footer: Footer | null,
): Painter {
  let notice = '';
  const draw = (): void => {
    if (followed.release === null && followed.progress.size === 0 && notice === '') return;
    screen.draw(`${renderFollowed(invocation, followed)}${notice}${footer?.text(followed) ?? ''}`);
  };
  footer?.onChange(draw);
  // Waits are told by the second.
  const ticking = setInterval(draw, 1000);
  return {
    change: (progress) => {
      notice = progress.kind === 'silence' ? `\n${describeSilence(progress)}\n` : '';
      draw();
    },
    done: () => {
      clearInterval(ticking);
      screen.close();
    },
  };
}

function printLines(invocation: Invocation, mode: Mode): Painter {
  const { terminal } = invocation;
  const printed = new Map<string, string>();
  return {
    change: (progress) => {
      if (mode === 'events') terminal.out(`${JSON.stringify(toEvent(progress))}\n`);
      if (mode !== 'lines') return;
      for (const line of describeChanges(invocation, progress, printed)) terminal.out(`${line}\n`);
    },
    done: () => undefined,
  };
}

function toEvent(progress: Progress): unknown {
  if (progress.kind === 'silence')
    return { schema: 1, event: 'silence', error: progress.error.explanation() };
  return { schema: 1, event: progress.kind, workflowId: progress.workflowId, data: progress.status };
}

function describeSilence({ error }: { error: { what: string; where: string } }): string {
  return `! ${plain(error.what)} (${plain(error.where)}); waiting for an answer, nothing is lost`;
}

/** A line per step that changed its state, and one per wait. */
function describeChanges({ style }: Invocation, progress: Progress, printed: Map<string, string>): string[] {
  if (progress.kind === 'silence') return [describeSilence(progress)];
  const { status } = progress;
  const place = 'environment' in status ? status.environment : status.version;
  const lines: string[] = [];
  for (const step of status.steps) {
    const key = `${progress.workflowId} ${step.name}`;
    const shown = `${step.state} ${troubleOf(step)}`;
    if (step.state === 'pending' || printed.get(key) === shown) continue;
    printed.set(key, shown);
    const left =
      `${signOf(style, step.state)} ${pad(plain(place), 8)} ${pad(plain(step.name), 12)}${plain(step.note ?? '')}`.trimEnd();
    lines.push(row(style, left, step.tookMs === null ? '' : formatTook(step.tookMs)));
    lines.push(...warningLines(style, step));
  }
  for (const decision of status.decisions ?? []) {
    // an abort goes on from a release to its promotions
    const key = `took ${decision.decisionId}`;
    if (!printed.has(key)) lines.push(decidedNote(style, decision));
    printed.set(key, 'said');
  }
  for (const denial of status.denials ?? []) {
    const key = `${progress.workflowId} denied ${JSON.stringify(denial)}`;
    if (!printed.has(key)) lines.push(deniedNote(style, denial));
    printed.set(key, 'said');
  }
  if (!('waitingFor' in status)) return lines;
  const wait = status.waitingFor ?? '';
  if (wait !== '' && printed.get(progress.workflowId) !== wait)
    lines.push(`${style.now} ${pad(plain(place), 8)} waits for ${plain(wait)}`);
  printed.set(progress.workflowId, wait);
  return lines;
}
