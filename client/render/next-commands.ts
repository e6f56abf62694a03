import type { ProgressStatus } from '../../workflows/messages.js';
import { plain } from './text.js';

/** What the person in front of the screen can type now, and is taken; the likeliest first. */
export function nextCommands({ state, waitingFor, environment, unwind, steps }: ProgressStatus): string[] {
  const name = plain(environment);
  const retry = `slipway retry ${name}`;
  const abort = `slipway abort ${name}`;
  // while it is tried again there is nothing to say
  if (state !== 'running' && unwind.some((one) => one.outcome === 'undo-failed')) return [retry];
  if (state === 'waiting') {
    const what = waitingFor ?? '';
    // these say what a person has written, so they come first
    if (what.startsWith('the end of a freeze by ')) return [`slipway unfreeze ${name}`, abort];
    if (what.startsWith('the end of a freeze')) return [abort];
    // what helps is told there, and it need not be `resume`
    if (what.startsWith('a person to look first')) return [`slipway status ${name}`, abort];
    // parked: neither forward nor back
    if (what.startsWith('a person: ')) return [retry];
    if (/approv/i.test(what)) return [`slipway approve ${name}`, `slipway reject ${name}`];
    if (/switch|traffic/i.test(what)) return [`slipway switch ${name}`, abort];
    if (/pause|resume/i.test(what)) return [`slipway resume ${name}`, abort];
    const hasFailed = steps.some((step) => step.state === 'failed' || step.state === 'inconclusive');
    return hasFailed ? [retry, abort] : [abort];
  }
  const baking =
    state === 'running' && steps.some((step) => step.name === 'bake' && step.state === 'running');
  return baking ? [`slipway rollback ${name}`] : [];
}
