import type { GatePlan } from '../../pipeline/plan.js';
import type { JobUser } from '../job-user/job-user.js';
import type { Github } from '../github/connect.js';
import type { Source } from '../source/source.js';

export interface GateDependencies {
  source: Source;
  github: Github;
  /** Who runs commands of a commit; null = the worker's own user. */
  jobUser: () => Promise<JobUser | null>;
  scrub: (text: string) => string;
  /** Full sha of what an environment serves now, as far as anybody vouches for it; null = nothing. */
  liveCommit: (pipeline: string, environment: string) => Promise<string | null>;
}

export type CommandGate = Extract<GatePlan, { kind: 'run' }>;

/** A note goes into histories: what is quoted in it ends here. */
export const NOTE_CHARACTERS = 2000;

export interface GateAnswer {
  /** waived = it would have failed, but for exceptions people answer for. */
  verdict: 'pass' | 'fail' | 'waived' | 'error';
  note: string;
  /** sha256 (hex) of the report that was read; of several, over the hashes of all. */
  reportSha?: string;
}
