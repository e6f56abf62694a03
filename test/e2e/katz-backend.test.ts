/**
 * examples/katz-backend as its team uses it, whole, on real parts: the eight criteria of its checklist in their order, each
 * with what must not get through. Nothing is started by hand: every release begins with a push that GitHub tells of.
 */
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { SlipwayClient } from '../../client/index.js';
import type { PromotionResult, ReleaseResult } from '../../workflows/result.js';
import { followed, promotionOf, startedBy, untilWaitsFor } from '../support/followed.js';
import { startKatzWorld, type KatzEnvironment, type KatzWorld } from '../support/katz-world.js';
import { part } from '../support/parts.js';
import { processesWith, until } from '../support/processes.js';
import { playExample } from '../support/play-example.js';

let world: KatzWorld;
let library: SlipwayClient;

const slipway = playExample({
  pipeline: 'katz-backend',
  start: startKatzWorld,
  entered: (...there) => {
    [world, library] = there;
  },
});

const code = (name: string): Record<string, string> => ({
  'src/release.js': `export const RELEASE = '${name}';\n`,
});
/** What became of the newest push. */
const released = (): Promise<ReleaseResult> => followed(library, startedBy(world.team.delivered()));
const promoted = (): Promise<PromotionResult> => promotionOf(library, startedBy(world.team.delivered()));

/** What users are served; null = nobody answers. */
async function served(environment: KatzEnvironment): Promise<string | null> {
  const answer = await fetch(`${world.urls[environment]}/api/health`).catch(() => null);
  if (answer === null || !answer.ok) return null;
  return z.object({ release: z.string() }).parse(await answer.json()).release;
}

/** Containers and images: what would be another if the host was touched. */
async function stateOf(environment: KatzEnvironment): Promise<string> {
  const host = world.hosts[environment];
  const containers = await host.docker([
    'ps',
    '--all',
    '--no-trunc',
    '--format',
    '{{.ID}} {{.Image}} {{.State}}',
  ]);
  const images = await host.docker(['images', '--no-trunc', '--format', '{{.ID}} {{.Repository}}:{{.Tag}}']);
  return `${containers.stdout}${images.stdout}`;
}

/** From a feature branch through reviewed pull requests to stage; gives the commit there. */
async function mergedIntoStage(name: string, files: Record<string, string | null>): Promise<string> {
  const { team } = world;
  await mergedIntoDev(name, files);
  const toStage = await team.open('stage', 'dev');
  await team.review(toStage, 'dan');
  return await team.merge(toStage, 'merge commit');
}

async function mergedIntoDev(name: string, files: Record<string, string | null>): Promise<void> {
  const { team } = world;
  await team.commit(`feature/${name}`, `feat: ${name}`, files);
  const toDev = await team.open('dev', `feature/${name}`);
  await team.review(toDev, 'carol');
  await team.merge(toDev, 'merge commit');
}

describe('1. CI on every push', () => {
  test('tests run, and what they find is on the commit; a branch nobody takes deploys nothing', async () => {
    const broken = await world.team.commit('feature/one', 'feat: one', {
      ...code('one'),
      'test/broken.test.js': "throw new Error('not yet');\n",
    });
    expect(conclusionsOf(broken)).toMatchObject({
      'dev - lint and test': 'failure',
      'Security Checks': 'success',
      'CI Success Check': 'failure',
    });
    const { promotions, headline } = await released();
    expect([promotions, headline]).toEqual([[], expect.stringContaining('nothing to do')]);
  });
});

function conclusionsOf(sha: string): Record<string, string | null> {
  const runs = world.github.state.checkRuns.filter((run) => run.sha === sha);
  return Object.fromEntries(runs.map(({ name, conclusion }) => [name, conclusion]));
}

describe('2. a pull request needs checks and approval', () => {
  test('red: what was merged all the same is refused, and the host is as it was', async () => {
    const before = await stateOf('staging');
    await mergedIntoStage('one', {});
    const { refused, failure } = await promoted();
    expect(refused).toBe(true);
    expect(failure?.what).toMatch(/gate dev-green says no: .*dev - lint and test failure/);
    expect(await stateOf('staging')).toBe(before);
  });

  test('absent: a name that CI never reported on dev is red', async () => {
    const before = await stateOf('staging');
    world.team.breakCi('Security Checks');
    await mergedIntoStage('mended', { 'test/broken.test.js': null });
    world.team.breakCi();
    const { refused, failure } = await promoted();
    expect(refused).toBe(true);
    expect(failure?.what).toMatch(/Security Checks absent/);
    expect(await stateOf('staging')).toBe(before);
  });

  test('not approved: what was merged all the same waits until somebody has reviewed it', async () => {
    const before = await stateOf('staging');
    const { team } = world;
    await mergedIntoDev('good', code('one'));
    const toStage = await team.open('stage', 'dev');
    await team.merge(toStage, 'merge commit');
    await untilWaitsFor(library, 'staging', /1 review of stage/);
    // who has merged it asked for the release, who has reviewed dev counts once, and nobody signs for a review
    for (const reviewer of ['boris', 'carol']) await team.review(toStage, reviewer);
    await slipway(5, ['approve', 'staging', '--yes'], 'irina');
    expect(await stateOf('staging')).toBe(before);
    await team.review(toStage, 'dan');
  });
});

describe('3. and 4. a merge deploys staging, smoke passes', () => {
  test('by itself: pulled and started by compose, healthy, with what it depends on', async () => {
    const result = await released();
    const [promotion] = result.promotions;
    expect(promotion, JSON.stringify(result)).toMatchObject({ state: 'succeeded', environment: 'staging' });
    expect(approversOf(promotion)).toEqual(['carol@github', 'dan@github']);
    expect(await served('staging')).toBe('one');
    const tag = `sha-${result.commit.sha.slice(0, 7)}`;
    const digest = await world.registry.digestOf('froloveee3/katz-backend', tag);
    expect(await imageOn('staging')).toBe(
      `${world.registry.server}/froloveee3/katz-backend:${tag}@${digest}`,
    );
  });

  test('with the secrets of staging', async () => {
    expect(await sessionOn('staging')).toBe(signed('staging'));
    expect(signed('staging')).not.toBe(signed('production'));
  });
});

async function sessionOn(environment: KatzEnvironment): Promise<string> {
  const answer = await fetch(`${world.urls[environment]}/api/sessions?user=anna`, { method: 'POST' });
  return z.object({ token: z.string() }).parse(await answer.json()).token;
}

function signed(environment: KatzEnvironment): string {
  return `anna.${createHmac('sha256', world.jwtSecrets[environment]).update('anna').digest('hex')}`;
}

function approversOf(promotion: PromotionResult | undefined): string[] {
  const approvals = promotion?.evidence.filter(({ verdict }) => verdict === 'approved') ?? [];
  return [...new Set(approvals.flatMap(({ by }) => by ?? []))].sort();
}

describe('5. a pull request to main needs two approvals', () => {
  test('with one it waits, and production is as it was', async () => {
    const before = await stateOf('production');
    const { team } = world;
    const toMain = await team.open('main', 'stage');
    await team.review(toMain, 'carol');
    await team.merge(toMain, 'fast-forward');
    await untilWaitsFor(library, 'production', /1 review of main/);
    expect(await stateOf('production')).toBe(before);
    // told again where carol's has just been
    await until('the promotion to be told of it', async () => {
      const { body } = await team.review(toMain, 'irina-katz');
      return body['outcome'] === 'told' && String(body['why']).includes('/production/');
    });
  });
});

describe('6. a merge to main waits for a person', () => {
  test('of release, who is none of those that count already; the lane is free meanwhile', async () => {
    const before = await stateOf('production');
    await untilWaitsFor(library, 'production', /^1 approval \(release\)$/);
    expect((await library.status('production'))?.inFlight).toBeNull();
    const approve = ['approve', 'production', '--group', 'release', '--yes'];
    for (const nobody of ['boris', 'carol']) await slipway(5, approve, nobody);
    // she has reviewed it: whatever she says now, one is missing still
    await world.slipway(approve, 'irina');
    await untilWaitsFor(library, 'production', /^1 (approval \(release\)|review of main)$/);
    expect((await library.status('production'))?.inFlight).toBeNull();
    expect(await stateOf('production')).toBe(before);
    expect(await served('production')).toBeNull();
  });
});

describe('7. and 8. production deploys, smoke passes', () => {
  test('what was on staging, with the secrets of production', async () => {
    await slipway(0, ['approve', 'production', '--group', 'release', '--yes'], 'oleg');
    const promotion = await promoted();
    expect(promotion, JSON.stringify(promotion)).toMatchObject({
      state: 'succeeded',
      environment: 'production',
    });
    expect(approversOf(promotion)).toEqual(['carol@github', 'irina', 'oleg']);
    expect(await served('production')).toBe('one');
    expect(await imageOn('production')).toBe(await imageOn('staging'));
    expect(await sessionOn('production')).toBe(signed('production'));
  });
});

describe('what must not stay', () => {
  test('smoke fails: the release before is back, and the log of the service is in the report', async () => {
    await mergedIntoStage('forgetful', {
      ...code('two'),
      'src/sessions.js': (await sessions()).replace(
        'openSession(user, secret) {',
        "openSession(user, secret) {\n  if (process.env.DATABASE_URL) throw new Error('relation sessions does not exist');",
      ),
    });
    const before = await imageOn('staging');
    const { state, clean, refused, failure, change } = await promoted();
    expect({ state, clean, refused }, JSON.stringify(failure)).toEqual({
      state: 'failed',
      clean: true,
      refused: false,
    });
    expect(failure?.what).toMatch(/smoke/);
    expect(failure?.why).toContain('relation sessions does not exist');
    expect(change?.unwind).toContainEqual(expect.objectContaining({ step: 'deploy', outcome: 'undone' }));
    expect(await served('staging')).toBe('one');
    expect(await imageOn('staging')).toBe(before);
  });

  test('Redis is away: refused before anything is touched; released again when it is back', async () => {
    await world.compose('staging', ['stop', '--timeout', '0', 'redis']);
    await mergedIntoStage('remembering', { ...code('three'), 'src/sessions.js': await sessions() });
    const { refused, failure } = await promoted();
    expect(failure?.what).toMatch(/redis: redis:6379 from katz-backend/);
    expect(refused).toBe(true);
    expect(await served('staging')).toBe('one');
    await world.compose('staging', ['start', 'redis']);
    await slipway(0, ['release', 'stage', '--repository', world.github.repositoryUrl]);
    expect(await served('staging')).toBe('three');
  });
});

function sessions(): Promise<string> {
  return readFile('examples/katz-backend/src/sessions.js', 'utf8');
}

/** Tag and digest of what runs there. */
async function imageOn(environment: KatzEnvironment): Promise<string> {
  const container = 'katz-backend-katz-backend-1';
  const format = ['inspect', '--format', '{{.Config.Image}}', container];
  return (await world.hosts[environment].docker(format)).stdout.trim();
}

describe("staging's secrets are never used in production", () => {
  test('a file in which both use one is refused, wherever it would go', async () => {
    const before = await Promise.all([stateOf('staging'), stateOf('production')]);
    await mergedIntoStage('shared', {
      'slipway.yaml': world.pipelineFile([['env:PROD_JWT_SECRET', 'env:STAGING_JWT_SECRET']]),
    });
    const { failure } = await released();
    expect(failure?.what).toMatch(/production is production and shares env:STAGING_JWT_SECRET with staging/);
    expect(await Promise.all([stateOf('staging'), stateOf('production')])).toEqual(before);
  });

  test('a secret of staging that only production names is refused by the policy', async () => {
    const before = await stateOf('production');
    await world.team.commit('main', 'feat: borrow a secret', {
      'slipway.yaml': world.pipelineFile([['env:PROD_JWT_SECRET', 'env:STAGING_ADMIN_SECRET']]),
    });
    const { failure } = await released();
    expect(failure?.what).toContain('secret env:STAGING_ADMIN_SECRET is not allowed');
    expect(await stateOf('production')).toBe(before);
  });
});

test("GitHub's own description has no objection to what was asked of it", () => {
  expect(() => world.github.expectNoViolations()).not.toThrow();
});

test('nothing is left: no process, namespace, port or file', async () => {
  const { folder, hosts } = world;
  expect(await world.leftovers()).toEqual([]);
  await world.stop();
  expect(await processesWith(folder)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  expect(await processesWith(`slw-${process.pid}-`)).toEqual([]);
  // with its address every port of the registry and the hosts is gone
  const { stdout } = await execa(await part('ip'), ['-o', 'address', 'show']);
  expect(stdout).not.toContain(hosts.production.gateway);
});
