/** Whoever may push may name a branch: `$(reboot)` is a good name for git, and never a word of a command of ours. */
import { describe, expect, it } from 'vitest';
import { typedWord } from '../../../pipeline/typed-word.js';
import { SMALL, branch, compile, loadGood, only } from './given.js';

describe('a branch with any name', () => {
  it.each([
    ['a command', '{swarm: shop_web}', '{command: "./up {branch}"}', 7],
    ['a service', '{swarm: shop_web}', '{swarm: "shop_{branch}"}', 7],
    ['an address', 'https://shop.example.com', '"https://{branch}.example.com"', 8],
    ['a check', '[/health]', '["/health?{branch}"]', 9],
  ])('refuses a branch that would be more than a word in %s', (_where, from, to, line) => {
    const file = loadGood(SMALL.replace('{branch: main}', '{branch: "*"}').replace(from, to));
    for (const name of ['$(reboot)', 'a;b', "a'b", '<a>', 'ü'])
      expect(() => compile(file, branch(name))).toThrow(
        new RegExp(`^slipway\\.yaml:${line}:\\d+: \\{branch\\} is ".*", which .*or leave \\{branch\\} out$`),
      );
    expect(compile(file, branch('feat-1')).environments).toHaveLength(1);
  });

  it('takes any branch where its name is only compared, made a tag of, or an argument of its own', () => {
    const file = loadGood(
      `${SMALL.replace('image: ghcr.io/acme/shop', 'image: {repository: ghcr.io/acme/shop, build-args: {BRANCH: "{branch}"}}').replace('{branch: main}', '{branch: "*"}')}tags: ["b-{branch}"]\n`,
    );
    const plan = compile(file, branch('$(reboot)'));
    expect(only(plan).tags).toEqual(['b---reboot-']);
    expect(plan.artifacts).toMatchObject([{ buildArgs: { BRANCH: '$(reboot)' } }]);
    const { artifacts: _artifacts, ref, ...rest } = plan;
    expect(ref.name).toBe('$(reboot)');
    expect(JSON.stringify(rest)).not.toContain('$(reboot)');
  });
});

describe('a word that people are told to type', () => {
  it.each([
    ['feat/x-1.2', 'feat/x-1.2'],
    ['$(id)', "'$(id)'"],
    ["it's", String.raw`'it'\''s'`],
    ['a;b', "'a;b'"],
    ['', "''"],
    ['ü', "'ü'"],
    ['~root', "'~root'"],
  ])('%j is typed %s', (word, typed) => {
    expect(typedWord(word)).toBe(typed);
  });
});
