/** Gates that a release passed because somebody forced them: said wherever the release is, for as long as it is there. Pure. */
import { oneLine } from './plain-text.js';
import type { BuiltArtifact, EvidenceItem, ForcedGate } from './result.js';

/** What of a release, request or record says so; also of such as anybody may have written. */
interface MaybeForced {
  artifacts?: BuiltArtifact[];
  evidence?: EvidenceItem[];
}

/** The release's own gates by what was built after them, an environment's by the evidence; each once. */
export function forcedGates({ artifacts = [], evidence = [] }: MaybeForced): ForcedGate[] {
  const ofRelease = listIn(artifacts).flatMap(({ forced }) => listIn(forced));
  const here = listIn(evidence)
    .filter(({ verdict }) => verdict === 'forced')
    .map(({ name, by, note, ticket }) => ({ gate: name, by, reason: note, ticket }));
  const all = [...ofRelease, ...here].map(({ gate, by, reason, ticket }) => ({
    gate: text(gate),
    by: text(by),
    reason: text(reason),
    ticket: text(ticket),
  }));
  return [...new Map(all.map((each) => [describeForced(each), each])).values()];
}

/** `vulnerabilities by irina: the fix is not out yet (OPS-412)`. */
export function describeForced({ gate, by, reason, ticket }: ForcedGate): string {
  return `${gate} by ${by}: ${reason} (${ticket})`;
}

function text(value: unknown): string {
  return typeof value === 'string' && value.trim() !== '' ? oneLine(value) : 'unknown';
}

function listIn<Item>(value: Item[] | undefined): Item[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'object' && each !== null) : [];
}
