/** One event starts one release, however often and whenever it is told. */
import type { ReleaseRequest } from '../../workflows/messages.js';
import type { TemporalLink } from '../connect.js';
import { findRun, findRunWhere, type ReleaseRun } from '../release-runs.js';
import {
  aimOf,
  idsOf,
  startFirst,
  startOrJoin,
  startWhereItBelongs,
  type StartedRelease,
} from '../start-release.js';

export interface StartedOnce extends StartedRelease {
  /** `again`: this event has had its release, nothing was started. */
  how: 'started' | 'joined' | 'again';
}

/**
 * The release is durable when this resolves, whether a worker runs or not. An event has had its release when a run of the
 * same version and aim carries its request id, or ended after it happened: it was joined then. Remembered as long as the
 * namespace keeps ended runs.
 */
export async function startReleaseOnce(
  link: TemporalLink,
  request: ReleaseRequest,
  happenedAtMs: number | null,
): Promise<StartedOnce> {
  const first = await startFirst(link, request);
  if (first !== null) return told(first);
  const { plain, beside } = idsOf(request);
  const aim = aimOf(request);
  const isHad = (run: ReleaseRun): boolean =>
    run.aim === aim &&
    (run.requestId === request.requestId ||
      (run.closedAtMs !== null && happenedAtMs !== null && run.closedAtMs >= happenedAtMs));
  const [atPlain, atBeside] = await Promise.all([findRun(link, plain), findRun(link, beside)]);
  const had = [atPlain, atBeside].find((run) => run !== null && isHad(run));
  if (had !== undefined && had !== null) return again(link, had);
  if (atBeside?.closedAtMs === null) return told(await startOrJoin(link, beside, request));
  if (atPlain !== null && atPlain.aim !== aim && mayHideEarlier(atPlain, happenedAtMs)) {
    const earlier = await findRunWhere(link, plain, isHad);
    if (earlier !== null) return again(link, earlier);
  }
  return told(await startWhereItBelongs(link, request));
}

/** Runs of one id follow one another: where this one ended before the event, so did those before it. */
function mayHideEarlier({ closedAtMs }: ReleaseRun, happenedAtMs: number | null): boolean {
  return closedAtMs === null || happenedAtMs === null || closedAtMs >= happenedAtMs;
}

function told(started: StartedRelease): StartedOnce {
  return { ...started, how: started.joined ? 'joined' : 'started' };
}

function again(link: TemporalLink, { workflowId, runId }: ReleaseRun): StartedOnce {
  return { workflowId, runId, joined: true, url: link.linkTo(workflowId, runId), how: 'again' };
}
