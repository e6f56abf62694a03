/** What `slipway serve` refuses before it asks anybody, and the line it writes per delivery. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deliveryLine } from '../../../client/webhooks/delivery-line.js';
import { answer } from '../../../client/webhooks/receive-delivery.js';
import type { DeliveryRecord } from '../../../client/webhooks/webhook-server.js';
import { readSnippets } from '../../support/doc-snippets.js';
import { readJson, slipway } from '../../support/slipway-command.js';
import { SECRET } from '../../support/webhooks.js';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'slipway-serve-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

/** Nobody listens there: whatever is right so far ends in 8. */
const NOWHERE = '127.0.0.1:1';
const shop = ['--pipeline', 'shop', '--repository', 'https://github.com/acme/shop.git'];

async function serve(argv: string[], env: Record<string, string> = { SLIPWAY_WEBHOOK_SECRET: SECRET }) {
  const run = await slipway(['serve', ...argv, '--json'], {
    cwd,
    env: { TEMPORAL_ADDRESS: NOWHERE, ...env },
  });
  return { exit: run.exit, told: JSON.stringify(readJson(run).error) };
}

describe('slipway serve', () => {
  it.each([
    shop,
    [
      '--pipeline',
      'shop',
      '--repository',
      'git@github.com:acme/shop.git',
      '--port',
      '0',
      '--host',
      '0.0.0.0',
    ],
    ['--pipeline', 'shop', '--repository', '/srv/git/shop.git', '--github', 'acme/shop'],
  ])('goes on to Temporal with %j %j %j %j', async (...argv) => {
    expect(await serve(argv)).toMatchObject({ exit: 8 });
  });

  it.each([
    [[], 'which pipeline does a push release?'],
    [['--pipeline', 'shop'], '--repository URL'],
    [['--pipeline', 'shop', '--repository', '/srv/git/shop.git'], 'write it as owner/name'],
    [['--pipeline', 'shop', '--repository', '/srv/shop', '--github', 'shop'], 'write it as owner/name'],
    [['--pipeline', 'shop', '--repository', 'https://a:b@github.com/acme/shop'], 'has a password in it'],
    [['--pipeline', 'shop', '--repository', '--upload-pack=x/y'], 'is not a repository'],
    [[...shop, '--port', '70000'], '70000 is no port'],
    [[...shop, '--port', 'http'], 'http is no port'],
    [[...shop, '--secret-file', 'nowhere'], 'cannot be read'],
    [['--config', 'nowhere.yaml'], 'cannot be read'],
  ])('refuses %j: %s', async (argv, says) => {
    const { exit, told } = await serve(argv);
    expect(exit).toBe(2);
    expect(told).toContain(says);
  });

  it('refuses to listen without a secret', async () => {
    expect(await serve(shop, {})).toMatchObject({
      exit: 2,
      told: expect.stringContaining('no webhook secret'),
    });
    expect(await serve(shop, { SLIPWAY_WEBHOOK_SECRET: ' \n' })).toMatchObject({ exit: 2 });
    writeFileSync(path.join(cwd, 'secrets'), 'old\nnew\n');
    expect(await serve([...shop, '--secret-file', 'secrets'], {})).toMatchObject({ exit: 8 });
  });

  it.each([
    ['pipelines: {shop: {repository: "https://github.com/acme/shop"}}', 8, 'cannot be reached'],
    ['pipelines: {shop: {repository: "/srv/shop", github: acme/shop, file: deploy/slipway.yaml}}', 8, ''],
    ['pipelines: {}', 2, 'names no pipeline'],
    ['pipeline: shop', 2, 'pipelines'],
    ['pipelines: {shop: {}}', 2, 'pipelines.shop.repository'],
    ['pipelines: {shop: {repository: "https://github.com/acme/shop", secret: abc}}', 2, 'secret'],
    ['pipelines: {"../x": {repository: "https://github.com/acme/shop"}}', 2, 'pipelines.../x'],
    ['pipelines: {shop: {repository: "/srv/shop"}}', 2, 'write it as owner/name'],
    ['pipelines: {shop: {repository: "ext::sh -c id", github: a/b}}', 2, 'is not a repository'],
    ['pipelines: [', 2, 'webhooks.yaml'],
    ['', 2, 'webhooks.yaml'],
    ['a: &a [1,1]\nb: [*a,*a]', 2, 'webhooks.yaml'],
  ])('reads --config %j: exit %i', async (text, exit, says) => {
    writeFileSync(path.join(cwd, 'webhooks.yaml'), text);
    const read = await serve(['--config', 'webhooks.yaml']);
    expect(read.exit, read.told).toBe(exit);
    expect(read.told).toContain(says);
  });
});

it('docs/webhooks.md shows a configuration that is read', async () => {
  const [config] = (await readSnippets('webhooks.md')).filter(({ language }) => language === 'yaml');
  writeFileSync(path.join(cwd, 'webhooks.yaml'), config?.text ?? '');
  expect(await serve(['--config', 'webhooks.yaml'])).toMatchObject({ exit: 8 });
});

describe('the line of a delivery', () => {
  const record: DeliveryRecord = {
    ...answer(202, 'started', null),
    ...{ delivery: '72d3162e-cc78', githubEvent: 'push', tookMs: 14 },
    ...{ repository: 'acme/shop', ref: 'branch main', commit: '9f2c1d0'.padEnd(40, '0'), by: 'anna' },
    releases: [
      { pipeline: 'shop', workflowId: 'release/shop/9f2c1d0', runId: 'r', how: 'started', url: null },
    ],
  };
  const at = new Date('2026-11-21T14:02:11.123Z');
  const line = (of: DeliveryRecord, json = false) => deliveryLine(of, { at, json, secrets: [SECRET] });

  it('says what came and what was started', () => {
    expect(line(record)).toBe(
      '2026-11-21T14:02:11Z 202 started push acme/shop branch main 9f2c1d0 by anna, started release/shop/9f2c1d0, delivery 72d3162e-cc78, 14 ms',
    );
    expect(JSON.parse(line(record, true))).toEqual({
      ...{ schema: 1, event: 'delivery', at: '2026-11-21T14:02:11.123Z', ...record },
    });
  });

  it('is one line without a secret, whatever a ref or an error says', () => {
    const hostile = {
      ...record,
      ref: `branch a\n202 started\u001b[31m ${SECRET}`,
      why: `refused: ${SECRET}`,
      bug: new Error(SECRET),
    };
    for (const json of [false, true]) {
      const text = line(hostile, json);
      expect(text).not.toContain('\n');
      expect(text).not.toContain('\u001b');
      expect(text).not.toContain(SECRET);
      expect(text).toContain('[secret]');
    }
  });
});
