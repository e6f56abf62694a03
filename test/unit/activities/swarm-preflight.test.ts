/** Is Docker there? Only the host can say no; a connection that breaks is no answer. */
import { describe, expect, it } from 'vitest';
import { unreachable } from '../../../activities/failure.js';
import type { PlatformContext } from '../../../activities/platforms/platform.js';
import { lookAtEngine } from '../../../activities/platforms/swarm-preflight.js';
import { environmentFor } from '../../support/hosts.js';

function contextWhoseDocker(reason: Error): PlatformContext {
  const host = {
    name: 'web-1',
    docker: () => Promise.reject(reason),
    run: () => Promise.resolve({ exitCode: 0, stdout: 'deploy\n/home/deploy/.docker\n', stderr: '' }),
    readFile: () => Promise.resolve(null),
  };
  const context: unknown = { host, target: { plan: environmentFor() }, signal: new AbortController().signal };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as much of it as is looked at
  return context as PlatformContext;
}

describe('the look at a host’s engine', () => {
  it.each([
    unreachable({
      what: 'the connection was lost',
      where: 'web-1',
      why: null,
      wayOut: 'tried again by itself',
    }),
    new Error('connection lost'),
    new Error('socket hang up'),
  ])('is taken again when it ended with %s', async (error) => {
    await expect(lookAtEngine(contextWhoseDocker(error))).rejects.toBe(error);
  });

  it.each(['permission denied while trying to connect', 'Cannot connect to the Docker daemon'])(
    'tells that the user cannot reach Docker: %s',
    async (said) => {
      const { findings, dataFolder } = await lookAtEngine(contextWhoseDocker(new Error(said)));
      expect(dataFolder).toBeNull();
      expect(findings).toMatchObject([{ thing: 'docker', state: 'problem' }]);
      expect(findings[0]?.message).toContain(`user deploy cannot reach Docker: ${said}`);
    },
  );
});
