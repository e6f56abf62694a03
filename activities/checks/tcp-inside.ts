/** A connection as a container sees it: its own network and its own names (`redis:6379`). */
import type Docker from 'dockerode';
import type { CheckPlan } from '../../pipeline/plan.js';
import { findContainers } from '../docker/find-containers.js';
import type { Host } from '../hosts/host.js';
import { bounded } from './bounded.js';
import { failed, inconclusive, passed, type CheckContext, type Finding } from './check.js';

type TcpPlan = Extract<CheckPlan, { kind: 'tcp' }>;

const NO_TOOL = 69;
const ENGINE_MARGIN_MS = 2_000;

// Images carry different tools; not every nc can connect without also waiting for what is said.
const SCRIPT = `
if command -v bash >/dev/null 2>&1; then exec bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$1" "$2"
elif command -v python3 >/dev/null 2>&1; then
  exec python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))' "$1" "$2" "$3"
elif command -v node >/dev/null 2>&1; then
  exec node -e 'const [h, p] = process.argv.slice(1); require("net").connect(p, h).once("connect", () => process.exit(0)).once("error", (e) => { console.error(e.message); process.exit(1); })' "$1" "$2"
else case $(nc -h 2>&1) in
  *-z*) exec nc -z -w "$3" "$1" "$2" ;;
  *) exit ${NO_TOOL} ;;
esac fi`;

/** Argv run in the container. */
export function buildConnectArgv(host: string, port: number, timeoutMs: number): string[] {
  const seconds = String(Math.max(1, Math.ceil(timeoutMs / 1000)));
  return ['sh', '-c', SCRIPT, 'slipway', host, String(port), seconds];
}

/** `inside` is a container's name, or a compose or Swarm service's; the first running one on any host is asked. */
export async function connectInside(plan: TcpPlan, inside: string, context: CheckContext): Promise<Finding> {
  const shown = `${plan.host}:${plan.port} from ${inside}`;
  const problems: string[] = [];
  for (const hostPlan of context.target.plan.hosts) {
    try {
      const host = await context.openHost(hostPlan);
      const container = await findContainer(host, inside, context);
      if (container === null) continue;
      return await bounded(execConnect(container, plan, shown), {
        // the command in the container ends by itself; this is for an engine that does not answer
        timeoutMs: plan.timeoutMs + ENGINE_MARGIN_MS,
        signal: context.signal,
        onTimeout: () => failed(`${shown}: no connection within ${plan.timeoutMs / 1000}s`),
      });
    } catch (error) {
      context.signal.throwIfAborted();
      problems.push(`${hostPlan.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (problems.length > 0) return inconclusive(`${shown}: ${problems.join('; ')}`);
  return inconclusive(`${shown}: no running container of that name on any host`);
}

async function findContainer(
  host: Host,
  inside: string,
  { target }: CheckContext,
): Promise<Docker.Container | null> {
  const docker = await host.docker();
  const [found] = await findContainers(docker, inside, target.plan);
  return found === undefined ? null : docker.getContainer(found.Id);
}

async function execConnect(container: Docker.Container, plan: TcpPlan, shown: string): Promise<Finding> {
  const exec = await container.exec({
    Cmd: buildConnectArgv(plan.host, plan.port, plan.timeoutMs),
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
  });
  const stream = await exec.start({ Tty: true });
  let said = '';
  for await (const chunk of stream) said = (said + String(chunk)).slice(-2048);
  const { ExitCode } = await exec.inspect();
  if (ExitCode === 0) return passed(`${shown} connected`);
  if (ExitCode === NO_TOOL)
    return inconclusive(`${shown}: the image has neither bash, python3, node nor an nc that knows -z`);
  // 126 and 127: an image without a shell
  if (ExitCode === null || ExitCode === 126 || ExitCode === 127) {
    return inconclusive(`${shown}: ${said.trim() || 'the image has no shell'}`);
  }
  return failed(`${shown}: ${said.trim() || 'no connection'}`);
}
