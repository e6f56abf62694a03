/**
 * The one way a proxy's configuration file is changed: compare, write, test, apply, in a single command on the
 * proxy's host under a lock, so two pipelines on one proxy never interleave and a killed worker leaves old or new.
 */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Colour } from '../../pipeline/plan.js';
import { foreignHand, refused, unreachable } from '../failure.js';
import type { CommandResult, Fence, Host } from '../hosts/host.js';
import { lastLine } from '../hosts/tail.js';

const TIMEOUT_MS = 60_000;
const LOCK_WAIT_S = 20;
/** Other pipelines that switch at the same moment change a shared file between our look and our lock. */
const MOST_TRIES = 20;

// outside the range flock and sh use themselves
const EXIT = { putBack: 91, testRefused: 92, applyFailed: 93, unwritable: 94, lockBusy: 95, changed: 96 };

// Dot files beside the target, or in a folder there: the rename is atomic, and `include folder/*` does not see them.
// Builtins where there are any: this is the fast path of every way back.
const SCRIPT = `
file=$1 expected=$2 wanted=$3 staging=$4 test=$5; shift 5
if [ -L "$file" ]; then file=$(readlink -f -- "$file") || exit ${EXIT.unwritable}; fi
stage=\${file%/*}\${staging:+/$staging}
new=$stage/.\${file##*/}.slipway-new old=$stage/.\${file##*/}.slipway-old
now=absent
if [ -e "$file" ]; then now=$(sha256sum <"$file") || exit ${EXIT.unwritable}; now=\${now%% *}; fi
[ "$now" = "$expected" ] || exit ${EXIT.changed}
if [ "$now" != "$wanted" ]; then
  [ -d "$stage" ] || mkdir -- "$stage" || exit ${EXIT.unwritable}
  trap 'rm -f -- "$new" "$old"' EXIT
  if [ -e "$file" ]; then
    cp -p -- "$file" "$new" || exit ${EXIT.unwritable}
    if [ -n "$test" ]; then ln -f -- "$file" "$old" || exit ${EXIT.unwritable}; fi
  fi
  cat >"$new" && mv -f -- "$new" "$file" || exit ${EXIT.unwritable}
fi
if [ -n "$test" ] && ! sh -c "$test" >&2; then
  [ "$now" != "$wanted" ] || exit ${EXIT.testRefused}
  if [ -e "$old" ]; then mv -f -- "$old" "$file"; else rm -f -- "$file"; fi
  exit ${EXIT.putBack}
fi
"$@" || exit ${EXIT.applyFailed}
`;

export interface ApplyFile {
  host: Host;
  fence: Fence;
  /** Secrets resolved; given to the test and apply commands. */
  env: Record<string, string>;
  file: string;
  /** On the worker itself the user of the worker's policy writes it, as in RemoteCommand. */
  isTeams: boolean;
  /** Its text when it was last read (null = no file): compared again under the lock. */
  present: string | null;
  /** The text to put there, from the text that is there (null = no file). May reject to refuse. */
  render: (present: string | null) => string | Promise<string>;
  /** Shell text that accepts or refuses the configuration as it is on disk; null = nothing to ask. */
  testCommand: string | null;
  /** Makes the proxy read it. */
  applyArgv: string[];
  /** Folder beside the file in which it is written, for a proxy that is woken by any change of the file's own folder. */
  staging?: string;
}

/** Returns what the apply command printed. Refused, StaleFence and ForeignHand as in failures.ts; else retryable. */
export async function applyFile(input: ApplyFile): Promise<string> {
  let { present } = input;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    if (tries > 0) present = await input.host.readFile(input.file);
    const wanted = await input.render(present);
    const result = await input.host.run({
      argv: buildApplyArgv({ ...input, present, wanted }),
      isTeams: input.isTeams,
      stdin: wanted,
      env: input.env,
      timeoutMs: TIMEOUT_MS,
      fence: input.fence,
    });
    if (result.exitCode === 0) return result.stdout;
    if (result.exitCode !== EXIT.changed) throw explain(input, result);
  }
  throw unreachable({
    what: `${input.file} was changed by someone else each of ${MOST_TRIES} times`,
    where: input.host.name,
    why: null,
    wayOut: 'tried again by itself; if it stays, find the other program that writes it',
  });
}

/** Exact argv; element order is the script's `$1…`. */
export function buildApplyArgv(input: {
  file: string;
  present: string | null;
  wanted: string;
  testCommand: string | null;
  applyArgv: string[];
  staging?: string;
}): string[] {
  const expected = input.present === null ? 'absent' : digestOf(input.present);
  // --close: a daemon started by the reload must not keep the lock
  const locked = [
    'flock',
    '--close',
    '--conflict-exit-code',
    String(EXIT.lockBusy),
    '--wait',
    String(LOCK_WAIT_S),
  ];
  const script = ['sh', '-c', SCRIPT, 'slipway', input.file, expected, digestOf(input.wanted)];
  return [
    ...[...locked, posix.dirname(input.file), ...script],
    ...[input.staging ?? '', input.testCommand ?? ''],
    ...input.applyArgv,
  ];
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Read only: may who applies it replace the file? `isTeams` as in RemoteCommand. Throws Refused when not. */
export async function requireReplaceable(host: Host, file: string, isTeams: boolean): Promise<void> {
  const folder = await host.run({
    argv: ['sh', '-c', '[ -w "$(dirname -- "$(readlink -f -- "$1")")" ]', 'slipway', file],
    isTeams,
    timeoutMs: TIMEOUT_MS,
  });
  if (folder.exitCode === 0) return;
  if (folder.exitCode === null) throw new Error(`${host.name}: no answer while looking at ${file}`);
  throw refused({
    what: `the folder of ${file} cannot be written`,
    where: host.name,
    why: folder.stderr,
    wayOut: 'let the deploy user write there (docs/traffic.md); the file is replaced by a rename',
  });
}

/** The file does not say the colour that it should be switched away from. */
export function foreignFile(host: Host, file: string, from: Colour, text: string | null): Error {
  return foreignHand({
    what: `${file} should name ${from}, but ${text === null ? 'it is gone' : 'someone else wrote it'}`,
    where: host.name,
    why: text,
    wayOut: `see who changed it; put ${from} back there or accept what it says, then retry`,
  });
}

function explain(input: ApplyFile, result: CommandResult): Error {
  const where = input.host.name;
  const why = `${result.stderr}\n${result.stdout}`.trim();
  switch (result.exitCode) {
    case null:
      return new Error(
        `${where}: ${result.timedOut ? `no end within ${TIMEOUT_MS / 1000}s` : 'connection lost'} while changing ${input.file}`,
      );
    case EXIT.lockBusy:
      return new Error(
        `${where}: another pipeline has held the lock of ${posix.dirname(input.file)} for ${LOCK_WAIT_S}s`,
      );
    case EXIT.putBack:
    case EXIT.testRefused: {
      const kept = result.exitCode === EXIT.putBack ? '; the old file is back' : '';
      return refused({
        what: `the proxy does not accept ${input.file} (${input.testCommand ?? ''})${kept}`,
        where,
        why,
        wayOut: 'repair the proxy configuration named below, then retry',
      });
    }
    case EXIT.applyFailed:
      return refused({
        what: `${input.file} is written, but the proxy did not take it: ${lastLine(why)}`,
        where,
        why,
        wayOut: 'see that the proxy runs and that this user may reload it (docs/traffic.md), then retry',
      });
    case EXIT.unwritable:
      return refused({
        what: `${input.file} cannot be written: ${lastLine(why)}`,
        where,
        why,
        wayOut: `let this user write in ${posix.dirname(input.file)} (docs/traffic.md)`,
      });
    default:
      return refused({
        what: `${input.file} cannot be changed: ${lastLine(why)}`,
        where,
        why,
        wayOut: 'flock, sha256sum and sh must be on the proxy host, and the folder of the file must exist',
      });
  }
}
