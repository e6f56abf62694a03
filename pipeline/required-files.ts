/** Files of the repository whose text the compiler needs. */
import { ALEMBIC } from './compile-checks.js';
import {
  checkListsOf,
  findCheck,
  saysRevision,
  settingsOf,
  strategyOf,
  upperName,
  type EnvironmentSettings,
} from './environment-settings.js';
import type { LoadedFile } from './load-pipeline.js';
import type { Platform } from './schema-platforms.js';
import { renderTemplate } from './templates.js';

/**
 * Paths inside the repository, each once: stack and compose files (both colours) and known_hosts of these environments,
 * and what says how a database is asked. The compiler tells which of them it cannot do without.
 */
export function requiredFiles(file: LoadedFile, environments: readonly string[]): string[] {
  const paths = new Set<string>();
  for (const name of environments) {
    const of = settingsOf(file.content, name);
    const { settings } = of;
    const values = { pipeline: file.content.pipeline, environment: name, ENVIRONMENT: upperName(name) };
    const colours = strategyOf(settings) === 'blue-green' ? ['blue', 'green'] : [null];
    for (const colour of colours) {
      const path = fileOfPlatform(settings.platform);
      if (path !== undefined) paths.add(renderTemplate(path, { ...values, colour }));
    }
    const knownHosts = settings.ssh?.['known-hosts'];
    if (knownHosts !== undefined) paths.add(renderTemplate(knownHosts, values));
    if (asksTool(file, of)) paths.add(ALEMBIC.settings);
  }
  return [...paths];
}

function asksTool({ content }: LoadedFile, of: EnvironmentSettings): boolean {
  if (saysRevision(of.settings)) return false;
  return checkListsOf(of).some(({ names }) =>
    names.some((name) => findCheck(content, name)?.kind === 'migrations'),
  );
}

function fileOfPlatform(platform: Platform | undefined): string | undefined {
  if (platform?.kind === 'stack') return platform.stack;
  return platform?.kind === 'compose' ? platform.file : undefined;
}
