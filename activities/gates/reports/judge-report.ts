/** A report held against the options of its gate. Pure: the same report and time give the same judgement. */
import type { ReportOptions } from '../../../pipeline/plan.js';
import { findForbidden } from './licences.js';
import type { Finding, LicensedPackage, ReportFacts } from './report.js';
import { compareSeverities, reaches, readSeverity, type Severity } from './severity.js';
import type { Exceptions } from './waiver.js';

export interface Judgement {
  verdict: 'pass' | 'fail' | 'waived';
  /** One line, and one more per thing worth naming. */
  says: string;
  /** A scanner that exits with an error because of what it lists here did its work. */
  listsFindings: boolean;
}

export interface Measure {
  options: ReportOptions;
  exceptions: Exceptions;
  now: Date;
  /** Makes text of a report fit to be shown: one line, short, without secrets. */
  show: (text: string) => string;
}

const DEFAULT_FAIL_ON: Severity = 'high';
const SHOWN = 10;

export function judgeReport(facts: ReportFacts, measure: Measure): Judgement {
  switch (facts.about) {
    case 'coverage':
      return judgeCoverage(facts, measure.options.atLeast);
    case 'tests':
      return judgeTests(facts, measure);
    case 'thresholds':
      return judgeThresholds(facts, measure);
    case 'findings':
      return judgeFindings(facts.findings, measure);
    case 'licences':
      return judgeLicences(facts.packages, measure);
  }
}

type About<S extends ReportFacts['about']> = Extract<ReportFacts, { about: S }>;

/** Covers the last bit of a rate such as 0.29, which is 28.999999999999996 percent. */
const ROUNDING = 1e-9;

function judgeCoverage({ percent, lines }: About<'coverage'>, atLeast: number | undefined): Judgement {
  // cut, not rounded: 74.96 must not read as 75
  const cut = Math.floor((percent + ROUNDING) * 100) / 100;
  const of = lines === null ? '' : ` of ${lines} lines`;
  const needs = atLeast === undefined ? '' : `, needs ${atLeast} %`;
  const isEnough = atLeast === undefined || percent + ROUNDING >= atLeast;
  return {
    verdict: isEnough ? 'pass' : 'fail',
    says: `coverage ${cut} %${of}${needs}`,
    listsFindings: false,
  };
}

function judgeTests({ passed, skipped, failed }: About<'tests'>, { show }: Measure): Judgement {
  const ran = passed + failed.length;
  const besides = skipped === 0 ? '' : `, ${skipped} skipped`;
  if (failed.length === 0)
    return { verdict: 'pass', says: `${passed} of ${ran} tests passed${besides}`, listsFindings: false };
  const says = [`${failed.length} of ${ran} tests failed${besides}`, ...some(failed, show)].join('\n');
  return { verdict: 'fail', says, listsFindings: false };
}

function judgeThresholds({ held, crossed }: About<'thresholds'>, { show }: Measure): Judgement {
  const all = held + crossed.length;
  if (crossed.length === 0)
    return { verdict: 'pass', says: `${held} of ${all} thresholds held`, listsFindings: false };
  const says = [`${crossed.length} of ${all} thresholds crossed`, ...some(crossed, show)].join('\n');
  return { verdict: 'fail', says, listsFindings: false };
}

function judgeFindings(findings: Finding[], measure: Measure): Judgement {
  // a word only a newer version knows is taken for the strictest
  const limit = readSeverity(measure.options.failOn ?? DEFAULT_FAIL_ON) ?? 'note';
  const bad = findings
    .filter(({ severity }) => reaches(severity, limit))
    .sort((a, b) => compareSeverities(b.severity, a.severity));
  const rest = findings.length - bad.length;
  const words = {
    count: (number: number) =>
      `${number === 0 ? 'no' : number} finding${number > 1 ? 's' : ''} of ${limit} or above`,
    besides: rest === 0 ? '' : `, ${rest} below`,
    describe: ({ id, severity, package: of, paths: [path], line }: Finding) => {
      const place = path === undefined || line === null ? path : `${path}:${line}`;
      const where = of === null ? place : nameVersion(of);
      return `${id} ${severity}${where === undefined ? '' : ` in ${where}`}${of?.fixedIn ? `, fixed in ${of.fixedIn}` : ''}`;
    },
  };
  return { ...weigh(bad, measure, words), listsFindings: findings.length > 0 };
}

function judgeLicences(packages: LicensedPackage[], measure: Measure): Judgement {
  const bad = packages.flatMap(({ name, version, licence }): Finding[] => {
    const id = findForbidden(licence, measure.options.forbid ?? []);
    if (id === null) return [];
    const purl = `pkg:pypi/${encodeURIComponent(name)}${version === null ? '' : `@${encodeURIComponent(version)}`}`;
    return [{ id, severity: 'high', package: { name, version, fixedIn: null }, purl, paths: [], line: null }];
  });
  const unknown = packages.filter(({ licence }) => licence.toUpperCase() === 'UNKNOWN').length;
  const words = {
    count: (number: number) => `${number === 0 ? 'no' : number} forbidden licence${number > 1 ? 's' : ''}`,
    besides: ` in ${packages.length} packages${unknown === 0 ? '' : `, ${unknown} without a known licence`}`,
    describe: ({ id, package: of }: Finding) => `${id} in ${of === null ? 'a package' : nameVersion(of)}`,
  };
  return { ...weigh(bad, measure, words), listsFindings: bad.length > 0 };
}

interface Words {
  count: (number: number) => string;
  besides: string;
  describe: (finding: Finding) => string;
}

/** Bad findings fail unless every one of them is waived. */
function weigh(
  bad: Finding[],
  { exceptions, now, show }: Measure,
  { count, besides, describe }: Words,
): Pick<Judgement, 'verdict' | 'says'> {
  const weighed = bad.map((finding) => ({ finding, waiver: exceptions.about(finding, now) }));
  const open = weighed.filter(({ waiver }) => waiver?.holds !== true);
  const waived = weighed.filter(({ waiver }) => waiver?.holds === true);
  const line = ({ finding, waiver }: (typeof weighed)[number]): string =>
    `${show(describe(finding))}${waiver === null ? '' : `: ${show(waiver.says)}`}`;
  const isWaived = open.length === 0 && waived.length > 0;
  const says = [
    isWaived ? `${count(waived.length)}, all waived${besides}` : `${count(open.length)}${besides}`,
    ...some(open, line),
    ...some(waived, (each) => `waived ${line(each)}`),
  ];
  return { verdict: open.length > 0 ? 'fail' : isWaived ? 'waived' : 'pass', says: says.join('\n') };
}

function nameVersion({ name, version }: { name: string; version: string | null }): string {
  return version === null ? name : `${name} ${version}`;
}

function some<T>(items: T[], line: (item: T) => string): string[] {
  const lines = items.slice(0, SHOWN).map(line);
  const more = items.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}
