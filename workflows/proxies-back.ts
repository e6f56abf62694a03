/** The proxies of several hosts, back to where each of them led: all at once, as one activity. */
import type { Colour } from '../pipeline/plan.js';
import { all } from './all.js';
import type { SwitchInput, UndoResult } from './activity-contract.js';
import { perform, type Calling } from './activity-options.js';
import { failedApart, targetOnAll, type ChangeRun } from './change-run.js';
import { orApart } from './or-apart.js';
import type { PriorState } from './result.js';
import { calling } from './step.js';
import { onHosts } from './target-hosts.js';

/**
 * What each of them led to when the change to `colour` began. null = nowhere, or there already: a host that stood apart
 * has the release before the last in it, and gets this one in place. Hosts that nobody looked at are not in it.
 */
export function servedBefore(prior: PriorState[], colour: Colour | null): Record<string, Colour | null> {
  return Object.fromEntries(
    prior.flatMap(({ host, serving }) =>
      serving === undefined ? [] : [[host, serving === colour ? null : serving]],
    ),
  );
}

/** Those that were switched, or begun to be; who stands apart has been seen to. */
export async function switchProxiesBack(run: ChangeRun): Promise<UndoResult> {
  const apart = failedApart(run).map(({ host }) => host);
  const left = run.switchedHosts.filter((host) => !apart.includes(host));
  if (run.input.request.kind === 'readmit') return await switchReadmittedBack(run, left);
  const hosts = run.input.request.plan.hosts.filter(({ name }) => left.includes(name));
  const move = hosts.length === 0 ? null : moveBack(run);
  if (move === null) return { outcome: 'undone', note: 'no proxy served anything before' };
  const input = { ...move, target: onHosts(targetOnAll(run), hosts) };
  const result = await perform('switchTraffic', input, {
    ...calling(run, `back to ${move.to}`),
    insist: true,
    priority: 1,
  });
  run.backMs = result.tookMs;
  return { outcome: 'undone', note: result.note };
}

async function switchReadmittedBack(run: ChangeRun, hosts: string[]): Promise<UndoResult> {
  await all(
    hosts.map((host) => {
      const switching = { ...calling(run, `${host} back`), priority: 1 };
      return orApart(run, host, switching, (limited) => switchHostBack(run, host, limited));
    }),
  );
  return { outcome: 'undone', note: hosts.join(', ') };
}

/** One host, before it is put back. */
export async function switchHostBack(run: ChangeRun, host: string, limited: Calling): Promise<void> {
  const move = run.switchedHosts.includes(host) ? moveBack(run) : null;
  if (move !== null && move.before[host] !== null) await perform('switchTraffic', { ...move, host }, limited);
}

/** null = nothing served before, on any of them. */
function moveBack({ target, previousColour, prior }: ChangeRun): (SwitchInput & Before) | null {
  const each = eachBefore(prior, target.colour);
  const to = previousColour ?? anyBefore(each);
  return to === null ? null : { to, from: target.colour, requireHealthy: false, ...each };
}

/** What any of them led to, where no release was live that had a colour. */
export function anyBefore({ before }: Before): Colour | null {
  return Object.values(before).find((colour) => colour !== null) ?? null;
}

/** As a switch back is told it. */
type Before = Required<Pick<SwitchInput, 'before'>> & Pick<SwitchInput, 'mute'>;

export function eachBefore(prior: PriorState[], colour: Colour | null): Before {
  const mute = prior.flatMap((state) => (state.mute === true ? [state.host] : []));
  return { before: servedBefore(prior, colour), ...(mute.length === 0 ? {} : { mute }) };
}
