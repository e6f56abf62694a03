/** Trivy's JSON (schema 2): vulnerabilities, misconfigurations, secrets and licences of all its targets. */
import { z } from 'zod';
import { readJson } from './json.js';
import { UnreadableReport, type Finding, type ReportFacts } from './report.js';
import { readSeverity, type Severity } from './severity.js';
import { listOf } from './shape.js';

const text = z.string().min(1);

const vulnerability = z.object({
  VulnerabilityID: text,
  PkgName: text,
  InstalledVersion: z.string().nullish(),
  FixedVersion: z.string().nullish(),
  Severity: text,
  PkgPath: z.string().nullish(),
  PkgIdentifier: z.object({ PURL: z.string().nullish() }).nullish(),
});
const misconfiguration = z.object({ ID: text, Severity: text, Status: z.string().nullish() });
const secret = z.object({ RuleID: text, Severity: text, StartLine: z.int().nullish() });
const licence = z.object({
  Name: text,
  Severity: text,
  PkgName: z.string().nullish(),
  FilePath: z.string().nullish(),
});

const trivyReport = z.object({
  SchemaVersion: z.literal(2),
  ArtifactName: text,
  Results: listOf(
    z.object({
      Target: z.string(),
      Vulnerabilities: listOf(vulnerability),
      Misconfigurations: listOf(misconfiguration),
      Secrets: listOf(secret),
      Licenses: listOf(licence),
    }),
  ),
});

type Target = z.output<typeof trivyReport>['Results'][number];

/** A report without Results is a good one: Trivy leaves out every target without findings. */
export function readTrivy(json: string): ReportFacts {
  const report = readJson(json, trivyReport, 'a Trivy report (--format json)');
  return { about: 'findings', findings: report.Results.flatMap(findingsOf), scanned: report.ArtifactName };
}

function findingsOf(target: Target): Finding[] {
  const at = target.Target;
  return [
    ...target.Vulnerabilities.map((each) => ({
      id: each.VulnerabilityID,
      severity: severityOf(each.Severity),
      package: {
        name: each.PkgName,
        version: each.InstalledVersion || null,
        fixedIn: each.FixedVersion || null,
      },
      purl: each.PkgIdentifier?.PURL || null,
      paths: [at, ...(each.PkgPath ? [each.PkgPath] : [])],
      line: null,
    })),
    ...target.Misconfigurations.filter(({ Status }) => Status !== 'PASS' && Status !== 'EXCEPTION').map(
      (each) => plain(each.ID, each.Severity, [at]),
    ),
    ...target.Secrets.map((each) => ({
      ...plain(each.RuleID, each.Severity, [at]),
      line: each.StartLine ?? null,
    })),
    ...target.Licenses.map((each) => ({
      ...plain(each.Name, each.Severity, [at, ...(each.FilePath ? [each.FilePath] : [])]),
      package: each.PkgName ? { name: each.PkgName, version: null, fixedIn: null } : null,
    })),
  ];
}

function plain(id: string, severity: string, paths: string[]): Finding {
  return { id, severity: severityOf(severity), package: null, purl: null, paths, line: null };
}

function severityOf(word: string): Severity {
  const severity = readSeverity(word);
  if (severity === null)
    throw new UnreadableReport(`has a severity Trivy does not have: ${word.slice(0, 40)}`);
  return severity;
}
