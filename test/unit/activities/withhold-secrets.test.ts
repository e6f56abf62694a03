import type { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { createSecrets, type Secrets } from '../../../activities/secrets/secrets.js';
import { withholdSecrets } from '../../../activities/secrets/withhold-secrets.js';

const VALUES = {
  TOKEN: 'tok&en-7fJ2kQ9xW4',
  SHORT: 'prod',
  USER: 'deployer',
  KEY: `-----BEGIN KEY-----\n${'A'.repeat(70)}\n-----END KEY-----`,
};

async function knowing(...names: (keyof typeof VALUES)[]): Promise<Secrets> {
  const secrets = createSecrets(VALUES);
  for (const name of names) await secrets.resolve(`env:${name}`, name === 'USER' ? 'name' : 'secret');
  return secrets;
}

/** What a worker hears of an activity that does this. */
async function through(
  secrets: Secrets,
  act: () => unknown,
  { activityType = 'verify', given }: { activityType?: string; given?: unknown } = {},
): Promise<unknown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all it looks at
  const { inbound } = withholdSecrets(secrets)({ info: { activityType } } as Context);
  return inbound?.execute?.({ args: [given], headers: {} }, async () => act());
}

test.each([
  ['a field', { outcomes: [{}, { detail: `at ${VALUES.TOKEN}` }] }, 'env:TOKEN, in outcomes.1.detail;'],
  ['a name', { baseline: { [VALUES.TOKEN]: 1 } }, 'env:TOKEN, in baseline.[env:TOKEN];'],
  ['below such a name', { [VALUES.TOKEN]: ['A'.repeat(70)] }, 'env:TOKEN, in [env:TOKEN];'],
  ['all of it', encodeURIComponent(VALUES.TOKEN), 'env:TOKEN, in all of it;'],
  ['a line of a key', { note: 'A'.repeat(70) }, 'env:KEY, in note;'],
])('refuses an answer with a value in %s', async (_where, answer, told) => {
  const error: unknown = await through(await knowing('TOKEN', 'KEY'), () => answer).catch(
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ type: 'Refused', nonRetryable: true });
  expect(String(error)).toContain(`activity verify: its answer holds the value of ${told}`);
  for (const value of Object.values(VALUES)) expect(JSON.stringify(error)).not.toContain(value);
});

test('leaves answers as they are', async () => {
  const answer = { note: 'prod by deployer', none: null, nothing: undefined, many: [1, true, new Date(0)] };
  expect(await through(await knowing('TOKEN', 'SHORT', 'USER'), () => answer)).toBe(answer);
  expect(await through(await knowing(), () => VALUES.TOKEN)).toBe(VALUES.TOKEN);
  expect(await through(await knowing('TOKEN'), () => undefined)).toBeUndefined();
});

test('a word of the input may come back, in no other form', async () => {
  const secrets = await knowing('TOKEN');
  const given = { target: { plan: { name: VALUES.TOKEN } } };
  expect(await through(secrets, () => VALUES.TOKEN, { given })).toBe(VALUES.TOKEN);
  await expect(through(secrets, () => btoa(VALUES.TOKEN), { given })).rejects.toThrow('env:TOKEN');
});

test.each(['resolvePlan', 'announce', 'askEnvironment'])(
  '%s tells what others wrote',
  async (activityType) => {
    const secrets = await knowing('TOKEN');
    expect(await through(secrets, () => VALUES.TOKEN, { activityType })).toBe(VALUES.TOKEN);
  },
);

test('takes values out of whatever an activity fails with', async () => {
  const secrets = await knowing('TOKEN');
  const aborted = new DOMException(`aborted: ${VALUES.TOKEN}`, 'AbortError');
  const failure = ApplicationFailure.create({
    message: 'no',
    details: [{ why: null, tried: [{ [VALUES.TOKEN]: btoa(VALUES.TOKEN) }] }],
    cause: aborted,
  });
  aborted.cause = failure;
  const error: unknown = await through(secrets, () => Promise.reject(failure)).catch(
    (caught: unknown) => caught,
  );
  expect(error).toBe(failure);
  expect(failure.details).toEqual([{ why: null, tried: [{ '[env:TOKEN]': '[env:TOKEN]' }] }]);
  expect(aborted.message).toBe('aborted: [env:TOKEN]');
  expect(aborted.stack).not.toContain(VALUES.TOKEN);
});
