/** Reports of all formats: what they say, and that nothing broken, empty or hostile is taken for a good one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { READERS } from '../../../activities/gates/reports/readers.js';
import { UnreadableReport, type ReportFacts } from '../../../activities/gates/reports/report.js';
import { REPORT_FORMATS, type ReportFormat } from '../../../pipeline/report-formats.js';
import {
  COBERTURA,
  JUNIT,
  JUNIT_GOOD,
  K6,
  K6_HANDLED,
  LCOV,
  PIP_LICENSES,
  SARIF,
  TRIVY,
} from '../../support/reports.js';

const read = async (format: ReportFormat, report: string | object): Promise<ReportFacts> =>
  await READERS[format](typeof report === 'string' ? report : JSON.stringify(report));

async function refusal(format: ReportFormat, report: string | object): Promise<string> {
  const facts = await read(format, report).catch((error: unknown) => error);
  expect(facts).toBeInstanceOf(UnreadableReport);
  return (facts as UnreadableReport).message;
}

function isAboutSomething(facts: ReportFacts): boolean {
  switch (facts.about) {
    case 'coverage':
      return facts.percent >= 0 && facts.percent <= 100 && facts.lines !== 0;
    case 'tests':
      return facts.passed + facts.failed.length > 0;
    case 'findings':
      return facts.scanned !== '';
    case 'licences':
      return facts.packages.length > 0;
    case 'thresholds':
      return facts.held + facts.crossed.length > 0;
  }
}

/** `CVE-1 high` … */
async function list(format: ReportFormat, report: string | object): Promise<string[]> {
  const facts = await read(format, report);
  if (facts.about !== 'findings') throw new Error(`a report about ${facts.about}`);
  return facts.findings.map(({ id, severity }) => `${id} ${severity}`);
}

const whole: Record<ReportFormat, string> = {
  cobertura: COBERTURA,
  lcov: LCOV,
  junit: JUNIT,
  sarif: JSON.stringify(SARIF),
  trivy: JSON.stringify(TRIVY),
  'pip-licenses': JSON.stringify(PIP_LICENSES),
  k6: JSON.stringify(K6),
};
const formats = Object.keys(whole) as ReportFormat[];

describe('every format', () => {
  it.each(formats)('%s is read as what it is about', async (format) => {
    expect((await read(format, whole[format])).about).toBe(REPORT_FORMATS[format]);
  });

  it.each(formats)('%s cut off anywhere is refused', async (format) => {
    const text = whole[format].trimEnd();
    const taken: string[] = [];
    for (let length = 0; length < text.length; length += 1) {
      const cut = text.slice(0, length);
      const facts = await read(format, cut).catch((error: unknown) => error);
      if (!(facts instanceof UnreadableReport)) taken.push(cut);
    }
    // lcov has no end mark: between two records a cut cannot be seen
    const unseen = format === 'lcov' ? 4 : 0;
    expect(taken).toHaveLength(unseen);
    for (const cut of taken) expect(cut).toMatch(/(^|\n)end_of_record\n?$/);
  });

  it.each(formats)('%s with a part missing in the middle never says more than it has', async (format) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole[format].length), fc.nat(whole[format].length), async (from, length) => {
        const text = whole[format].slice(0, from) + whole[format].slice(from + length);
        const facts = await read(format, text).catch((error: unknown) => error);
        if (facts instanceof UnreadableReport) return;
        expect(isAboutSomething(facts as ReportFacts)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(isAboutSomething(await read(format, whole[format]))).toBe(true);
  });

  it.each(formats)('%s never takes noise for a report', async (format) => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json(), fc.constant('\0')), async (noise) => {
        expect(await refusal(format, noise)).not.toBe('');
      }),
      { numRuns: 200 },
    );
  });

  const pairs = formats.flatMap((format) => formats.map((other) => [format, other] as const));
  it.each(pairs.filter(([format, other]) => format !== other))(
    'a reader of %s refuses %s',
    async (format, other) => {
      expect(await refusal(format, whole[other])).toMatch(/^(is|starts|has|says)/);
    },
  );
});

describe('trivy', () => {
  it('lists vulnerabilities, secrets, misconfigurations and licences', async () => {
    expect(await list('trivy', TRIVY)).toEqual([
      'CVE-2026-0001 high',
      'CVE-2026-0002 medium',
      'CVE-2026-0003 unrated',
      'aws-access-key-id critical',
      'DS002 high',
      'GPL-3.0 high',
    ]);
    expect(await read('trivy', TRIVY)).toMatchObject({
      scanned: 'cr.example.com/shop@sha256:9f2c',
      findings: [
        {
          package: { name: 'libssl3', version: '3.3.1-r0', fixedIn: '3.3.1-r1' },
          purl: 'pkg:apk/alpine/libssl3@3.3.1-r0?arch=x86_64&distro=3.20.1',
        },
        { package: { fixedIn: null } },
        { paths: ['Node.js', 'app/node_modules/ws/package.json'] },
        {},
        {},
        {},
      ],
    });
  });

  it.each([
    ['no Results, as Trivy leaves out what is clean', { Results: undefined }],
    ['null', { Results: null }],
    ['a clean target', { Results: [{ Target: 'alpine', Class: 'os-pkgs', Vulnerabilities: null }] }],
  ])('is clean with %s', async (_what, more) => {
    expect(await list('trivy', { ...TRIVY, ...more })).toEqual([]);
  });

  const [first] = TRIVY.Results[0]?.Vulnerabilities ?? [];
  it.each([
    ['nothing in it', {}, 'SchemaVersion'],
    ['no artifact', { SchemaVersion: 2, Results: [] }, 'ArtifactName'],
    ['an empty artifact', { ...TRIVY, ArtifactName: '' }, 'ArtifactName'],
    ['the schema of another version', { ...TRIVY, SchemaVersion: 3 }, 'SchemaVersion'],
    ['the list of before version 2', TRIVY.Results, 'is not a Trivy report'],
    [
      'a severity nobody knows',
      { ...TRIVY, Results: [{ Target: 'a', Vulnerabilities: [{ ...first, Severity: 'MILD' }] }] },
      'has a severity Trivy does not have: MILD',
    ],
    [
      'no severity',
      { ...TRIVY, Results: [{ Target: 'a', Vulnerabilities: [{ ...first, Severity: undefined }] }] },
      'Results.0.Vulnerabilities.0.Severity',
    ],
  ])('refuses %s', async (_what, report, says) => {
    expect(await refusal('trivy', report)).toContain(says);
  });
});

describe('sarif', () => {
  it('takes the score first, then the level, then the rule; and leaves out what is not open', async () => {
    expect(await list('sarif', SARIF)).toEqual([
      'DL3008 medium',
      'SCORED high',
      'BY_RULE note',
      'CA1/7 high',
      'js/xss critical',
      'unnamed medium',
      'REVIEWED high',
    ]);
    expect(await read('sarif', SARIF)).toMatchObject({
      scanned: 'Hadolint',
      findings: [{ paths: ['Dockerfile'], line: 4 }, {}, {}, {}, {}, {}, {}],
    });
  });

  const [run] = SARIF.runs;
  const withRun = (more: object): object => ({ ...SARIF, runs: [{ ...run, ...more }] });
  it('is clean with an empty list of results', async () => {
    expect(await list('sarif', withRun({ results: [] }))).toEqual([]);
  });

  it.each([
    ['nothing in it', {}, 'version'],
    ['no run', { ...SARIF, runs: [] }, 'has no run in it'],
    ['runs that are null', { version: '2.1.0', runs: null }, 'has no run in it'],
    [
      'a scan that did not take place',
      withRun({ results: undefined }),
      'does not hold the results of Hadolint',
    ],
    ['results that are null', withRun({ results: null }), 'does not hold the results'],
    [
      'results in another file',
      withRun({ results: [], externalPropertyFileReferences: { results: [{ location: {} }] } }),
      'does not hold the results',
    ],
    [
      'a scanner that crashed',
      withRun({ results: [], invocations: [{ executionSuccessful: false }] }),
      'says that Hadolint did not come to its end',
    ],
    ['another version', { ...SARIF, version: '1.0.0' }, 'version'],
    [
      'a level of its own',
      withRun({ results: [{ level: 'fatal' }] }),
      'has a level SARIF does not have: fatal',
    ],
    [
      'a score that is none',
      withRun({ results: [{ properties: { 'security-severity': '11' } }] }),
      'has a security-severity',
    ],
  ])('refuses %s', async (_what, report, says) => {
    expect(await refusal('sarif', report)).toContain(says);
  });
});

describe('cobertura', () => {
  it('has the coverage of all lines', async () => {
    expect(await read('cobertura', COBERTURA)).toEqual({ about: 'coverage', percent: 75, lines: 8 });
  });

  it('is read from line-rate where the counts are missing', async () => {
    const old = COBERTURA.replace(/lines-valid="8" lines-covered="6" line-rate="0.75"/, 'line-rate="0.29"');
    expect(await read('cobertura', old)).toEqual({ about: 'coverage', percent: 0.29 * 100, lines: null });
  });

  it.each([
    ['no lines', COBERTURA.replace('lines-valid="8"', 'lines-valid="0"'), 'nothing was measured'],
    ['none listed', COBERTURA.replaceAll(/<line number.*/g, ''), 'lists no line'],
    ['more than all', COBERTURA.replace('covered="6"', 'covered="9"'), '9 of 8 lines'],
    ['a rate above 1', '<coverage line-rate="1.5"><line/></coverage>', 'says neither'],
    ['a rate that is no number', '<coverage line-rate="all"><line/></coverage>', 'says neither'],
    ['Clover', '<coverage generated="1"><project><line/></project></coverage>', 'is it Cobertura?'],
    ['JaCoCo', '<report name="app"><counter/></report>', 'starts with <report>, not with <coverage>'],
  ])('refuses %s', async (_what, report, says) => {
    expect(await refusal('cobertura', report)).toContain(says);
  });
});

describe('hostile XML', () => {
  const bomb = `<!DOCTYPE coverage [<!ENTITY a "aaaaaaaaaa">${Array.from(
    { length: 30 },
    (_, index) => `<!ENTITY a${index} "${`&a${index - 1};`.repeat(10)}">`,
  ).join('')}]>`;
  it.each([
    ['an entity bomb', `${bomb}<coverage lines-valid="1" lines-covered="1"><line a="&a29;"/></coverage>`],
    [
      'a file of the worker',
      '<!DOCTYPE coverage [<!ENTITY x SYSTEM "file:///etc/passwd">]><coverage>&x;</coverage>',
    ],
    ['an entity nobody declared', '<coverage line-rate="1"><line name="&x;"/></coverage>'],
    [
      'a parameter entity',
      '<!DOCTYPE coverage [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;]><coverage/>',
    ],
    ['a deep nest', `<coverage line-rate="1">${'<a>'.repeat(50_000)}`],
    ['two roots', '<coverage line-rate="1"><line/></coverage><coverage/>'],
    ['an attribute twice', '<coverage line-rate="0" line-rate="1"><line/></coverage>'],
    ['text behind the end', `${COBERTURA}more`],
    ['a NUL', COBERTURA.replace('orders', 'or\0ders')],
  ])('%s is refused', async (_what, xml) => {
    expect(await refusal('cobertura', xml)).toMatch(/is not whole XML|declares entities|is nested deeper/);
    expect(await refusal('junit', xml.replaceAll('coverage', 'testsuite'))).not.toBe('');
  });
});

describe('lcov', () => {
  it('adds up the tests of a file', async () => {
    // line 2 is covered by the second test only
    expect(await read('lcov', LCOV)).toEqual({ about: 'coverage', percent: 75, lines: 4 });
  });

  it('is read with the line ends of Windows', async () => {
    expect(await read('lcov', LCOV.replaceAll('\n', '\r\n'))).toMatchObject({ percent: 75 });
  });

  it.each([
    ['no line', 'TN:\nSF:a\nLF:0\nLH:0\nend_of_record\n', 'nothing was measured'],
    ['counts without lines', 'SF:a\nLF:10\nLH:10\nend_of_record\n', 'nothing was measured'],
    ['an end without beginning', 'end_of_record\n', 'line 1 ends what did not begin'],
    ['a record in a record', 'SF:a\nDA:1,1\nSF:b\nend_of_record\n', 'line 3 begins before the end'],
    ['hits that are no number', 'SF:a\nDA:1,many\nend_of_record\n', 'line 2'],
    ['a line of no file', 'DA:1,1\nend_of_record\n', 'line 1'],
    ['an error message', 'geninfo: ERROR: no .gcda files found\n', 'line 1 is none of its lines'],
  ])('refuses %s', async (_what, report, says) => {
    expect(await refusal('lcov', report)).toContain(says);
  });
});

describe('junit', () => {
  it('names the tests that failed', async () => {
    expect(await read('junit', JUNIT)).toEqual({
      about: 'tests',
      passed: 1,
      skipped: 1,
      failed: ['tests.test_orders test_refund', 'tests.test_broken'],
    });
  });

  it('takes text for text and a flaky test for a passed one', async () => {
    expect(await read('junit', JUNIT_GOOD)).toEqual({ about: 'tests', passed: 2, skipped: 0, failed: [] });
  });

  it.each([
    ['a suite that failed as a whole', '<error message="setup"/>', 'a whole suite'],
    ['failures counted and not listed', '', '2 in all that it does not list'],
  ])('%s is a failure', async (_what, more, failure) => {
    const count = more === '' ? 'failures="2"' : '';
    const report = `<testsuite name="all" ${count}>${more}<testcase name="a"/></testsuite>`;
    expect(await read('junit', report)).toMatchObject({ passed: 1, failed: [failure] });
  });

  it.each([
    ['no test', '<testsuites tests="100" failures="0"/>', 'has no test in it'],
    ['an empty suite', '<testsuites><testsuite tests="0"/></testsuites>', 'has no test in it'],
    ['all skipped', '<testsuite><testcase><skipped/></testcase></testsuite>', 'skipped all of its 1 tests'],
  ])('refuses %s', async (_what, report, says) => {
    expect(await refusal('junit', report)).toContain(says);
  });
});

describe('k6', () => {
  it('knows that --summary-export says true for a threshold that was crossed', async () => {
    expect(await read('k6', K6)).toEqual({
      about: 'thresholds',
      held: 2,
      crossed: ['http_req_duration: p(99)<800'],
    });
  });

  it('knows that handleSummary says ok for one that held', async () => {
    expect(await read('k6', K6_HANDLED)).toEqual({ about: 'thresholds', held: 1, crossed: [] });
    const bad = JSON.stringify(K6_HANDLED).replace('"ok":true', '"ok":false');
    expect(await read('k6', bad)).toMatchObject({ held: 0, crossed: ['http_req_duration: p(95)<500'] });
  });

  it('does not let a threshold hold that measured nothing', async () => {
    const metrics = { ...K6.metrics, checks: { passes: 0, fails: 0, thresholds: { 'rate>0.9': false } } };
    expect(await read('k6', { metrics })).toMatchObject({
      crossed: ['http_req_duration: p(99)<800', 'checks: rate>0.9'],
    });
  });

  const { iterations, ...metrics } = K6.metrics;
  it.each([
    ['nothing in it', {}, 'metrics'],
    ['no metric', { metrics: {} }, 'has no finished iteration'],
    ['no iteration', { metrics }, 'has no finished iteration'],
    [
      'none that finished',
      { metrics: { ...metrics, iterations: { count: 0 } } },
      'has no finished iteration',
    ],
    ['no threshold', { metrics: { iterations } }, 'has no threshold in it'],
  ])('refuses %s', async (_what, report, says) => {
    expect(await refusal('k6', report)).toContain(says);
  });
});

describe('pip-licenses', () => {
  it('lists the packages', async () => {
    expect(await read('pip-licenses', PIP_LICENSES)).toMatchObject({
      packages: [
        { name: 'attrs', version: '24.2.0', licence: 'MIT License' },
        { name: 'Some_Tool' },
        { licence: 'UNKNOWN' },
      ],
    });
  });

  it.each([
    ['no package', [], 'has no package in it'],
    ['no licence', [{ Name: 'a', Version: '1' }], '0.License'],
    ['an empty licence', [{ Name: 'a', Version: '1', License: '' }], '0.License'],
    ['no list', {}, 'is not a list of pip-licenses'],
  ])('refuses %s', async (_what, report, says) => {
    expect(await refusal('pip-licenses', report)).toContain(says);
  });
});
