/** Preflight of the host itself: disk, ports, files, commands. Read only; every problem with its way out. */
import type { PreflightFinding } from '../../workflows/activity-contract.js';
import { lastLine } from '../hosts/tail.js';
import { askListening, isKeptByDocker, KEPT_BY_DOCKER } from './host-ports.js';
import { placeOf, runTool } from './host-question.js';
import type { PlatformContext } from './platform.js';

export interface HostFacts {
  /** Folder whose disk the release will fill. */
  dataFolder: string;
  /** Ports the release itself has open already: taken, and rightly so. */
  ownPorts: number[];
  /** Ports it will open beside those of the plan. */
  ports?: number[];
  /** Where relative `files` are looked for; default: the home of the ssh user. */
  filesIn?: string;
}

export async function lookAtHost(context: PlatformContext, facts: HostFacts): Promise<PreflightFinding[]> {
  const { diskBytes, ports, files, commands } = context.target.plan.preflight;
  const findings = await Promise.all([
    lookAtHome(context),
    lookAtDisk(context, facts.dataFolder, diskBytes),
    lookAtPorts(
      context,
      [...new Set([...ports, ...(facts.ports ?? [])])].filter((port) => !facts.ownPorts.includes(port)),
    ),
    lookAtFiles(
      context,
      files.map((file) =>
        facts.filesIn === undefined || file.startsWith('/') ? file : `${facts.filesIn}/${file}`,
      ),
    ),
    lookAtCommands(context, commands),
  ]);
  return findings.flat();
}

export function finding(
  context: PlatformContext,
  thing: string,
  state: PreflightFinding['state'],
  message: string,
  wayOut: string | null = null,
): PreflightFinding {
  return { where: placeOf(context), thing, state, message, wayOut };
}

/** Fence and journal are a few kilobytes; a disk with less is full for whatever the release does, too. */
const NOTES_BYTES = 1_000_000;

/** Without its notes in `~/.slipway` nothing can be started there, so their disk is looked at before anything is. */
async function lookAtHome(context: PlatformContext): Promise<PreflightFinding[]> {
  const script =
    '[ -w "$HOME/.slipway" ] || [ -w "$HOME" ] || echo closed; df -Pk "$HOME" 2>/dev/null | tail -n +2';
  const { stdout } = await runTool(context, ['sh', '-c', script]);
  if (stdout.startsWith('closed'))
    return [
      finding(
        context,
        'home',
        'problem',
        'the home of the ssh user cannot be written',
        'give it to that user: Slipway keeps its notes in ~/.slipway (docs/hosts.md#what-is-stored-on-the-host)',
      ),
    ];
  const free = freeBytes(stdout);
  if (free === null || free >= NOTES_BYTES) return [];
  return [
    finding(
      context,
      'home',
      'problem',
      `no space left on the disk of the home folder: ${Math.round(free / 1024)} KB free`,
      'free some (df -h ~ shows the disk): Slipway keeps its notes in ~/.slipway (docs/hosts.md#what-is-stored-on-the-host)',
    ),
  ];
}

async function lookAtDisk(
  context: PlatformContext,
  folder: string,
  wanted: number,
): Promise<PreflightFinding[]> {
  if (wanted === 0) return [];
  // The engine's folder is often closed to the deploy user; its nearest open parent is on the same disk as a rule.
  const script =
    'd=$1; until df -Pk "$d" 2>/dev/null | tail -n +2 | grep .; do d=${d%/*}; [ -n "$d" ] || { df -Pk /; break; }; done';
  const { stdout } = await runTool(context, ['sh', '-c', script, 'sh', folder]);
  const free = freeBytes(stdout);
  if (free === null)
    return [finding(context, 'disk', 'warning', `df did not say how much is free below ${folder}`)];
  const message = `${gigabytes(free)} free, needs ${gigabytes(wanted)}`;
  return [
    free >= wanted
      ? finding(context, 'disk', 'ok', message)
      : finding(
          context,
          'disk',
          'problem',
          message,
          'free some: docker system df shows what images and containers take',
        ),
  ];
}

/** The fourth column of `df -Pk`, in bytes; null when the output is something else. */
export function freeBytes(df: string): number | null {
  const columns = lastLine(df).trim().split(/\s+/);
  const kilobytes = Number(columns[3]);
  return columns.length >= 6 && Number.isFinite(kilobytes) ? kilobytes * 1024 : null;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

async function lookAtPorts(context: PlatformContext, ports: number[]): Promise<PreflightFinding[]> {
  if (ports.length === 0) return [];
  const taken = await askListening(context);
  return await Promise.all(ports.map((port) => lookAtPort(context, port, taken.has(port))));
}

async function lookAtPort(
  context: PlatformContext,
  port: number,
  isTaken: boolean,
): Promise<PreflightFinding> {
  const thing = `port ${port}`;
  if (!isTaken) return finding(context, thing, 'ok', 'free');
  const { what, wayOut } = (await isKeptByDocker(context, port))
    ? KEPT_BY_DOCKER
    : { what: 'something listens there already', wayOut: `see who: ss -ltnp 'sport = :${port}'` };
  return finding(context, thing, 'problem', what, wayOut);
}

async function lookAtFiles(context: PlatformContext, files: string[]): Promise<PreflightFinding[]> {
  const missing = await whichFail(context, 'test -e "$x"', files);
  return files.map((file) =>
    missing.has(file)
      ? finding(context, `file ${file}`, 'problem', 'not there', `create ${file} on that host`)
      : finding(context, `file ${file}`, 'ok', 'there'),
  );
}

/** `docker compose` is a plugin, which only docker knows; nothing else of several words is run to see if it is there. */
const COMMAND_IS_THERE = `case $x in
"docker "*) docker info --format '{{range .ClientInfo.Plugins}}{{println .Name}}{{end}}' 2>/dev/null | grep -qxF -e "\${x#docker }" ;;
*) command -v "$x" >/dev/null 2>&1 ;;
esac`;

async function lookAtCommands(context: PlatformContext, commands: string[]): Promise<PreflightFinding[]> {
  const missing = await whichFail(context, COMMAND_IS_THERE, commands);
  return commands.map((command) =>
    missing.has(command)
      ? finding(
          context,
          `command ${command}`,
          'problem',
          'not found on the PATH of a non-interactive ssh session',
          `install ${command}, or put it on that PATH`,
        )
      : finding(context, `command ${command}`, 'ok', 'found'),
  );
}

async function whichFail(context: PlatformContext, test: string, words: string[]): Promise<Set<string>> {
  if (words.length === 0) return new Set();
  const script = String.raw`for x do ${test} || printf '%s\n' "$x"; done`;
  const { stdout } = await runTool(context, ['sh', '-c', script, 'sh', ...words]);
  return new Set(stdout.split('\n'));
}
