/** What the worker's docker can build with. */
import { refused } from '../failure.js';
import { runProcess, type ProcessResult } from '../processes/run-process.js';
import { normalPlatform } from '../registry/platform-names.js';
import type { Builder } from './layer-cache.js';

export interface DockerCall {
  env: Record<string, string>;
  cwd: string;
  signal: AbortSignal;
}

const ASK_TIMEOUT_MS = 60_000;

export interface FoundBuilder {
  kind: Builder;
  /** What it runs commands for, emulated ones among them; empty = it does not say. */
  platforms: string[];
}

/**
 * `engine` is the docker driver without the containerd image store. Throws Refused when the worker has no docker, no
 * buildx or no builder of this name (null = the current one).
 */
export async function findBuilder(call: DockerCall, name: string | null): Promise<FoundBuilder> {
  const inspected = await ask(call, ['docker', 'buildx', 'inspect', ...(name === null ? [] : [name])]);
  if (inspected.exitCode !== 0) throw explainMissing(inspected.tail, name);
  const platforms = readPlatforms(inspected.stdout);
  if (!/^Driver:\s+docker$/m.test(inspected.stdout)) return { kind: 'buildkit', platforms };
  const { stdout } = await ask(call, ['docker', 'info', '--format', '{{json .DriverStatus}}']);
  return { kind: stdout.includes('io.containerd.snapshotter.v1') ? 'buildkit' : 'engine', platforms };
}

/** Of all its nodes: `Platforms: linux/amd64, linux/amd64/v2*, linux/386`. */
export function readPlatforms(inspected: string): string[] {
  const lists = [...inspected.matchAll(/^\s*Platforms:\s*(\S.*)$/gm)].map(([, list = '']) => list);
  const named = lists.flatMap((list) => list.split(',')).map((name) => name.trim().replace(/\*$/, ''));
  return [...new Set(named.map(normalPlatform))];
}

async function ask(call: DockerCall, argv: string[]): Promise<ProcessResult> {
  return await runProcess({ ...call, argv, timeoutMs: ASK_TIMEOUT_MS });
}

function explainMissing(why: string, builder: string | null): Error {
  const [what, wayOut] = /is not a docker command|unknown command|unknown flag/.test(why)
    ? [
        'docker has no buildx',
        'install docker-buildx-plugin (or put docker-buildx into ~/.docker/cli-plugins)',
      ]
    : /docker: not found|not found: docker|no such file/i.test(why)
      ? ['there is no docker', 'install the docker client and buildx, or build on a worker that has them']
      : builder === null
        ? ['docker buildx inspect failed', 'run it there as the user of the worker and see']
        : [
            `there is no builder ${builder}`,
            `docker buildx create --name ${builder} (or unset SLIPWAY_BUILDER)`,
          ];
  return refused({ what, where: 'the worker', why, wayOut });
}
