/**
 * What comes from a pipeline or a commit runs on the worker as a user without rights: neither the seal key nor the
 * policy nor a process of the worker is within its reach. Needs util-linux's setpriv, and unshare where it is allowed.
 */
import type { Account } from '../../pipeline/index.js';
import { checkVariableName } from '../hosts/quote.js';

export interface JobUser extends Account {
  /** Each gate and check has processes of its own: it sees no other's, and all of them end with it. */
  hasOwnProcesses: boolean;
}

/** Words and environment. */
export interface JobCommand {
  argv: readonly string[];
  env: Record<string, string>;
}

/** Groups are dropped: who is in `docker` has the rights of root. */
function withoutRights({ uid, gid }: Account): string[] {
  return [
    ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'],
    ...['--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all', '--'],
  ];
}

/** Its first process is ours and stays, so that the command's own end, SIGTERM and exit code are as anywhere. */
const OWN_PROCESSES = [
  ...['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
  ...['/bin/sh', '-c', 'trap : TERM; "$@"; exit $?', 'sh'],
];

/** Until the user has changed, a variable has another name: LD_PRELOAD and the like mean nothing to what has rights. */
const PREFIX = 'SLIPWAY_JOB_';

/**
 * Where the worker keeps its own credentials is forgotten. `$1` are the names of the variables, `$2` says whether to
 * leave a folder that the user may not be in.
 */
const BECOME = `unset SSH_AUTH_SOCK DOCKER_CONFIG XDG_RUNTIME_DIR TMPDIR
for slipway_n in $1; do eval "export $slipway_n=\\"\\$${PREFIX}$slipway_n\\"; unset ${PREFIX}$slipway_n"; done
unset slipway_n
[ "$2" = stay ] || [ -x . ] || cd -- "$HOME" 2>/dev/null || cd /
shift 2
exec "$@"`;

/**
 * The command as that user, to be started by the worker with this argv and environment. `place`: `stay` in the folder it
 * is started in, or be `anywhere` (its home, else /) if it may not be there.
 */
export function asJobUser(
  user: Account,
  { argv, env }: JobCommand,
  place: 'stay' | 'anywhere' = 'stay',
): { argv: string[]; env: Record<string, string> } {
  const own = { HOME: user.home, USER: user.name, LOGNAME: user.name, ...env };
  const names = Object.keys(own).map(checkVariableName).join(' ');
  return {
    argv: [...withoutRights(user), '/bin/sh', '-c', BECOME, 'sh', names, place, ...argv],
    env: Object.fromEntries(Object.entries(own).map(([name, value]) => [`${PREFIX}${name}`, value])),
  };
}

/** The same, with processes of its own where the worker may give it some. */
export function asLoneJob(user: JobUser, command: JobCommand): ReturnType<typeof asJobUser> {
  const { argv, env } = asJobUser(user, command);
  return { argv: user.hasOwnProcesses ? [...OWN_PROCESSES, ...argv] : argv, env };
}
