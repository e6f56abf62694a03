/** Hosts of an environment that do not serve what is live, and when that is tried there again. Pure. */
import { requestFor } from './environment-memory.js';
import type { ChangeRequest, EnvironmentState, GoesWithout, HostWaiting } from './messages.js';
import { oneLine } from './plain-text.js';
import { lastLine } from './report.js';
import { touchedNothing, type ChangeResult, type FailureReport, type HostApart } from './result.js';

/** A host that stands apart is put back or stopped within this, or left as it is: it must not hold up the others. */
export const SET_APART_WITHIN_MS = 120_000;

/** Of what a host printed. */
const LONGEST_WORDS = 200;

const MINUTE_MS = 60_000;
const AGAIN_MS = [5, 10, 20, 40, 60].map((minutes) => minutes * MINUTE_MS);

/** After a change. `touched`: hosts that a change which died may have brought its release to. */
export function apartAfter(
  before: HostWaiting[],
  request: ChangeRequest,
  result: ChangeResult,
  nowMs: number,
  touched: readonly string[] = [],
): HostWaiting[] {
  const { apart: found = [], live, state } = result;
  if (live === null) return [];
  const foundHere = (host: string): HostApart | undefined => found.find((each) => each.host === host);
  switch (request.kind) {
    case 'readmit':
      return before.flatMap((each) => {
        if (request.hosts?.includes(each.host) !== true) return [each];
        const now = foundHere(each.host);
        if (now === undefined && state === 'succeeded') return [];
        const why = now?.why ?? whyNotBack(each.host, request.hosts ?? [], result.failure) ?? each.why;
        // left out by a person while it was tried
        if (each.againAt === null) return [{ ...each, why }];
        return [waiting({ ...each, why }, each.tries + 1, nowMs)];
      });
    case 'recover':
    case 'retire':
      return before;
    case 'deploy':
    case 'redeploy':
    case 'rollback': {
      if (touchedNothing(result)) return before;
      const fresh = found.map((each) => waiting(each, 0, nowMs));
      // undone: who stood apart before was put back to just that
      const kept = state === 'succeeded' ? [] : before.filter(({ host }) => foundHere(host) === undefined);
      // a recovery leaves those in quarantine alone, so what is live comes to them at once
      const isTouched = (each: HostWaiting): boolean =>
        each.state === 'quarantined' && touched.includes(each.host);
      const againAt = new Date(nowMs).toISOString();
      return [...kept.map((each) => (isTouched(each) ? { ...each, againAt } : each)), ...fresh];
    }
  }
}

/** What failed and, where the host printed something, the line where the cause stands. */
export function withLastWords({ what, why }: Pick<FailureReport, 'what' | 'why'>): string {
  const said = why === null ? '' : oneLine(lastLine(why)).slice(0, LONGEST_WORDS);
  return said === '' || what.includes(said) ? what : `${what}: ${said}`;
}

/** The host's own part of a failure that names every host; null = there is none. */
function whyNotBack(host: string, hosts: string[], failure: FailureReport | null): string | null {
  if (failure === null) return null;
  const { what, why } = failure;
  const prefix = `${host}: `;
  if (hosts.length === 1)
    return withLastWords({ what: what.startsWith(prefix) ? what.slice(prefix.length) : what, why });
  const own = what.split('; ').find((part) => part.startsWith(prefix));
  return own?.slice(prefix.length) ?? what;
}

function waiting(apart: HostApart, tries: number, nowMs: number): HostWaiting {
  const pauseMs = AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)] ?? 0;
  const isTried = apart.state === 'quarantined' && apart.skippedBy === undefined;
  const againAt = isTried ? new Date(nowMs + pauseMs).toISOString() : null;
  const { host, state, why, since } = apart;
  return { host, state, why, since, againAt, tries };
}

/** Milliseconds of the next try; null = none is to be made. */
export function readmissionMs({ apart = [] }: EnvironmentState): number | null {
  const times = apart.flatMap(({ againAt }) => (againAt === null ? [] : [Date.parse(againAt)]));
  return times.length === 0 ? null : Math.min(...times);
}

/** What is live comes to every host whose time has come; null = to none. */
export function readmission(state: EnvironmentState, nowMs: number): ChangeRequest | null {
  const { live, apart = [], token } = state;
  const due = apart.filter(({ againAt }) => againAt !== null && Date.parse(againAt) <= nowMs);
  if (live === null || due.length === 0) return null;
  const people = [...new Set(due.flatMap(({ wordOf }) => wordOf ?? []))];
  const onWhoseWord = people.length === 0 ? '' : `, as ${people.join(' and ')} asked`;
  const asked = {
    requestId: `readmit-${token + 1}`,
    actor: { by: 'slipway', proof: 'unverified' as const },
    reason: `tried again${onWhoseWord}: ${due.map(({ host }) => host).join(', ')}`,
  };
  return { ...requestFor(live, 'readmit', asked), hosts: due.map(({ host }) => host) };
}

/** A person wants them tried now; `host` null = all in quarantine. `at` is ISO time. */
export function tryNow(
  state: EnvironmentState,
  host: string | null,
  by: string,
  at: string,
): EnvironmentState {
  return changeQuarantined(state, host, { againAt: at, wordOf: by });
}

/** A person wants the host left out until the next release. */
export function leaveOut(state: EnvironmentState, host: string | null, by: string): EnvironmentState {
  return changeQuarantined(state, host, { againAt: null, wordOf: by });
}

function changeQuarantined(
  state: EnvironmentState,
  host: string | null,
  change: Pick<HostWaiting, 'againAt' | 'wordOf'>,
): EnvironmentState {
  const isMeant = (each: HostWaiting): boolean =>
    each.state === 'quarantined' && (host === null || each.host === host);
  const apart = state.apart?.map((each) => (isMeant(each) ? { ...each, ...change } : each));
  return apart === undefined ? state : { ...state, apart };
}

/** The version that comes to every host now, those that stand apart included; null = none. */
export function arrivingOf({ inFlight }: EnvironmentState): string | null {
  if (inFlight === null || ['retire', 'readmit'].includes(inFlight.request.kind)) return null;
  return inFlight.request.version;
}

export function describeApart(state: HostApart['state']): string {
  return state === 'quarantined' ? 'quarantined' : 'keeps the release before';
}

/** `quarantined, again 14 Nov 12:10 UTC`; `format` says a moment (ISO) as the screen does. */
export function describeReturn(
  { state, againAt, wordOf }: Pick<HostWaiting, 'state' | 'againAt' | 'wordOf'>,
  format: (moment: string) => string,
): string {
  const again = againAt === null ? 'until the next release' : `again ${format(againAt)}`;
  return `${describeApart(state)}, ${again}${wordOf === undefined ? '' : `, says ${wordOf}`}`;
}

/** Those of the change in flight included. */
export function hostsInQuarantine({ apart = [], inFlight }: EnvironmentState): string[] {
  const hosts = [...apart, ...(inFlight?.apart ?? [])].filter(({ state }) => state === 'quarantined');
  return [...new Set(hosts.map(({ host }) => host))];
}

/** By a change that died: the recovery leaves them out, and what is live comes to them later. */
export function quarantinedBy(inFlight: EnvironmentState['inFlight']): HostApart[] {
  return (inFlight?.apart ?? []).filter(({ state }) => state === 'quarantined');
}

/** The change in flight goes on without a host. */
export function receiveApart(state: EnvironmentState, { requestId, apart }: GoesWithout): EnvironmentState {
  const { inFlight } = state;
  if (inFlight?.request.requestId !== requestId) return state;
  const others = (inFlight.apart ?? []).filter(({ host }) => host !== apart.host);
  return { ...state, inFlight: { ...inFlight, apart: [...others, apart] } };
}
