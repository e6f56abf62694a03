/** The order of `after`. */
import type { PipelineFile } from './pipeline-file.js';

function afterOf(content: PipelineFile, name: string): readonly string[] {
  return content.environments.get(name)?.after ?? [];
}

/** Names so that each comes after what it waits for; otherwise by name, since a map has no order. Needs a file without cycles. */
export function orderEnvironments(content: PipelineFile): string[] {
  const ordered: string[] = [];
  const visit = (name: string): void => {
    if (ordered.includes(name) || !content.environments.has(name)) return;
    for (const earlier of [...afterOf(content, name)].sort()) visit(earlier);
    ordered.push(name);
  };
  for (const name of [...content.environments.keys()].sort()) visit(name);
  return ordered;
}

/** Each cycle once, as the names along it: `[a, b, a]`. */
export function findCycles(content: PipelineFile): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const walk = (name: string, trail: string[]): void => {
    const start = trail.indexOf(name);
    if (start !== -1) {
      cycles.push([...trail.slice(start), name]);
      return;
    }
    if (done.has(name)) return;
    for (const earlier of afterOf(content, name)) walk(earlier, [...trail, name]);
    done.add(name);
  };
  for (const name of content.environments.keys()) walk(name, []);
  return cycles;
}
