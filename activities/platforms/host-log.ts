/** The deploy log on the host itself (`host-log:`): a line per change, for whoever is logged in there. */
import { placeOf } from './host-question.js';
import { refused } from '../failure.js';
import type { PlatformContext } from './platform.js';

const APPEND_TIMEOUT_MS = 15_000;

export async function writeHostLog(context: PlatformContext, what: string): Promise<void> {
  const { plan, version, commit, token } = context.target;
  if (plan.hostLog === null) return;
  const line = `${plan.pipeline} ${plan.name} ${version} ${commit.sha.slice(0, 7)} token ${token}: ${what}`;
  // The host's own clock: these lines are read beside its other logs.
  const script = `mkdir -p -- "\${1%/*}" && printf '%s %s\\n' "$(date -u +%FT%TZ)" "$2" >>"$1"`;
  const result = await context.host.run({
    argv: ['sh', '-c', script, 'sh', plan.hostLog, line.replaceAll(/[\r\n]+/g, ' ')],
    timeoutMs: APPEND_TIMEOUT_MS,
    fence: context.fence,
  });
  if (result.exitCode === 0) return;
  throw refused({
    what: `the deploy log ${plan.hostLog} cannot be written`,
    where: placeOf(context),
    why: result.stderr,
    wayOut: 'correct host-log: or give the ssh user the right to write there',
  });
}
