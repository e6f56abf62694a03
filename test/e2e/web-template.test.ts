/**
 * examples/web-template as its team uses it, whole, on real parts: from a push to main onto a staging server, from a tag
 * into a Kubernetes cluster whose pods run. What CI and people type is typed here.
 */
import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { SlipwayClient } from '../../client/index.js';
import { part } from '../support/parts.js';
import { processesWith, until } from '../support/processes.js';
import { playExample } from '../support/play-example.js';
import type { CommandEnd } from '../support/slipway-processes.js';
import { startWebTemplateWorld, type WebTemplateWorld } from '../support/web-template-world.js';

const IMAGE = 'username/python-web-template';

let world: WebTemplateWorld;
let library: SlipwayClient;

const slipway = playExample({
  pipeline: 'web-template',
  start: startWebTemplateWorld,
  entered: (...there) => {
    [world, library] = there;
  },
});

const code = (name: string): Record<string, string> => ({ 'app/release.py': `RELEASE = "${name}"\n` });
/** Routes with a line more in one of them, for when it runs in an environment. */
const routes = (route: string, line: string): Record<string, string> => ({
  'app/routes.py': [
    'import os\nfrom .release import RELEASE\n',
    `def health():\n    ${route === 'health' ? line : 'pass'}\n    return {"status": "ok", "release": RELEASE}\n`,
    `def items():\n    ${route === 'items' ? line : 'pass'}\n    return {"items": ["apple"]}\n`,
    'ROUTES = {"/health": health, "/items": items}\n',
  ].join('\n\n'),
});
const sound = routes('none', '');

/** What users are served; null = nobody answers well. */
async function served(environment: 'staging' | 'production'): Promise<string | null> {
  const answer = await fetch(`${world.urls[environment]}/health`).catch(() => null);
  if (answer === null || !answer.ok) return null;
  return z.object({ release: z.string() }).parse(await answer.json()).release;
}

interface Deployment {
  metadata: { annotations: Record<string, string> };
  spec: { template: { spec: { containers: { image: string }[] } } };
}

async function imageInCluster(): Promise<string> {
  const found = await world.cluster.call('GET', '/apis/apps/v1/namespaces/web/deployments/app');
  return (found as Deployment).spec.template.spec.containers[0]?.image ?? '';
}

/** Gives up as soon as the release has `ended` instead, with what it said. */
async function untilWaitsFor(version: string, what: RegExp, ended: Promise<CommandEnd>): Promise<void> {
  let early: CommandEnd | null = null;
  void ended.then((end) => (early = end));
  const look = async (): Promise<boolean> => {
    const { workflowId } = await library.findWaiting('production', version, 'approve');
    return what.test((await library.progress(workflowId))?.waitingFor ?? '');
  };
  const waits = (): Promise<boolean> => look().catch(() => false);
  await until(
    `${version} to wait for ${what.source}`,
    async () => early !== null || (await waits()),
    100_000,
  );
  expect(early).toBeNull();
}

/** What CI starts for the tag, approved by two; gives how it ended. */
async function releasedToProduction(version: string): Promise<CommandEnd> {
  const ended = world.slipway(['release', version]);
  await untilWaitsFor(version, /2 approvals/, ended);
  for (const approver of ['oleg', 'irina'])
    await slipway(0, ['approve', 'production', '--version', version, '--yes'], approver);
  return await ended;
}

/** How a release ended, and what is there now. */
async function leftBy({ exit, error }: CommandEnd): Promise<Record<string, unknown>> {
  const said = `${String(error?.['what'])} ${String(error?.['why'])}`;
  return { exit, said, image: await imageInCluster(), release: await served('production') };
}

/** It failed for this reason, and the image of v1.0.0 is back. */
function undone(image: string, why: RegExp): Record<string, unknown> {
  return { exit: 3, said: expect.stringMatching(why) as string, image, release: 'v1' };
}

describe('staging', () => {
  let first: string;

  test('a push to main is built for two platforms with its provenance, and run by compose', async () => {
    first = await world.merge('feat: one', code('one'));
    await slipway(0, ['release', 'main']);
    expect(await served('staging')).toBe('one');
    const tag = `sha-${first.slice(0, 7)}`;
    const digest = await world.registry.digestOf(IMAGE, tag);
    expect(await world.registry.digestOf(IMAGE, 'main')).toBe(digest);
    const format = ['inspect', '--format', '{{.Config.Image}}', 'python-web-template-app-1'];
    const { stdout } = await world.staging.docker(format);
    expect(stdout.trim()).toBe(`${world.registry.server}/${IMAGE}:main@${digest}`);
    const held = await world.registry.platformsOf(IMAGE, tag);
    expect(held).toEqual(['linux/amd64', 'linux/arm64', 'unknown/unknown', 'unknown/unknown']);
  });

  test('what is not well is undone by itself, with the log of the service', async () => {
    await world.merge('feat: unwell', {
      ...code('unwell'),
      ...routes('health', 'raise RuntimeError("no items")'),
    });
    const { text, error } = await slipway(5, ['release', 'main']);
    expect(error?.['what'], text).toMatch(/container/);
    // the image alone is not well: it never came near a server
    expect(await served('staging')).toBe('one');

    const inStaging = 'if os.environ.get("ENVIRONMENT"): raise RuntimeError("no items in staging")';
    await world.merge('fix: well alone', { ...code('two'), ...routes('health', inStaging) });
    const undone = await slipway(3, ['release', 'main']);
    expect(undone.error?.['why'], undone.text).toContain('no items in staging');
    expect(await served('staging')).toBe('one');
  });

  test('a title that is no conventional one is refused before anything is built', async () => {
    await world.merge('Some changes', { ...code('one'), ...sound });
    const { text, error } = await slipway(5, ['release', 'main']);
    expect(error?.['what'], text).toMatch(/gate title/);
  });
});

describe('production', () => {
  let live: string;

  test('takes tags v*.*.* and nothing else, also by hand', async () => {
    await world.applyByHand('main');
    await until('the pods made by hand to answer', async () => (await served('production')) === 'one');
    await world.migrate();
    const before = await imageInCluster();
    const { repository } = world;
    await repository.git('tag', 'nightly');
    await repository.git('tag', 'v1.0');
    await repository.git('push', '--quiet', 'origin', 'nightly', 'v1.0');
    for (const ref of ['main', 'nightly', 'v1.0']) {
      const { text, error } = await slipway(2, ['release', ref, '--to', 'production']);
      expect(JSON.stringify(error), text).toMatch(/production takes tag v\*\.\*\.\*|did you mean v1\.0\.0/);
    }
    expect(await imageInCluster()).toBe(before);
  });

  test('v1.0.0 waits for two others, and is rolled out, watched and tagged', async () => {
    const commit = await world.merge('feat: first version', { ...code('v1'), ...sound }, 'v1.0.0');
    await slipway(0, ['release', 'main']);
    const ended = world.slipway(['release', 'v1.0.0']);
    await untilWaitsFor('v1.0.0', /2 approvals/, ended);
    for (const nobody of ['vera', 'anna@example.com'])
      await slipway(5, ['approve', 'production', '--yes'], nobody);
    await slipway(0, ['approve', 'production', '--yes'], 'oleg');
    await slipway(5, ['approve', 'production', '--yes'], 'oleg');
    await untilWaitsFor('v1.0.0', /1 approval/, ended);
    expect(await served('production')).toBe('one');
    await slipway(0, ['approve', 'production', '--yes'], 'irina');
    const { exit, text } = await ended;
    expect(exit, text).toBe(0);
    expect(await served('production')).toBe('v1');
    const digest = await world.registry.digestOf(IMAGE, 'v1.0.0');
    expect(await world.registry.digestOf(IMAGE, `sha-${commit.slice(0, 7)}`)).toBe(digest);
    expect(await world.registry.digestOf(IMAGE, 'latest')).toBe(digest);
    live = await imageInCluster();
    expect(live).toBe(`${world.registry.server}/${IMAGE}@${digest}`);
    for (const said of ['clean-logs', 'p95', 'errors', 'migrated']) expect(text).toContain(said);
  });

  test('pods that end, and an image that no node may pull, are told by name and undone', async () => {
    const inProduction = 'if os.environ.get("ENVIRONMENT") == "production": os._exit(3)';
    await world.merge('feat: two', { ...code('v1.1'), ...routes('health', inProduction) }, 'v1.1.0');
    expect(await leftBy(await releasedToProduction('v1.1.0'))).toEqual(
      undone(live, /its container exits .*exit code 3/s),
    );

    await world.merge('fix: two', { ...code('v1.1.1'), ...sound }, 'v1.1.1');
    await world.setPullSecret('no-longer');
    const unpulled = await releasedToProduction('v1.1.1');
    await world.setPullSecret();
    expect(await leftBy(unpulled)).toEqual(undone(live, /cannot pull its image/));
  });

  test('lines in the log, and a migration that nobody has run, end the bake and are undone', async () => {
    const line = 'if os.environ.get("ENVIRONMENT") == "production": print("ERROR no payments")';
    await world.merge('feat: three', { ...code('v1.2'), ...routes('health', line) }, 'v1.2.0');
    const noisy = await releasedToProduction('v1.2.0');
    expect(await leftBy(noisy)).toEqual(undone(live, /clean-logs.*ERROR no payments/s));

    const migration = { 'migrations/0002_price.sql': 'ALTER TABLE items ADD COLUMN price numeric;\n' };
    await world.merge('feat: prices', { ...code('v1.3'), ...sound, ...migration }, 'v1.3.0');
    const unmigrated = await releasedToProduction('v1.3.0');
    expect(await leftBy(unmigrated)).toEqual(undone(live, /migrated/));
  });

  test('migrated it stays; rollback brings the version before back, by its digest', async () => {
    await world.migrate();
    const { exit, text } = await releasedToProduction('v1.3.0');
    expect(exit, text).toBe(0);
    expect(await served('production')).toBe('v1.3');
    await slipway(0, ['rollback', 'production', '--yes', '--reason', 'prices are wrong'], 'oleg');
    expect(await served('production')).toBe('v1');
    expect(await imageInCluster()).toBe(live);
  });
});

test("GitHub's own description has no objection to what was asked of it", () => {
  expect(() => world.github.expectNoViolations()).not.toThrow();
});

test('nothing is left: no process, namespace, port or file', async () => {
  const { folder, staging } = world;
  expect(await world.leftovers()).toEqual([]);
  await world.stop();
  expect(await processesWith(folder)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  expect(await processesWith(`slw-${process.pid}-`)).toEqual([]);
  // with its address every port of the registry and the hosts is gone
  const { stdout } = await execa(await part('ip'), ['-o', 'address', 'show']);
  expect(stdout).not.toContain(staging.gateway);
});
