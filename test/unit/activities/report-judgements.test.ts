/** Reports held against the options of a gate. */
import { describe, expect, it } from 'vitest';
import { findForbidden } from '../../../activities/gates/reports/licences.js';
import type { ReportFacts } from '../../../activities/gates/reports/report.js';
import { readSeverity, severityOfScore } from '../../../activities/gates/reports/severity.js';
import { exceptionsOf, findings, found, judge, SSL } from '../../support/judging.js';

describe('coverage', () => {
  it.each([
    [75, 75, 'pass', 'coverage 75 % of 100 lines, needs 75 %'],
    [74.996, 75, 'fail', 'coverage 74.99 % of 100 lines, needs 75 %'],
    [0.29 * 100, 29, 'pass', 'coverage 29 % of 100 lines, needs 29 %'],
    [0, 0, 'pass', 'coverage 0 % of 100 lines, needs 0 %'],
    [12.345, undefined, 'pass', 'coverage 12.34 % of 100 lines'],
  ] as const)('%d percent where %s are needed: %s', (percent, atLeast, verdict, says) => {
    const options = atLeast === undefined ? {} : { atLeast };
    const judgement = judge({ about: 'coverage', percent, lines: 100 }, options);
    expect(judgement).toEqual({ verdict, says, listsFindings: false });
  });
});

describe('tests and thresholds', () => {
  it('pass when none failed', () => {
    expect(judge({ about: 'tests', passed: 3, skipped: 1, failed: [] })).toMatchObject({
      verdict: 'pass',
      says: '3 of 3 tests passed, 1 skipped',
    });
    expect(judge({ about: 'thresholds', held: 2, crossed: [] })).toMatchObject({
      verdict: 'pass',
      says: '2 of 2 thresholds held',
    });
  });

  it('fail with the first ten by name', () => {
    const failed = Array.from({ length: 12 }, (_, index) => `t${index}`);
    const { verdict, says } = judge({ about: 'tests', passed: 3, skipped: 0, failed });
    expect(verdict).toBe('fail');
    expect(says.split('\n')).toEqual(['12 of 15 tests failed', ...failed.slice(0, 10), 'and 2 more']);
    expect(judge({ about: 'thresholds', held: 1, crossed: ['p95: p(95)<500'] })).toMatchObject({
      verdict: 'fail',
      says: '1 of 2 thresholds crossed\np95: p(95)<500',
    });
  });
});

describe('severities', () => {
  it.each([
    ['CRITICAL', 'critical'],
    ['moderate', 'medium'],
    ['warning', 'medium'],
    ['Error', 'high'],
    ['Important', 'high'],
    ['negligible', 'note'],
    ['UNKNOWN', 'unrated'],
    ['mild', null],
    ['', null],
    ['constructor', null],
  ])('%s is %s', (word, severity) => {
    expect(readSeverity(word)).toBe(severity);
  });

  it.each([
    [10, 'critical'],
    [9, 'critical'],
    [8.9, 'high'],
    [7, 'high'],
    [6.9, 'medium'],
    [3.9, 'low'],
    [0, 'note'],
  ])('a score of %d is %s', (score, severity) => {
    expect(severityOfScore(score)).toBe(severity);
  });

  it.each([
    ['high', 'critical', 'fail'],
    ['high', 'high', 'fail'],
    ['high', 'medium', 'pass'],
    ['error', 'high', 'fail'],
    ['moderate', 'medium', 'fail'],
    ['warning', 'low', 'pass'],
    ['critical', 'high', 'pass'],
    ['note', 'note', 'fail'],
    // what nobody has rated may be anything, but fails only where nearly everything does
    ['medium', 'unrated', 'pass'],
    ['low', 'unrated', 'fail'],
    ['note', 'unrated', 'fail'],
  ] as const)('fail-on %s and a %s finding: %s', (failOn, severity, verdict) => {
    expect(judge(findings(found('A', severity)), { failOn }).verdict).toBe(verdict);
  });

  it('fail from high when nothing is said', () => {
    expect(judge(findings(found('A', 'medium'), found('B', 'low')))).toEqual({
      verdict: 'pass',
      says: 'no finding of high or above, 2 below',
      listsFindings: true,
    });
    expect(judge(findings(found('A', 'medium'), SSL, found('B', 'critical')))).toMatchObject({
      verdict: 'fail',
      says: '2 findings of high or above, 1 below\nB critical\nCVE-1 high in libssl3 3.3.1, fixed in 3.3.2',
    });
    const lint = found('DL3008', 'high', { paths: ['Dockerfile', 'other'], line: 4 });
    expect(judge(findings(lint)).says).toBe('1 finding of high or above\nDL3008 high in Dockerfile:4');
    expect(judge(findings())).toMatchObject({ verdict: 'pass', listsFindings: false });
  });
});

describe('licences', () => {
  const forbid = ['GPL-3.0', 'AGPL-3.0'];

  it.each([
    ['GPL-3.0', 'GPL-3.0'],
    ['GPL-3.0-only', 'GPL-3.0'],
    ['GPL-3.0-or-later', 'GPL-3.0'],
    ['GPLv3+', 'GPL-3.0'],
    ['GNU General Public License v3 (GPLv3)', 'GPL-3.0'],
    ['GNU General Public License v3 or later (GPLv3+)', 'GPL-3.0'],
    ['GNU General Public License (GPL)', 'GPL-3.0'],
    ['GNU Affero General Public License v3', 'AGPL-3.0'],
    ['MIT License; GNU General Public License v3 (GPLv3)', 'GPL-3.0'],
    ['MIT AND GPL-3.0-only', 'GPL-3.0'],
    ['GPL-3.0 OR AGPL-3.0', 'GPL-3.0'],
    ['(MIT OR GPL-3.0) AND BSD-3-Clause', 'GPL-3.0'],
    ['MIT OR GPL-3.0', null],
    ['GNU General Public License v2 (GPLv2)', null],
    ['GPL-2.0-or-later', null],
    ['GNU Lesser General Public License v3 (LGPLv3)', null],
    ['LGPL-3.0', null],
    ['MIT License', null],
    ['UNKNOWN', null],
    ['', null],
  ])('%s → %s', (licence, forbidden) => {
    expect(findForbidden(licence, forbid)).toBe(forbidden);
  });

  it.each([
    ['MIT License', 'MIT'],
    ['UNKNOWN', 'unknown'],
    ['Apache Software License', 'Apache-2.0'],
    ['Mozilla Public License 2.0 (MPL 2.0)', 'MPL-2.0'],
    ['Proprietary', 'proprietary'],
  ])('%s is forbidden by %s', (licence, word) => {
    expect(findForbidden(licence, [word])).toBe(word);
  });

  it('fail with the packages, and can be waived one by one', () => {
    const facts: ReportFacts = {
      about: 'licences',
      packages: [
        { name: 'Some_Tool', version: '1.0', licence: 'GPLv3' },
        { name: 'attrs', version: '24', licence: 'MIT' },
        { name: 'inhouse', version: null, licence: 'UNKNOWN' },
      ],
    };
    expect(judge(facts, { forbid })).toEqual({
      verdict: 'fail',
      says: '1 forbidden licence in 3 packages, 1 without a known licence\nGPL-3.0 in Some_Tool 1.0',
      listsFindings: true,
    });
    const exceptions = exceptionsOf(
      'licenses: [{id: GPL-3.0, purls: ["pkg:pypi/some-tool"], expired_at: 2026-08-01, by: anna}]',
    );
    expect(judge(facts, { forbid }, exceptions).verdict).toBe('waived');
    expect(judge(facts, { forbid: ['SSPL-1.0'] })).toMatchObject({
      verdict: 'pass',
      says: 'no forbidden licence in 3 packages, 1 without a known licence',
      listsFindings: false,
    });
  });
});
