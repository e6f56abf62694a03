/** What the `inspect` command of a team says of itself, before a release relies on it. */
import type { PreflightFinding, Target } from '../../workflows/activity-contract.js';
import type { CommandResult } from '../hosts/host.js';
import { lastLine } from '../hosts/tail.js';
import { finding } from './host-findings.js';
import type { PlatformContext } from './platform.js';
import { whyNotYet } from './team-command.js';

/** Of sh: found and not executable, not found. Any other failure is inspect's own word for nothing there. */
const NOT_RUN = [126, 127];
/** Read in one line beside others. */
const WORDS = 200;

/** `template` null = there is no inspect. `result` null = nothing was released yet to ask it with. */
export function findingsOfInspect(
  context: PlatformContext,
  template: string | null,
  result: CommandResult | null,
): PreflightFinding[] {
  if (template === null) return [];
  if (result === null)
    return [
      finding(
        context,
        'inspect',
        'warning',
        `not asked: ${whyNotYet(context.target, template) ?? 'nothing answered'}`,
      ),
    ];
  const { exitCode, stdout, stderr } = result;
  const said = lastLine(stderr === '' ? stdout : stderr).slice(0, WORDS);
  const ended = `exited ${exitCode ?? 'without a result'}${said === '' ? '' : `: ${said}`}`;
  if (exitCode !== null && NOT_RUN.includes(exitCode)) return [notRun(context, ended)];
  const printed = stdout.trim();
  if (exitCode === 0 && printed !== '')
    return [finding(context, 'inspect', 'ok', `says ${lastLine(printed).slice(0, WORDS)}`)];
  const why = exitCode === 0 ? 'printed nothing' : ended;
  const { live, colour } = context.target;
  // a colour may well be empty
  if (live === null || colour !== null)
    return [finding(context, 'inspect', 'ok', `nothing is there yet: it ${why}`)];
  return [
    finding(
      context,
      'inspect',
      'warning',
      `finds nothing although ${live.version} is live: it ${why}`,
      'see what runs there; inspect must print what is deployed, or an undo cannot be held against it',
    ),
  ];
}

function notRun(context: PlatformContext, ended: string): PreflightFinding {
  return finding(
    context,
    'inspect',
    isNew(context.target) ? 'problem' : 'warning',
    `could not be run, so nobody knows what is there: it ${ended}`,
    'correct inspect, or install what it runs; a script that the release itself brings: inspect: test ! -e SCRIPT || SCRIPT',
  );
}

/** Going back is never kept up by a question. */
function isNew({ kind }: Target): boolean {
  return kind === undefined || kind === 'deploy';
}
