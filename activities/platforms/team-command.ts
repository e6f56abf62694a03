/** Where a team's own command runs: on a host as it is, on the worker in the files of the commit, as checks and gates do. */
import { isOnWorker } from '../../pipeline/places-of-plan.js';
import { namesIn, RUN_NAMES } from '../../pipeline/templates.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { JobUsers } from '../job-user/job-users.js';
import { withCheckout } from '../source/checkout.js';
import type { Source } from '../source/source.js';

/** What a command is started with. */
export interface TeamCommand {
  argv: string[];
  cwd?: string;
  env: Record<string, string>;
  isTeams: true;
}

/** `text` is shell. Calls `work` with the command as it is to be started; of another commit than the target's if it says so. */
export type RunTeamCommand = <T>(
  text: string,
  env: Record<string, string>,
  work: (command: TeamCommand) => Promise<T>,
  commit?: string,
) => Promise<T>;

/**
 * A command may outlive the activity that began it, when the worker stops: then it takes its checkout away itself. The next
 * attempt makes another one and attaches to the command.
 */
const IN_CHECKOUT = 'sh -c "$1"; code=$?; cd /; rm -rf -- "$0" 2>/dev/null; exit $code';

/** Where nothing was released there is nothing to ask some questions with; null = this one can be asked. */
export function whyNotYet({ plan, commit }: Target, template: string): string | null {
  if (commit.sha !== '') return null;
  if (isOnWorker(plan)) return NO_COMMIT_TO_RUN_IN;
  const named = namesIn(template);
  const unknown = RUN_NAMES.find((name) => name !== 'colour' && named.includes(name));
  return unknown === undefined ? null : `nothing is live, so {${unknown}} has no value`;
}

export const NO_COMMIT_TO_RUN_IN = 'nothing is live, so there is no commit to run it in';

export function teamCommands(
  { source, jobUserOf }: { source: Source; jobUserOf: JobUsers['ofEnvironment'] },
  target: Target,
  signal: AbortSignal,
): RunTeamCommand {
  return async (text, env, work, commit = target.commit.sha) => {
    const { plan } = target;
    // nothing was ever released there: who only looks has no commit
    if (!isOnWorker(plan) || commit === '')
      return await work({ argv: ['sh', '-c', text], env, isTeams: true });
    const mirror = await source.fetchCommit(plan.repository.url, commit, signal);
    const user = await jobUserOf(plan);
    const isInUse = (): boolean => signal.aborted && signal.reason !== 'kill';
    return await withCheckout({ mirror, commit, user, signal, isInUse }, (checkout) => {
      const { folder: cwd } = checkout;
      return work({
        argv: ['sh', '-c', IN_CHECKOUT, cwd, text],
        cwd,
        env: { ...checkout.env, ...env },
        isTeams: true,
      });
    });
  };
}
