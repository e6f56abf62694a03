import { describe, expect, it } from 'vitest';
import { newEnvironment } from '../../../workflows/environment-memory.js';
import { renderEnvironment } from '../../../workflows/environment-screen.js';
import type { Announcement, ChangeRequest } from '../../../workflows/messages.js';
import type { EvidenceItem } from '../../../workflows/result.js';
import { detailChange } from '../../../workflows/static-details.js';
import { givenPlan, givenRequest } from '../../support/given.js';

const COMING: Announcement = {
  requestId: 'v2',
  workflowId: 'promotion/shop/prod/v2',
  phase: 'waiting',
  version: 'v2.0.0',
  commit: 'b'.repeat(40),
  supersedes: [],
  waitingFor: 'approvals',
  since: '2026-01-09T09:00:00.000Z',
  queue: 'fifo',
};

describe('renderEnvironment', () => {
  const state = newEnvironment('shop', 'prod');

  it('shows in columns who is on the way', () => {
    const lines = renderEnvironment({ ...state, announced: [COMING] }, []).split('\n');
    expect(lines).toContain('live      nothing');
    expect(lines).toContain('coming    v2.0.0 waiting for approvals');
  });

  it('shows a release once: in the queue it is no longer on the way', () => {
    const queued = { ...givenRequest(givenPlan(), 'v2.0.0'), requestId: COMING.requestId };
    const report = renderEnvironment({ ...state, announced: [COMING], queue: [queued] }, []);
    expect(report).toContain('queued    v2.0.0');
    expect(report).not.toContain('coming');
  });

  it('says identity: unverified, unless the one person on it has signed', () => {
    const freeze = { by: 'irina', until: null, reason: null, since: COMING.since };
    const show = (proof: 'ssh' | 'unverified', queue = state.queue) =>
      renderEnvironment({ ...state, queue, freeze: { ...freeze, proof } }, []);
    expect(show('unverified')).toContain('identity: unverified');
    expect(show('ssh')).not.toContain('identity: unverified');
    expect(show('ssh')).toContain('by irina, signed');
    expect(show('ssh', [givenRequest(givenPlan(), 'v2.0.0')])).toContain('identity: unverified');
  });

  it('says of a signed freeze when its reason was not signed', () => {
    const freeze = {
      by: 'irina',
      proof: 'ssh' as const,
      until: null,
      reason: 'holidays',
      since: COMING.since,
    };
    const show = (more: object) => renderEnvironment({ ...state, freeze: { ...freeze, ...more } }, []);
    expect(show({})).toContain('signed holidays\n          its reason was not signed');
    for (const more of [{ isReasonSigned: true }, { reason: null }, { proof: 'unverified' }])
      expect(show(more)).not.toContain('its reason');
  });

  it('stays within its block, whatever a person gives as reason', () => {
    const reason = `\`\`\`${'a long reason → '.repeat(10)}`;
    const freeze = { by: 'irina', proof: 'unverified' as const, until: null, reason, since: COMING.since };
    const lines = renderEnvironment({ ...state, freeze }, []).split('\n');
    const block = lines.slice(lines.indexOf('```') + 1, lines.lastIndexOf('```'));
    expect(lines.filter((line) => line.startsWith('```'))).toHaveLength(2);
    expect(Math.max(...block.map((line) => line.length))).toBe(60);
  });
});

describe('detailChange', () => {
  it('says who approved, and that nobody proved it', () => {
    const approval = {
      kind: 'approval' as const,
      name: 'approval of platform',
      verdict: 'approved' as const,
      by: 'oleg',
      at: COMING.since,
      note: null,
    };
    const details = detailChange({ ...givenRequest(givenPlan(), 'v2.0.0'), evidence: [approval] }, null);
    expect(details).toContain('- approval of platform: approved by oleg (identity: unverified)');
    expect(details).toContain('- previous release none');
  });

  it('has no reason where the one that was typed is no text', () => {
    const request = { ...givenRequest(givenPlan(), 'v2.0.0'), reason: undefined };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as somebody typed it
    expect(detailChange(request as unknown as ChangeRequest, null)).not.toContain('- reason');
  });

  it('says of a signed rollback when its reason was not signed', () => {
    const word = { kind: 'decision' as const, name: 'rollback', verdict: 'approved' as const, by: 'oleg' };
    const signed = { ...word, at: COMING.since, note: null, proof: 'ssh' as const };
    const request = { ...givenRequest(givenPlan(), 'v2.0.0'), reason: 'orders fail' };
    const show = (decisions: EvidenceItem[]) => detailChange({ ...request, decisions }, null);
    expect(show([signed])).toContain('- reason (not signed) orders fail\n');
    for (const decisions of [[{ ...signed, reason: 'orders fail' }], []])
      expect(show(decisions)).toContain('- reason orders fail\n');
  });
});
