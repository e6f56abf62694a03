import { describe, expect, it } from 'vitest';
import { isPlainHttp, parseImageName } from '../../../activities/registry/image-name.js';
import { readChallenge } from '../../../activities/registry/registry-token.js';
import { pauseMs } from '../../../activities/retry-after.js';

describe('where an image lives', () => {
  it.each([
    ['nginx', 'docker.io', 'registry-1.docker.io', 'library/nginx'],
    ['team/app', 'docker.io', 'registry-1.docker.io', 'team/app'],
    ['docker.io/team/app', 'docker.io', 'registry-1.docker.io', 'team/app'],
    ['index.docker.io/library/nginx', 'docker.io', 'registry-1.docker.io', 'library/nginx'],
    ['ghcr.io/acme/hello', 'ghcr.io', 'ghcr.io', 'acme/hello'],
    ['localhost/app', 'localhost', 'localhost', 'app'],
    ['registry:5000/a/b/c', 'registry:5000', 'registry:5000', 'a/b/c'],
  ])('%s', (repository, server, apiHost, path) => {
    expect(parseImageName(repository)).toEqual({ server, apiHost, path });
  });

  it.each([
    ['127.0.0.1:5000', [], true],
    ['127.9.9.9', [], true],
    ['localhost:5000', [], true],
    ['[::1]:5000', [], true],
    ['localhost.example.com', [], false],
    ['127.example.com', [], false],
    ['10.1.2.3:5000', [], false],
    ['10.1.2.3:5000', ['10.0.0.0/8'], true],
    ['11.1.2.3:5000', ['10.0.0.0/8'], false],
    ['10.evil.example.com', ['10.0.0.0/8'], false],
    ['cr.lan:5000', ['cr.lan:5000'], true],
    ['cr.lan:5001', ['cr.lan:5000'], false],
    ['cr.lan:5001', ['cr.lan'], true],
  ])('%s with %j is plain http: %s', (server, insecure, plain) => {
    expect(isPlainHttp(server, insecure)).toBe(plain);
  });
});

it('reads how a registry wants to be logged in to', () => {
  const bearer =
    'Bearer realm="https://auth.example.com/token",service="cr",scope="repository:a/b:pull,push"';
  expect(readChallenge(bearer)).toEqual({
    scheme: 'bearer',
    parameters: { realm: 'https://auth.example.com/token', service: 'cr', scope: 'repository:a/b:pull,push' },
  });
  expect(readChallenge('basic realm=registry')).toEqual({
    scheme: 'basic',
    parameters: { realm: 'registry' },
  });
  expect(readChallenge('Negotiate')).toBeNull();
  expect(readChallenge(null)).toBeNull();
});

it('waits as long as a registry asks, within bounds', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(pauseMs('7', now)).toBe(7000);
  expect(pauseMs('0', now)).toBe(1000);
  expect(pauseMs('99999', now)).toBe(600_000);
  expect(pauseMs('Thu, 01 Jan 2026 00:01:00 GMT', now)).toBe(60_000);
  expect(pauseMs('soon', now)).toBeNull();
  expect(pauseMs(null, now)).toBeNull();
});
