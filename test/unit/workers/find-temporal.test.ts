import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findTemporal } from '../../../workers/find-temporal.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-find-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(...parts: string[]): string {
  const file = path.join(folder, ...parts);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
  return file;
}

test('the place named comes first, then PATH, then our cache', async () => {
  const named = program('named', 'temporal');
  const onPath = program('path', 'temporal');
  const cached = program('cache', 'bin', 'temporal-1.9.1');
  const env = {
    TEMPORAL_CLI_PATH: named,
    PATH: path.dirname(onPath),
    SLIPWAY_CACHE: path.join(folder, 'cache'),
  };

  expect(await findTemporal(env)).toEqual({ path: named, from: 'TEMPORAL_CLI_PATH' });
  expect(await findTemporal({ ...env, TEMPORAL_CLI_PATH: '' })).toEqual({ path: onPath, from: 'PATH' });
  expect(await findTemporal({ SLIPWAY_CACHE: env.SLIPWAY_CACHE, PATH: '' })).toEqual({
    path: cached,
    from: 'cache',
  });
});

test('a wrong TEMPORAL_CLI_PATH is said, not passed over', async () => {
  await expect(findTemporal({ TEMPORAL_CLI_PATH: '/nowhere/temporal', PATH: '/usr/bin' })).rejects.toThrow(
    'TEMPORAL_CLI_PATH=/nowhere/temporal: no program there; correct it or unset it',
  );
});

test('a folder called temporal is not the program', async () => {
  mkdirSync(path.join(folder, 'path', 'temporal'), { recursive: true });
  const cached = program('cache', 'bin', 'temporal-1.9.1');
  const env = { PATH: path.join(folder, 'path'), SLIPWAY_CACHE: path.join(folder, 'cache') };
  expect(await findTemporal(env)).toEqual({ path: cached, from: 'cache' });
});
