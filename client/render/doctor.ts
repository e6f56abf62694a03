import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { PreflightFinding } from '../../workflows/activity-contract.js';
import { ENVIRONMENT } from '../needs-hands.js';
import type { Style } from './style.js';
import { labelled, lines, plain, plainLines } from './text.js';

const PLACE = 12;

/** What was looked at, by place; each problem with its way out. */
export function renderFindings(style: Style, findings: PreflightFinding[]): string {
  const places = [...new Set(findings.map((finding) => finding.where))];
  const problems = findings.filter(({ state }) => state === 'problem');
  const warnings = findings.filter(({ state }) => state === 'warning').length;
  const width = Math.max(PLACE, ...places.map((place) => plain(place).length + 2));
  return lines(
    places.flatMap((place) =>
      labelled(
        plain(place),
        findings
          .filter((finding) => finding.where === place)
          .flatMap((finding) => findingLines(style, finding)),
        width,
      ),
    ),
    summarise(style, problems, warnings),
  );
}

function findingLines(style: Style, { state, thing, message, wayOut }: PreflightFinding): string[] {
  const [first = '', ...more] = plainLines(message).trimEnd().split('\n');
  const way = wayOut === null ? [] : plainLines(wayOut).trimEnd().split('\n');
  return [`${sign(style, state)} ${plain(thing)}: ${first}`, ...[...more, ...way].map((line) => `  ${line}`)];
}

function sign(style: Style, state: PreflightFinding['state']): string {
  if (state === 'ok') return style.green(style.ok);
  return state === 'warning' ? style.yellow(style.warning) : style.red(style.failed);
}

function summarise(style: Style, problems: PreflightFinding[], warnings: number): string {
  const counted = [count(problems.length, 'problem'), count(warnings, 'warning')]
    .filter((part) => part !== '')
    .join(', ');
  if (problems.length === 0)
    return counted === '' ? style.green('Nothing stands in the way.') : `${counted}. A release would go on.`;
  const waits = problems.every(({ thing }) => thing === ENVIRONMENT);
  return `${counted}. A release would ${waits ? 'wait for a person' : 'stop at preflight'}.`;
}

/** One line, before the worker looks. */
export function describeLook({ name, hosts }: Pick<EnvironmentPlan, 'name' | 'hosts'>): string {
  return `the worker looks at ${name}, ${count(hosts.length, 'host')} ...`;
}

function count(number: number, thing: string): string {
  if (number === 0) return '';
  return `${String(number)} ${thing}${number === 1 ? '' : 's'}`;
}
