/** Tries, as the user, what it must be able to do and what it must not. */
import { lastLine } from '../hosts/tail.js';
import type { Account } from '../../pipeline/index.js';
import { refused } from '../failure.js';
import { plainEnvironment, runProcess, type ProcessResult } from '../processes/run-process.js';
import { withJobFolder } from './job-folder.js';
import type { JobUser } from './job-user.js';

/** Paths of the worker's own; what does not exist is nobody's. */
export interface PrivatePlaces {
  /** Keys, tokens, and folders of them. */
  secret: string[];
  /** What decides: policy, keys, sockets with rights behind them, the program itself. */
  deciding: string[];
}

const TIMEOUT_MS = 60_000;

/** Lines `read PATH` and `write PATH` for what it can, then `proven UID GID GROUPS`. */
const TRIAL = `touch here "$HOME/here" "$TMPDIR/here" || exit 1
for p; do
  case $p in --) deciding=1; continue;; esac
  if [ "$deciding" ]; then [ ! -w "$p" ] || echo "write $p"
  elif [ -r "$p" ] || { [ -d "$p" ] && [ -x "$p" ]; }; then echo "read $p"
  fi
done
echo "proven $(id -u) $(id -g) $(id -G)"`;

/** Throws Refused when this worker may not become that user, or when the user may read or write what is not its own. */
export async function proveJobUser(account: Account, places: PrivatePlaces): Promise<JobUser> {
  const lone = await attempt({ ...account, hasOwnProcesses: true }, places);
  const hasOwnProcesses = isProven(lone, account);
  const user = { ...account, hasOwnProcesses };
  const trial = hasOwnProcesses ? lone : await attempt(user, places);
  if (!isProven(trial, account))
    throw refused({
      what: `run-as: this worker cannot run commands as ${account.name} (${lastLine(trial.tail.trim()) || 'it was not allowed to'})`,
      where: "the worker's policy",
      why: trial.tail,
      wayOut:
        'start the worker as root, with setpriv (util-linux) on its PATH and a TMPDIR that user may enter, or take run-as out of policy.yaml (docs/policy.md#run-as)',
    });
  const [first] = trial.stdout.split('\n').filter((line) => /^(read|write) /.test(line));
  if (first === undefined) return user;
  const [verb, ...rest] = first.split(' ');
  const place = rest.join(' ');
  throw refused({
    what: `run-as: ${account.name} may ${verb} ${place}`,
    where: "the worker's policy",
    why: trial.stdout,
    wayOut: `take that right away (chmod o-rwx ${place}), or name a user that has none (docs/policy.md#run-as)`,
  });
}

async function attempt(user: JobUser, { secret, deciding }: PrivatePlaces): Promise<ProcessResult> {
  return await withJobFolder(
    user,
    async () => undefined,
    ({ folder, env }) =>
      runProcess({
        argv: ['sh', '-c', TRIAL, 'sh', ...secret, '--', ...deciding],
        cwd: folder,
        env: { ...plainEnvironment(), ...env },
        user,
        timeoutMs: TIMEOUT_MS,
        signal: new AbortController().signal,
      }),
  ).catch((error: unknown): ProcessResult => ({
    exitCode: null,
    timedOut: false,
    stopped: false,
    stdout: '',
    tail: error instanceof Error ? error.message : String(error),
  }));
}

/** It was that user, with its own group and no other. */
function isProven({ exitCode, stdout }: ProcessResult, { uid, gid }: Account): boolean {
  return exitCode === 0 && stdout.endsWith(`proven ${uid} ${gid} ${gid}\n`);
}
