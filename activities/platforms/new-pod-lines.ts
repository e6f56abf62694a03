/**
 * What the pods of a release have written since a moment, from each node's kubelet through the API server. The containers
 * of one place in a pod run one after the other by one clock, so the time of the last line that was seen says where to go
 * on, also over a restart. A kubelet keeps the run before the present one and, of each, what it has not rotated away: that
 * last line must be met again, or lines may be missing.
 */
import { z } from 'zod';
import { isRefusal, whatOf } from '../failure.js';
import type { Question } from '../kubernetes/cluster.js';
import type { ContainerStatus, Pod } from '../kubernetes/objects.js';
import { pinnedImage, sameImage } from './image-reference.js';
import { logPathOf, readBelongings, requireWorkload, type WorkloadName } from './kubernetes-workload.js';
import { MOST_LINES, newestOf, readLines, type LogLine } from './log-lines.js';
import type { LogsFrom, NewLogs, PlatformContext } from './platform.js';

/** Has ended for good, and was read to its end. */
const ENDED = 'ended';

/** Time of the last line, '' = none yet, and how often the container had been restarted. */
const SEEN = z.tuple([z.string(), z.number()]);
type Seen = z.infer<typeof SEEN>;

const CURSOR = z.object({
  /** By this worker's clock; a kubelet is only told how long ago it was, and goes by its own. */
  sinceMs: z.number(),
  /** By pod and container. */
  seen: z.record(z.string(), z.union([SEEN, z.literal(ENDED)])),
});
type Cursor = z.infer<typeof CURSOR>;

/** One place in a pod, whose container may be another after a restart. */
interface Place {
  key: string;
  pod: Pod;
  container: string;
  status: ContainerStatus;
  /** Nothing more will come. */
  ended: boolean;
}

interface Look {
  lines: LogLine[];
  seen: Cursor['seen'][string] | undefined;
  missing: string | null;
}

/** How many logs are asked for at a time. */
const AT_ONCE = 8;

/** Throws when the cluster cannot be asked at all, or a workload is gone. */
export async function readNewPodLines(
  context: PlatformContext,
  workloads: readonly WorkloadName[],
  from: LogsFrom,
): Promise<NewLogs> {
  const before: Cursor =
    'cursor' in from ? CURSOR.parse(JSON.parse(from.cursor)) : { sinceMs: Date.now() - from.agoMs, seen: {} };
  const places: Place[] = [];
  let isThere = false;
  for (const name of workloads) {
    const found = await placesOf(context, name);
    isThere ||= found.isThere;
    places.push(...found.places);
  }
  const after: Cursor = { sinceMs: before.sinceMs, seen: {} };
  const lines: string[] = [];
  const missing = goneSince(before, places);
  if (!isThere) missing.push('there is no pod of this release');
  for (let first = 0; first < places.length; first += AT_ONCE) {
    const some = places.slice(first, first + AT_ONCE);
    const looks = await Promise.all(
      some.map(async (place) => ({ place, look: await lookAt(context, place, before) })),
    );
    for (const { place, look } of looks) {
      lines.push(...look.lines.map(({ said }) => said));
      if (look.seen !== undefined) after.seen[place.key] = look.seen;
      if (look.missing !== null) missing.push(`${nameOf(place.key)}: ${look.missing}`);
    }
  }
  return {
    lines,
    cursor: JSON.stringify(after),
    repeats: false,
    missing: missing.length === 0 ? null : missing.join('; '),
  };
}

/** Whose container is of this release; those of an earlier one, and sidecars, write for themselves. */
async function placesOf(
  context: PlatformContext,
  name: WorkloadName,
): Promise<{ isThere: boolean; places: Place[] }> {
  const released = context.target.artifacts.filter(({ kind }) => kind === 'image').map(pinnedImage);
  const isReleased = ({ image = '' }: { image?: string | undefined }): boolean =>
    released.some((each) => sameImage(each, image));
  const { pods } = await readBelongings(context, name, await requireWorkload(context, name));
  const isThere = pods.some(({ spec }) => spec.containers.some(isReleased));
  const places = pods.flatMap((pod) => {
    const { spec, status, metadata } = pod;
    const isOver = status.phase === 'Succeeded' || status.phase === 'Failed';
    const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    return [...(spec.initContainers ?? []), ...spec.containers].filter(isReleased).flatMap((each) => {
      const found = statuses.find((one) => one.name === each.name);
      if (found === undefined || !hasStarted(found)) return [];
      const end = found.state?.terminated;
      const isPrepared = end?.exitCode === 0 && spec.initContainers?.includes(each) === true;
      const key = `${metadata.name}/${each.name}#${metadata.uid.slice(0, 8)}`;
      const ended = end !== undefined && (isOver || isPrepared);
      return [{ key, pod, container: each.name, status: found, ended }];
    });
  });
  return { isThere, places };
}

/** Without the uid, which tells two pods of one name apart. */
function nameOf(key: string): string {
  return key.replace(/#.*$/, '');
}

function hasStarted({ state, lastState, restartCount }: ContainerStatus): boolean {
  const runs = state?.running ?? state?.terminated ?? lastState?.terminated;
  return runs !== undefined || restartCount > 0;
}

/** With a pod its log goes, and the last words in it. */
function goneSince({ seen }: Cursor, places: Place[]): string[] {
  return Object.keys(seen)
    .filter((key) => seen[key] !== ENDED && !places.some((place) => place.key === key))
    .map((key) => `${nameOf(key)} is gone with what it wrote last`);
}

async function lookAt(context: PlatformContext, place: Place, before: Cursor): Promise<Look> {
  const known = before.seen[place.key];
  if (known === ENDED) return { lines: [], seen: ENDED, missing: null };
  const { status } = place;
  const last = known?.[0] ?? '';
  const isMet = (run: LogLine[]): boolean => run.some(({ at }) => at === last);
  let missing: string | null = null;
  let earlier: LogLine[] = [];
  let present: LogLine[] = [];
  try {
    if (!isWaiting(status)) present = await readRun(context, place, sinceFor(known, before));
    // once the present run is known, the one before it was read to its end
    const goesOn = last === '' ? known?.[1] === status.restartCount : isMet(present);
    // a restart may be younger than what the cluster says of it
    if (isWaiting(status) || (!goesOn && (status.restartCount > 0 || last !== ''))) {
      const range = { ...sinceFor(known, before), previous: 'true' };
      const found = await readRun(context, place, range).catch(asGone);
      if (!(found instanceof Unreadable)) earlier = found;
      else if (status.restartCount > 0) missing = found.message;
    }
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Unreadable)) throw error;
    return { lines: [], seen: place.ended ? ENDED : known, missing: error.message };
  }
  if (Math.max(earlier.length, present.length) >= MOST_LINES)
    missing ??= `only its newest ${MOST_LINES} lines were read`;
  if (isLost(status, known, before)) missing ??= 'it was restarted more often than its log was read';
  // the last line was asked for again
  const isWhole = last === '' || isMet(earlier) || isMet(present);
  if (!isWhole) missing ??= 'its log was begun anew between two looks';
  const lines = freshOf([earlier, present], last);
  const seen: Seen = [newestOf(lines, isWhole ? last : ''), status.restartCount];
  return { lines, seen: place.ended ? ENDED : seen, missing };
}

/** Of an earlier run whose log was taken away nothing is expected any more. */
function asGone(error: unknown): Unreadable {
  if (error instanceof Unreadable && error.forGood) return error;
  throw error;
}

function isWaiting({ state }: ContainerStatus): boolean {
  return state?.waiting !== undefined;
}

/** Number of the earliest run whose log is still there: the one before the present one, which a waiting container has not. */
function oldestReadable(status: ContainerStatus): number {
  return isWaiting(status) ? status.restartCount : Math.max(0, status.restartCount - 1);
}

/** Was there a run since the beginning, or since the last look, that can no longer be read? */
function isLost(status: ContainerStatus, known: Seen | undefined, { sinceMs }: Cursor): boolean {
  const oldest = oldestReadable(status);
  if (known !== undefined) return oldest > known[1];
  const startedAt = Date.parse(status.lastState?.terminated?.startedAt ?? '');
  // what the oldest one there was started after, has ended before it
  return oldest > 0 && !(startedAt <= sinceMs);
}

/** Each line once, also if two answers are of one run: the second is of a later one, or the same again. */
function freshOf(runs: readonly LogLine[][], last: string): LogLine[] {
  let seen = last;
  return runs.flatMap((run) => {
    const fresh = run.filter(({ at }) => at > seen);
    seen = newestOf(fresh, seen);
    return fresh;
  });
}

function sinceFor(known: Seen | undefined, { sinceMs }: Cursor): Record<string, string> {
  const [last = ''] = known ?? [];
  // both are in seconds; the lines' own times decide
  if (last !== '') return { sinceTime: `${last.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z` };
  return { sinceSeconds: String(Math.max(1, Math.ceil((Date.now() - sinceMs) / 1_000))) };
}

class Unreadable extends Error {
  constructor(
    message: string,
    /** The answer was no, and will be no. */
    readonly forGood: boolean,
  ) {
    super(message);
  }
}

/** Throws Unreadable, with why. */
async function readRun(
  context: PlatformContext,
  { pod, container }: Place,
  range: Record<string, string>,
): Promise<LogLine[]> {
  const cluster = await context.cluster();
  const query = { container, timestamps: 'true', tailLines: String(MOST_LINES), ...range };
  const question: Question = { method: 'GET', path: logPathOf(pod), query, signal: context.signal };
  const text = await cluster.read(question).catch((error: unknown) => {
    const what = whatOf(error);
    throw new Unreadable(what, isRefusal(error));
  });
  if (text === null) throw new Unreadable('the pod is gone', true);
  const { lines, unstamped } = readLines(text);
  // a kubelet that has lost a log says so in the place of it
  if (unstamped[0] !== undefined) throw new Unreadable(unstamped[0].slice(0, 200), true);
  return lines;
}
