/** What GitHub knows about a commit: statuses and check runs, in one shape. */
import { listStatuses } from './commit-status.js';
import type { GithubRepository } from './connect.js';

export interface CheckReport {
  name: string;
  /** Who reported it: `app 15368` for a check run, `status` for a commit status. */
  source: string;
  state: 'green' | 'red' | 'pending';
  /** GitHub's own word: `success`, `skipped`, `timed_out`, `in_progress`. */
  word: string;
  url: string | null;
}

/**
 * GitHub's own required checks take these for green as well. Everything else that has ended is red: failure,
 * cancelled, timed_out, action_required, stale, startup_failure, and words that come later.
 */
const GREEN = ['success', 'neutral', 'skipped'];

/** The newest report per name and source. */
export async function readChecks(repository: GithubRepository, sha: string): Promise<CheckReport[]> {
  const runs = await repository.list(
    `read the check runs of ${sha.slice(0, 12)}`,
    (octokit, at) =>
      octokit.request('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', { ...at, ref: sha }),
    (page) => page.check_runs,
  );
  const statuses = await listStatuses(repository, sha);
  // Ids grow: the last one of a name and app replaces those before it.
  const newest = new Map<string, CheckReport>();
  for (const run of [...runs].sort((a, b) => Number(a.id) - Number(b.id))) {
    const source = `app ${run.app?.id ?? 0}`;
    const word = run.status === 'completed' ? (run.conclusion ?? 'no conclusion') : run.status;
    const state = run.status === 'completed' ? (GREEN.includes(word) ? 'green' : 'red') : 'pending';
    newest.set(`${source} ${run.name}`, { name: run.name, source, state, word, url: run.html_url });
  }
  const reported = statuses.map((status): CheckReport => {
    const state = status.state === 'success' ? 'green' : status.state === 'pending' ? 'pending' : 'red';
    return { name: status.context, source: 'status', state, word: status.state, url: status.target_url };
  });
  return [...newest.values(), ...reported];
}
