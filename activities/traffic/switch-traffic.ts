/**
 * The one activity that moves traffic, and the whole way back: fence, last look, persist, apply, then believe only
 * what the proxy answers. Done twice is done once; a crash anywhere is repaired by the next attempt.
 */
import {
  targetOf,
  type Activities,
  type SwitchInput,
  type SwitchResult,
  type Target,
} from '../../workflows/activity-contract.js';
import { atEachProxy, hostOf } from '../../workflows/target-hosts.js';
import { activitySignal, heartbeatWhile, stoppedFailure } from '../cancellation.js';
import { answersToConfirm, canSplit, type ConfirmPlan } from '../../pipeline/plan-traffic.js';
import { valueOf } from '../platforms/several-hosts.js';
import { badInput, isRefusal, refused, unreachable } from '../failure.js';
import { requireHealthy } from './last-look.js';
import { observeBoth } from './observe-both.js';
import { observeColour, type Accepts, type Observation } from './observe-colour.js';
import { openTraffic, type OpenTraffic, type TrafficDependencies } from './open-traffic.js';
import { probeColour } from './probe-colour.js';
import type { Look } from './traffic.js';

export function createSwitchTraffic(dependencies: TrafficDependencies): Activities['switchTraffic'] {
  return (input) =>
    heartbeatWhile<SwitchResult, string>(async (report) => {
      const signal = activitySignal();
      const said = new Map<string, string>();
      const say = (url: string, seen: string): void => {
        said.set(url, seen);
        report([...said].map((each) => each.join(': ')).join('; '));
      };
      try {
        return await switchProxies(dependencies, input, { signal, say });
      } catch (error) {
        // what the proxy was told stays told: the undo, or the next attempt, looks at what it serves
        if (signal.aborted) throw stoppedFailure(signal, `traffic of ${targetOf(input).plan.name}`, error);
        throw error;
      }
    });
}

/** The one proxy, or those of all hosts of the target at the same time; the first failure is thrown once all have ended. */
async function switchProxies(
  dependencies: TrafficDependencies,
  input: SwitchInput,
  progress: Progress,
): Promise<SwitchResult> {
  const { before = {}, mute = [], to, ...rest } = input;
  const settled = await Promise.allSettled(
    atEachProxy(targetOf(input)).flatMap((target) => {
      const host = hostOf(target);
      const was = before[host];
      if (was === null) return [];
      const one = { ...rest, target, to: was ?? to, mute: mute.includes(host) };
      return [switchTraffic(dependencies, one, progress)];
    }),
  );
  const [first, ...others] = settled.map(valueOf);
  if (first === undefined) return { confirmed: 0, tookMs: 0, note: 'no proxy led anywhere before' };
  if (others.length === 0) return first;
  const all = [first, ...others];
  return {
    confirmed: Math.min(...all.map(({ confirmed }) => confirmed)),
    tookMs: Math.max(...all.map(({ tookMs }) => tookMs)),
    note: `${to}, confirmed by ${all.length} proxies`,
  };
}

/** Of one proxy. */
type OneSwitch = Omit<SwitchInput, 'before' | 'mute'> & { target: Target; mute?: boolean };

interface Progress {
  signal: AbortSignal;
  /** What has been seen so far at an address, after every answer. */
  say: (url: string, seen: string) => void;
}

/** Refused, StaleFence, ForeignHand and BadInput as in failures.ts; whatever may pass is retryable. */
export async function switchTraffic(
  dependencies: TrafficDependencies,
  input: OneSwitch,
  { signal, say }: Progress,
): Promise<SwitchResult> {
  const startedAt = performance.now();
  const { target, to, share } = input;
  const isBack = !input.requireHealthy;
  const traffic = await openTraffic(dependencies, target, isBack ? 'back' : 'forward');
  // a switch that waits for the proxy's lock outlives its worker: on the way back it is ended first
  const claimed = isBack ? traffic.keeper.claim(traffic.fence, '') : traffic.keeper.claim(traffic.fence);
  const looked = input.requireHealthy ? requireHealthy(dependencies, target, to, signal) : null;
  const found = traffic.look();
  // none of them moves traffic, so they run side by side; a newer token is the first thing to hear of
  await Promise.allSettled([claimed, looked, found]);
  await claimed;
  await looked;
  let look = await found;
  // what was ended while we looked may have moved it
  if (isBack && look.colour === to) look = await traffic.look();
  if (share !== undefined && !canSplit(traffic.plan)) throw cannotSplit(traffic);
  const there = await isThere(traffic, look, input, signal);
  const refusal = there ? null : await apply(traffic, look, input, signal);

  const confirm = confirmOf(traffic, share);
  const observedFrom = performance.now();
  if (share !== undefined) {
    const onAnswer = (answers: number): void =>
      say(confirm.url, `${answers} of ${confirm.times} answers of both colours`);
    const both = await observeBoth({ confirm, signal, onAnswer });
    if (!both.seen) throw notShared(traffic, input, both.lastWrong);
    const tookMs = Math.round(performance.now() - startedAt);
    return { confirmed: both.answers, tookMs, note: `${to} has ${share}%, both colours answer` };
  }
  const onAnswer = ({ confirmed, lastWrong }: Observation): void => {
    const before = lastWrong === null ? '' : `, before that ${lastWrong.seen}`;
    say(confirm.url, `${confirmed} of ${confirm.times} answers of ${to} in a row${before}`);
  };
  const seen = await observeColour({ confirm, colour: to, accepts: whatCounts(input), signal, onAnswer });
  if (refusal !== null && (seen.confirmed < confirm.times || (await traffic.look()).colour !== to))
    throw refusal;
  if (seen.silent)
    return {
      ...{ confirmed: seen.confirmed, tookMs: Math.round(observedFrom - startedAt) },
      note: `${to}, where nothing was before and nothing answers`,
    };
  if (seen.confirmed < confirm.times || seen.firstAfterMs === null)
    throw notConfirmed(traffic, { input, confirm, seen });
  const tookMs = Math.round(observedFrom - startedAt + seen.firstAfterMs);
  return {
    confirmed: seen.confirmed,
    tookMs,
    note: `${to}, confirmed ${seen.confirmed} of ${confirm.times}`,
  };
}

function whatCounts({ target, requireHealthy, mute }: OneSwitch): Accepts {
  if (requireHealthy) return 'well';
  return target.live === null || mute ? 'not-the-other' : 'sick';
}

/** A share is confirmed by both colours; all users by a row that a share left over would have broken. */
function confirmOf({ plan }: OpenTraffic, share: number | undefined): ConfirmPlan {
  return share === undefined ? { ...plan.confirm, times: answersToConfirm(plan) } : plan.confirm;
}

/** Persisted and applied already: an earlier attempt lost its answer, or there was nothing to do. */
async function isThere(
  traffic: OpenTraffic,
  { colour }: Look,
  { to, share }: OneSwitch,
  signal: AbortSignal,
): Promise<boolean> {
  // of a proxy that splits its users one answer tells nothing
  if (colour !== to || share !== undefined || traffic.plan.weights.length > 0) return false;
  return (await probeColour(traffic.plan.confirm, { signal })).colour === to;
}

/**
 * On the way back a refusal is not the last word: a proxy that was never switched need not be told, and so it is looked
 * at. Forward it is thrown.
 */
async function apply(
  traffic: OpenTraffic,
  look: Look,
  { to, from, share, requireHealthy }: OneSwitch,
  signal: AbortSignal,
): Promise<Error | null> {
  try {
    await look.switchTo(to, from, share);
    return null;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // a proxy that is down refuses everything, but will not for ever
    const { status, colour } = await probeColour(traffic.plan.confirm, { signal });
    if (status !== null && !requireHealthy && colour === to) return error;
    if (status !== null) throw error;
    throw unreachable({
      what: `the proxy does not answer, and could not be told to go to ${to}: ${error.message}`,
      where: traffic.host.name,
      why: null,
      wayOut: 'start the proxy; this is tried again by itself',
    });
  }
}

function notConfirmed(
  traffic: OpenTraffic,
  { input, confirm, seen }: { input: OneSwitch; confirm: ConfirmPlan; seen: Observation },
): Error {
  const { to, requireHealthy } = input;
  const details = {
    what: `${traffic.plan.kind === 'kubernetes' ? 'the Service' : 'the proxy'} was told to go to ${to}, but ${confirm.url} answered ${seen.lastWrong?.seen ?? 'too slowly'} within ${confirm.timeoutMs / 1000}s (${seen.confirmed} of ${confirm.times} in a row)`,
    where: traffic.host.name,
    why: null,
    wayOut:
      traffic.plan.kind === 'kubernetes'
        ? 'see that confirm.url leads to pods of this Service and no other way around it, and that its nodes follow it'
        : `look at the proxy's error log: a reload that could not be applied is only said there`,
  };
  // forward: the old colour serves, so stop and undo. On the way back there is nothing else to do than try again.
  return seen.answered && requireHealthy ? refused(details) : unreachable(details);
}

function notShared(
  traffic: OpenTraffic,
  { to, share, requireHealthy }: OneSwitch,
  lastWrong: string | null,
): Error {
  const { confirm } = traffic.plan;
  const details = {
    what: `the proxy was told to give ${to} ${share}% of the users, but within ${confirm.timeoutMs / 1000}s ${lastWrong === null ? 'only one colour answered' : `${confirm.url} answered ${lastWrong}`}`,
    where: traffic.host.name,
    why: null,
    wayOut: `look at the proxy's error log: a configuration that it did not take is only said there`,
  };
  return requireHealthy ? refused(details) : unreachable(details);
}

function cannotSplit({ plan, host }: OpenTraffic): Error {
  return badInput({
    what: `${plan.kind} cannot split users between the colours`,
    where: host.name,
    why: null,
    wayOut: 'leave out traffic.steps',
  });
}
