/** What a stack file reaches beside its own services: paths of the host, things of others, images nobody here built. Pure. */
import { parse } from 'yaml';
import { z } from 'zod';

const words = z.union([z.string(), z.array(z.unknown())]).nullish();
/** `external: yes` is true for Docker, and a text here. */
const thing = z.looseObject({
  external: z.unknown().optional(),
  name: z.string().optional(),
  file: z.string().optional(),
  driver_opts: z.record(z.string(), z.unknown()).nullish(),
});
const things = z.record(z.string(), thing.nullish()).nullish();
const stack = z.looseObject({
  services: z.record(
    z.string(),
    z.looseObject({
      image: z.string().optional(),
      volumes: z.array(z.union([z.string(), z.looseObject({})])).nullish(),
      env_file: words,
      cap_add: words,
    }),
  ),
  volumes: things,
  networks: things,
  configs: things,
  secrets: things,
});

type Service = z.infer<typeof stack>['services'][string];
type Things = z.infer<typeof things>;

/** Slipway puts the digest there that this release built. */
const OF_THIS_RELEASE = /:\$(IMAGE_TAG|\{IMAGE_TAG(:?\?[^}]*)?\})$/;
const OF_THE_HOST = /^([/.~]|.*\$)/;

/** As the file writes them; `ours` are Docker secrets that Slipway makes itself. A file nobody can read reaches anything. */
export function reachOfStack(text: string, ours: readonly string[], kind = 'stack'): string[] {
  const read = stack.safeParse(parseOrNull(text));
  if (!read.success) return [`a ${kind} file that cannot be read`];
  const { services, volumes, networks, configs, secrets } = read.data;
  const others = [volumes, networks, configs, secrets].flatMap((each) => reachOfThings(each, ours));
  return [...Object.values(services).flatMap(reachOfService), ...others];
}

function reachOfService({ image, volumes, env_file: envFiles, cap_add: capabilities }: Service): string[] {
  return [
    ...(image === undefined || OF_THIS_RELEASE.test(image) ? [] : [image]),
    ...(volumes ?? []).flatMap(reachOfVolume),
    ...textsOf(envFiles),
    ...textsOf(capabilities),
  ];
}

/** `/srv/data:/data` or `{type: bind, source: /srv/data}`; a name is a volume of the stack's own. */
function reachOfVolume(volume: string | Record<string, unknown>): string[] {
  const [source, target] =
    typeof volume === 'string' ? volume.split(':') : [volume['source'], volume['target']];
  if (typeof source !== 'string' || target === undefined) return [];
  const isBound = typeof volume !== 'string' && volume['type'] !== 'volume' && volume['type'] !== 'tmpfs';
  return isBound || OF_THE_HOST.test(source) ? [source] : [];
}

function reachOfThings(all: Things, ours: readonly string[]): string[] {
  return Object.entries(all ?? {}).flatMap(([key, each]) => {
    if (each == null || ours.includes(key)) return [];
    const { external, name, file, driver_opts: options } = each;
    const isOthers = external !== undefined && external !== null && external !== false;
    const named = z.object({ name: z.string() }).safeParse(external);
    return [
      // a name of its own may be another stack's
      ...(isOthers || name !== undefined ? [named.data?.name ?? name ?? key] : []),
      ...(file === undefined ? [] : [file]),
      ...Object.values(options ?? {}).flatMap((option) => (typeof option === 'string' ? [option] : [])),
    ];
  });
}

function textsOf(list: z.infer<typeof words>): string[] {
  const all = typeof list === 'string' ? [list] : (list ?? []);
  return all.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
}

export function parseOrNull(text: string): unknown {
  try {
    return parse(text, { merge: true, maxAliasCount: 100 });
  } catch {
    return null;
  }
}
