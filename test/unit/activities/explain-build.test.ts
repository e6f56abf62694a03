import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { explainBuild } from '../../../activities/build/explain-build.js';
import { givenImage } from '../../support/given.js';

const image = givenImage();

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
  const failure = explainBuild(image, tail, 'ci');
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ nonRetryable: !retried, message: expect.stringContaining('image app') });
});

it('says which login is missing', () => {
  const tail = 'ERROR: failed to solve: push access denied: insufficient_scope: authorization failed';
  expect(explainBuild(image, tail, null).message).toContain('registry: {username, password: env:NAME}');
  expect(explainBuild(image, tail, 'ci').message).toContain('ci may push');
});
