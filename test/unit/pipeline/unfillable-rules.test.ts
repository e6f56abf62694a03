/** Approvals that nobody can give, whoever they are asked of. */
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../../../pipeline/index.js';
import { findUnfillable } from '../../../pipeline/unfillable-rules.js';

const SILENT = 'silent@x';

/** What is said of these rules: the place below `approvals`, and the words. */
function said(
  approvals: string,
  groups = 'a: [anna@x, bob@x, cora@x], b: [bob@x], s: [anna@x, silent@x]',
): string[] {
  const text = `allowed-signers: s
groups: {${groups}}
github: {bob-gh: bob@x, cora-gh: cora@x}
oidc: [{issuer: 'https://t.example.com', who: [{name: ci, claims: {sub: ci}}, {name: CI, claims: {sub: ci}}]}]
pipelines: {shop: {repositories: [/srv], environments: {prod: {hosts: [h], approvals: ${approvals}}}}}
`;
  const loaded = loadPolicy(Buffer.from(text), 'policy.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  return findUnfillable(loaded.file.content, {
    canSign: (person) => person !== SILENT,
    approvers: 9,
  }).map(({ path, what }) => `${path.slice(5).join('.')}: ${what}`);
}

describe('rules of approval', () => {
  it.each([
    ['of anybody', '9'],
    ['that are none', '0'],
    ['for all of a group', '[{count: 3, group: a}]'],
    ['of two groups with enough between them', '[{count: 2, group: a}, {count: 1, group: b}]'],
    [
      'where one must leave the place to another',
      '[{count: 1, group: a}, {count: 1, group: b}, {count: 1, group: s}]',
    ],
    ['of a person with a login', '[{count: 1, group: b, by: github-review, of: main}]'],
    ['of reviews by anybody', '[{count: 4, by: github-review, of: main}]'],
  ])('%s can be filled', (_what, rules) => {
    expect(said(rules)).toEqual([]);
  });

  it.each([
    [
      'more than are in the group',
      '[{count: 1, group: b}, {count: 9, group: a}]',
      ['1.count: 9 approvals of group a are asked for, and 3 people are in it'],
    ],
    [
      'two of a group of one',
      '[{count: 2, group: b}]',
      ['0.count: 2 approvals of group b are asked for, and 1 person is in it'],
    ],
    [
      'somebody who can never sign',
      '[{count: 2, group: s}]',
      ['0.count: 2 approvals of group s are asked for, and only 1 of the 2 in it can sign them'],
    ],
    [
      'reviews of people without a login',
      '[{count: 1, group: s, by: github-review, of: main}]',
      [
        '0.count: 1 approval of group s is asked for, and none of the 2 in it has a login that the policy knows',
      ],
    ],
    [
      'more reviews than people with a login',
      '[{count: 3, group: a, by: github-review, of: main}]',
      [
        '0.count: 3 approvals of group a are asked for, and only 2 of the 3 in it have a login that the policy knows',
      ],
    ],
    [
      'more tokens than people who have one',
      '[{count: 2, by: oidc}]',
      [': 2 approvals are asked for, and oidc knows the tokens of 1 person'],
    ],
    [
      'one person twice',
      '[{count: 1, group: b}, {count: 1, group: b, by: github-review, of: main}]',
      [': 2 approvals by different people are asked for (b), and at most 1 person can give them'],
    ],
    [
      'more of groups than they have between them',
      '[{count: 3, group: a}, {count: 1, group: b}]',
      [
        ': 4 approvals by different people are asked for (a, b), and at most 3 different people can give them',
      ],
    ],
  ])('for %s can not', (_what, rules, problems) => {
    expect(said(rules)).toEqual(problems);
  });

  it('take a name in large and in small letters for one person', () => {
    expect(said('[{count: 2, group: a}]', 'a: [Irina@x, irina@x]')).toEqual([
      '0.count: 2 approvals of group a are asked for, and 1 person is in it',
    ]);
  });

  it('hold what is silent against signatures only', () => {
    expect(said('[{count: 2, group: s, by: unverified}]')).toEqual([]);
  });
});
