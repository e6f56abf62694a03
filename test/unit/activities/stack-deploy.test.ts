import { describe, expect, test } from 'vitest';
import type { PlatformContext } from '../../../activities/platforms/platform.js';
import { stackFiles } from '../../../activities/platforms/stack-deploy.js';
import { FAILURE } from '../../../workflows/failures.js';
import { givenPlan } from '../../support/given.js';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is asked of it
const context = {
  host: { name: 'web-1', run: async () => ({ stdout: '/home/deploy\n', exitCode: 0, signal: null }) },
  target: { plan: givenPlan() },
} as unknown as PlatformContext;

describe('the files of a stack', () => {
  test('lie below the notes in the home of the ssh user', async () => {
    expect((await stackFiles(context, 'shop-blue')).stack).toBe(
      '/home/deploy/.slipway/stacks/shop-blue/stack.yml',
    );
  });

  test.each(['..', '../fences/bank', 'shop/../../bank', '/etc', 'a.b', '', '-x'])(
    'lie nowhere for the name %j',
    async (name) => {
      await expect(stackFiles(context, name)).rejects.toMatchObject({
        type: FAILURE.badInput,
        message: expect.stringContaining('is no name of a stack'),
      });
    },
  );
});
