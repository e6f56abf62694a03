/** The severities of all scanners as one scale. */
const SCALE = ['unrated', 'note', 'low', 'medium', 'high', 'critical'] as const;

/** `unrated` = known, but rated by nobody yet. */
export type Severity = (typeof SCALE)[number];

const WORDS: Record<Severity, readonly string[]> = {
  unrated: ['unknown'],
  note: ['note', 'none', 'info', 'informational', 'negligible'],
  low: ['low'],
  medium: ['medium', 'moderate', 'warning'],
  high: ['high', 'important', 'error'],
  critical: ['critical'],
};

/** `CRITICAL`, `moderate`, `error` → its place in the scale; null for a word no scanner is known to use. */
export function readSeverity(word: string): Severity | null {
  const lower = word.toLowerCase();
  return SCALE.find((severity) => WORDS[severity].includes(lower)) ?? null;
}

/** A CVSS score from 0 to 10, in the steps of CVSS 3: 9 is critical, 7 high, 4 medium. */
export function severityOfScore(score: number): Severity {
  if (score >= 9) return 'critical';
  if (score >= 7) return 'high';
  if (score >= 4) return 'medium';
  return score > 0 ? 'low' : 'note';
}

/** Negative when `a` is milder than `b`. */
export function compareSeverities(a: Severity, b: Severity): number {
  return SCALE.indexOf(a) - SCALE.indexOf(b);
}

/** Does `severity` reach the limit? What nobody has rated reaches `note` and `low`: it may be anything. */
export function reaches(severity: Severity, limit: Severity): boolean {
  if (severity === 'unrated') return compareSeverities(limit, 'low') <= 0;
  return compareSeverities(severity, limit) >= 0;
}
