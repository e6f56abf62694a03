/** Shows what is followed: redrawn on a screen, one line per change elsewhere, one event per line under `--json`. */
import type { ProgressStatus, ReleaseStatus } from '../workflows/messages.js';
import type { Invocation } from './command.js';
import type { FollowEnd, Progress } from './follow.js';
import { renderRelease } from './render/release.js';
import { signOf } from './render/style.js';
import { pad, plain, row } from './render/text.js';
import { formatTook } from './render/time.js';
import { renderProgress } from './render/watch.js';

/** The last known state of everything that was followed. */
export interface Followed {
  release: ReleaseStatus | null;
  /** By workflow id, in the order they began. */
  progress: Map<string, ProgressStatus>;
}

export interface FollowedTo<Result> extends Followed {
  end: FollowEnd<Result>;
}

type Mode = 'screen' | 'lines' | 'events' | 'silent';

/** Follows to the end, showing as it goes. `events` also under `--json`; `silent` for a single JSON object. */
export async function showWhileFollowing<Result>(
  invocation: Invocation,
  following: AsyncGenerator<Progress, FollowEnd<Result>>,
  json: 'events' | 'silent',
): Promise<FollowedTo<Result>> {
  const { terminal, global } = invocation;
  const followed: Followed = { release: null, progress: new Map() };
  const mode: Mode = global.json ? json : terminal.interactive ? 'screen' : 'lines';
  const show = await makePainter(invocation, mode, followed);
  for (;;) {
    const next = await following.next();
    if (next.done === true) {
      show.done();
      return { ...followed, end: next.value };
    }
    show.change(next.value);
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

async function makePainter(invocation: Invocation, mode: Mode, followed: Followed): Promise<Painter> {
  const { terminal } = invocation;
  const remember = (progress: Progress): void => {
    if (progress.kind === 'release') followed.release = progress.status;
    if (progress.kind === 'progress') followed.progress.set(progress.workflowId, progress.status);
  };
  if (mode === 'screen') {
    const { createLogUpdate } = await import('log-update');
    const draw = createLogUpdate(process.stdout);
    return {
      change: (progress) => {
        remember(progress);
        const notice = progress.kind === 'silence' ? `\n${describeSilence(progress)}` : '';
        draw(`${renderFollowed(invocation, followed)}${notice}`);
      },
      done: () => draw.clear(),
    };
  }
  const printed = new Map<string, string>();
  return {
    change: (progress) => {
      remember(progress);
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
    if (step.state === 'pending' || printed.get(key) === step.state) continue;
    printed.set(key, step.state);
    const left =
      `${signOf(style, step.state)} ${pad(plain(place), 8)} ${pad(plain(step.name), 12)}${plain(step.note ?? '')}`.trimEnd();
    lines.push(row(style, left, step.tookMs === null ? '' : formatTook(step.tookMs)));
  }
  if (!('waitingFor' in status)) return lines;
  const wait = status.waitingFor ?? '';
  if (wait !== '' && printed.get(progress.workflowId) !== wait)
    lines.push(`${style.now} ${pad(plain(place), 8)} waits for ${plain(wait)}`);
  printed.set(progress.workflowId, wait);
  return lines;
}
