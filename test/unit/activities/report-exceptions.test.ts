/** What is excepted from a report, and until when, and by whom. */
import { describe, expect, it } from 'vitest';
import type { Exceptions } from '../../../activities/gates/reports/waiver.js';
import { exceptionsOf, findings, found, judge, SSL } from '../../support/judging.js';

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
