/** The stricter of the worker's policy and a pipeline file, and what the policy does not allow at all. */
import { describe, expect, test } from 'vitest';
import { isOwnWork, namesOf, personOf } from '../../../activities/trust/who.js';
import { applyPolicy } from '../../../pipeline/apply-policy.js';
import { loadPolicy } from '../../../pipeline/load-pipeline.js';
import { judgeJobAccount, jobUsersIn, warnOfSharedUser } from '../../../pipeline/job-user.js';
import { policyJsonSchema } from '../../../pipeline/json-schema.js';
import type { ApprovalRule, EnvironmentPlan } from '../../../pipeline/plan.js';
import { findWriters } from '../../../pipeline/who-may-write.js';
import { apply, HEAD, policyWith, refusalsOf, releaseOf } from '../../support/policies.js';
import { givenPlan, givenRule, givenTraffic } from '../../support/given.js';
import { GATE } from '../../support/sealed.js';

const HOUR_MS = 3_600_000;
function errorsOf(text: string): string[] {
  const loaded = loadPolicy(Buffer.from(text), 'policy.yaml');
  return loaded.ok
    ? []
    : loaded.errors.map(({ line, column, path, message, suggestion }) =>
        `${line}:${column} ${path}: ${message} ${suggestion ?? ''}`.trim(),
      );
}

const rule = ({ count = 1, group = null, ...change }: Partial<ApprovalRule> = {}): ApprovalRule =>
  givenRule(count, group, { by: 'ssh', expiresMs: 72 * HOUR_MS, ...change });

test.each(['', '# nothing\n', '---\n'])('an empty policy is told where one begins: %j', (text) => {
  expect(errorsOf(text)).toEqual([
    '1:1 : is empty; one to begin with is in docs/policy.md, and slipway policy check reads it',
  ]);
});

test('a login that only pushes what is built is held against the secrets of every environment', () => {
  const registry = { server: 'cr.example.com', username: 'env:STAGE_USER', password: 'env:PROD_TOKEN' };
  const policy = policyWith("secrets: ['env:PROD_*']");
  expect(refusalsOf(policy, {}, { registry })).toMatch(/secret env:STAGE_USER is not allowed/);
  expect(refusalsOf(policy, {}, { registry: { ...registry, username: 'slipway' } })).toBe('');
});

test('a login goes to nobody whom a policy with targets does not list', () => {
  const registry = { server: 'evil.example.com', username: 'slipway', password: 'env:PROD_TOKEN' };
  const policy = policyWith('targets: [cr.example.com, "https://shop.example.com"]');
  expect(refusalsOf(policy, {}, { registry })).toMatch(/target evil\.example\.com is not allowed/);
  expect(refusalsOf(policy, { registry })).toMatch(/target evil\.example\.com is not allowed/);
  const known = { ...registry, server: 'cr.example.com' };
  expect(refusalsOf(policy, { registry: known }, { registry: known })).toBe('');
  const asking = (url: string): Partial<EnvironmentPlan> => ({
    dependencies: givenPlan().checks.flatMap((check) =>
      check.kind === 'http' ? [{ ...check, url, basicAuth: 'env:PROD_LOGIN' }] : [],
    ),
  });
  expect(refusalsOf(policy, asking('https://shop.example.com/health'))).toBe('');
  expect(refusalsOf(policy, asking('https://shop.example.com.evil/health'))).toMatch(
    /target https:\/\/shop\.example\.com\.evil is not allowed/,
  );
  expect(refusalsOf(policy, asking('https://{colour}.evil/health'))).toMatch(
    /target https:\/\/\{colour\}\.evil/,
  );
  const traffic = givenTraffic();
  const colourUrls = { blue: 'http://evil:1/', green: 'http://evil:2/' };
  const away = { ...asking('https://shop.example.com/health'), traffic: { ...traffic, colourUrls } };
  expect(refusalsOf(policy, away)).toMatch(/target http:\/\/evil:1 is not allowed; /);
});

test('a secret that one environment lists is none of another one’s, whatever that says', () => {
  const loaded = loadPolicy(
    Buffer.from(`${HEAD}      live: {hosts: [], secrets: ['env:LIVE_*', 'vault:kv/live#*']}\n`),
    'policy.yaml',
  );
  if (!loaded.ok) throw new Error('the policy is broken');
  const { content } = loaded.file;
  const of = (...secrets: string[]): string =>
    refusalsOf(content, { secrets: Object.fromEntries(secrets.map((each, at) => [`S${at}`, each])) });
  expect(of('env:LIVE_PASSWORD')).toMatch(/secret env:LIVE_PASSWORD is not allowed/);
  expect(of('vault:kv/live#key')).toMatch(/is not allowed/);
  expect(of('env:PROD_PASSWORD', 'vault:kv/prod#key')).toBe('');
});

describe('a worker without a policy', () => {
  test('refuses production, names the way out, and lets everything else be as it was', () => {
    expect(refusalsOf(null, { production: true })).toMatch(
      /prod is production, and this worker has no policy.*docs\/policy\.md/,
    );
    const plan = releaseOf();
    expect(applyPolicy(plan, null, { isDemo: false })).toEqual(plan);
  });

  test('may show production in a demonstration', () => {
    const plan = releaseOf({ production: true });
    expect(applyPolicy(plan, null, { isDemo: true })).toEqual(plan);
  });
});

describe('the stricter of policy and pipeline file', () => {
  test.each<[string, ApprovalRule[], string, ApprovalRule[]]>([
    ['the policy’s where the file has none', [], 'approvals: 2', [rule({ count: 2 })]],
    [
      'the file’s where the policy has none',
      [rule({ group: 'backend' })],
      'wait: 1s',
      [rule({ group: 'backend' })],
    ],
    ['the larger count', [rule({ count: 3 })], 'approvals: 2', [rule({ count: 3 })]],
    [
      'the policy’s count over a loosened one',
      [rule({ count: 1, group: 'platform' })],
      'approvals: [{count: 2, group: platform}]',
      [rule({ count: 2, group: 'platform' })],
    ],
    [
      'both groups',
      [rule({ group: 'backend' })],
      'approvals: [{count: 1, group: platform}]',
      [rule({ group: 'platform' }), rule({ group: 'backend' })],
    ],
    [
      'one of a group, who is one of anybody as well',
      [rule()],
      'approvals: [{count: 1, group: platform}]',
      [rule({ group: 'platform' })],
    ],
    [
      'as many people as the side that wants more of them',
      [rule({ count: 3 })],
      'approvals: [{count: 1, group: platform}, {count: 1, group: backend}]',
      [rule({ group: 'platform' }), rule({ group: 'backend' }), rule()],
    ],
    [
      'the groups of the file where the policy wants as many of anybody',
      [rule({ group: 'platform' }), rule({ group: 'backend' })],
      'approvals: 2',
      [rule({ group: 'platform' }), rule({ group: 'backend' })],
    ],
    [
      'one side’s own sum of both',
      [rule({ group: 'platform' }), rule()],
      'approvals: [{count: 1, group: platform}]',
      [rule({ group: 'platform' }), rule()],
    ],
    [
      'one of anybody beside a group whose words prove less',
      [rule()],
      'approvals: [{count: 1, group: platform, by: unverified}]',
      [rule({ group: 'platform', by: 'unverified' }), rule()],
    ],
    [
      'the shorter time of what is counted with a group',
      [rule({ expiresMs: HOUR_MS })],
      'approvals: [{count: 1, group: platform, expires: 2h}]',
      [rule({ group: 'platform', expiresMs: HOUR_MS })],
    ],
    [
      'the shorter time',
      [rule({ expiresMs: HOUR_MS })],
      'approvals: [{count: 1, expires: 2h}]',
      [rule({ expiresMs: HOUR_MS })],
    ],
    [
      'proof where the policy is content without',
      [rule()],
      'approvals: [{count: 1, by: unverified}]',
      [rule()],
    ],
    [
      'no proof where both are content without',
      [rule({ by: 'unverified' })],
      'approvals: [{count: 1, by: unverified}]',
      [rule({ by: 'unverified' })],
    ],
    [
      'reviews beside people',
      [rule()],
      'approvals: [{count: 1, by: github-review, of: main}]',
      [rule({ by: 'github-review', of: 'main' }), rule()],
    ],
  ])('%s', (_what, approvals, line, expected) => {
    const plan = apply(policyWith(line), { approvals });
    expect(plan.approvals).toEqual(expected);
    // held against the same policy again it does not change: so it is compared before each step
    expect(apply(policyWith(line), plan).approvals).toEqual(expected);
  });

  test('a file that says approvals: 0 and self-approval: true gets neither', () => {
    const plan = apply(policyWith('production: true', 'approvals: 1'), { approvals: [], selfApproval: true });
    expect(plan).toMatchObject({ production: true, selfApproval: false, approvals: [{ count: 1 }] });
    expect(plan.policy?.rules).toEqual([
      { rule: 'production', from: 'policy' },
      { rule: '1 approval by ssh', from: 'policy' },
      { rule: 'nobody approves their own work', from: 'policy' },
    ]);
  });

  test('says which of the two each rule came from', () => {
    const lines = ['approvals: [{count: 1, group: platform}]', 'self-approval: false', 'wait: 5m'];
    const plan = apply(policyWith(...lines), {
      approvals: [rule({ group: 'platform' }), rule({ group: 'backend' })],
      selfApproval: false,
      waitMs: 1000,
    });
    expect(plan.policy?.rules).toEqual([
      { rule: '1 approval of platform by ssh', from: 'both' },
      { rule: '1 approval of backend by ssh', from: 'pipeline file' },
      { rule: 'nobody approves their own work', from: 'both' },
      { rule: 'waits 300 s', from: 'policy' },
    ]);
    expect(plan.waitMs).toBe(300_000);
  });
});

describe('how long a gate counts', () => {
  const gates = [GATE];
  const age = { rule: 'gates count for 7d', from: 'policy' };

  test('is a week where the policy does not say, and is for gates only', () => {
    const plan = apply(policyWith('production: false'), { gates });
    expect(plan).toMatchObject({ evidenceWithinMs: 7 * 24 * HOUR_MS, policy: { rules: [age] } });
    expect(apply(policyWith('production: false'), plan)).toEqual(plan);
    expect(apply(policyWith('evidence-within: 3h'), { gates }).evidenceWithinMs).toBe(3 * HOUR_MS);
    expect(apply(policyWith('evidence-within: 3h'))).not.toHaveProperty('evidenceWithinMs');
    expect(apply(null, { gates })).not.toHaveProperty('evidenceWithinMs');
  });

  test('is longer than what is waited after them', () => {
    const policy = policyWith('evidence-within: 2h');
    expect(refusalsOf(policy, { gates, waitMs: HOUR_MS })).toBe('');
    expect(refusalsOf(policy, { waitMs: 2 * HOUR_MS })).toBe('');
    expect(refusalsOf(policy, { gates, waitMs: HOUR_MS + 60_000 })).toMatch(
      /it waits 61m after its gates, whose word counts for 2h \(evidence-within\): a wait of more than half of that is not allowed/,
    );
  });
});

describe('logins', () => {
  const policy = loadPolicy(
    Buffer.from(`github: {irina-gh: irina@example.com, Irina2: irina@example.com}\n${HEAD}`),
    'policy.yaml',
  );
  const content = policy.ok ? policy.file.content : null;

  test('are of people, whatever their case', () => {
    expect(['irina-gh', 'IRINA-GH', 'irina2', 'oleg'].map((login) => personOf(login, content))).toEqual([
      'irina@example.com',
      'irina@example.com',
      'irina@example.com',
      null,
    ]);
    expect(personOf('irina-gh', null)).toBeNull();
  });

  test.each([
    ['irina@example.com', 'irina2'],
    ['irina@example.com', 'IRINA@example.com'],
    ['irina@example.com', '49699333+irina-gh@users.noreply.github.com'],
    ['irina@example.com', 'irina-gh@users.noreply.ghe.example.com'],
  ])('%s is who %s is', (person, author) => {
    expect(isOwnWork(namesOf(person, content), 'somebody', [author])).toBe(true);
    expect(isOwnWork(namesOf(person, content), author, [])).toBe(true);
    expect(isOwnWork(namesOf('oleg@example.com', content), author, [author])).toBe(false);
  });

  test('let a group review whose people they know', () => {
    const plan = { approvals: [rule({ by: 'github-review' as const, of: 'main', group: 'platform' })] };
    expect(refusalsOf(content, plan)).toBe('');
  });
});

describe('the file', () => {
  test.each([
    [
      'pipelines: {shop: {repositories: [a], environments: {prod: {hots: [a]}}}}',
      /1:\d+ pipelines\.shop\.environments\.prod\.hots: no such key hosts/,
    ],
    ['pipelines: {shop: {environments: {prod: {hosts: [a]}}}}', /repositories: is missing|repositories/],
    [
      'pipelines: {shop: {repositories: [a], environments: {prod: {hosts: [a], approvals: 1}}}}',
      /allowed-signers must name the file/,
    ],
    [`${HEAD}        approvals: [{count: 1, group: plattform}]\n`, /there is no group plattform platform/],
    [`${HEAD}        approvals: [{count: 1, by: oidc}]\n`, /is given with tokens: oidc must say whose/],
    [
      `oidc: [{issuer: "http://t.example.com", who: [{name: ci, claims: {sub: a}}]}]\n${HEAD}`,
      /oidc\S*issuer: must be an https address/,
    ],
    [
      `oidc: [{issuer: "https://t.example.com", who: [{name: ci, claims: {}}]}]\n${HEAD}`,
      /claims: names no claim, so every token of the issuer would do/,
    ],
    [
      `oidc: [{issuer: "https://t.example.com", who: [{name: ci, claims: {sha: "{sha}"}}]}]\n${HEAD}`,
      /claims\.sha: can say \{commit\}, the commit that is approved, and no other \{name\}/,
    ],
    [
      `oidc: [{issuer: "https://t.example.com", who: [{name: two words, claims: {sub: a}}]}]\n${HEAD}`,
      /name: must be a name as allowed_signers has it/,
    ],
    [
      `${HEAD}        approvals: [{count: 1, by: github-review, of: main, group: platform}]\n`,
      /github must say who is who/,
    ],
    [`github: {irina: "two words"}\n${HEAD}`, /github\.irina: must be a name as allowed_signers has it/],
    [`github: {irina: irina@GitHub}\n${HEAD}`, /github\.irina: ends with @github/],
    [`github: {irina: a@b, Irina: c@d}\n${HEAD}`, /github\.Irina: is the login irina again/],
    [`github: [irina]\n${HEAD}`, /github: must be a map/],
    [`${HEAD}        reviewed: main\n`, /reviewed: must be a full commit id/],
    [`${HEAD}        evidence-within: 30m\n`, /evidence-within: 30m is too short; at least 1h/],
    ['groups: {a: ["two words"]}\npipelines: {}', /must be a name as allowed_signers has it/],
    ['run-as: {user: 1000}\npipelines: {}', /run-as\.user: must be the name of a user|run-as\.user/],
    ['run-as: {user: "$(id)"}\npipelines: {}', /must be the name of a user on the worker/],
    ['run-as: {}\npipelines: {}', /run-as\.user: is missing|run-as/],
    ['pipelines: &a [*a]', /./],
    ['', /./],
  ])('%j is refused with its place', (text, expected) => {
    const errors = errorsOf(text);
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.join('\n')).toMatch(expected);
  });

  test('has a JSON Schema', () => {
    const schema = JSON.stringify(policyJsonSchema());
    expect(schema).toContain('allowed-signers');
    expect(schema).toContain('repositories');
    expect(schema).toContain('run-as');
    expect(schema).toContain('"github"');
    expect(schema).toContain('"reviewed"');
    expect(schema).toContain('"evidence-within"');
  });

  test('names who runs jobs, for all and for one environment, and warns where production has nobody', () => {
    expect(jobUsersIn(policyWith('run-as: {user: shop-prod}'))).toEqual(['shop-prod']);
    expect(warnOfSharedUser(policyWith())).toBeNull();
    expect(warnOfSharedUser(policyWith('production: true'))).toMatch(/^NOT SEPARATED: .*run-as/);
    // gates are of no environment
    expect(warnOfSharedUser(policyWith('production: true', 'run-as: {user: shop-prod}'))).not.toBeNull();
    const loaded = loadPolicy(Buffer.from(`run-as: {user: jobs}\n${HEAD}        production: true\n`), 'p');
    if (!loaded.ok) throw new Error('it is valid');
    expect(warnOfSharedUser(loaded.file.content)).toBeNull();
    expect(jobUsersIn(loaded.file.content)).toEqual(['jobs']);
  });

  test.each([
    ['jobs:x:990:990::/nonexistent:/usr/sbin/nologin\n', { uid: 990, gid: 990, home: '/nonexistent' }],
    ['jobs:x:990:990:::\n', { home: '/' }],
    ['jobs:x:1000:990::/:\n', { what: expect.stringMatching(/the worker's own user/) as unknown }],
    ['jobs:x:0:990::/:\n', { what: expect.stringMatching(/rights of root/) as unknown }],
    ['jobs:x:990:0::/:\n', { what: expect.stringMatching(/rights of root/) as unknown }],
    ['other:x:990:990::/:\n', { what: expect.stringMatching(/no user jobs/) as unknown }],
    ['', { what: expect.stringMatching(/no user jobs/) as unknown }],
    [null, { what: expect.stringMatching(/no user jobs/) as unknown }],
  ])('the account %j', (entry, judged) => {
    expect(judgeJobAccount('jobs', entry, 1000)).toMatchObject(judged);
  });

  test.each([
    [{ mode: 0o100644, uid: 0, isFolder: false }, null],
    [{ mode: 0o100600, uid: 1000, isFolder: false }, null],
    [{ mode: 0o100664, uid: 0, isFolder: false }, /others \(mode 664\)/],
    [{ mode: 0o100646, uid: 0, isFolder: false }, /others \(mode 646\)/],
    [{ mode: 0o100644, uid: 33, isFolder: false }, /belongs to user 33/],
    [{ mode: 0o41777, uid: 0, isFolder: true }, null],
    [{ mode: 0o40777, uid: 0, isFolder: true }, /others \(mode 777\)/],
  ])('%j may be written by %s', (found, problem) => {
    const answer = findWriters({ path: '/etc/slipway/policy.yaml', userId: 1000, ...found });
    if (problem === null) expect(answer).toBeNull();
    else expect(answer?.what).toMatch(problem);
  });
});
