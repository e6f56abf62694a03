/** A kubeconfig that a reference leads to: what is said of one that cannot be used must not hold the reference's value. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { detailsOf } from '../../../activities/failure.js';
import { clusterOf } from '../../../activities/kubernetes/access.js';
import { createSecrets } from '../../../activities/secrets/secrets.js';
import { failureOf } from '../../support/failure-of.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-kubeconfig-'));
  await writeFile(path.join(folder, 'broken'), '{');
  await writeFile(path.join(folder, 'other'), 'a: b');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['missing', 'kubeconfig', 'the file that env:KUBE names cannot be read by the worker (ENOENT)'],
  ['broken', 'env:KUBE', 'it is not YAML'],
  ['other', 'env:KUBE', 'its current-context names no context of it'],
])('a file that is %s is told by its reference alone', async (name, where, what) => {
  const file = path.join(folder, name);
  const secrets = createSecrets({ KUBE: file });
  const failure = await failureOf(
    clusterOf('prod', { kind: 'kubernetes', kubeconfig: 'env:KUBE' }, secrets)(),
  );
  expect(detailsOf(failure)).toMatchObject({ where, what: expect.stringContaining(what) });
  expect(JSON.stringify([String(failure), detailsOf(failure)])).not.toContain(file);
});
