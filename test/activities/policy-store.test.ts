import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPolicyStore } from '../../activities/trust/policy-store.js';

const TEXT = 'pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {hosts: [web-1]}}}}\n';
let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-policy-'));
  file = path.join(folder, 'policy.yaml');
  await writeFile(file, TEXT);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const read = () => createPolicyStore(file, { isDemo: false }).read();
const refused = (message: RegExp) => ({
  type: 'Refused',
  message: expect.stringMatching(message) as unknown,
});

describe('the policy of a worker', () => {
  test('is nothing where there is none', async () => {
    expect(await createPolicyStore(null, { isDemo: false }).read()).toBeNull();
  });

  test('holds from the moment it is written', async () => {
    const store = createPolicyStore(file, { isDemo: false });
    const first = await store.read();
    expect(await store.read()).toBe(first);
    await writeFile(file, TEXT.replace('web-1', 'web-1, web-2'));
    const second = await store.read();
    expect([...(second?.content.pipelines.get('shop')?.environments.get('prod')?.hosts ?? [])]).toEqual([
      'web-1',
      'web-2',
    ]);
    expect(second?.hash).not.toBe(first?.hash);
  });

  test('names the files beside it', async () => {
    await writeFile(file, `allowed-signers: signers\nrevoked-keys: /etc/revoked\n${TEXT}`);
    expect(await read()).toMatchObject({
      allowedSigners: path.join(folder, 'signers'),
      revokedKeys: '/etc/revoked',
    });
  });

  test('that others may write is no policy, nor one in a folder they may write', async () => {
    await chmod(file, 0o664);
    await expect(read()).rejects.toMatchObject(refused(/may be written by others \(mode 664\); chmod go-w/));
    await chmod(file, 0o644);
    await chmod(folder, 0o777);
    await expect(read()).rejects.toMatchObject(refused(/may be written by others \(mode 777\)/));
    await chmod(folder, 0o755);
    await chown(file, 4242, 4242);
    await expect(read()).rejects.toMatchObject(refused(/belongs to user 4242/));
  });

  test('that is broken or gone refuses everything, and says how to see why', async () => {
    const store = createPolicyStore(file, { isDemo: false });
    await store.read();
    await writeFile(file, TEXT.replace('hosts', 'hots'));
    await expect(store.read()).rejects.toMatchObject(refused(/environments\.prod.*slipway policy check/s));
    await writeFile(file, 'pipelines: [');
    await expect(store.read()).rejects.toMatchObject({
      ...refused(/policy\.yaml:\d+:\d+: the worker's policy is broken \(is not YAML: /),
      // all that somebody is told whose approval does not count for it
      details: [expect.objectContaining({ what: expect.stringMatching(/^the worker's policy is broken/) })],
    });
    await rm(file);
    await expect(store.read()).rejects.toMatchObject(refused(/cannot be read/));
    await writeFile(file, TEXT);
    expect(await store.read()).not.toBeNull();
  });
});
