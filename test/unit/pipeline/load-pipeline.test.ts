import { describe, expect, it } from 'vitest';
import { renderFileError, renderFileErrors } from '../../../pipeline/file-error.js';
import { loadPipeline } from '../../../pipeline/load-pipeline.js';
import { SMALL, TEAM_FILES, inProd, loadBad, loadGood, readTeamFile, small } from './given.js';

describe('files of the teams', () => {
  it.each(TEAM_FILES)('%s loads unchanged', (name) => {
    const result = loadPipeline(readTeamFile(name), 'slipway.yaml');
    expect(result.ok ? [] : result.errors.map(renderFileError)).toEqual([]);
  });

  it('keeps what the author wrote, with units resolved', () => {
    const { content } = loadGood(readTeamFile('secretmagic'));
    expect([...content.environments.keys()]).toEqual(['dev', 'stage', 'prod']);
    expect(content.defaults?.retention).toBe(30 * 86_400_000);
    expect(content.environments.get('prod')?.retention).toBe('forever');
    expect(content.checks?.get('errors')).toMatchObject({ kind: 'prometheus', 'max-increase': 2 });
  });

  it('merges anchors through <<', () => {
    const gate = loadGood(readTeamFile('katz-backend')).content.gates?.get('stage-green');
    expect(gate).toMatchObject({ kind: 'github-checks', of: 'stage' });
    expect(gate?.kind === 'github-checks' && gate['github-checks']).toHaveLength(6);
  });
});

describe('errors as people see them', () => {
  it('says line, column, key, what was meant, and shows the place', () => {
    const text = `pipeline: shop
checks:
  health: {http: /health, start_period: 60s}
${SMALL.split('\n').slice(1).join('\n')}`;
    expect(renderFileErrors(loadBad(text))).toBe(
      [
        'slipway.yaml:3:27  checks.health.start_period: no such key. Did you mean start-period?',
        '  3 │   health: {http: /health, start_period: 60s}',
        '    │                           ^^^^^^^^^^^^',
      ].join('\n'),
    );
  });

  it('reports all errors at once, in the order of the file', () => {
    const errors = loadBad(
      SMALL.replace('checks: [/health]', 'checks: [/health]\n    queue: lifo\n    timeout: 5 min'),
    );
    expect(errors.map(({ line, path }) => [line, path])).toEqual([
      [10, 'environments.prod.queue'],
      [11, 'environments.prod.timeout'],
    ]);
  });

  it('points through merge keys and aliases at the text that is wrong', () => {
    const text = `x-base: &base {timeout: 5 minutes}\n${SMALL.replace('    from:', '    <<: *base\n    from:')}`;
    const [error] = loadBad(text);
    expect(error).toMatchObject({ line: 1, path: 'environments.prod.timeout', suggestion: '5m' });
  });

  it('never shows a literal secret, not even beside another mistake on the same line', () => {
    const errors = loadBad(`${SMALL}registry: {username: ci, password: hunter2, pasword: hunter2hunter2}\n`);
    expect(errors).toHaveLength(2);
    const shown = renderFileErrors(errors);
    expect(shown).toContain('a secret is never written into this file');
    expect(shown).not.toMatch(/password: hunter2\b/);
    expect(shown).toContain('password: •••••••,');
  });

  it('cuts a long line around the mistake and keeps the caret under it', () => {
    const [error] = loadBad(
      SMALL.replace(
        '[/health]',
        `[${Array.from({ length: 60 }, (_, i) => `/health-${i}`).join(', ')}, helth]`,
      ),
    );
    const [text = '', carets = ''] = (error?.snippet ?? '').split('\n');
    expect(text.length).toBeLessThan(130);
    expect(text.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('helth');
  });

  it('puts the caret right after wide characters, and shows no terminal escapes', () => {
    const [error] = loadBad(SMALL.replace('checks: [/health]', 'checks: ["🚀", "\\e[2J", smoke]'));
    const [, carets = ''] = (error?.snippet ?? '').split('\n');
    expect(carets.indexOf('^')).toBe('  9 │     checks: ['.length);
    expect(
      loadBad(SMALL.replace('checks: [/health]', 'checks: ["\\e[2J"]')).map(renderFileError).join(''),
    ).not.toContain('\u001b');
  });
});

describe('what is allowed', () => {
  const GOOD: [string, string][] = [
    [
      'x- keys anywhere',
      `x-top: [1, {a: b}]\n${inProd('x-note: {anything: goes}')}  x-environment: {a: b}\n`,
    ],
    ['x- keys inside a kind', small('{swarm: shop_web}', '{swarm: shop_web, x-team: a}')],
    [
      'one-or-many',
      inProd('after: []').replace('from: {branch: main}', 'from: [{branch: main}, {tag: "v*"}]'),
    ],
    ['a folder instead of an image', small('ghcr.io/acme/shop', '{folder: site}')],
    ['a registry with a port', small('ghcr.io/acme/shop', 'localhost:5000/acme/shop')],
    ['a byte order mark', `\ufeff${SMALL}`],
    ['Windows line ends', SMALL.replaceAll('\n', '\r\n')],
    ['a leading document marker', `---\n${SMALL}`],
    [
      'the same reference in two production environments',
      `${inProd('production: true\nsecrets: {A: env:A}')}  eu: {from: {branch: main}, production: true, hosts: [b], platform: {swarm: web}, url: "https://eu.example.com", checks: [/h], secrets: {A: env:A}}\n`,
    ],
  ];
  it.each(GOOD)('%s', (_what, text) => {
    expect(loadGood(text).content.pipeline).toBe('shop');
  });
});
