/** A secret that is found fails the run, though every test of it passed. */
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { formsOf } from '../../support/leaks.js';
import { plantDecoy, plantSecret, plantToken, readMarks, RUN_FOLDER } from '../../support/planted.js';
import { findInTree, formsIn } from '../../support/search-for-secrets.js';

it('fails a run whose tests all pass, and names the place and not the value', async () => {
  const argv = ['run', '--config', 'test/support/fixtures/leaky-run/vitest.config.ts'];
  const { [RUN_FOLDER]: _, ...env } = process.env;
  const run = await execa('npx', ['--no-install', 'vitest', ...argv, '--reporter=json'], {
    env,
    extendEnv: false,
    reject: false,
  });
  expect(JSON.parse(run.stdout)).toMatchObject({ numPassedTests: 1, numFailedTests: 0 });
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toMatch(/1 times a secret was found .*:\n {2}base64( after \d)? in worker\.log$/m);
});

it('finds a secret in every form, wherever it stands', () => {
  for (const value of [plantSecret('pw'), plantToken('ghp_')])
    for (const [form, written] of formsOf(`before ${value} after`))
      expect(formsIn(`…${written}…`), form).not.toEqual([]);
  expect(findInTree({ memo: [{ data: Buffer.from(plantToken()) }] })).toEqual(['plain in memo.0.data']);
  expect(findInTree({ [plantToken()]: 1 })).toEqual(['plain in a name in ']);
});

it('tells decoys from secrets', () => {
  expect(formsIn(plantDecoy())).toEqual([]);
  expect(formsIn(plantDecoy(), 'decoy')).toEqual(['plain']);
  expect(formsIn(plantToken(), 'decoy')).toEqual([]);
  expect(readMarks().secret).not.toBe(readMarks().decoy);
});
