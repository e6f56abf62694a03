/**
 * What a compose file reaches beside its own services. Compose knows many more keys than a stack, and with each version
 * a few more: those that keep to the container are listed here, and any other is named with its value. Pure.
 */
import { z } from 'zod';
import { parseOrNull, reachOfStack } from './reach-of-stack.js';

/** Of a service; what volumes, env_file, cap_add and image reach is said as for a stack. */
const KEEPS_TO_ITSELF = new Set(
  (
    'image volumes env_file cap_add annotations attach blkio_config build cap_drop command configs container_name cpu_count ' +
    'cpu_percent cpu_period cpu_quota cpu_shares cpus cpuset depends_on deploy develop dns dns_opt dns_search domainname ' +
    'entrypoint environment expose extra_hosts healthcheck hostname init labels links mac_address mem_limit ' +
    'mem_reservation mem_swappiness memswap_limit networks oom_kill_disable oom_score_adj pids_limit platform ports ' +
    'profiles pull_policy pull_refresh_after read_only restart scale secrets shm_size stdin_open stop_grace_period ' +
    'stop_signal tmpfs tty ulimits user working_dir'
  ).split(' '),
);
const HARMLESS_VALUES: Record<string, RegExp> = {
  privileged: /^false$/,
  network_mode: /^(none|bridge|service:[\w.-]+)$/,
  ipc: /^(private|none|shareable|service:[\w.-]+)$/,
  pid: /^service:[\w.-]+$/,
  cgroup: /^private$/,
  use_api_socket: /^false$/,
};
const TOP = new Set(['version', 'services', 'volumes', 'networks', 'configs', 'secrets']);
const HARMLESS_DRIVERS = ['local', 'bridge', 'overlay'];
const HARMLESS_LOGS = ['json-file', 'local', 'none'];

const things = z.record(z.string(), z.looseObject({ driver: z.string().optional() }).nullish()).nullish();
const file = z.looseObject({
  name: z.string().optional(),
  services: z.record(z.string(), z.looseObject({})),
  volumes: things,
  networks: things,
});

/** As the file writes them. A file nobody can read reaches anything. */
export function reachOfCompose(text: string): string[] {
  const read = file.safeParse(parseOrNull(text));
  if (!read.success) return reachOfStack('', [], 'compose');
  const { name, services, ...rest } = read.data;
  const drivers = [rest.volumes, rest.networks]
    .flatMap((all) => Object.values(all ?? {}))
    .flatMap((each) =>
      each?.driver === undefined || HARMLESS_DRIVERS.includes(each.driver) ? [] : [each.driver],
    );
  return [
    ...reachOfStack(text, [], 'compose'),
    // another name may be another project
    ...(name === undefined ? [] : [name]),
    ...Object.entries(rest).flatMap(([key, value]) =>
      TOP.has(key) || key.startsWith('x-') ? [] : reachOfKey(key, value),
    ),
    ...Object.values(services).flatMap((service) =>
      Object.entries(service).flatMap(([key, value]) => reachOfService(key, value)),
    ),
    ...drivers,
  ];
}

function reachOfService(key: string, value: unknown): string[] {
  if (KEEPS_TO_ITSELF.has(key) || key.startsWith('x-')) return [];
  if (HARMLESS_VALUES[key]?.test(typeof value === 'string' ? value : JSON.stringify(value)) === true)
    return [];
  if (key === 'logging') {
    const read = z.looseObject({ driver: z.string().optional() }).nullable().safeParse(value);
    if (read.success && HARMLESS_LOGS.includes(read.data?.driver ?? 'json-file')) return [];
  }
  // a service of this file, which is looked at itself
  if (key === 'extends' && typeof value === 'string') return [];
  return reachOfKey(key, value);
}

/** `privileged: true`, and of a list each: `devices: /dev/sda`. */
function reachOfKey(key: string, value: unknown): string[] {
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.flatMap((each) =>
    each === null || each === undefined
      ? []
      : [`${key}: ${typeof each === 'string' ? each : JSON.stringify(each)}`],
  );
}
