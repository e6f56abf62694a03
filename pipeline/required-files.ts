/** Files of the repository whose text the compiler needs. */
import { settingsOf, strategyOf, upperName } from './environment-settings.js';
import type { LoadedFile } from './load-pipeline.js';
import type { Platform } from './schema-platforms.js';
import { renderTemplate } from './templates.js';

/** Paths inside the repository, each once: stack and compose files (both colours) and known_hosts of these environments. */
export function requiredFiles(file: LoadedFile, environments: readonly string[]): string[] {
  const paths = new Set<string>();
  for (const name of environments) {
    const { settings } = settingsOf(file.content, name);
    const values = { pipeline: file.content.pipeline, environment: name, ENVIRONMENT: upperName(name) };
    const colours = strategyOf(settings) === 'blue-green' ? ['blue', 'green'] : [null];
    for (const colour of colours) {
      const path = fileOfPlatform(settings.platform);
      if (path !== undefined) paths.add(renderTemplate(path, { ...values, colour }));
    }
    const knownHosts = settings.ssh?.['known-hosts'];
    if (knownHosts !== undefined) paths.add(renderTemplate(knownHosts, values));
  }
  return [...paths];
}

function fileOfPlatform(platform: Platform | undefined): string | undefined {
  if (platform?.kind === 'stack') return platform.stack;
  return platform?.kind === 'compose' ? platform.file : undefined;
}
