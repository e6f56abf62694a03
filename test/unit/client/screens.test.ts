import { describe, expect, it } from 'vitest';
import { renderDecision } from '../../../client/render/decision.js';
import { renderFindings } from '../../../client/render/doctor.js';
import { makeStyle } from '../../../client/render/style.js';
import { renderStatus } from '../../../client/render/status.js';
import { withLive } from '../../../client/merge-progress.js';
import { renderProgress } from '../../../client/render/watch.js';
import { givenCommit, givenPlan, givenRecord, givenRequest } from '../../support/given.js';
import type { ProgressStatus } from '../../../workflows/messages.js';
import { givenEnvironment, givenProgress, NOW } from './given-status.js';

const glyphs = makeStyle({ ascii: false, colour: false, columns: 80 });
const ascii = makeStyle({ ascii: true, colour: false, columns: 80 });

const waiting = givenProgress({
  waitingFor: '1 approval (platform)',
  waitingSince: '2026-11-14T10:41:29Z',
  waitEnds: { at: '2026-11-17T10:37:00Z', then: 'rejects itself' },
  approvals: [{ by: 'oleg', group: 'backend', at: '2026-11-14T10:41:00Z' }],
  steps: [
    { name: 'gates', state: 'succeeded', tookMs: 41_000, note: '5 of 5' },
    { name: 'approvals', state: 'waiting', tookMs: null, note: '1 of 2' },
    { name: 'preflight', state: 'pending', tookMs: null, note: null },
    { name: 'deploy', state: 'pending', tookMs: null, note: null },
  ],
});

const failed = givenProgress({
  version: 'v1.5.0',
  state: 'failed',
  colour: 'green',
  steps: [
    { name: 'deploy', state: 'succeeded', tookMs: 62_000, note: 'green 3 of 3' },
    { name: 'bake', state: 'failed', tookMs: 52_000, note: 'errors 4.1 %' },
  ],
  failure: {
    what: 'errors 4.1 %, limit 0.04 %, 3 of 3 samples',
    where: 'prod green',
    why: 'column orders.region does not exist\nPOST /orders 500',
    wayOut: 'fix it, then slipway release v1.5.1 --to prod',
  },
  unwind: [
    { step: 'switch', outcome: 'undone', note: 'blue v1.4.0, confirmed 20 of 20', tookMs: 1300 },
    { step: 'deploy', outcome: 'undone', note: 'green stopped', tookMs: 8900 },
    { step: 'claim', outcome: 'never-ran', note: null, tookMs: null },
  ],
});

describe('the screen of one promotion', () => {
  it('says who is missing, what was said, and what to type', () => {
    expect(renderProgress(glyphs, waiting, NOW)).toBe(
      [
        '▸ secretmagic v1.4.0 → prod   WAITING for 1 approval (platform)           4m 12s',
        '  9f2c1d0 fix: retry StarRocks DNS, by anna; requested by vmazurovskiy (identity: unverified)',
        '  ✓ gates         5 of 5                                                     41s',
        '  ▸ approvals     1 of 2',
        '  · preflight · deploy',
        '  approved ✓ oleg (backend) 14 Nov 10:41 UTC',
        '  plan     7c1e90ab, app sha256:76312e342e30',
        '  next     slipway approve prod   slipway reject prod  rejects itself 17 Nov 10:37 UTC',
        '',
      ].join('\n'),
    );
  });

  it('uses no sign outside ASCII under --ascii', () => {
    const screen = renderProgress(ascii, waiting, NOW);
    // oxlint-disable-next-line no-control-regex
    expect(screen).toMatch(/^[\x00-\x7f]*$/);
    expect(screen).toContain('>> secretmagic v1.4.0 -> prod   WAITING for 1 approval (platform)');
    expect(screen).toContain('  ok gates');
    expect(screen).toContain('  .. preflight .. deploy');
  });

  it('tells a failure with what, where, why, way out and everything that was undone', () => {
    expect(renderProgress(glyphs, failed, NOW)).toBe(
      [
        '✗ secretmagic v1.5.0 → prod   FAILED in bake, UNDONE                      2m 04s',
        '  9f2c1d0 fix: retry StarRocks DNS, by anna; requested by vmazurovskiy (identity: unverified)',
        '  ✓ deploy        green 3 of 3                                            1m 02s',
        '  ✗ bake          errors 4.1 %                                               52s',
        '  what     errors 4.1 %, limit 0.04 %, 3 of 3 samples',
        '  where    prod green',
        '  why      column orders.region does not exist',
        '           POST /orders 500',
        '  way out  fix it, then slipway release v1.5.1 --to prod',
        '  undone   ↶ switch        blue v1.4.0, confirmed 20 of 20                  1.3s',
        '           ↶ deploy        green stopped                                    8.9s',
        '           · claim         never ran',
        '  plan     7c1e90ab, app sha256:76312e342e30, colour green',
        '',
      ].join('\n'),
    );
  });

  it('says what users get meanwhile and afterwards', () => {
    const live = { version: 'v1.3.9', colour: 'blue' as const };
    expect(renderProgress(glyphs, { ...waiting, live }, NOW)).toContain('  live     blue v1.3.9\n');
    expect(renderProgress(glyphs, { ...waiting, live: null }, NOW)).toContain('  live     nothing yet\n');
    expect(renderProgress(glyphs, { ...failed, live }, NOW)).toContain('  live     blue v1.3.9, as before\n');
    const [deploy] = failed.steps;
    const switched = givenProgress({
      state: 'running',
      colour: 'green',
      steps: [
        ...(deploy === undefined ? [] : [deploy]),
        { name: 'switch', state: 'succeeded', tookMs: 9, note: null },
      ],
    });
    const before = givenRecord(givenPlan(), 'v1.3.9', 'blue');
    expect(withLive(switched, before).live).toEqual({ version: 'v1.4.0', colour: 'green' });
    expect(withLive({ ...switched, steps: switched.steps.slice(0, 1) }, before).live?.version).toBe('v1.4.0');
    expect(withLive({ ...switched, steps: [] }, before).live).toEqual(live);
    const undone = { step: 'switch', outcome: 'undone' as const, note: null, tookMs: 1 };
    expect(withLive({ ...switched, unwind: [undone] }, before).live).toEqual(live);
  });

  it('tells a failure once, and cuts what is too long for its line', () => {
    const what =
      'the proxy was told to go to blue, but it answered 500 from blue within 60s (0 of 20 in a row)';
    const screen = renderProgress(
      glyphs,
      givenProgress({
        state: 'failed',
        steps: [
          {
            name: 'deploy',
            state: 'succeeded',
            tookMs: 62_000,
            note: `inspect says ${'3d1cfd5'.repeat(12)}`,
          },
          { name: 'switch', state: 'failed', tookMs: 62_000, note: what },
        ],
        failure: { what, where: 'prod', why: null, wayOut: 'look at the proxy' },
      }),
      NOW,
    );
    expect(screen.split(what)).toHaveLength(2);
    const lines = screen.split('\n').filter((line) => /✓ deploy|✗ switch/.test(line));
    expect(lines.map((line) => line.length)).toEqual([80, 80]);
    expect(screen).toMatch(/inspect says [0-9a-f]+… {2}1m 02s/);
  });

  it('says what was said and does not count, the newest three', () => {
    const denials = Array.from({ length: 5 }, (_, turn) => ({
      by: 'oleg',
      why: `oleg is in none of the groups that are asked for (missing: platform ${String(turn)})`,
      decisionId: 'd',
      decision: 'approval',
      at: '2026-11-14T10:41:00Z',
    }));
    const said = renderProgress(glyphs, { ...waiting, denials }, NOW)
      .split('\n')
      .filter((line) => line.startsWith('  !'));
    const none = 'approval by oleg: is in none of the groups that are asked for (missing: platform';
    expect(said).toEqual([
      '  ! not counted: 2 more, with --json',
      ...[2, 3, 4].map((turn) => `  ! not counted: ${none} ${String(turn)}) (14 Nov 10:41 UTC)`),
    ]);
  });

  it('says NOT UNDONE and how to try again when an undo failed', () => {
    const parked = {
      ...failed,
      unwind: [{ step: 'deploy', outcome: 'undo-failed' as const, note: 'no answer', tookMs: null }],
    };
    const screen = renderProgress(glyphs, parked, NOW);
    expect(screen).toContain('FAILED in bake, NOT UNDONE');
    expect(screen).toContain('slipway retry prod');
  });

  it('lets no foreign text drive the terminal', () => {
    const hostile = givenProgress({
      commit: givenCommit({
        subject: 'fix\u001b]0;owned\u0007 \u001b[2Jall\r\nnow \u202eslaer',
        author: 'mallory\u001b[31m',
      }),
      waitingFor: 'a\u0000b',
    });
    const screen = renderProgress(glyphs, hostile, NOW);
    // oxlint-disable-next-line no-control-regex
    expect(screen).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(screen).toContain('fix all now slaer, by mallory; requested by');
  });
});

describe('the screen of all environments', () => {
  const none = new Map<string, ProgressStatus>();
  const plan = givenPlan({ pipeline: 'secretmagic', name: 'prod' });
  const live = { ...givenRecord(plan, 'v1.3.9', 'blue'), at: '2026-11-08T10:00:00Z' };

  it('says which hosts do not serve what is live, and when they are tried again', () => {
    const since = '2026-11-14T10:00:00Z';
    const apart = [
      {
        host: 'web-7',
        state: 'quarantined' as const,
        why: 'no answer',
        since,
        againAt: '2026-11-14T10:50:00Z',
        tries: 2,
      },
      { host: 'web-9', state: 'before' as const, why: 'disk full', since, againAt: null, tries: 0 },
    ];
    const status = givenEnvironment({ live, apart });
    const shown = renderStatus(
      glyphs,
      'secretmagic',
      [{ name: 'prod', status, change: null, promotions: none }],
      NOW,
    );
    expect(shown).toContain('web-7 quarantined, again 14 Nov 10:50 UTC: no answer');
    expect(shown).toContain('web-9 keeps the release before, until the next release: disk full');
    expect(shown).toContain('sooner: slipway retry prod');
  });

  it('puts who needs a person first, and the rest on one line each', () => {
    const views = [
      { name: 'dev', status: null, change: null, promotions: none },
      {
        name: 'stage',
        status: givenEnvironment({
          environment: 'stage',
          live: { ...givenRecord(plan, 'stage-9f2c1d0', null), at: '2026-11-13T09:00:00Z' },
          inFlight: { request: givenRequest(plan, 'stage-77a0c1d'), token: 4, cutover: null },
        }),
        change: givenProgress({
          state: 'running',
          steps: [{ name: 'deploy', state: 'running', tookMs: null, note: null }],
        }),
        promotions: none,
      },
      {
        name: 'prod',
        status: givenEnvironment({
          live,
          announced: [
            {
              requestId: 'r1',
              workflowId: 'promotion/secretmagic/prod/r1',
              phase: 'waiting',
              version: 'v1.4.0',
              commit: 'c',
              supersedes: [],
              waitingFor: '1 approval (platform)',
              since: '2026-11-14T10:31:00Z',
              queue: 'fifo',
            },
          ],
          freeze: {
            by: 'irina',
            proof: 'unverified',
            until: '2027-01-09T09:00:00Z',
            reason: 'holidays',
            since: '2026-11-14T10:00:00Z',
          },
        }),
        change: null,
        promotions: new Map([
          [
            'promotion/secretmagic/prod/r1',
            givenProgress({ waitingFor: '1 approval (platform)', waitingSince: '2026-11-14T10:31:00Z' }),
          ],
        ]),
      },
    ];
    expect(renderStatus(glyphs, 'secretmagic', views, NOW)).toBe(
      [
        'secretmagic                                                          1 needs you',
        '  dev     -                        no release yet',
        '  stage   stage-9f2c1d0  1d    ✓   ▸ stage-77a0c1d, deploy',
        '! prod    v1.3.9 blue    6d    ✓   v1.4.0 waits: 1 approval (platform), 14m',
        '                                   frozen until 9 Jan 09:00 UTC, irina: holidays (identity: unverified)',
        '',
      ].join('\n'),
    );
  });

  it('does not show the reason of a freeze as signed that was not', () => {
    const freeze = { by: 'irina', proof: 'ssh' as const, until: null, reason: 'holidays', since: '' };
    const screenOf = (isReasonSigned: boolean): string => {
      const status = givenEnvironment({
        freeze: { ...freeze, ...(isReasonSigned ? { isReasonSigned } : {}) },
      });
      const view = { name: 'prod', status, change: null, promotions: new Map() };
      return renderStatus(glyphs, 'secretmagic', [view], NOW);
    };
    expect(screenOf(false)).toContain('frozen, irina: holidays (signed, but not its reason)');
    expect(screenOf(true)).toContain('frozen, irina: holidays (signed)');
  });

  it('says what was said to an environment and does not count, for a day', () => {
    const denial = { by: 'oleg', why: 'oleg is not in group leads', decisionId: 'd', decision: 'freeze' };
    const denials = ['2026-11-13T10:00:00Z', '2026-11-14T10:00:00Z'].map((at) => ({ ...denial, at }));
    const status = givenEnvironment({ live, denials });
    const promotions = new Map([['p', givenProgress({ denials: [{ ...denial, decision: 'approval' }] })]]);
    const screen = renderStatus(
      glyphs,
      'secretmagic',
      [{ name: 'prod', status, change: null, promotions }],
      NOW,
    );
    expect(screen.match(/! not counted: .*/g)).toEqual([
      '! not counted: freeze by oleg: is not in group leads (14 Nov 10:00 UTC)',
      '! not counted: approval by oleg: is not in group leads',
    ]);
  });

  it('says of several releases on their way to which a word that does not count was said', () => {
    const denial = { by: 'oleg', why: 'oleg is not in group leads', decisionId: 'd', decision: 'approval' };
    const at = '2026-11-14T10:00:00Z';
    const { decision: _old, ...undecided } = denial;
    const freeze = { ...denial, decision: 'freeze', at };
    const status = givenEnvironment({ live, denials: [freeze] });
    const promotions = new Map([
      ['p', givenProgress({ version: 'v1.4.0', denials: [{ ...denial, at }] })],
      ['q', givenProgress({ version: 'v1.5.0', denials: [undecided] })],
    ]);
    const view = { name: 'prod', status, change: null, promotions };
    const screen = renderStatus(glyphs, 'secretmagic', [view], NOW);
    expect(screen.match(/! not counted: .*/g)).toEqual([
      '! not counted: freeze by oleg: is not in group leads (14 Nov 10:00 UTC)',
      '! not counted: approval for v1.4.0 by oleg: is not in group leads (14 Nov 10:00 UTC)',
      '! not counted: word for v1.5.0 by oleg: is not in group leads',
    ]);
  });

  it('says whose word a switch takes, and no longer that what it takes the place of is warm', () => {
    const warm = { record: givenRecord(plan, 'v1.3.8', 'green'), retireAt: '2026-11-14T11:00:00Z' };
    const inFlight = { request: givenRequest(plan, 'v1.4.0'), token: 4, cutover: null };
    const show = (change: ProgressStatus | null): string => {
      const view = { name: 'prod', status: givenEnvironment({ live, warm, inFlight }), change };
      return renderStatus(glyphs, 'secretmagic', [{ ...view, promotions: new Map() }], NOW);
    };
    const switching = { requestId: 'r1', token: 4, groups: ['leads', 'platform'] };
    const waits = givenProgress({ state: 'waiting', waitingFor: 'switch', switching, colour: 'green' });
    expect(show(waits)).toContain('▸ v1.4.0, waits: switch (leads, platform)');
    expect(show(waits)).not.toContain('warm');
    expect(renderProgress(glyphs, waits, NOW)).toContain('WAITING for switch (leads, platform)');
    const [line = ''] = /v1.3.8 green warm until.*/.exec(show({ ...waits, colour: 'blue' })) ?? [];
    expect(line).not.toContain('not on every host');
    Object.assign(warm, { uneven: true });
    expect(show({ ...waits, colour: 'blue' })).toContain(`${line}, not on every host`);
  });

  it('marks an environment that an unwind left in pieces', () => {
    const views = [
      {
        name: 'prod',
        status: givenEnvironment({ live, needsPerson: 'undo of deploy failed' }),
        change: null,
        promotions: new Map([
          [
            'promotion/secretmagic/prod/r1',
            givenProgress({ waitingFor: '1 approval (platform)', waitingSince: '2026-11-14T10:31:00Z' }),
          ],
        ]),
      },
    ];
    expect(renderStatus(ascii, 'secretmagic', views, NOW)).toContain(
      '!! prod    v1.3.9 blue  6d    XX  needs a person: undo of deploy failed',
    );
  });
});

describe('the screen of doctor', () => {
  it('groups by place, shows each way out and counts', () => {
    const screen = renderFindings(ascii, [
      { where: 'you', thing: 'file', state: 'ok', message: 'valid', wayOut: null },
      { where: 'prod', thing: 'ssh', state: 'ok', message: 'host key pinned', wayOut: null },
      {
        where: 'prod',
        thing: 'registry',
        state: 'problem',
        message: 'no credentials for cr.selcloud.ru for user deploy',
        wayOut: 'docker login cr.selcloud.ru -u token --password-stdin',
      },
      { where: 'notify', thing: 'slack', state: 'warning', message: 'answers 404', wayOut: null },
    ]);
    expect(screen).toBe(
      [
        '  you         ok file: valid',
        '  prod        ok ssh: host key pinned',
        '              XX registry: no credentials for cr.selcloud.ru for user deploy',
        '                docker login cr.selcloud.ru -u token --password-stdin',
        '  notify      !! slack: answers 404',
        '1 problem, 1 warning. A release would stop at preflight.',
        '',
      ].join('\n'),
    );
  });

  it('says so when nothing is wrong', () => {
    const screen = renderFindings(glyphs, [
      { where: 'you', thing: 'file', state: 'ok', message: 'valid', wayOut: null },
    ]);
    expect(screen).toContain('Nothing stands in the way.');
  });
});

describe('the screen before an approval', () => {
  it('says what the word is worth: a signature where one is wanted, else what the client says', () => {
    const anna = { by: 'anna', proof: 'unverified' as const };
    const approving = { requestId: 'request-7', mustSign: true, expiresMs: 1 };
    expect(renderDecision(glyphs, givenProgress({ approving }), anna)).toContain(
      'you are   anna (to be signed with your SSH key)',
    );
    expect(renderDecision(glyphs, givenProgress(), anna)).toContain('you are   anna (identity: unverified)');
  });

  it('has the whole reason, since that is signed, and none where there is none', () => {
    const anna = { by: 'anna', proof: 'unverified' as const };
    const reason = `OPS-412: ${'x'.repeat(200)} end`;
    expect(renderDecision(glyphs, givenProgress(), anna, reason)).toContain(`  reason    ${reason}\n`);
    expect(renderDecision(glyphs, givenProgress(), anna)).not.toContain('reason');
  });
});
