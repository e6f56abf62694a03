/** Reports held against the options of a gate and its exceptions. */
import { describe, expect, it } from 'vitest';
import { NO_EXCEPTIONS, readExceptions } from '../../../activities/gates/reports/exceptions.js';
import { judgeReport, type Judgement } from '../../../activities/gates/reports/judge-report.js';
import { findForbidden } from '../../../activities/gates/reports/licences.js';
import { matchesPath } from '../../../activities/gates/reports/match-path.js';
import { matchesPurl } from '../../../activities/gates/reports/purl.js';
import type { Finding, ReportFacts } from '../../../activities/gates/reports/report.js';
import { readSeverity, severityOfScore } from '../../../activities/gates/reports/severity.js';
import type { Exceptions } from '../../../activities/gates/reports/waiver.js';
import type { ReportOptions } from '../../../pipeline/plan.js';

const NOW = new Date('2026-06-01T12:00:00Z');

const exceptionsOf = (text: string): Exceptions => readExceptions(Buffer.from(text));

function judge(facts: ReportFacts, options: ReportOptions = {}, exceptions = NO_EXCEPTIONS): Judgement {
  return judgeReport(facts, { options, exceptions, now: NOW, show: (text) => text });
}

function found(id: string, severity: Finding['severity'], more: Partial<Finding> = {}): Finding {
  return { id, severity, package: null, purl: null, paths: [], line: null, ...more };
}

const findings = (...list: Finding[]): ReportFacts => ({
  about: 'findings',
  findings: list,
  scanned: 'shop',
});

const SSL = found('CVE-1', 'high', {
  package: { name: 'libssl3', version: '3.3.1', fixedIn: '3.3.2' },
  purl: 'pkg:apk/alpine/libssl3@3.3.1?arch=x86_64',
  paths: ['shop (alpine 3.20)', 'lib/ssl/libssl.so.3'],
});

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

describe('exceptions in the shape of .trivyignore.yaml', () => {
  const one = (entry: string): Exceptions => exceptionsOf(`vulnerabilities: [{id: CVE-1, ${entry}}]`);

  it('waive, and the waiver is told with its person', () => {
    const exceptions = exceptionsOf(`
vulnerabilities:
  - id: CVE-1
    purls: [pkg:apk/alpine/libssl3]
    expired_at: 2026-08-01
    by: anna@example.com
    statement: not reachable
misconfigurations:
secrets: []
`);
    expect(judge(findings(SSL, found('B', 'low')), {}, exceptions)).toEqual({
      verdict: 'waived',
      says: [
        '1 finding of high or above, all waived, 1 below',
        'waived CVE-1 high in libssl3 3.3.1, fixed in 3.3.2: until 2026-08-01 by anna@example.com: not reachable',
      ].join('\n'),
      listsFindings: true,
    });
  });

  it('do not waive the others', () => {
    const { verdict, says } = judge(
      findings(SSL, found('B', 'high')),
      {},
      one('expired_at: 2026-08-01, by: anna'),
    );
    expect(verdict).toBe('fail');
    expect(says.split('\n')).toEqual([
      '1 finding of high or above',
      'B high',
      'waived CVE-1 high in libssl3 3.3.1, fixed in 3.3.2: until 2026-08-01 by anna',
    ]);
  });

  it.each([
    ['by: anna', 'its exception never ends (expired_at)'],
    ['expired_at: 2026-08-01', 'its exception names nobody (by)'],
    ['expired_at: 2026-08-01, by: " "', 'its exception names nobody (by)'],
    ['expired_at: 2026-05-31, by: anna', 'its exception ended 2026-05-31'],
    // the first moment of the day, as Trivy has it
    ['expired_at: 2026-06-01, by: anna', 'its exception ended 2026-06-01'],
    ['expired_at: "2026-06-01T14:00:00+02:00", by: anna', 'its exception ended 2026-06-01T14:00:00+02:00'],
    ['expired_at: 2026-08-31, by: anna', 'its exception ends 2026-08-31, more than 90 days ahead'],
    ['expired_at: 9999-12-31, by: anna', 'its exception ends 9999-12-31, more than 90 days ahead'],
    [
      'expired_at: 2026-06-31, by: anna',
      'its exception ends at "2026-06-31", which is no date such as 2026-12-31',
    ],
    ['expired_at: soon, by: anna', 'its exception ends at "soon", which is no date such as 2026-12-31'],
    ['expired_at: "2026-07-01T00:00:00", by: anna', 'which is no date such as 2026-12-31'],
  ])('{%s} does not waive', (entry, says) => {
    const judgement = judge(findings(SSL), {}, one(entry));
    expect(judgement.verdict).toBe('fail');
    expect(judgement.says).toContain(says);
  });

  it.each([
    ['expired_at: 2026-06-02, by: anna', 'waived'],
    ['expired_at: 2026-08-30, by: anna', 'waived'],
    ['expired_at: "2026-06-01T12:00:01Z", by: anna', 'waived'],
  ])('{%s} waives', (entry, verdict) => {
    expect(judge(findings(SSL), {}, one(entry)).verdict).toBe(verdict);
  });

  it.each([
    ['paths: ["lib/**"]', 'waived'],
    ['paths: [lib/ssl/libssl.so.3]', 'waived'],
    ['paths: [other/**]', 'fail'],
    ['purls: ["pkg:apk/alpine/libssl3@3.3.1"]', 'waived'],
    ['purls: ["pkg:apk/alpine/libssl3@3.3.0"]', 'fail'],
    ['paths: ["lib/**"], purls: ["pkg:apk/alpine/zlib"]', 'fail'],
  ])('with {%s}: %s', (entry, verdict) => {
    const exceptions = one(`${entry}, expired_at: 2026-08-01, by: anna`);
    expect(judge(findings(SSL), {}, exceptions).verdict).toBe(verdict);
  });

  it('with purls never waive what has no known package', () => {
    const exceptions = one('purls: ["pkg:apk/alpine/libssl3"], expired_at: 2026-08-01, by: anna');
    expect(judge(findings(found('CVE-1', 'high')), {}, exceptions).verdict).toBe('fail');
  });

  it('waive when one of several entries does', () => {
    const exceptions = exceptionsOf(
      'vulnerabilities: [{id: CVE-1}]\nlicenses: [{id: CVE-1, expired_at: 2026-08-01, by: anna}]',
    );
    expect(judge(findings(SSL), {}, exceptions).verdict).toBe('waived');
  });

  it.each([
    ['', 'is wrong'],
    ['- id: CVE-1', 'is wrong'],
    ['vulnerabilities: {id: CVE-1}', 'is wrong at vulnerabilities'],
    ['vulnerability: []', 'vulnerability'],
    ['vulnerabilities: [{id: CVE-1, path: [lib]}]', 'path'],
    ['vulnerabilities: [{paths: [a]}]', 'is wrong at vulnerabilities.0.id'],
    ['vulnerabilities: [{id: CVE-1, paths: []}]', 'is wrong at vulnerabilities.0.paths'],
    ['vulnerabilities: [{id: CVE-1, purls: [libssl3]}]', 'is no package URL'],
    ['vulnerabilities: [{id: CVE-1', 'is no YAML'],
    ['a: &a [1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]', 'is no YAML'],
    ['['.repeat(100_000), 'is no YAML'],
    [`vulnerabilities: []\n${'# comment\n'.repeat(30_000)}`, 'is larger than 256 KB'],
  ])('cannot be used as %.60j', (text, says) => {
    expect(() => exceptionsOf(text)).toThrow(says);
  });
});

describe('exceptions as OpenVEX', () => {
  const vex = (statements: object[], more: object = {}): Exceptions =>
    exceptionsOf(
      JSON.stringify({
        '@context': 'https://openvex.dev/ns/v0.2.0',
        '@id': 'https://openvex.dev/docs/example/vex-1',
        author: 'anna',
        timestamp: '2026-05-01T10:00:00Z',
        version: 1,
        statements,
        ...more,
      }),
    );
  const statement = {
    vulnerability: { name: 'CVE-1' },
    products: [{ '@id': 'pkg:apk/alpine/libssl3@3.3.1' }],
    status: 'not_affected',
    justification: 'vulnerable_code_not_in_execute_path',
  };

  it('waive with not_affected and fixed', () => {
    expect(judge(findings(SSL), {}, vex([statement]))).toMatchObject({
      verdict: 'waived',
      says: expect.stringContaining(': not_affected says anna: vulnerable_code_not_in_execute_path'),
    });
    const fixed = { ...statement, status: 'fixed', justification: undefined };
    expect(judge(findings(SSL), {}, vex([fixed])).verdict).toBe('waived');
  });

  it.each([
    ['an alias', { vulnerability: { name: 'GHSA-1', aliases: ['CVE-1'] } }, 'waived'],
    [
      'a purl among the identifiers',
      { products: [{ identifiers: { purl: 'pkg:apk/alpine/libssl3' } }] },
      'waived',
    ],
    [
      'a package inside a product',
      { products: [{ '@id': 'pkg:oci/shop', subcomponents: [{ '@id': 'pkg:apk/alpine/libssl3' }] }] },
      'waived',
    ],
    [
      'another package inside it',
      { products: [{ '@id': SSL.purl, subcomponents: [{ '@id': 'pkg:apk/a/b' }] }] },
      'fail',
    ],
    ['an image and no package', { products: [{ '@id': 'pkg:oci/shop' }] }, 'fail'],
    ['no product', { products: undefined }, 'fail'],
    ['another version', { products: [{ '@id': 'pkg:apk/alpine/libssl3@1' }] }, 'fail'],
    ['another vulnerability', { vulnerability: { name: 'CVE-2' } }, 'fail'],
    ['the status affected', { status: 'affected' }, 'fail'],
    ['the status under_investigation', { status: 'under_investigation' }, 'fail'],
    ['no reason', { justification: undefined }, 'fail'],
    ['an impact statement', { justification: undefined, impact_statement: 'never called' }, 'waived'],
  ])('with %s: %s%s', (_what, more, verdict) => {
    expect(judge(findings(SSL), {}, vex([{ ...statement, ...more }])).verdict).toBe(verdict);
  });

  it('the newest statement counts, wherever it stands', () => {
    const affected = { ...statement, status: 'affected', timestamp: '2026-05-20T10:00:00Z' };
    const judgement = judge(findings(SSL), {}, vex([affected, statement]));
    expect(judgement).toMatchObject({
      verdict: 'fail',
      says: expect.stringContaining('VEX of anna says affected'),
    });
    const mended = { ...statement, timestamp: '2026-05-21T12:00:00+02:00' };
    expect(judge(findings(SSL), {}, vex([mended, affected])).verdict).toBe('waived');
  });

  it.each([
    ['another version', { '@context': 'https://openvex.dev/ns' }, 'must be OpenVEX 0.2'],
    ['nobody', { author: '' }, 'author'],
    ['no time', { timestamp: 'yesterday' }, 'timestamp'],
    ['a status of its own', { statements: [{ ...statement, status: 'fine' }] }, 'statements.0.status'],
  ])('of %s cannot be used', (_what, more, says) => {
    expect(() => vex([statement], more)).toThrow(says);
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

describe('package URLs', () => {
  it.each([
    ['pkg:npm/ws', 'pkg:npm/ws@8.0.0', true],
    ['pkg:npm/ws@8.0.0', 'pkg:npm/ws@8.0.0', true],
    ['pkg:npm/%40acme/ws', 'pkg:npm/@acme/ws@1', false],
    ['pkg:npm/%40acme/ws', 'pkg:npm/%40acme/ws@1', true],
    ['pkg:npm/ws@8.0.1', 'pkg:npm/ws@8.0.0', false],
    ['pkg:npm/w', 'pkg:npm/ws', false],
    ['pkg:pypi/ws', 'pkg:npm/ws', false],
    ['pkg:PyPI/Some.Tool', 'pkg:pypi/some_tool@1', true],
    ['pkg:apk/a/b?arch=x86', 'pkg:apk/a/b@1?arch=x86&distro=3', true],
    ['pkg:apk/a/b?arch=arm', 'pkg:apk/a/b@1?arch=x86', false],
    ['pkg:apk/a/b?arch=arm', 'pkg:apk/a/b@1', false],
    ['ws', 'ws', false],
    ['pkg:npm/%', 'pkg:npm/%', false],
  ])('%s names %s: %s', (pattern, purl, matches) => {
    expect(matchesPurl(pattern, purl)).toBe(matches);
  });
});

describe('paths', () => {
  it.each([
    ['a/b.txt', 'a/b.txt', true],
    ['a/*.txt', 'a/b.txt', true],
    ['*', 'a/b', false],
    ['**', 'a/b/c', true],
    ['**/package.json', 'package.json', true],
    ['**/ws/package.json', 'app/node_modules/ws/package.json', true],
    ['app/**', 'app', true],
    ['app/**', 'application/a', false],
    ['a/**/c/**/e', 'a/b/c/d/c/e', true],
    ['a/?.txt', 'a/b.txt', true],
    ['a/[id].ts', 'a/[id].ts', true],
    ['a/[id].ts', 'a/i.ts', false],
    ['', 'a', false],
    ['a+', 'aa', false],
  ])('%s names %s: %s', (pattern, path, matches) => {
    expect(matchesPath(pattern, path)).toBe(matches);
  });

  it('are matched without going through all the ways there are', () => {
    expect(matchesPath(`${'*a'.repeat(400)}b`, 'a'.repeat(20_000))).toBe(false);
    expect(matchesPath(`${'**/a/'.repeat(150)}b`, 'a/'.repeat(5_000))).toBe(false);
  });
});
