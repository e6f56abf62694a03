/** What preflight warns of, as a step carries it to every screen: in one payload of the run, so it is kept short. Pure. */
import type { PreflightFinding } from './activity-contract.js';
import { oneLine } from './plain-text.js';

const TOLD = 3;
const LONGEST = { message: 240, wayOut: 160, where: 80 };

/** `web-1: port 8080 is taken; stop what listens there`, what many places say once. Ends with how many more there are. */
export function sayWarnings(findings: readonly PreflightFinding[], environment: string): string[] {
  const warnings = findings.filter(({ state }) => state === 'warning');
  const places = new Map<string, string[]>();
  for (const { where, message, wayOut } of warnings) {
    const words = [
      cut(message, LONGEST.message),
      ...(wayOut === null ? [] : [cut(wayOut, LONGEST.wayOut)]),
    ].join('; ');
    places.set(words, [...(places.get(words) ?? []), where]);
  }
  const all = [...places].map(([words, where]) => ({ words, where }));
  const told = all
    .slice(0, TOLD)
    .map(({ words, where }) => `${cut(where.join(', '), LONGEST.where)}: ${words}`);
  const { length } = all.slice(TOLD).flatMap(({ where }) => where);
  return length === 0 ? told : [...told, `and ${length} more; slipway doctor ${environment}`];
}

function cut(text: string, longest: number): string {
  const line = oneLine(text).trim();
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
