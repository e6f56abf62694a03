/** Which gates may be forced: as the file and the policy say, as a plan has it, and as a person signs it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyPolicy } from '../../../pipeline/apply-policy.js';
import { readApproval } from '../../../pipeline/approval-statement.js';
import { findUnsupported } from '../../../pipeline/find-unsupported.js';
import { readForce, writeForce } from '../../../pipeline/force-statement.js';
import { loadPolicy } from '../../../pipeline/load-pipeline.js';
import type { ForceRule, ReleasePlan } from '../../../pipeline/plan.js';
import type { Policy } from '../../../pipeline/policy-file.js';
import { givenForceStatement } from '../../support/forces.js';
import { branch, compile, loadBad, loadGood, only, SMALL } from './given.js';

const FILE = `${SMALL}    gates: [scan, e2e]
gates:
  scan: {run: make scan}
  licences: {run: make licences}
  e2e: {run: make e2e}
release: {gates: [scan, licences], force: {group: leads, gates: [scan, licences]}}
`;

function planOf(text = FILE): ReleasePlan {
  return compile(loadGood(text), branch('main'));
}

describe('a plan', () => {
  it('says which of its gates may be forced, before the build and in an environment', () => {
    const plan = planOf();
    expect(plan.force).toEqual({ group: 'leads', gates: ['scan', 'licences'] });
    expect(only(plan).force).toEqual({ group: 'leads', gates: ['scan'] });
    expect(findUnsupported(loadGood(FILE))).toEqual([]);
  });

  it('says nothing where none may', () => {
    const without = FILE.replace(/, force: {.*?}}/, '}');
    const plan = planOf(without);
    for (const each of [plan, only(plan)]) expect(each).not.toHaveProperty('force');
    const elsewhere = planOf(FILE.replace('gates: [scan, licences]}', 'gates: [e2e]}'));
    expect(elsewhere).not.toHaveProperty('force');
    expect(only(elsewhere).force).toEqual({ group: 'leads', gates: ['e2e'] });
    expect(only(planOf(FILE)).planHash).not.toBe(only(plan).planHash);
  });

  it('is refused for a gate that the file does not define', () => {
    const [error] = loadBad(FILE.replace('gates: [scan, licences]}', 'gates: [scam]}'));
    expect(error).toMatchObject({ path: 'release.force.gates[0]', suggestion: 'scan' });
  });
});

function policyText(environment: string, pipeline = ''): string {
  return `allowed-signers: allowed_signers
groups: {security: [irina@example.com]}
pipelines:
  shop:
    repositories: [/srv/shop.git]
    ${pipeline}
    environments:
      prod:
        hosts: [deploy@shop.example.com]
        ${environment}
`;
}

function policyOf(environment: string, pipeline = ''): Policy {
  const loaded = loadPolicy(Buffer.from(policyText(environment, pipeline)), 'policy.yaml');
  if (!loaded.ok) throw new Error(loaded.errors.map(({ path, message }) => `${path}: ${message}`).join('; '));
  return loaded.file.content;
}

describe('the stricter of policy and file', () => {
  const rule = (gates: string): string => `force: {group: security, gates: ${gates}}`;
  const applied = (policy: Policy | null) => applyPolicy(planOf(), policy, { isDemo: false });

  it.each<[string, Policy | null, ForceRule | undefined, ForceRule | undefined]>([
    [
      'no policy: as the file says',
      null,
      { group: 'leads', gates: ['scan', 'licences'] },
      { group: 'leads', gates: ['scan'] },
    ],
    ['a policy that says nothing: nobody', policyOf(''), undefined, undefined],
    [
      'only of an environment',
      policyOf(rule('[scan, e2e]')),
      undefined,
      { group: 'security', gates: ['scan'] },
    ],
    [
      'only before the build',
      policyOf('', rule('[licences]')),
      { group: 'security', gates: ['licences'] },
      undefined,
    ],
    ['other gates than the file: none', policyOf(rule('[e2e]'), rule('[e2e]')), undefined, undefined],
  ])('%s', (_what, policy, ofRelease, ofEnvironment) => {
    const plan = applied(policy);
    expect(plan.force).toEqual(ofRelease);
    expect(only(plan).force).toEqual(ofEnvironment);
  });

  it('says so among the rules, and the same again when it is applied again', () => {
    const policy = policyOf(rule('[scan]'));
    const plan = applied(policy);
    expect(only(plan).policy?.rules).toContainEqual({
      rule: 'scan may be forced by security',
      from: 'both',
    });
    expect(applyPolicy(plan, policy, { isDemo: false })).toEqual(plan);
  });

  it.each<[string, string, RegExp]>([
    [
      'a group that is not there',
      policyText('force: {group: leads, gates: [scan]}'),
      /there is no group leads/,
    ],
    ['no gates', policyText('force: {group: security, gates: []}'), /force\.gates/],
    [
      'a misspelt key of the pipeline',
      policyText('', 'force: {groups: security, gates: [scan]}'),
      /no such key|group/,
    ],
    [
      'nobody’s signatures',
      policyText('force: {group: security, gates: [scan]}').replace(/^allowed.*\n/, ''),
      /allowed-signers must name the file/,
    ],
  ])('is refused with %s', (_what, text, message) => {
    const loaded = loadPolicy(Buffer.from(text), 'policy.yaml');
    const errors = loaded.ok ? [] : loaded.errors.map((each) => `${each.path}: ${each.message}`);
    expect(errors.join('; ')).toMatch(message);
  });
});

describe('what is signed', () => {
  const statement = givenForceStatement();

  it('is read as it was written', () => {
    expect(readForce(writeForce(statement))).toEqual(statement);
  });

  it('is no approval', () => {
    expect(readApproval(writeForce(statement))).toBeNull();
  });

  it.each<[string, string]>([
    ['no JSON', 'yes'],
    ['something else', '{}'],
    ['a word more', writeForce({ ...statement, more: 'x' } as typeof statement)],
    ['a space more', writeForce(statement).replace(':', ': ')],
    ['no date', writeForce({ ...statement, expires: 'tomorrow' })],
    ['a nonce that is none', writeForce({ ...statement, nonce: '1' })],
    ['a reason of many pages', writeForce({ ...statement, reason: 'x'.repeat(1001) })],
    ['a ticket of a page', writeForce({ ...statement, ticket: 'x'.repeat(101) })],
  ])('is none with %s', (_what, payload) => {
    expect(readForce(payload)).toBeNull();
  });
});

describe('docs/force.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../../docs/force.md'), 'utf8');
  const [file = '', policy = ''] = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text ?? '');

  it('has a pipeline file that says what may be forced', () => {
    const run = '{run: make check}';
    const gates = `gates: {vulnerabilities: ${run}, licences: ${run}, e2e: ${run}}\n`;
    const plan = planOf(`${SMALL}    gates: [e2e]\n${gates}${file}`);
    expect(plan.force).toEqual({ group: 'leads', gates: ['vulnerabilities'] });
    expect(only(plan).force).toEqual({ group: 'leads', gates: ['e2e'] });
  });

  it('has a policy that says the same', () => {
    const loaded = loadPolicy(Buffer.from(policy), 'policy.yaml');
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
    const shop = loaded.file.content.pipelines.get('shop');
    expect(shop?.force?.gates).toEqual(['vulnerabilities']);
    expect(shop?.environments.get('prod')?.force?.gates).toEqual(['e2e']);
  });
});
