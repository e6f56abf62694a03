/** Forcing a gate on the command line: what is refused before anybody is called, and what is shown before it is signed. */
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeStyle } from '../../client/render/style.js';
import { renderForce } from '../../client/render/force.js';
import { renderPlan } from '../../client/render/plan.js';
import { renderRelease } from '../../client/render/release.js';
import { renderStatus } from '../../client/render/status.js';
import { renderProgress } from '../../client/render/watch.js';
import { toReleaseData } from '../../client/release-data.js';
import { type BadInputScene, GOOD_FILE, setBadInputScene } from '../support/bad-input-scene.js';
import { givenPlan, givenRecord } from '../support/given.js';
import { readJson, slipway } from '../support/slipway-command.js';
import { like, type Told } from '../support/told.js';
import { compile, branch, loadGood, SMALL } from '../unit/pipeline/given.js';
import { givenEnvironment, givenProgress, givenReleaseStatus, NOW } from '../unit/client/given-status.js';
import { givePersonKey } from '../support/people.js';

// git and the first load of a command take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const FILE = `${GOOD_FILE}gates:
  scan: {run: make scan}
  e2e: {run: make e2e}
release: {gates: [scan, e2e], force: {group: leads, gates: [scan]}}
`;

let scene: BadInputScene;
let home: string;
beforeEach(async () => {
  scene = await setBadInputScene();
  home = scene.repository.folder;
  await scene.repository.commit('feat: one', { 'app/a': '1', 'slipway.yaml': FILE });
});
afterEach(() => scene.end());

async function release(words: string[]) {
  const argv = ['release', 'main', ...words];
  const env = { TEMPORAL_ADDRESS: scene.temporal, HOME: home };
  const json = readJson(await slipway([...argv, '--json'], { cwd: scene.repository.folder, env }));
  const screen = await slipway(argv, { cwd: scene.repository.folder, env });
  expect(screen).toMatchObject({ exit: json.exit, out: '' });
  expect(screen.err).toMatch(/^✗ .*\n {2}where .*\n/);
  return json;
}

describe('a force', () => {
  const ALL = ['--force', 'scan', '--ticket', 'OPS-412', '--reason', 'no fix is out'];
  const without = (flag: string): string[] => ALL.filter((word, at) => word !== flag && ALL[at - 1] !== flag);
  const REFUSED: [string, string[], 2 | 5, Told][] = [
    [
      'without a reason',
      without('--reason'),
      2,
      { what: /needs --reason/, where: /^--reason$/, wayOut: /--reason "/ },
    ],
    [
      'with an empty reason',
      [...without('--reason'), '--reason', '  '],
      2,
      { what: /needs --reason/, where: /^--reason$/, wayOut: /--reason "/ },
    ],
    [
      'without a ticket',
      without('--ticket'),
      2,
      { what: /needs --ticket/, where: /^--ticket$/, wayOut: /--ticket OPS-412/ },
    ],
    [
      'with a reason of many pages',
      [...without('--reason'), '--reason', 'x'.repeat(1001)],
      2,
      { what: /has 1001 characters, at most 1000/, where: /^--reason$/, wayOut: /shorten/ },
    ],
    [
      'with a reason in two lines',
      [...without('--reason'), '--reason', 'no fix\nforced by nobody'],
      2,
      { what: /line breaks, or characters that nobody sees/, where: /^--reason$/, wayOut: /one line/ },
    ],
    [
      'of a gate that is not asked',
      [...ALL, '--force', 'scna'],
      2,
      { what: /asks no gate scna/, where: /^--force$/, wayOut: /did you mean scan\? gates: scan, e2e/ },
    ],
    [
      'of a gate that nobody may force',
      [...ALL, '--force', 'e2e'],
      5,
      { what: /nobody may force gate e2e/, where: /^slipway\.yaml$/, wayOut: /release: \{force:/ },
    ],
    [
      'without any key',
      ALL,
      5,
      { what: /there is no SSH key to sign with/, where: /\.ssh$/, wayOut: /--key/ },
    ],
    [
      'with a key that is not there',
      [...ALL, '--key', '/nowhere/key'],
      2,
      { what: /there is no such key/, where: /^\/nowhere\/key$/, wayOut: /--key/ },
    ],
    [
      'that is none, with a ticket',
      ['--ticket', 'OPS-412'],
      2,
      { what: /--ticket belongs to --force/, where: /^slipway release$/, wayOut: /--force GATE/ },
    ],
    [
      'that is none, with a key',
      ['--key', '/nowhere/key'],
      2,
      { what: /--key belongs to --force/, where: /^slipway release$/, wayOut: /--force GATE/ },
    ],
  ];

  it.each(REFUSED)('%s is refused, and nobody was called', async (_what, words, exit, told) => {
    const answer = await release(words);
    expect(answer).toMatchObject({ ok: false, exit, error: like(told) });
    expect(scene.connections()).toBe(0);
  });

  it('with a key asks Temporal', async () => {
    const key = path.join(home, 'key');
    await givePersonKey(key, 'irina');
    expect(await release([...ALL, '--key', key, '--yes'])).toMatchObject({ exit: 8 });
    expect(scene.connections()).toBeGreaterThan(0);
  });
});

const glyphs = makeStyle({ ascii: false, colour: false, columns: 80 });
const MARK = { gate: 'scan', by: 'irina', reason: 'no fix is out', ticket: 'OPS-412' };
const LINE = '⚠ FORCED scan by irina: no fix is out (OPS-412)';
const TEXT = `${SMALL}    gates: [scan]
gates: {scan: {run: make scan}}
release: {gates: [scan], force: {group: leads, gates: [scan]}}
`;

describe('the screens', () => {
  it('say what is signed before it is', () => {
    const plan = compile(loadGood(TEXT), branch('main'));
    const gates = [{ gate: 'scan', at: [null, 'prod'], group: 'leads' }];
    const wish = { gates, reason: 'no fix \u001b[31mis out', ticket: 'OPS-412', keyFile: '/home/irina/key' };
    expect(renderForce(glyphs, { plan, wish, by: 'irina' })).toBe(
      [
        '⚠ FORCE on shop 9f2c1d0 → prod',
        '  commit    9f2c1d0 fix: retry DNS, by anna',
        '  gate      scan, before the build, on prod; may be forced by leads',
        '  reason    no fix is out',
        '  ticket    OPS-412',
        '  you are   irina, signing with /home/irina/key',
        '  counts    where the gate says no, for 1d; the mark stays for ever',
        '',
      ].join('\n'),
    );
  });

  it('say in a plan what may be forced, and by whom', () => {
    const plan = compile(loadGood(TEXT), branch('main'));
    const view = {
      plan,
      status: null,
      commitsSince: new Map<string, number>(),
      isPolicyKnown: true,
      uncertain: [],
      refused: [],
    };
    const screen = renderPlan(glyphs, { ...view, command: 'slipway release' });
    expect(screen.match(/ {2}force {5}· scan may be forced by leads, signed \(--force\)/g)).toHaveLength(2);
  });

  it('have the mark on their second line', () => {
    const progress = renderProgress(glyphs, givenProgress({ forced: [MARK] }), NOW);
    expect(progress.split('\n')[1]).toBe(`  ${LINE}`);
    const whole = renderRelease(glyphs, givenReleaseStatus({ forced: [MARK] }));
    expect(whole.split('\n')[1]).toBe(`  ${LINE}`);
  });

  it('have it beside what is live, for as long as that is', () => {
    const item = {
      kind: 'gate' as const,
      name: 'scan',
      verdict: 'forced' as const,
      by: 'irina',
      at: '',
      note: 'no fix is out',
      ticket: 'OPS-412',
    };
    const live = { ...givenRecord(givenPlan(), 'v1', null), evidence: [item] };
    const view = { name: 'prod', change: null, promotions: new Map() };
    const show = (record: typeof live | null) =>
      renderStatus(glyphs, 'shop', [{ ...view, status: givenEnvironment({ live: record }) }], NOW);
    expect(show(live)).toContain(LINE);
    expect(show({ ...live, evidence: [] })).not.toContain('FORCED');
  });

  it('have it in their JSON', () => {
    const release = givenReleaseStatus({ forced: [MARK] });
    const progress = new Map([['promotion/x', givenProgress({ forced: [MARK] })]]);
    expect(toReleaseData({ release, progress }, () => null)).toMatchObject({
      forced: [MARK],
      promotions: [{ forced: [MARK] }],
    });
  });
});
