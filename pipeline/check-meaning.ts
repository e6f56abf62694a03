/** What a schema cannot see: names that point nowhere, cycles, shared secrets, parts that do not fit together. */
import { checkEnvironment } from './check-environment.js';
import { checkGates } from './check-gates.js';
import { checkListsOf, settingsOf } from './environment-settings.js';
import { finding, type Finding } from './explain-issue.js';
import type { FilePath } from './file-error.js';
import { findCycles } from './order-environments.js';
import type { PipelineFile } from './pipeline-file.js';
import { findSharedSecrets } from './shared-secrets.js';
import { suggestWord } from './suggest.js';

/** All findings in a file whose shape is right. */
export function checkMeaning(content: PipelineFile): Finding[] {
  const whole = [...checkArtifacts(content), ...checkReferences(content), ...checkOrder(content)];
  // the rest reads settings through names that must exist
  if (whole.length > 0) return whole;
  return [
    ...[...content.environments.keys()].flatMap((name) =>
      checkEnvironment(content, settingsOf(content, name)),
    ),
    ...checkGates(content),
    ...findSharedSecrets(content),
  ];
}

function checkArtifacts(content: PipelineFile): Finding[] {
  const findings: Finding[] = [];
  if (content.environments.size === 0)
    findings.push(finding(['environments'], 'needs at least one environment'));
  if (content.images?.size === 0) findings.push(finding(['images'], 'needs at least one image'));
  if (content.image !== undefined && content.images !== undefined) {
    findings.push(finding(['images'], 'stands beside image; keep one of the two'));
  }
  if (content.image === undefined && content.images === undefined) {
    findings.push(
      finding(
        [],
        'image is missing: a repository such as ghcr.io/acme/app, or {folder: PATH} without Docker',
      ),
    );
  }
  return findings;
}

function checkList(
  path: FilePath,
  names: readonly string[],
  noun: string,
  known: readonly string[],
): Finding[] {
  return names.flatMap((name, index) => {
    if (known.includes(name)) return [];
    const some = known.length === 0 ? `this file defines no ${noun}` : `known: ${known.join(', ')}`;
    return [finding([...path, index], `no ${noun} is called ${name}; ${some}`, suggestWord(name, known))];
  });
}

function checkReferences(content: PipelineFile): Finding[] {
  const gates = [...(content.gates?.keys() ?? [])];
  const checks = [...(content.checks?.keys() ?? [])];
  const environments = [...content.environments.keys()];
  const findings = [
    ...checkList(['release', 'gates'], content.release?.gates ?? [], 'gate', gates),
    ...checkList(['release', 'force', 'gates'], content.release?.force?.gates ?? [], 'gate', gates),
    ...(content.notify ?? []).flatMap((notify, index) =>
      checkList(['notify', index, 'environments'], notify.environments ?? [], 'environment', environments),
    ),
  ];
  const seen = new Set<string>();
  for (const name of environments) {
    const of = settingsOf(content, name);
    findings.push(
      ...checkList(['environments', name, 'after'], of.environment.after ?? [], 'environment', environments),
    );
    const lists = [
      { path: of.pathOf('gates'), names: of.settings.gates ?? [], noun: 'gate', known: gates },
      ...checkListsOf(of).map((list) => ({
        path: list.path,
        names: list.names,
        noun: 'check',
        known: [...checks, ...list.names.filter((check) => check.startsWith('/'))],
      })),
    ];
    for (const list of lists) {
      // a list in the defaults is looked at once, not once per environment
      const key = list.path.join('\0');
      if (seen.has(key)) continue;
      seen.add(key);
      findings.push(...checkList(list.path, list.names, list.noun, list.known));
    }
  }
  return findings;
}

function checkOrder(content: PipelineFile): Finding[] {
  return findCycles(content).map((cycle) =>
    finding(
      ['environments', cycle[0] ?? '', 'after'],
      `goes in a circle: ${cycle.join(' after ')}; take one of these after out, since an environment cannot wait for itself`,
    ),
  );
}
