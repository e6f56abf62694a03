/** Whose a thing is, on a host or in a cluster, and which change wrote it last: kept on the thing itself, where a platform can. */
import { refused, staleFence } from '../failure.js';
import type { Fence } from './host.js';

export interface Mark {
  /** `pipeline/environment`; null = nobody has marked it. */
  owner: string | null;
  /** Token of the change that wrote it; 0 = none. */
  fence: number;
}

/** `pipeline/environment`: who a thing belongs to. */
export function ownerOf({ pipeline, environment }: Fence): string {
  return `${pipeline}/${environment}`;
}

/** Changes count from 1: who has token 0 asks for a person and writes nothing, so nothing is too new for it. */
export function onlyLooks({ token }: Fence): boolean {
  return token === 0;
}

/** Throws Refused when another pipeline owns `thing`, StaleFence when a newer change has it; without an owner it may be taken. */
export function requireNotAnothers(
  { fence, where }: { fence: Fence; where: string },
  thing: string,
  mark: Mark,
  wayOut: string,
): void {
  const ours = ownerOf(fence);
  if (mark.owner !== null && mark.owner !== ours)
    throw refused({ what: `${thing} belongs to ${mark.owner}, not to ${ours}`, where, why: null, wayOut });
  if (mark.fence > fence.token && !onlyLooks(fence))
    throw overtaken(
      where,
      mark.fence,
      `${thing} has seen token ${mark.fence}, this change has ${fence.token}`,
    );
}

/** StaleFence: `seenToken` is above ours, or takes back what this change would still do. */
export function overtaken(where: string, seenToken: number, what: string): Error {
  const wayOut = 'a newer change owns this environment; look at its status';
  return staleFence({ what, where, why: null, wayOut, seenToken });
}
