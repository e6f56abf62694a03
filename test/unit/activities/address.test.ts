import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../../activities/hosts/address.js';

describe('an address', () => {
  test.each([
    ['web-1', { user: null, host: 'web-1', port: null }],
    ['deploy@web-1.example.com', { user: 'deploy', host: 'web-1.example.com', port: null }],
    ['deploy@10.77.0.11:2222', { user: 'deploy', host: '10.77.0.11', port: 2222 }],
    ['root@[::1]:22', { user: 'root', host: '::1', port: 22 }],
    ['fe80::1', { user: null, host: 'fe80::1', port: null }],
    ['autoorder-cicd-runner@10.77.0.1', { user: 'autoorder-cicd-runner', host: '10.77.0.1', port: null }],
  ])('%s', (text, address) => {
    expect(parseAddress(text, text)).toEqual(address);
  });

  test.each([
    '',
    '@web-1',
    'web 1',
    'web-1:0',
    'web-1:99999',
    '-oProxyCommand=x',
    'a@b@c',
    'web-1;id',
    'web-1\n',
  ])('%j is refused with the form it should have', (text) => {
    expect(() => parseAddress(text, text)).toThrow(/write host, user@host or user@host:port/);
  });

  test('what a reference stands for is not shown', () => {
    expect(() => parseAddress('not an address', 'env:PROD_HOST')).toThrow(
      /"env:PROD_HOST" is not the address/,
    );
  });
});
