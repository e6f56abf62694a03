/** Who may switch, roll back and freeze, as the worker's policy has it, and what a plan shows of it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { describePolicy } from '../../../client/policy.js';
import { applyPolicy } from '../../../pipeline/apply-policy.js';
import { policyJsonSchema } from '../../../pipeline/json-schema.js';
import { loadPolicy } from '../../../pipeline/load-pipeline.js';
import { apply, HEAD, policyWith, releaseOf } from '../../support/policies.js';
import { givenTraffic } from '../../support/given.js';

const MAY = 'may: {switch: [platform], rollback: [platform, backend]}';

describe('in the plan', () => {
  const policy = policyWith(MAY);

  it('stands whose signed word it takes, and that the policy wants it', () => {
    const plan = apply(policy);
    expect(plan.may).toEqual({ switch: ['platform'], rollback: ['platform', 'backend'] });
    expect(plan.policy?.rules).toEqual(
      expect.arrayContaining([
        { rule: 'platform may switch traffic, signed', from: 'policy' },
        { rule: 'platform or backend may roll back, signed', from: 'policy' },
      ]),
    );
    expect(describePolicy(policy)).toEqual([expect.stringContaining('platform may switch traffic, signed')]);
  });

  it('waits traffic for a word, also where a commit says that it moves by itself', () => {
    const traffic = givenTraffic({ switch: 'auto' });
    expect(apply(policy, { traffic }).traffic?.switch).toBe('manual');
    expect(apply(policyWith('may: {rollback: [platform]}'), { traffic }).traffic?.switch).toBe('auto');
    expect(apply(policy, { strategy: 'in-place', traffic: null }).traffic).toBeNull();
  });

  it('is the same when it is applied again, and gone with the rule', () => {
    const plan = applyPolicy(releaseOf(), policy, { isDemo: false });
    expect(applyPolicy(plan, policy, { isDemo: false })).toEqual(plan);
    const [open] = applyPolicy(plan, policyWith('wait: 0s'), { isDemo: false }).environments;
    expect(open?.may).toBeUndefined();
  });
});

describe('a policy file', () => {
  const errorsOf = (text: string): string[] => {
    const loaded = loadPolicy(Buffer.from(text), 'policy.yaml');
    return loaded.ok
      ? []
      : loaded.errors.map(({ line, column, path, message, suggestion }) =>
          `${line}:${column} ${path}: ${message} ${suggestion ?? ''}`.trim(),
        );
  };
  const may = 'pipelines.shop.environments.prod.may';

  test.each<[string, string, string]>([
    [
      'a group that is not there',
      'may: {switch: [platfrom]}',
      `9:24 ${may}.switch[0]: there is no group platfrom platform`,
    ],
    ['nobody', 'may: {freeze: []}', `9:23 ${may}.freeze:`],
    ['one group without a list', 'may: {freeze: platform}', `9:23 ${may}.freeze: must be a list`],
    ['a word that is none', 'may: {deploy: [platform]}', `9:15 ${may}.deploy: no such key`],
    ['a group twice', 'may: {freeze: [platform, platform]}', `9:34 ${may}.freeze`],
  ])('is refused with %s', (_what, line, error) => {
    expect(errorsOf(`${HEAD}        ${line}\n`).join('\n')).toContain(error);
  });

  test('is refused where nobody’s signature can be checked', () => {
    const text = `${HEAD}        ${MAY}\n`.replace(/^allowed.*\n/, '');
    expect(errorsOf(text).join('\n')).toMatch(
      /8:14 pipelines\.shop\.environments\.prod\.may: is signed with SSH keys, so allowed-signers must name/,
    );
  });

  test('is completed by editors', () => {
    expect(JSON.stringify(policyJsonSchema())).toContain('"rollback"');
  });

  test('of docs/who-may.md is one', () => {
    const page = readFileSync(path.join(import.meta.dirname, '../../../docs/who-may.md'), 'utf8');
    const [, policy = ''] = /^```yaml\n(.*?)^```/ms.exec(page) ?? [];
    expect(errorsOf(policy)).toEqual([]);
    expect(policy).toContain('may: {');
  });
});
