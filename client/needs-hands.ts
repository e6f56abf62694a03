/** Where an environment waits for a person's hands: what is parked or left in pieces, and which hosts stand apart. Pure. */
import { wayOutForPerson } from '../workflows/environment-memory.js';
import type { PreflightFinding } from '../workflows/activity-contract.js';
import { describeReturn } from '../workflows/hosts-apart.js';
import type { EnvironmentStatus, HostWaiting, ProgressStatus } from '../workflows/messages.js';
import type { FailureReport } from '../workflows/result.js';
import { untilRetried } from '../workflows/until-retried.js';
import { formatMoment } from './render/time.js';

export type Health = 'ok' | 'unknown' | 'needs a person' | 'being restored';

/** `thing` of findings about the environment itself, which no preflight looks at. */
export const ENVIRONMENT = 'environment';

const PARKED = 'a person: ';

/** `trouble`: what the last try met of what is tried again by itself, or how far this one is; absent = not asked for. */
export type ChangeInHand = ProgressStatus & { trouble?: string | null };

/** A change went neither forward nor back, and goes on by a person's word. `change` null = none is in flight. */
export function isParked(change: ProgressStatus | null): boolean {
  return change?.waitingFor?.startsWith(PARKED) === true;
}

/** Of what is live. While its database is restored it is stopped, or runs on one that is half there. */
export function healthOf(status: EnvironmentStatus | null, change: ProgressStatus | null): Health {
  if (status?.live == null) return 'unknown';
  if (status.needsPerson !== null || isParked(change)) return 'needs a person';
  return status.inFlight?.cutover?.rewinds === 'restore' ? 'being restored' : 'ok';
}

/** Of what is parked with a way out that is taken, also where an older worker says another. */
export function failureOf(change: ProgressStatus): FailureReport | null {
  const { failure, state, environment } = change;
  return failure !== null && state === 'waiting' && isParked(change)
    ? untilRetried(failure, environment)
    : failure;
}

/** Why it waits for a person; null = it does not, or the wait says it all. */
export function failureInHand(change: ChangeInHand | null): FailureReport | null {
  if (change?.state === 'waiting') return failureOf(change);
  if (change === null || !isParked(change)) return null;
  const { trouble = null, environment: where } = change;
  const wayOut = `${trouble === null ? 'look why' : 'mend that'}; it is tried again by itself`;
  return { what: parkedWhat(change), where, why: trouble, wayOut };
}

/** For doctor. What stands in the way of a release is a problem; a host apart is not, a release brings it back. */
export function findNeeds(status: EnvironmentStatus, change: ChangeInHand | null): PreflightFinding[] {
  const { environment, needsPerson, apart = [] } = status;
  const finding = (state: 'problem' | 'warning', message: string, wayOut: string): PreflightFinding => ({
    where: environment,
    thing: ENVIRONMENT,
    ...{ state, message, wayOut },
  });
  const held = change?.state === 'waiting' || isParked(change) ? change : null;
  const failure = failureInHand(held);
  return [
    ...(needsPerson === null ? [] : [finding('problem', needsPerson, wayOutForPerson(status))]),
    ...(held === null
      ? []
      : [
          finding(
            isParked(held) ? 'problem' : 'warning',
            [describeHeld(held), held.stopped, failure?.what, failure?.why]
              .filter((line) => line != null)
              .join('\n'),
            failure?.wayOut ?? `slipway watch ${environment}`,
          ),
        ]),
    ...apart.map((host) => finding('warning', describeApart(host), bringBack(host, status))),
  ];
}

function describeHeld({ version, waitingFor }: ProgressStatus): string {
  return `${version} is in flight and waits for ${waitingFor ?? 'a person'}`;
}

function parkedWhat({ waitingFor }: ProgressStatus): string {
  return waitingFor?.slice(PARKED.length) ?? '';
}

function describeApart(host: HostWaiting): string {
  return `${host.host} ${describeReturn(host, formatMoment)}: ${host.why}`;
}

/** A word about a host is not taken while something is in flight, or nothing may enter. */
function bringBack({ host, state, againAt }: HostWaiting, status: EnvironmentStatus): string {
  const { environment, inFlight, needsPerson, freeze } = status;
  if (state === 'before') return `the next release comes to it: slipway release VERSION --to ${environment}`;
  const retry = `slipway retry ${environment} --host ${host}`;
  if (inFlight !== null) return `mend it; once nothing is in flight: ${retry}`;
  if (needsPerson !== null) return `mend it; once a person has looked: ${retry}`;
  if (freeze !== null) return `mend it; once it is not frozen any more: ${retry}`;
  if (againAt === null) return `mend it, then ${retry}`;
  return `mend it, then ${retry}; slipway skip-host ${environment} ${host} leaves it out until the next release`;
}
