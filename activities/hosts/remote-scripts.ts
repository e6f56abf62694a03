/**
 * The POSIX sh that runs on a host: fences, the journalled launcher, ending process groups. Pure text builders;
 * answers are read in remote-answers.ts. Needs Linux, sh, coreutils, and util-linux's flock and setsid.
 *
 *   ~/.slipway/host-id                                      random, written at the first claim
 *   ~/.slipway/fences/<pipeline>/<environment>              highest token seen
 *   ~/.slipway/fences/<pipeline>/.<environment>.undone      highest token whose undo has begun
 *   ~/.slipway/journal/<pipeline>/<environment>/<operation> lock, log, token, boot_id, pgid, started, rc
 *
 * An operation's `lock` is taken before it starts and inherited by everything it starts, so there is no moment in
 * which it runs unlocked: `rc` present = finished; lock taken = running; neither, or another boot = not running.
 */
import { badInput } from '../failure.js';
import type { Fence } from './host.js';
import { quoteArgv, quoteWord } from './quote.js';

export interface CommandWords {
  argv: readonly string[];
  cwd?: string | undefined;
}

export interface Operation {
  fence: Fence;
  operationId: string;
}

/** Bytes of log one poll brings. */
export const POLL_CHUNK_BYTES = 256 * 1024;

const FOLDER_NAME = /^[A-Za-z0-9_][A-Za-z0-9._:@=+,-]{0,199}$/;
/** Between two looks at a group that is ending; SIGTERM follows SIGINT, SIGKILL SIGTERM, and giving up SIGKILL. */
const LOOK_SECONDS = 0.05;
const SECONDS_BEFORE_TERM = 2;
const SECONDS_BEFORE_KILL = 5;
const SECONDS_BEFORE_GIVING_UP = 9;
const DAYS_JOURNALS_ARE_KEPT = 30;
/** Tokens go up by one: whoever says the largest number there is would be the last to change anything here. */
const LARGEST_LEAP = 1_000_000;

/** Runs a command in place of the shell. */
export function runScript({ argv, cwd }: CommandWords): string {
  return `${enter(cwd)}exec ${quoteArgv(argv)}`;
}

/**
 * A short command that writes: compares the token, then runs while its own process group is on record, so that a
 * newer holder can end it. Refusals go to stderr as `<refusalMarker> <answer>`, `failed` when the journal itself did.
 */
export function fencedRunScript(
  fence: Fence,
  words: CommandWords,
  { runId, refusalMarker }: { runId: string; refusalMarker: string },
): string {
  return `${prelude(fence)}
answer() { trap - EXIT; echo ${quoteWord(refusalMarker)} "$@" >&2; exit 97; }
trap 'answer failed' EXIT
${compareToken(fence)}
d="$j/${folderName(`${fence.token}-${runId}`)}"
mkdir -p "$d" || fail
exec 8>>"$d/lock" && flock -n 8 || fail
${recordOperation(fence)} && printf '%s\\n' $$ >"$d/pgid" || fail
exec 9>&-
trap - EXIT
( ${enter(words.cwd)}export SLIPWAY_JOURNAL="$d"; exec ${quoteArgv(words.argv)} )
r=$?
rm -rf "$d"
exit $r`;
}

/**
 * Answers `claimed <previous token> <host id>`. With `own`, a pattern of operation ids, everything else that runs under
 * this token or a lower one is ended first; `alive <group>` when it cannot be.
 */
export function claimScript(fence: Fence, own: string | null = null): string {
  return `${prelude(fence)}
${answerOnStdout}
${compareToken(fence)}
${writeToken(fence)}
${fence.way === 'back' ? markUndone(fence) : prepareMark}
if [ ! -s "$s/host-id" ]; then
  read -r i </proc/sys/kernel/random/uuid && printf '%s\\n' "$i" >"$s/host-id.$$" || fail
  ln "$s/host-id.$$" "$s/host-id" 2>/dev/null
  rm -f "$s/host-id.$$"
fi
read -r i <"$s/host-id" || fail
${own === null ? '' : endOthers(fence, own)}answer claimed "$t" "$i"`;
}

function endOthers(fence: Fence, own: string): string {
  if (own !== '') folderName(own.replaceAll('*', '_'));
  return `exec 9>&-
${processGroups}
for d in "$j"/*; do
  [ -f "$d/lock" ] && [ ! -f "$d/rc" ] && same_boot "$d" && read -r k <"$d/token" && [ "$k" -le ${token(fence)} ] || continue
  case "\${d##*/}" in ${own === '' ? "''" : own}) continue;; esac
  end_operation "$d" killed || answer alive "$g"
done
`;
}

/** Where a journalled command is followed from, and for how long the host waits for its end. */
export interface Following {
  /** Bytes of its log that were read already. */
  offset: number;
  waitSeconds: number;
}

/**
 * Starts the operation, or finds it started, and answers as `pollScript` does: what is short ends in one exchange.
 * Stdin is the command's stdin.
 */
export function startScript(
  { fence, operationId }: Operation,
  words: CommandWords,
  following: Following,
): string {
  const job = `d=$1
printf '%s\\n' $$ >"$d/pgid" || exit 74
( ${enter(words.cwd)}exec ${quoteArgv(words.argv)} )
r=$?
printf '%-8s\\n' "$r" 1<>"$d/rc.new" && mv -f "$d/rc.new" "$d/rc"`;
  return `${prelude(fence)}
${answerOnStdout}
${processGroups}
follow() {
exec 8>&- 9>&-
${follow(following)}
exit 0
}
${compareToken(fence)}
d="$j/${folderName(operationId)}"
mkdir -p "$d" || fail
[ ! -f "$d/rc" ] || follow
exec 8>>"$d/lock"
flock -w 0.1 8 || follow
[ ! -f "$d/rc" ] || follow
if same_boot "$d" && read -r g <"$d/pgid" 2>/dev/null && members "$g" && ours "$d"; then
  end_members "$g" || answer alive "$g"
fi
rm -f "$d/pgid" "$d/ending"
if [ -s "$d/log" ]; then printf '\\n[slipway: ended without a result, started again]\\n' >>"$d/log" || fail; fi
cat >"$d/stdin" && exec 7<"$d/stdin" && rm -f "$d/stdin" && : >>"$d/log" || fail
${recordOperation(fence)} && printf '%-8s\\n' pending >"$d/rc.new" || fail
SLIPWAY_JOURNAL="$d" setsid -f sh -c ${quoteWord(job)} slipway "$d" <&7 >>"$d/log" 2>&1 7<&- 9>&- || fail
follow`;
}

/**
 * Waits on the host for the end, `waitSeconds` at most, then answers
 * `state <running|vanished|exit code|killed|timeout> <log size> <started> <uptime>` and the log from `offset`.
 */
export function pollScript(operation: Operation, following: Following): string {
  return `${prelude(operation.fence)}
${answerOnStdout}
d="$j/${folderName(operation.operationId)}"
[ -f "$d/lock" ] || answer state vanished 0 0 0
${follow(following)}`;
}

function follow({ offset, waitSeconds }: Following): string {
  return `w=0
[ -f "$d/rc" ] || { flock -s -E 75 -w ${waitSeconds.toFixed(2)} "$d/lock" true; w=$?; }
r=running
if [ -f "$d/rc" ]; then read -r r <"$d/rc"; elif [ $w -ne 75 ]; then r=vanished; [ ! -f "$d/ending" ] || read -r r <"$d/ending"; fi
u=0; a=0; z=0
read -r u l </proc/uptime
read -r a l <"$d/started" || a=$u
[ ! -f "$d/log" ] || z=$(wc -c <"$d/log")
echo state "$r" $z "$a" "$u"
[ ! -f "$d/log" ] || tail -c +${offset + 1} "$d/log" | head -c ${POLL_CHUNK_BYTES}`;
}

/** Ends one operation's group and notes why: `ended`, `finished`, `gone`, or `alive <group>`. */
export function endScript(operation: Operation, why: 'killed' | 'timeout'): string {
  return `${prelude(operation.fence)}
${answerOnStdout}
${processGroups}
d="$j/${folderName(operation.operationId)}"
[ -f "$d/lock" ] && same_boot "$d" || answer gone
[ ! -f "$d/rc" ] || answer finished
end_operation "$d" ${why} || answer alive "$g"
answer ended`;
}

/** Ends a short command by its process group: `ended` or `alive <group>`. */
export function endGroupScript(group: number): string {
  return `${answerOnStdout}
${processGroups}
members ${group} || answer ended
end_members ${group} || answer alive ${group}
answer ended`;
}

/** Claims, then ends everything with a lower token: a line `killed <operation>` or `alive <operation> <group>` each. */
export function killStaleScript(fence: Fence): string {
  return `${prelude(fence)}
${answerOnStdout}
${processGroups}
${compareToken(fence)}
${writeToken(fence)}
exec 9>&-
for d in "$j"/*; do
  [ -f "$d/lock" ] && [ ! -f "$d/rc" ] && same_boot "$d" && read -r k <"$d/token" && [ "$k" -lt ${token(fence)} ] || continue
  hit=
  if ! end_operation "$d" killed; then echo alive "\${d##*/}" "$g"; continue; fi
  [ -z "$hit" ] || echo killed "\${d##*/}"
done
find "$j" -mindepth 1 -maxdepth 1 -type d -mtime +${DAYS_JOURNALS_ARE_KEPT} -exec rm -rf {} +
answer done`;
}

/** Stdin beside the file, then renamed over it; answers `written`. With a fence, compared under its lock. */
export function writeFileScript(path: string, mode: number, fence: Fence | null): string {
  const guard = fence === null ? '' : `${prelude(fence)}\n${answerOnStdout}\n${compareToken(fence)}\n`;
  return `${guard}p=${quoteWord(path)}
[ ! -L "$p" ] || p=$(readlink -f -- "$p") || exit 74
n="$p.slipway.$$"
{ LC_ALL=C cat >"$n" && chmod ${mode.toString(8)} "$n" && mv -f -- "$n" "$p"; } || { rm -f -- "$n"; exit 74; }
echo written`;
}

/** Answers `absent`, or `present` and the bytes. */
export function readFileScript(path: string): string {
  const quoted = quoteWord(path);
  return `[ -e ${quoted} ] || { echo absent; exit 0; }
exec 7<${quoted} || exit 74
echo present
exec cat <&7`;
}

/** Reads exports from stdin up to the marker line, then goes on with the rest of stdin untouched. */
export function withExports(script: string, endMarker: string): string {
  return `e=
while IFS= read -r l && [ "$l" != ${endMarker} ]; do e="$e$l
"; done
eval "$e"
unset e l
${script}`;
}

/** The shell's own printf only says "I/O error": cat names the reason, in English wherever the host is. */
const failing = `fail() { echo x | LC_ALL=C cat >"$s/.probe"; rm -f "$s/.probe"; exit 74; }`;

const answerOnStdout = 'answer() { echo "$@"; exit 0; }';

function enter(cwd: string | undefined): string {
  return cwd === undefined ? '' : `cd -- ${quoteWord(cwd)} || exit 126; `;
}

function prelude(fence: Fence): string {
  return `s="$HOME/.slipway"
j="$s/journal/${folderName(fence.pipeline)}/${folderName(fence.environment)}"
f="$s/fences/${folderName(fence.pipeline)}"
e=${folderName(fence.environment)}
${failing}`;
}

/** Holds the fence's lock (fd 9) from here on; `t` is the highest token seen. */
function compareToken(fence: Fence): string {
  return `command -v flock >/dev/null && command -v setsid >/dev/null || answer missing
[ -d "$s" ] || mkdir -m 700 "$s" || [ -d "$s" ] || fail
[ -d "$j" ] && [ -d "$f" ] || mkdir -p "$j" "$f" || fail
exec 9>>"$f/.$e.lock"
flock -w 10 9 || answer busy
t=0
[ ! -f "$f/$e" ] || read -r t <"$f/$e"
case "$t" in ''|*[!0-9]*) answer broken "$f/$e";; esac
[ "$t" -le ${token(fence)} ] || answer stale "$t"
[ ${token(fence)} -le $((t + ${LARGEST_LEAP})) ] || answer leaps "$t"${fence.way === 'forward' ? `\n${refuseUndone(fence)}` : ''}`;
}

function refuseUndone(fence: Fence): string {
  return `z=0
[ ! -s "$f/.$e.undone" ] || read -r z <"$f/.$e.undone"
[ "$z" -lt ${token(fence)} ] || answer undone "$z"`;
}

/** The way back must not fail on a full disk: room is taken by the first claim, and the number is written over it. */
const prepareMark = `[ -s "$f/.$e.undone" ] || printf '%-19s\\n' 0 >"$f/.$e.undone" || fail`;

function markUndone(fence: Fence): string {
  return `{ printf '%-19s\\n' ${token(fence)} 1<>"$f/.$e.undone"; } 2>/dev/null || :`;
}

function writeToken(fence: Fence): string {
  return `[ "$t" -eq ${token(fence)} ] || { printf '%s\\n' ${token(fence)} >"$f/.$e.new" && mv -f "$f/.$e.new" "$f/$e"; } || fail`;
}

function recordOperation(fence: Fence): string {
  return `read -r b </proc/sys/kernel/random/boot_id && read -r u l </proc/uptime && printf '%s\\n' ${token(fence)} >"$d/token" && printf '%s\\n' "$b" >"$d/boot_id" && printf '%s\\n' "$u" >"$d/started"`;
}

/**
 * A group is ended only while it is certainly ours: someone holds the operation's lock, or a member still carries
 * the journal's name in its environment. Confirmed by looking at /proc, where zombies do not count.
 *
 * What has started nothing is interrupted first: a database's client then takes its statement back, which a server
 * otherwise carries on with, or holds a lock for, when the client is long gone. What has started it stands still until
 * it is terminated too: bash would go on with the next command.
 */
const processGroups = `same_boot() {
  read -r b </proc/sys/kernel/random/boot_id && read -r o <"$1/boot_id" && [ "$b" = "$o" ]
} 2>/dev/null
members() {
  g=$1; m=; p=
  for q in /proc/[0-9]*; do
    { IFS= read -r l <"$q/stat"; } 2>/dev/null || continue
    set -- \${l##*) }
    [ "$3" = "$g" ] && [ "$1" != Z ] && [ "$1" != X ] && m="$m \${q#/proc/}" && p="$p $2"
  done
  [ -n "$m" ]
}
ours() {
  for q in $m; do
    tr '\\000' '\\n' 2>/dev/null <"/proc/$q/environ" | grep -qxF "SLIPWAY_JOURNAL=$1" && return 0
  done 2>/dev/null
  return 1
}
now() {
  read -r u l </proc/uptime
  u=\${u%%.*}
}
end_members() {
  hit=1; c=INT
  now; x=$u
  members "$1" || return 0
  v=
  for q in $m; do case "$p " in *" $q "*) kill -STOP "$q";; *) v="$v $q";; esac; done 2>/dev/null
  kill -INT $v 2>/dev/null
  while members "$1"; do
    now
    if [ $c = INT ] && { [ $((u - x)) -ge ${SECONDS_BEFORE_TERM} ] || ! any "$v"; }; then c=TERM; kill -TERM "-$1"; kill -CONT "-$1"; fi 2>/dev/null
    if [ $c = TERM ] && [ $((u - x)) -ge ${SECONDS_BEFORE_KILL} ]; then c=KILL; kill -KILL "-$1"; fi 2>/dev/null
    [ $((u - x)) -lt ${SECONDS_BEFORE_GIVING_UP} ] || return 1
    sleep ${LOOK_SECONDS}
  done
}
any() {
  for q in $m; do case "$1 " in *" $q "*) return 0;; esac; done
  return 1
}
end_operation() {
  now; x=$u
  until { read -r g <"$1/pgid"; } 2>/dev/null; do
    flock -n "$1/lock" true && return 0
    now
    [ $((u - x)) -lt ${SECONDS_BEFORE_KILL} ] || { g='?'; return 1; }
    sleep ${LOOK_SECONDS}
  done
  members "$g" || return 0
  if flock -n "$1/lock" true; then ours "$1" || return 0; fi
  # noted before it dies: whoever follows it must not take its end for an accident
  printf '%-8s\\n' "$2" >"$1/ending"
  end_members "$g" || return 1
  [ -f "$1/rc" ] || mv -f "$1/ending" "$1/rc"
}`;

function token(fence: Fence): string {
  if (!Number.isSafeInteger(fence.token) || fence.token < 0) {
    throw new Error(`a fence's token must be a whole number, not ${fence.token}`);
  }
  return String(fence.token);
}

/** A name that is one folder: refused otherwise, never altered, or two operations could share a journal. */
function folderName(name: string): string {
  if (!FOLDER_NAME.test(name)) {
    throw badInput({
      what: `${JSON.stringify(name)} cannot name a folder on the host`,
      where: 'journal on the host',
      why: null,
      wayOut: 'use letters, digits, dots, dashes and underscores for the names of pipelines and environments',
    });
  }
  return name;
}
