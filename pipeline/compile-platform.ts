/** How an environment runs the software. */
import type { TextCompiler } from './compile-text.js';
import { strategyOf, type EnvironmentSettings } from './environment-settings.js';
import type { PerColour, PlatformPlan } from './plan-platform.js';
import { refusePlan } from './plan-refused.js';
import type { Platform } from './schema-platforms.js';
import { RUN_NAMES } from './templates.js';

/** A stack file travels in the plan, and Temporal warns at 256 KB per payload. */
const MAX_STACK_BYTES = 64 * 1024;

/** Repository path → its text at the commit. */
export type RepositoryTexts = ReadonlyMap<string, string>;

export function compilePlatform(
  pipeline: string,
  of: EnvironmentSettings,
  files: RepositoryTexts,
  texts: TextCompiler,
): PlatformPlan {
  const { platform } = of.settings;
  if (platform === undefined) throw new Error(`environment ${of.name} has no platform`);
  const at = (key: string) => of.pathOf('platform', key);
  switch (platform.kind) {
    case 'swarm':
      return { kind: 'swarm', service: texts.text(platform.swarm, at('swarm')), fields: {} };
    case 'stack':
      return compileStack(pipeline, of, platform, files, texts);
    case 'command':
      return {
        kind: 'command',
        command: texts.command(platform.command, at('command')),
        inspect: texts.optionalCommand(platform.inspect, at('inspect')),
        restore: texts.optionalCommand(platform.restore, at('restore')),
        retire: texts.optionalCommand(platform.retire, at('retire')),
        ...(platform.logs === undefined ? {} : { logs: texts.command(platform.logs, at('logs')) }),
        on: platform.on ?? 'host',
      };
    case 'compose':
      return {
        kind: 'compose',
        folder: texts.colourText(platform.compose, at('compose')),
        file: platform.file === undefined ? null : texts.colourText(platform.file, at('file')),
        ...(platform.file === undefined ? {} : { files: filesOf(of, platform.file, 'file', files, texts) }),
        services: (platform.services ?? []).map((service) => texts.text(service, at('services'))),
      };
    case 'kubernetes':
      return {
        kind: 'kubernetes',
        resource: texts.colourText(platform.kubernetes, at('kubernetes')),
        container: texts.optional(platform.container, at('container')),
        namespace: texts.optional(platform.namespace, at('namespace')),
        kubeconfig: texts.optional(platform.kubeconfig, at('kubeconfig')),
      };
    case 'helm':
      return {
        kind: 'helm',
        chart: texts.text(platform.helm, at('helm')),
        release: texts.colourText(platform.release ?? `${pipeline}${ofColour(of)}`, at('release')),
        namespace: texts.optional(platform.namespace, at('namespace')),
        set: texts.record(platform.set, at('set'), RUN_NAMES),
        kubeconfig: texts.optional(platform.kubeconfig, at('kubeconfig')),
      };
  }
}

function compileStack(
  pipeline: string,
  of: EnvironmentSettings,
  platform: Extract<Platform, { kind: 'stack' }>,
  files: RepositoryTexts,
  texts: TextCompiler,
): PlatformPlan {
  const name = platform.name ?? `${pipeline}-{environment}${ofColour(of)}`;
  return {
    kind: 'stack',
    names: perColour(of, texts, (rendering) => rendering.text(name, of.pathOf('platform', 'name'))),
    files: filesOf(of, platform.stack, 'stack', files, texts),
  };
}

/** Texts of the repository file that `platform.<key>` names, with `{colour}` in its path. */
function filesOf(
  of: EnvironmentSettings,
  template: string,
  key: 'stack' | 'file',
  files: RepositoryTexts,
  texts: TextCompiler,
): PerColour {
  const path = of.pathOf('platform', key);
  return perColour(of, texts, (rendering) =>
    requireFile(files, rendering.text(template, path), rendering.where(path), MAX_STACK_BYTES),
  );
}

/** Ends the name of what there is once per colour. */
function ofColour({ settings }: EnvironmentSettings): string {
  return strategyOf(settings) === 'blue-green' ? '-{colour}' : '';
}

function perColour(
  of: EnvironmentSettings,
  texts: TextCompiler,
  render: (texts: TextCompiler) => string,
): PerColour {
  return strategyOf(of.settings) === 'blue-green'
    ? {
        live: '',
        blue: render(texts.with({ colour: 'blue' })),
        green: render(texts.with({ colour: 'green' })),
      }
    : { live: render(texts), blue: '', green: '' };
}

/** The text of a repository file the file names. Throws PlanRefused when the commit does not have it. */
export function requireFile(files: RepositoryTexts, path: string, where: string, maxBytes: number): string {
  const text = files.get(path);
  if (text === undefined) {
    throw refusePlan(
      `${path} is not in the repository at this commit`,
      where,
      `commit ${path}, or correct the path`,
    );
  }
  if (Buffer.byteLength(text) > maxBytes) {
    throw refusePlan(
      `${path} is larger than ${maxBytes / 1024} KB`,
      where,
      'make it smaller: it travels in the plan',
    );
  }
  return text;
}
