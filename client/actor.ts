import { userInfo } from 'node:os';
import type { Actor } from '../workflows/messages.js';
import { oneLine } from '../workflows/plain-text.js';
import { runGit } from './git.js';

/**
 * Who the decision is said to come from: SLIPWAY_ACTOR, the person behind the CI run, git's e-mail (what authors are
 * compared with), else the account. A claim, not a proof.
 */
export async function claimActor(env: Record<string, string | undefined>, cwd: string): Promise<Actor> {
  const named = env['SLIPWAY_ACTOR'] ?? env['GITHUB_ACTOR'];
  if (named !== undefined && named !== '') return { by: cleaned(named), proof: 'unverified' };
  const email = await runGit(cwd, ['config', 'user.email']);
  return { by: cleaned(email ?? userInfo().username), proof: 'unverified' };
}

/** A name on screens and in lists for months: one line, not a page. */
function cleaned(name: string): string {
  return oneLine(name).trim().slice(0, 100);
}
