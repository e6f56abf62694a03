import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  formatAnnotation,
  formatOutput,
  isCi,
  writeJobOutputs,
  writeJobSummary,
} from '../../../client/ci.js';

describe('what a CI job gets', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'slipway-ci-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('knows CI by the variable every CI sets', () => {
    expect([{ CI: 'true' }, { CI: '1' }, { CI: 'false' }, { CI: '' }, {}].map(isCi)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('appends outputs and summaries to what is there', () => {
    const env = {
      GITHUB_OUTPUT: path.join(folder, 'output'),
      GITHUB_STEP_SUMMARY: path.join(folder, 'summary'),
    };
    writeJobOutputs(env, { state: 'waiting', url: 'http://127.0.0.1:8233/x' });
    writeJobOutputs(env, { digest: 'sha256:abc' });
    writeJobSummary(env, '## one\n');
    writeJobSummary(env, '## two');
    expect(readFileSync(env.GITHUB_OUTPUT, 'utf8')).toBe(
      'state=waiting\nurl=http://127.0.0.1:8233/x\ndigest=sha256:abc\n',
    );
    expect(readFileSync(env.GITHUB_STEP_SUMMARY, 'utf8')).toBe('## one\n\n## two\n\n');
  });

  it('writes nothing outside GitHub', () => {
    expect(() => {
      writeJobOutputs({}, { state: 'x' });
      writeJobSummary({ GITHUB_STEP_SUMMARY: '' }, 'x');
    }).not.toThrow();
  });

  it('lets no value smuggle in an output of its own', () => {
    const text = formatOutput('state', 'failed\nadmin=true');
    const [, delimiter] = /^state<<(end-[0-9a-f-]{36})\n/.exec(text) ?? [];
    expect(delimiter).toBeDefined();
    expect(text).toBe(`state<<${String(delimiter)}\nfailed\nadmin=true\n${String(delimiter)}\n`);
  });

  it('points at file, line and column, and escapes what would end the command', () => {
    const mistake = {
      what: '100% wrong\n::set-output name=x::y',
      where: 'slipway.yaml:3:27',
      wayOut: 'write start-period',
    };
    expect(formatAnnotation(mistake, 'slipway.yaml')).toBe(
      '::error file=slipway.yaml,line=3,col=27,title=slipway::100%25 wrong%0A::set-output name=x::y%0Awrite start-period',
    );
    expect(formatAnnotation({ ...mistake, where: 'prod host' }, 'a,b:c.yaml')).toContain(
      '::error file=a%2Cb%3Ac.yaml,title=slipway::',
    );
  });
});
