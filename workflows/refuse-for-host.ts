/** What people may say of a host that stands apart from its environment. Pure. */
import type { HostWaiting } from './messages.js';

export interface HostsApart {
  environment: string;
  /** Why nothing enters, `what; way out`; null = it may. */
  closed: string | null;
  apart: HostWaiting[];
  /** As `arrivingOf` says. */
  arriving: string | null;
}

/** Why a host that stands apart cannot be tried now or left out, `what; way out`; null = it can. */
export function refuseForHost(
  { environment, closed, apart, arriving }: HostsApart,
  { name, host }: { name: 'retryStep' | 'skipHost'; host: string | null },
): string | null {
  const quarantined = apart.filter(({ state }) => state === 'quarantined');
  const names = quarantined.map((each) => each.host).join(', ');
  if (arriving !== null)
    return `${arriving} is on its way to every host of ${environment}; slipway watch ${environment}, and if a step holds: slipway retry ${environment}`;
  const meant = apart.find((each) => each.host === host);
  if (host !== null && meant === undefined)
    return `${host} does not stand apart from ${environment}; hosts that do: ${apart.map((each) => each.host).join(', ')}`;
  if (meant?.state === 'before' || names === '')
    return `${host ?? 'what stands apart'} keeps the release before until the next one; slipway release VERSION --to ${environment}`;
  if (name === 'retryStep') return closed;
  if (host === null) return `which host? slipway skip-host ${environment} HOST; in quarantine: ${names}`;
  return meant?.againAt === null
    ? `${host} is left out until the next release already; slipway retry ${environment} --host ${host}`
    : null;
}
