import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it, test } from 'vitest';
import { readPlatforms } from '../../../activities/build/builder.js';
import { explainBuild } from '../../../activities/build/explain-build.js';
import { givenImage } from '../../support/given.js';

const image = givenImage();
const CI = { username: 'ci', builds: ['linux/amd64', 'linux/386'] };

it.each([
  // what may pass is retried
  [
    'ERROR: failed to solve: failed to push cr.example.com/team/app: unexpected status: 503 Service Unavailable',
    true,
  ],
  ['ERROR: failed to solve: failed to push: unexpected status from PUT request: 429 Too Many Requests', true],
  ['ERROR: failed to solve: toomanyrequests: You have reached your pull rate limit', true],
  ['ERROR: failed to solve: dial tcp 10.0.0.1:443: connect: connection refused', true],
  ['ERROR: failed to solve: dial tcp: lookup cr.example.com: no such host', true],
  [
    'ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
    true,
  ],
  ['ERROR: failed to solve: failed commit on ref: unexpected EOF', true],
  [
    'ERROR: failed to build: failed to push cr.example.com/team/app: errors:\nunknown: provided digest did not match uploaded content\nunknown: blob unknown to registry - sha256:cd',
    true,
  ],
  // what will not is not
  ['ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1', false],
  [
    'fetching: connection refused\nERROR: failed to solve: process "/bin/sh -c curl x" did not complete successfully: exit code: 7',
    false,
  ],
  ['ERROR: failed to solve: dockerfile parse error on line 3: unknown instruction: COPPY', false],
  ['ERROR: failed to solve: target stage "worker" could not be found', false],
  ['ERROR: failed to solve: failed to compute cache key: "/missing": not found', false],
  [
    'ERROR: failed to solve: failed to push: push access denied, repository does not exist or may require authorization',
    false,
  ],
  [
    'ERROR: failed to solve: failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized',
    false,
  ],
  ['', false],
])('%s', (tail, retried) => {
  const failure = explainBuild(image, tail, CI);
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ nonRetryable: !retried, message: expect.stringContaining('image app') });
});

it('says which login is missing', () => {
  const tail = 'ERROR: failed to solve: push access denied: insufficient_scope: authorization failed';
  expect(explainBuild(image, tail, { username: null, builds: [] }).message).toContain(
    'registry: {username, password: env:NAME}',
  );
  expect(explainBuild(image, tail, CI).message).toContain('ci may push');
});

describe('a command for a platform that the builder does not run', () => {
  const both = givenImage({ platforms: ['linux/amd64', 'linux/arm64/v8'] });
  const toldOf = (step: string, said = 'exec /bin/sh: exec format error'): string =>
    `#9 ERROR: process "/bin/sh -c true" did not complete successfully: exit code: 255
------
 > importing cache manifest from cr.example.com/team/app:buildcache:
------
------
 > [${step}] RUN true:
0.170 ${said}
------
ERROR: failed to solve: process "/bin/sh -c true" did not complete successfully: exit code: 255`;

  test.each(['linux/arm64 2/3', 'linux/arm64 app 2/3', '2/3'])(
    'is named in step [%s], with the way out',
    (step) => {
      expect(explainBuild(both, toldOf(step), CI).message).toMatch(
        /runs commands for linux\/arm64, and its builder cannot: .*binfmt --install arm64 .*docker\/setup-qemu-action.*take linux\/arm64 out of platforms/,
      );
    },
  );

  test.each([
    ['linux/amd64 2/3', undefined],
    ['linux/arm64 2/3', 'npm ci failed'],
  ])('is not made of another failure in step [%s]', (step, said) => {
    const { message } = explainBuild(both, toldOf(step, said), CI);
    expect(message).toContain('correct Dockerfile or what it builds');
  });

  test('is not guessed where the file names no platform', () => {
    expect(explainBuild(image, toldOf('2/3'), CI).message).toContain('correct Dockerfile');
  });
});

test('what a builder runs is read of all its nodes', () => {
  const inspected = `Name:   slipway
Nodes:
Name:                  slipway0
Platforms:             linux/amd64*, linux/amd64/v2, linux/386
Name:                  slipway1
Platforms:             linux/arm64/v8, linux/arm/v7`;
  expect(readPlatforms(inspected)).toEqual([
    'linux/amd64',
    'linux/amd64/v2',
    'linux/386',
    'linux/arm64',
    'linux/arm/v7',
  ]);
  expect(readPlatforms('Name: none\nStatus: inactive')).toEqual([]);
});
