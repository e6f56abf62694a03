/** Gates with reports: the options must fit, and arrive in the plan. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findUnsupported } from '../../../pipeline/find-unsupported.js';
import { REPORT_FORMATS } from '../../../pipeline/report-formats.js';
import { SMALL, branch, compile, loadBad, loadGood, only } from './given.js';

const withGate = (gate: string): string => `${SMALL}    gates: [g]\ngates:\n  g: {run: make, ${gate}}\n`;

describe('the report of a gate', () => {
  it.each([
    ['report: {cobertura: c.xml}', {}],
    ['report: {cobertura: c.xml, junit: j.xml}, at-least: 75', { atLeast: 75 }],
    ['report: {lcov: l.info}, at-least: 0', { atLeast: 0 }],
    [
      'report: {trivy: t.json}, fail-on: high, exceptions: .trivyignore.yaml',
      { failOn: 'high', exceptions: '.trivyignore.yaml' },
    ],
    ['report: {sarif: s.sarif}, fail-on: moderate', { failOn: 'moderate' }],
    [
      'report: {pip-licenses: l.json}, forbid: [GPL-3.0], exceptions: e.yaml',
      { forbid: ['GPL-3.0'], exceptions: 'e.yaml' },
    ],
    ['report: {k6: k6.json}', {}],
  ])('{%s} compiles and can be carried out', (gate, options) => {
    const file = loadGood(withGate(gate));
    expect(findUnsupported(file)).toEqual([]);
    expect(only(compile(file, branch('main'))).gates).toMatchObject([{ kind: 'run', options }]);
  });

  it.each([
    ['at-least: 75', 'at-least', 'there is no report here'],
    ['report: {trivy: t.json}, at-least: 75', 'at-least', 'add report: {cobertura: coverage.xml}'],
    ['report: {junit: j.xml, k6: k.json}, fail-on: high', 'fail-on', 'junit and k6 has none'],
    ['report: {lcov: l.info}, exceptions: e.yaml', 'exceptions', 'or take exceptions out: lcov has none'],
    ['report: {sarif: s.json}, forbid: [GPL-3.0]', 'forbid', 'add report: {pip-licenses: licences.json}'],
    ['report: {pip-licenses: l.json}', 'report.pip-licenses', 'forbid is missing'],
    [
      'report: {}',
      'report',
      'names no report; known: cobertura, lcov, junit, sarif, trivy, pip-licenses, k6',
    ],
    ['report: {trivy: ../t.json}', 'report.trivy', 'must be a path inside the repository'],
    ['report: {grype: g.json}', 'report.grype', 'no such key'],
    ['report: {trivy: t.json}, fail-on: mild', 'fail-on', ''],
    ['report: {lcov: l.info}, at-least: 101', 'at-least', ''],
  ])('{%s} is an error at its place', (gate, path, says) => {
    const errors = loadBad(withGate(gate));
    expect(errors).toMatchObject([{ line: 12, path: `gates.g.${path}` }]);
    expect(errors[0]?.column).toBeGreaterThan(5);
    expect(errors[0]?.message).toContain(says);
  });
});

describe('docs/gates.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../../docs/gates.md'), 'utf8');
  const examples = [...page.matchAll(/^```yaml gates\n(.*?)^```/gms)].map((match) => match[1] ?? '');

  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(2);
  });

  it.each(examples)('%.60j … can be carried out', (text) => {
    const names = [...text.matchAll(/^  ([a-z]+):/gm)].map((match) => match[1] ?? '');
    const file = loadGood(`${SMALL}    gates: [${names.join(', ')}]\n${text}`);
    expect(only(compile(file, branch('main'))).gates.map(({ name }) => name)).toEqual(names);
    expect(findUnsupported(file)).toEqual([]);
  });

  it.each(Object.keys(REPORT_FORMATS))('names the format %s', (format) => {
    expect(page).toMatch(new RegExp(`^\\| \`${format}\` +\\|`, 'm'));
  });
});
