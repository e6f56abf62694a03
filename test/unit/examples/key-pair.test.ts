import ssh2 from 'ssh2';
import { expect, it } from 'vitest';
import { makeKeyPair } from '../../../examples/hello/demo/key-pair.js';

it('makes no key that nobody can read', () => {
  const pairs = Array.from({ length: 1000 }, makeKeyPair);
  expect(pairs.filter((pair) => ssh2.utils.parseKey(pair.private) instanceof Error)).toEqual([]);
});
