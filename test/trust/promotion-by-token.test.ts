/** Approvals with tokens, from the command to the change: asked for, given, refused where a signature is wanted. */
import { tmpdir } from 'node:os';
import { describe, expect, inject, it } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { givenPlan, givenRule, SIGNED } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { readJson, slipway, type CommandRun } from '../support/slipway-command.js';
import { useHarness } from '../support/use-harness.js';
import { startHarness } from '../support/workflow-harness.js';

const harness = useHarness(() => startHarness({}));

const plan = (): EnvironmentPlan =>
  givenPlan({
    approvals: [givenRule(1, 'tests', { by: 'oidc' })],
    seal: { statement: '{}', keyId: 'k', signature: 's' },
    policy: { rules: [] },
  });

function command(of: EnvironmentPlan, ...argv: string[]): Promise<CommandRun> {
  return slipway([...argv, of.name, '--pipeline', of.pipeline, '--yes'], {
    cwd: tmpdir(),
    env: {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      SLIPWAY_TASK_QUEUE: harness.taskQueue,
      SLIPWAY_ACTOR: 'e2e@ci',
    },
  });
}

describe('an approval by token', () => {
  it('is asked for, given by what a command prints, and handed to the change', async () => {
    const of = plan();
    const promotion = await PromotionScene.start(harness, givenPromotion(of, 1));
    const asked = await promotion.waitsFor('1 approval (tests by token)');
    expect(asked.approving).toMatchObject({ mustSign: false, byToken: 'every' });
    expect(await command(of, 'approve', '--group', 'tests')).toMatchObject({
      ...{ exit: 5, err: expect.stringContaining(`slipway approve ${of.name} --oidc`) as unknown },
    });
    expect(await command(of, 'approve', '--oidc')).toMatchObject({
      ...{ exit: 5, err: expect.stringContaining('--token-command') as unknown },
    });
    expect(await command(of, 'approve', '--token-command', 'echo no token')).toMatchObject({
      ...{ exit: 2, err: expect.stringContaining('printed something else than a token') as unknown },
    });
    expect(await command(of, 'approve', '--token-command', 'echo he said no >&2; exit 3')).toMatchObject({
      ...{ exit: 2, err: expect.stringContaining('he said no') as unknown },
    });
    const print = 'test "slipway:$SLIPWAY_NONCE" = "$SLIPWAY_AUDIENCE" && echo a.b.c';
    const printed = await command(of, 'approve', '--token-command', print, '--print', '--json');
    expect(readJson(printed).data).toMatchObject({ statement: { scheme: 'oidc', token: 'a.b.c' } });
    const approved = await command(of, 'approve', '--token-command', print, '--group', 'tests');
    expect(approved).toMatchObject({
      exit: 0,
      out: expect.stringContaining('by e2e@ci (by token)') as unknown,
    });
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence[0]).toMatchObject({ kind: 'approval', by: 'e2e@ci', proof: 'oidc', group: 'tests' });
  });

  it('is not given with a signature', async () => {
    const of = plan();
    const promotion = await PromotionScene.start(harness, givenPromotion(of, 1));
    await promotion.waitsFor('1 approval (tests by token)');
    await promotion.decide('approve', 'irina', { group: 'tests', statement: SIGNED });
    const shown = await promotion.until('the denial', ({ denials = [] }) => denials.length > 0);
    expect(shown).toMatchObject({
      approvals: [],
      denials: [{ by: 'irina', why: 'irina signed with an SSH key (missing: tests by token)' }],
    });
    await promotion.decide('abort', 'irina');
    await promotion.end();
  });
});
