/** Which ports of a host are taken, and whether it is Docker itself that has one for nobody. Read only. */
import { runTool } from './host-question.js';
import type { PlatformContext } from './platform.js';

/** On the host already: a busy one has more closed connections than fit into an answer. */
const LIST_LISTENING = "grep -h ': .* 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null";

export async function askListening(context: PlatformContext): Promise<Set<number>> {
  const { stdout } = await runTool(context, ['sh', '-c', LIST_LISTENING]);
  return listeningPorts(stdout);
}

/** Ports in state LISTEN (0A) of `/proc/net/tcp`. */
export function listeningPorts(procNetTcp: string): Set<number> {
  const found = new Set<number>();
  for (const line of procNetTcp.split('\n')) {
    const match = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /.exec(line);
    if (match?.[1] !== undefined) found.add(Number.parseInt(match[1], 16));
  }
  return found;
}

const SEPARATOR = '--';

/** Docker's proxies, one command line each; then the ports of the containers that run. */
export const LIST_PROXIES = `for f in $(grep -l docker-proxy /proc/[0-9]*/cmdline 2>/dev/null); do
  tr '\\0' ' ' <"$f" 2>/dev/null; echo
done
echo ${SEPARATOR}
ids=$(docker ps --quiet --no-trunc) || exit
[ -z "$ids" ] || docker inspect --format '{{range .NetworkSettings.Ports}}{{range .}}{{println .HostPort}}{{end}}{{end}}' $ids`;

/**
 * The port is held by Docker for a container that does not run. An engine that is killed while it starts a container opens
 * the port again when it comes back and has nobody for it any more (measured with 20.10); only its restart lets it go.
 */
export async function isKeptByDocker(context: PlatformContext, port: number): Promise<boolean> {
  const { stdout, exitCode } = await runTool(context, ['sh', '-c', LIST_PROXIES]);
  return exitCode === 0 && portsKeptByDocker(stdout).has(port);
}

/** Of what `LIST_PROXIES` prints. */
export function portsKeptByDocker(listed: string): Set<number> {
  const lines = listed.split('\n').map((line) => line.trim());
  const from = lines.indexOf(SEPARATOR);
  const published = new Set(lines.slice(from + 1));
  const ports = lines
    .slice(0, from)
    .flatMap((line) => / -host-port (\d+) /.exec(line)?.[1] ?? [])
    .filter((port) => !published.has(port));
  return new Set(ports.map(Number));
}

export const KEPT_BY_DOCKER = {
  what: 'Docker keeps it for a container that does not run: it was killed while it started one',
  wayOut:
    'restart Docker there when nothing is being started: systemctl restart docker (its containers stop meanwhile, unless live-restore is on)',
} as const;
