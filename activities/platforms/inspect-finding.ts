/** What the `inspect` command of a team says of itself, before a release relies on it. */
import type { PreflightFinding, Target } from '../../workflows/activity-contract.js';
import { lastLine } from '../hosts/tail.js';
import { finding } from './host-findings.js';
import type { PlatformContext } from './platform.js';
import { whyNotYet } from './team-command.js';

/** Of sh: found and not executable, not found. Any other failure is inspect's own word for nothing there. */
const NOT_RUN = [126, 127];
/** Read in one line beside others. */
const WORDS = 200;

export interface Inspected {
  exitCode: number;
  /** null = nothing there: inspect fails or prints nothing. */
  printed: string | null;
  /** `printed nothing`, `exited 127`. */
  ended: string;
  /** What it said of itself. */
  said: string;
}

/** `template` null = there is no inspect. `looked` null = nothing was released yet to ask it with. */
export function findingsOfInspect(
  context: PlatformContext,
  template: string | null,
  looked: Inspected | null,
): PreflightFinding[] {
  if (template === null) return [];
  const say = (state: PreflightFinding['state'], message: string, wayOut: string | null = null) => [
    finding(context, 'inspect', state, message, wayOut),
  ];
  const { live, colour } = context.target;
  if (looked === null)
    return say('warning', `not asked: ${whyNotYet(context.target, template) ?? 'nothing answered'}`);
  const { exitCode, printed, ended } = looked;
  if (printed !== null) return say('ok', `says ${lastLine(printed).slice(0, WORDS)}`);
  const said = lastLine(looked.said).slice(0, WORDS);
  const why = said === '' ? ended : `${ended}: ${said}`;
  if (NOT_RUN.includes(exitCode))
    return say(
      isNew(context.target) ? 'problem' : 'warning',
      `could not be run, so nobody knows what is there: it ${why}`,
      'correct inspect, or install what it runs; a script that the release itself brings: inspect: test ! -e SCRIPT || SCRIPT',
    );
  // a colour may well be empty
  if (live === null || colour !== null) return say('ok', `nothing is there yet: it ${why}`);
  return say(
    'warning',
    `finds nothing although ${live.version} is live: it ${why}`,
    'see what runs there; inspect must print what is deployed, or an undo cannot be held against it',
  );
}

/** Going back is never kept up by a question. */
function isNew({ kind }: Target): boolean {
  return kind === undefined || kind === 'deploy';
}
