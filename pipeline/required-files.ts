/** Files of the repository whose text the compiler needs. */
import { settingsOf, strategyOf, upperName } from './environment-settings.js';
import type { LoadedFile } from './load-pipeline.js';
import { renderTemplate } from './templates.js';

/** Paths inside the repository, each once: stack files (both colours) and known_hosts of these environments. */
export function requiredFiles(file: LoadedFile, environments: readonly string[]): string[] {
  const paths = new Set<string>();
  for (const name of environments) {
    const { settings } = settingsOf(file.content, name);
    const values = { pipeline: file.content.pipeline, environment: name, ENVIRONMENT: upperName(name) };
    const colours = strategyOf(settings) === 'blue-green' ? ['blue', 'green'] : [null];
    for (const colour of colours) {
      if (settings.platform?.kind !== 'stack') break;
      paths.add(renderTemplate(settings.platform.stack, { ...values, colour }));
    }
    const knownHosts = settings.ssh?.['known-hosts'];
    if (knownHosts !== undefined) paths.add(renderTemplate(knownHosts, values));
  }
  return [...paths];
}
