/** Which gates may be forced, and by whom: as the file says it, and what the worker's policy leaves of that. */
import type { TextCompiler } from './compile-text.js';
import type { ForceRule, GatePlan } from './plan.js';
import type { PipelineFile } from './pipeline-file.js';

/** For a plan with these gates; empty where none of them may be forced, so that nothing is said of it. */
export function compileForce(
  { release }: PipelineFile,
  gates: GatePlan[],
  texts: TextCompiler,
): { force?: ForceRule } {
  const force = release?.force;
  if (force === undefined) return {};
  const names = gates.map(({ name }) => name).filter((name) => force.gates.includes(name));
  if (names.length === 0) return {};
  return { force: { group: texts.text(force.group, ['release', 'force', 'group']), gates: names } };
}

/** Only what both allow, by the policy's group. */
export function tightenForce(
  inFile: ForceRule | undefined,
  inPolicy: ForceRule | undefined,
): { force?: ForceRule } {
  if (inFile === undefined || inPolicy === undefined) return {};
  const gates = inFile.gates.filter((name) => inPolicy.gates.includes(name));
  return gates.length === 0 ? {} : { force: { group: inPolicy.group, gates } };
}

/** `vulnerabilities, licences may be forced by leads`. */
export function describeForceRule({ group, gates }: ForceRule): string {
  return `${gates.join(', ')} may be forced by ${group}`;
}
