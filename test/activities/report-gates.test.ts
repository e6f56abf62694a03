/** Gates with reports, in a real checkout of a real repository: what the command left there is all that counts. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GatePlan, ReportOptions } from '../../pipeline/plan.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { givenGateScene } from '../support/gate-scene.js';
import { COBERTURA, JUNIT, JUNIT_GOOD, LCOV, TRIVY } from '../support/reports.js';
import type { TestRepository } from '../support/repository.js';

const scene = givenGateScene({ scrub: (text) => text.replaceAll('s3cret', '***') });
const { repository } = scene;

type Files = Parameters<TestRepository['commit']>[1];

interface Asked {
  run: string;
  report: Record<string, string>;
  options?: ReportOptions;
  /** In the commit beside the reports under `given/`, from which `run` copies. */
  files?: Files;
  timeoutMs?: number;
}

async function ask({
  run,
  report,
  options = {},
  files = {},
  timeoutMs = 60_000,
}: Asked): Promise<EvidenceItem> {
  const sha = await repository.commit('one', { 'README.md': 'shop\n', ...files });
  const gate: GatePlan = { name: 'scan', kind: 'run', command: run, timeoutMs, report, options };
  return await scene.ask(gate, sha);
}

const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

function trivy(...vulnerabilities: [id: string, severity: string][]): string {
  const list = vulnerabilities.map(([id, severity]) => ({
    VulnerabilityID: id,
    PkgName: 'ws',
    InstalledVersion: '8.0.0',
    PkgIdentifier: { PURL: 'pkg:npm/ws@8.0.0' },
    Severity: severity,
  }));
  return JSON.stringify({ ...TRIVY, Results: [{ Target: 'Node.js', Vulnerabilities: list }] });
}

describe('coverage and tests', () => {
  const files = {
    'given/c.xml': COBERTURA,
    'given/j.xml': JUNIT_GOOD,
    'given/bad.xml': JUNIT,
    'given/l.info': LCOV,
  };
  const report = { cobertura: 'reports/c.xml', junit: 'j.xml' };
  const run = 'mkdir reports && cp given/c.xml reports/c.xml && cp given/j.xml j.xml';

  it('passes with both reports, whose hashes are in the evidence', async () => {
    const item = await ask({ run, report, options: { atLeast: 75 }, files });
    const [c, j] = [sha256(COBERTURA), sha256(JUNIT_GOOD)];
    expect(item).toMatchObject({
      kind: 'gate',
      name: 'scan',
      verdict: 'pass',
      by: null,
      reportSha: sha256(`cobertura ${c}\njunit ${j}\n`),
    });
    expect(item.note?.split('\n')).toEqual([
      'reports/c.xml: coverage 75 % of 8 lines, needs 75 %',
      'j.xml: 2 of 2 tests passed',
      `reports/c.xml sha256:${c}`,
      `j.xml sha256:${j}`,
    ]);
  });

  it('fails below the threshold, with the hash of the one report', async () => {
    const item = await ask({
      run: 'cp given/l.info l.info',
      report: { lcov: 'l.info' },
      options: { atLeast: 80 },
      files,
    });
    expect(item).toMatchObject({ verdict: 'fail', reportSha: sha256(LCOV) });
    expect(item.note).toBe(`l.info: coverage 75 % of 4 lines, needs 80 %\nl.info sha256:${sha256(LCOV)}`);
  });

  it('fails with the tests that failed and what the command said', async () => {
    const item = await ask({
      run: 'cp given/bad.xml j.xml; echo s3cret boom; exit 1',
      report: { junit: 'j.xml' },
      files,
    });
    expect(item.verdict).toBe('fail');
    expect(item.note?.split('\n')).toEqual([
      'exit 1',
      'j.xml: 2 of 3 tests failed, 1 skipped',
      'tests.test_orders test_refund',
      'tests.test_broken',
      'it said last:',
      '*** boom',
      `j.xml sha256:${sha256(JUNIT)}`,
    ]);
  });

  it('fails when the tests pass and the command does not: nothing explains that', async () => {
    const item = await ask({ run: `${run}; echo lint; exit 3`, report, files });
    expect(item).toMatchObject({
      verdict: 'fail',
      note: expect.stringMatching(/^exit 3\n[^]*it said last:\nlint/),
    });
  });

  it('fails when one of two reports is missing', async () => {
    const item = await ask({ run: 'cp given/j.xml j.xml', report, files });
    expect(item).toMatchObject({
      verdict: 'fail',
      reportSha: sha256(JUNIT_GOOD),
      note: expect.stringContaining('reports/c.xml was not written\nj.xml: 2 of 2 tests passed'),
    });
  });
});

describe('a report that cannot be believed fails', () => {
  const report = { lcov: 'out/l.info' };
  const good = { 'given/l.info': LCOV };
  it.each([
    ['none', 'true', 'out/l.info was not written'],
    ['none, of a scanner that crashed', 'exit 2', 'exit 2\nout/l.info was not written'],
    ['none, of a scanner that is not there', 'mkdir out; no-such-scanner > out/l.info', 'cannot be run'],
    ['an empty one', 'mkdir out; : > out/l.info', 'out/l.info is empty'],
    ['half of one', 'mkdir out; head -c 40 given/l.info > out/l.info', 'ends in the middle of a record'],
    ['what is not UTF-8', "mkdir out; printf '\\377\\376S\\0F\\0' > out/l.info", 'is not UTF-8'],
    ['a folder', 'mkdir -p out/l.info', 'is not a plain file'],
    ['a named pipe', 'mkdir out; mkfifo out/l.info', 'is not a plain file'],
    ['a link to it', 'mkdir out; ln -s ../given/l.info out/l.info', 'is a link'],
    ['a link that leads nowhere', 'mkdir out; ln -s nowhere out/l.info', 'is a link'],
    ['one in a folder that is a link', 'ln -s given out', 'is behind a link'],
    [
      'one of an earlier run',
      'mkdir out; cp given/l.info out/; touch -d 2020-01-01 out/l.info',
      'before this run',
    ],
    ['500 MB', 'mkdir out; truncate -s 500M out/l.info', 'has 525 MB; at most 32 MB are read'],
    ['one of a command that was killed', 'mkdir out; cp given/l.info out/; kill -9 $$', 'exit 137'],
  ])('%s', async (_what, run, says) => {
    const item = await ask({ run, report, files: good });
    expect(item.verdict).toBe(says === 'cannot be run' ? 'error' : 'fail');
    expect(item.note).toContain(says);
  });

  it('one that was in time, but not the command', async () => {
    const run = 'mkdir out; cp given/l.info out/; sleep 600';
    const item = await ask({ run, report, files: good, timeoutMs: 500 });
    expect(item).toMatchObject({ verdict: 'fail', note: expect.stringMatching(/^not done within 0.5s/) });
    expect(item).not.toHaveProperty('reportSha');
  });

  it('one outside of the checkout', async () => {
    await writeFile(path.join(scene.folder, 'l.info'), LCOV);
    const item = await ask({ run: `ln -s ${scene.folder} out`, report });
    expect(item).toMatchObject({ verdict: 'fail', note: expect.stringContaining('is behind a link') });
  });
});

describe('a report in the commit', () => {
  const report = { lcov: 'l.info' };
  const committed = { 'l.info': LCOV };

  it('does not count', async () => {
    const item = await ask({ run: 'true', report, files: committed });
    expect(item).toMatchObject({
      verdict: 'fail',
      note: 'l.info was not written; the one in the commit does not count, take it out of git',
    });
  });

  it('does not count either when the command puts it back', async () => {
    const item = await ask({ run: 'git checkout --quiet .', report, files: committed });
    expect(item).toMatchObject({
      verdict: 'fail',
      note: expect.stringContaining('l.info is the one in the commit, not of this run'),
    });
  });

  it('is no obstacle for a new one', async () => {
    const item = await ask({
      run: "sed 's/DA:3,0/DA:3,1/' given > l.info",
      report,
      files: { ...committed, given: LCOV },
    });
    expect(item).toMatchObject({ verdict: 'pass', note: expect.stringContaining('coverage 100 %') });
  });

  it('that is a link is removed, and what it leads to stays', async () => {
    const target = path.join(scene.folder, 'precious');
    await writeFile(target, 'precious');
    await symlink(target, path.join(repository.folder, 'l.info'));
    const item = await ask({ run: 'cp given l.info', report, files: { given: LCOV } });
    expect(item.verdict).toBe('pass');
    expect(await readFile(target, 'utf8')).toBe('precious');
  });

  it('in a folder that is a link is refused before anything is removed or run', async () => {
    await writeFile(path.join(scene.folder, 'l.info'), 'precious');
    await symlink(scene.folder, path.join(repository.folder, 'out'));
    const ran = path.join(scene.folder, 'ran');
    const item = await ask({ run: `touch ${ran}`, report: { lcov: 'out/l.info' } });
    expect(item).toMatchObject({
      verdict: 'fail',
      note: expect.stringContaining('out/l.info is behind a link'),
    });
    expect(await readFile(path.join(scene.folder, 'l.info'), 'utf8')).toBe('precious');
    expect(existsSync(ran)).toBe(false);
  });
});

describe('findings', () => {
  const report = { trivy: 't.json' };
  const options = { failOn: 'high', exceptions: '.trivyignore.yaml' };
  const exception = (id: string, days: number): string =>
    `vulnerabilities: [{id: ${id}, expired_at: ${inDays(days)}, by: anna, statement: s3cret reason}]\n`;
  const scan = (list: string, code = 0, waived = exception('CVE-9', 30)): Asked => ({
    run: `cp given t.json; exit ${code}`,
    report,
    options,
    files: { given: list, '.trivyignore.yaml': waived },
  });

  it('fail the gate', async () => {
    const item = await ask(scan(trivy(['CVE-1', 'HIGH'], ['CVE-2', 'LOW'])));
    expect(item).toMatchObject({
      verdict: 'fail',
      note: expect.stringContaining('t.json: 1 finding of high or above, 1 below\nCVE-1 high in ws 8.0.0\n'),
    });
  });

  it('are waived by exceptions, also when the scanner exits with an error because of them', async () => {
    for (const code of [0, 1]) {
      const item = await ask(scan(trivy(['CVE-1', 'CRITICAL']), code, exception('CVE-1', 89)));
      expect(item.verdict).toBe('waived');
      expect(item.note).toContain(
        `waived CVE-1 critical in ws 8.0.0: until ${inDays(89)} by anna: *** reason`,
      );
      expect(item.reportSha).toBe(sha256(trivy(['CVE-1', 'CRITICAL'])));
    }
  });

  it('below the threshold explain the exit code too', async () => {
    expect(await ask(scan(trivy(['CVE-2', 'LOW']), 1))).toMatchObject({ verdict: 'pass' });
  });

  it.each([
    ['an exit code nothing explains', trivy(), 1, 'exit 1\nt.json: no finding of high or above'],
    ['a scanner that was killed', trivy(['CVE-2', 'LOW']), 137, 'exit 137'],
    ['an exception that has ended', trivy(['CVE-1', 'HIGH']), 0, 'its exception ended'],
    ['an exception for too long', trivy(['CVE-1', 'HIGH']), 0, 'more than 90 days ahead'],
  ])('%s fails', async (what, list, code, says) => {
    const days = what.endsWith('long') ? 92 : -1;
    const item = await ask(scan(list, code, exception('CVE-1', days)));
    expect(item).toMatchObject({ verdict: 'fail', note: expect.stringContaining(says) });
  });

  it('are waived by the commit, not by what the command makes of the file', async () => {
    const asked = scan(trivy(['CVE-1', 'HIGH']));
    const run = `echo '${exception('CVE-1', 30).trim()}' > .trivyignore.yaml; ${asked.run}`;
    expect(await ask({ ...asked, run })).toMatchObject({ verdict: 'fail' });
  });

  it('explain nothing beside tests that may have failed', async () => {
    const item = await ask({
      ...scan(trivy(['CVE-2', 'LOW'])),
      run: 'cp given t.json; cp j j.xml; exit 1',
      report: { ...report, junit: 'j.xml' },
      files: { given: trivy(['CVE-2', 'LOW']), j: JUNIT_GOOD, '.trivyignore.yaml': 'secrets: []' },
    });
    expect(item.verdict).toBe('fail');
  });

  it.each([
    ['is not there', {}, '.trivyignore.yaml is not in the repository at '],
    ['is no YAML', { '.trivyignore.yaml': '{' }, '.trivyignore.yaml is no YAML'],
    ['has a key of its own', { '.trivyignore.yaml': 'vulnerabilities: [{id: a, until: b}]' }, 'until'],
  ])(
    'cannot be judged when the exceptions file %s, and the command is not run',
    async (_what, files, says) => {
      const ran = path.join(scene.folder, 'ran');
      const item = await ask({ run: `touch ${ran}`, report, options, files });
      expect(item).toMatchObject({ verdict: 'error', note: expect.stringContaining(says) });
      expect(existsSync(ran)).toBe(false);
    },
  );

  it('keep the note short, one line each and without secrets, and the hash in it', async () => {
    const hostile = `s3cret\u001b[2J\u202e\n${'x'.repeat(5000)}`;
    const list = trivy(
      ...Array.from({ length: 500 }, (_, index): [string, string] => [`${index} ${hostile}`, 'HIGH']),
    );
    const item = await ask(scan(list));
    const note = item.note ?? '';
    expect(note.length).toBeLessThanOrEqual(2000);
    // oxlint-disable-next-line no-control-regex
    expect(note).not.toMatch(/s3cret|[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(note.endsWith(`t.json sha256:${sha256(list)}`)).toBe(true);
    expect(note).toContain('500 findings of high or above\n0 ***');
  });
});

it('a format only a newer worker knows is an error by name, never a pass', async () => {
  const item = await ask({ run: 'true', report: { grype: 'g.json' } });
  expect(item).toMatchObject({
    verdict: 'error',
    note: expect.stringContaining('cannot read grype reports'),
  });
});

it.each(['/etc/passwd', '../up', 'a/../../up', '.git/HEAD'])(
  'a plan that names %s is refused',
  async (file) => {
    await expect(ask({ run: 'true', report: { lcov: file } })).rejects.toThrow(
      'is not a path inside the repository',
    );
  },
);
