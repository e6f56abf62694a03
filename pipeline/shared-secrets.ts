/** Production has its own secrets: a reference another environment also uses is refused. */
import {
  checkListsOf,
  findCheck,
  settingsOf,
  upperName,
  type EnvironmentSettings,
} from './environment-settings.js';
import { finding, type Finding } from './explain-issue.js';
import type { FilePath } from './file-error.js';
import type { PipelineFile } from './pipeline-file.js';

interface Use {
  reference: string;
  path: FilePath;
}

/** References of one environment, as the worker would resolve them. Addresses and user names are no secrets. */
function listUses(content: PipelineFile, of: EnvironmentSettings): Use[] {
  const { settings } = of;
  const uses: Use[] = [];
  const use = (reference: string | undefined, path: FilePath): void => {
    if (reference === undefined) return;
    const rendered = reference
      .replaceAll('{environment}', of.name)
      .replaceAll('{ENVIRONMENT}', upperName(of.name));
    uses.push({ reference: rendered, path });
  };
  use(settings.ssh?.key, of.pathOf('ssh', 'key'));
  use(settings.registry?.password, of.pathOf('registry', 'password'));
  for (const [name, reference] of Object.entries(settings.secrets ?? {}))
    use(reference, of.pathOf('secrets', name));
  for (const [name, reference] of Object.entries(settings['docker-secrets'] ?? {})) {
    use(reference, of.pathOf('docker-secrets', name));
  }
  for (const key of ['platform', 'traffic'] as const) {
    const named = settings[key];
    if (named !== undefined && 'kubeconfig' in named) use(named.kubeconfig, of.pathOf(key, 'kubeconfig'));
  }
  for (const name of checkListsOf(of).flatMap((list) => list.names)) {
    const check = findCheck(content, name);
    if (check?.kind === 'http') use(check['basic-auth'], ['checks', name, 'basic-auth']);
  }
  return uses;
}

export function findSharedSecrets(content: PipelineFile): Finding[] {
  const others = new Map<string, string>();
  for (const [name, environment] of content.environments) {
    if (environment.production === true) continue;
    for (const { reference } of listUses(content, settingsOf(content, name))) {
      if (!others.has(reference)) others.set(reference, name);
    }
  }
  const findings = new Map<string, Finding>();
  for (const [name, environment] of content.environments) {
    if (environment.production !== true) continue;
    for (const { reference, path } of listUses(content, settingsOf(content, name))) {
      const other = others.get(reference);
      if (other === undefined) continue;
      const message = `${name} is production and shares ${reference} with ${other}; give it its own, such as env:{ENVIRONMENT}_NAME`;
      findings.set(path.join('\0'), finding(path, message));
    }
  }
  return [...findings.values()];
}
