/** What holds for an environment: its own keys, else the defaults'. A list or map replaces, never merges. */
import type { FilePath } from './file-error.js';
import type { PipelineFile } from './pipeline-file.js';
import type { Check } from './schema-checks.js';
import type { Environment, Settings } from './schema-environment.js';
import type { Traffic } from './schema-traffic.js';
import { namesIn } from './templates.js';

export interface EnvironmentSettings {
  name: string;
  environment: Environment;
  /** The environment's keys over the defaults'. */
  settings: Settings;
  /** Where a key really stands. */
  pathOf(key: keyof Settings, ...rest: (string | number)[]): FilePath;
}

/** Throws for a name that is not in the file: callers take names from the file. */
export function settingsOf(content: PipelineFile, name: string): EnvironmentSettings {
  const environment = content.environments.get(name);
  if (environment === undefined) throw new Error(`no environment ${name} in the pipeline file`);
  return {
    name,
    environment,
    settings: { ...content.defaults, ...environment },
    pathOf(key, ...rest) {
      const own = environment[key] !== undefined || content.defaults?.[key] === undefined;
      return own ? ['environments', name, key, ...rest] : ['defaults', key, ...rest];
    },
  };
}

/** `{colour}` and the way traffic moves come with this. */
export function strategyOf(settings: Settings): 'in-place' | 'blue-green' {
  return settings.strategy ?? (settings.traffic === undefined ? 'in-place' : 'blue-green');
}

/** A name in a list of checks: a path is an inline HTTP check, anything else is defined under `checks`. */
export function findCheck(content: PipelineFile, name: string): Check | null {
  if (name.startsWith('/')) return { kind: 'http', http: name };
  return content.checks?.get(name) ?? null;
}

/** Every list of checks an environment has, with its key path. */
export function checkListsOf(of: EnvironmentSettings): { path: FilePath; names: string[] }[] {
  const { settings } = of;
  return [
    { path: of.pathOf('checks'), names: settings.checks ?? [] },
    { path: of.pathOf('dependencies'), names: settings.dependencies ?? [] },
    { path: of.pathOf('bake', 'checks'), names: settings.bake?.checks ?? [] },
  ];
}

/** `env:{ENVIRONMENT}_KEY` → `env:PROD_EU_KEY` for prod-eu. */
export function upperName(environment: string): string {
  return environment.toUpperCase().replaceAll('-', '_');
}

/** Does it say how its database is asked where it is? */
export function saysRevision({ database }: Settings): boolean {
  return database?.current !== undefined;
}

/** Kind of the platform where it can only be reached through the hosts; null = the worker or a cluster is asked. */
export function platformOnHosts({ platform }: Settings): string | null {
  if (platform === undefined || ['kubernetes', 'helm'].includes(platform.kind)) return null;
  return platform.kind === 'command' && platform.on === 'worker' ? null : platform.kind;
}

/** Kind of the proxy where it runs on the environment's first host, since nothing else is said. */
export function proxyOnFirstHost({ traffic }: Settings): string | null {
  if (traffic === undefined || traffic.host !== undefined || traffic.kind === 'kubernetes') return null;
  return traffic.kind === 'command' && traffic.on === 'worker' ? null : traffic.kind;
}

/** Has each host a proxy of its own? Then each is asked, `confirm: {url: http://{host}/}`. */
export function asksEachHost({ confirm }: Pick<Traffic, 'confirm'>): boolean {
  return namesIn(confirm?.url ?? '').includes('host');
}
