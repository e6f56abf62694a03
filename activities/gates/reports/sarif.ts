/** SARIF 2.1.0, as linters and scanners write it. */
import { z } from 'zod';
import { readJson } from './json.js';
import { UnreadableReport, type Finding, type ReportFacts } from './report.js';
import { readSeverity, severityOfScore, type Severity } from './severity.js';
import { listOf } from './shape.js';

const properties = z.object({ 'security-severity': z.union([z.string(), z.number()]).nullish() }).nullish();
const rule = z.object({
  id: z.string(),
  defaultConfiguration: z.object({ level: z.string().nullish() }).nullish(),
  properties,
});
const component = z.object({ name: z.string().min(1), rules: listOf(rule) });
const result = z.object({
  ruleId: z.string().nullish(),
  ruleIndex: z.int().nullish(),
  rule: z.object({ id: z.string().nullish() }).nullish(),
  level: z.string().nullish(),
  kind: z.string().nullish(),
  baselineState: z.string().nullish(),
  suppressions: listOf(z.object({ status: z.string().nullish() })),
  properties,
  locations: listOf(
    z.object({
      physicalLocation: z
        .object({
          artifactLocation: z.object({ uri: z.string().nullish() }).nullish(),
          region: z.object({ startLine: z.int().nullish() }).nullish(),
        })
        .nullish(),
    }),
  ),
});
const run = z.object({
  tool: z.object({ driver: component, extensions: listOf(z.object({ rules: listOf(rule) })) }),
  invocations: listOf(z.object({ executionSuccessful: z.boolean().nullish() })),
  /** The specification: absent or null when the scan did not take place; empty when it found nothing. */
  results: z.array(result).nullish(),
  externalPropertyFileReferences: z.object({ results: z.unknown() }).nullish(),
});
const sarifReport = z.object({ version: z.literal('2.1.0'), runs: z.array(run).nullish() });

type Run = z.output<typeof run>;
type Result = z.output<typeof result>;
type Rule = z.output<typeof rule>;

export function readSarif(json: string): ReportFacts {
  const runs = readJson(json, sarifReport, 'a SARIF 2.1.0 report').runs ?? [];
  if (runs.length === 0) throw new UnreadableReport('has no run in it: the scanner looked at nothing');
  return {
    about: 'findings',
    findings: runs.flatMap(findingsOf),
    scanned: runs.map(({ tool }) => tool.driver.name).join(' and '),
  };
}

function findingsOf(run: Run): Finding[] {
  const name = run.tool.driver.name.slice(0, 60);
  if (run.invocations.some(({ executionSuccessful }) => executionSuccessful === false))
    throw new UnreadableReport(`says that ${name} did not come to its end`);
  if (run.results == null || run.externalPropertyFileReferences?.results !== undefined)
    throw new UnreadableReport(`does not hold the results of ${name}`);
  const { driver, extensions } = run.tool;
  const rules = new Map([driver, ...extensions].flatMap((each) => each.rules).map((each) => [each.id, each]));
  return run.results.filter(isOpen).map((each) => {
    const byIndex = driver.rules[each.ruleIndex ?? -1];
    const id = each.ruleId ?? each.rule?.id ?? byIndex?.id ?? 'unnamed';
    const of = rules.get(id) ?? rules.get(id.replace(/\/[^/]*$/, '')) ?? byIndex;
    const line = each.locations[0]?.physicalLocation?.region?.startLine ?? null;
    return { id, severity: severityOf(each, of), package: null, purl: null, paths: pathsOf(each), line };
  });
}

/** Not what the scanner itself calls good, gone since, or suppressed in the source. */
function isOpen({ kind, baselineState, suppressions }: Result): boolean {
  if (kind === 'pass' || kind === 'notApplicable' || kind === 'informational') return false;
  if (baselineState === 'absent') return false;
  const isSuppressed = suppressions.every(({ status }) => status == null || status === 'accepted');
  return suppressions.length === 0 || !isSuppressed;
}

/** As code scanning does it: `security-severity` where there is one, else the level. */
function severityOf(result: Result, rule: Rule | undefined): Severity {
  const score = result.properties?.['security-severity'] ?? rule?.properties?.['security-severity'];
  if (score != null && score !== '') {
    const number = Number(score);
    if (number >= 0 && number <= 10) return severityOfScore(number);
    throw new UnreadableReport(`has a security-severity that is no number from 0 to 10`);
  }
  const level = result.level ?? rule?.defaultConfiguration?.level ?? 'warning';
  const severity = readSeverity(level);
  if (severity === null) throw new UnreadableReport(`has a level SARIF does not have: ${level.slice(0, 40)}`);
  return severity;
}

function pathsOf({ locations }: Result): string[] {
  return locations.flatMap(({ physicalLocation }) => physicalLocation?.artifactLocation?.uri ?? []);
}
