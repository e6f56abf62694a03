/** Whose a thing on a host is, and which change wrote it last: kept on the thing itself, where a platform can. */
import { refused, staleFence } from '../failure.js';
import { placeOf } from './host-question.js';
import type { PlatformContext } from './platform.js';

export interface Mark {
  /** `pipeline/environment`; null = nobody has marked it. */
  owner: string | null;
  /** Token of the change that wrote it; 0 = none. */
  fence: number;
}

/** `pipeline/environment`: who a thing belongs to. */
export function ownerOf(context: PlatformContext): string {
  return `${context.target.plan.pipeline}/${context.target.plan.name}`;
}

/** Throws Refused when another pipeline owns `thing`, StaleFence when a newer change has it; without an owner it may be taken. */
export function requireNotAnothers(
  context: PlatformContext,
  thing: string,
  { owner, fence }: Mark,
  wayOut: string,
): void {
  const ours = ownerOf(context);
  if (owner !== null && owner !== ours) {
    throw refused({
      what: `${thing} belongs to ${owner}, not to ${ours}`,
      where: placeOf(context),
      why: null,
      wayOut,
    });
  }
  if (fence > context.target.token) {
    throw staleFence({
      what: `${thing} has seen token ${fence}, this change has ${context.target.token}`,
      where: placeOf(context),
      why: null,
      wayOut: 'a newer change owns this environment; look at its status',
      seenToken: fence,
    });
  }
}
