/** The stricter of the worker's policy and a pipeline file, and what the policy does not allow at all. */
import { describe, expect, test } from 'vitest';
import { isOwnWork, namesOf, personOf } from '../../../activities/trust/who.js';
import { applyPolicy } from '../../../pipeline/apply-policy.js';
import { loadPolicy } from '../../../pipeline/load-pipeline.js';
import { judgeJobAccount, jobUsersIn, warnOfSharedUser } from '../../../pipeline/job-user.js';
import { policyJsonSchema } from '../../../pipeline/json-schema.js';
import type { ApprovalRule, EnvironmentPlan, ReleasePlan } from '../../../pipeline/plan.js';
import { PlanRefused } from '../../../pipeline/plan-refused.js';
import type { Policy } from '../../../pipeline/policy-file.js';
import { findWriters } from '../../../pipeline/who-may-write.js';
import { givenPlan, givenReleasePlan, givenRule, givenTraffic } from '../../support/given.js';

const HOUR_MS = 3_600_000;
const HEAD = `allowed-signers: allowed_signers
groups: {platform: [anna@example.com, irina@example.com], backend: [oleg@example.com]}
pipelines:
  shop:
    repositories: [/srv/shop.git]
    environments:
      prod:
        hosts: [deploy@web-1, deploy@web-2]
`;

/** Lines below `prod`. */
function policyWith(...lines: string[]): Policy {
  const loaded = loadPolicy(
    Buffer.from(HEAD + lines.map((line) => `        ${line}\n`).join('')),
    'policy.yaml',
  );
  if (!loaded.ok) throw new Error(loaded.errors.map(({ path, message }) => `${path}: ${message}`).join('; '));
  return loaded.file.content;
}

function errorsOf(text: string): string[] {
  const loaded = loadPolicy(Buffer.from(text), 'policy.yaml');
  return loaded.ok
    ? []
    : loaded.errors.map(({ line, column, path, message, suggestion }) =>
        `${line}:${column} ${path}: ${message} ${suggestion ?? ''}`.trim(),
      );
}

function releaseOf(change: Partial<EnvironmentPlan> = {}, release: Partial<ReleasePlan> = {}): ReleasePlan {
  const plan = givenPlan({ name: 'prod', production: false, selfApproval: true, ...change });
  return givenReleasePlan([plan], release);
}

function apply(
  policy: Policy | null,
  change: Partial<EnvironmentPlan> = {},
  release: Partial<ReleasePlan> = {},
): EnvironmentPlan {
  const [plan] = applyPolicy(releaseOf(change, release), policy, { isDemo: false }).environments;
  if (plan === undefined) throw new Error('there is no environment');
  return plan;
}

function refusalsOf(
  policy: Policy | null,
  change: Partial<EnvironmentPlan> = {},
  release: Partial<ReleasePlan> = {},
): string {
  try {
    apply(policy, change, release);
  } catch (error) {
    if (error instanceof PlanRefused) return error.message;
    throw error;
  }
  return '';
}

const rule = ({ count = 1, group = null, ...change }: Partial<ApprovalRule> = {}): ApprovalRule =>
  givenRule(count, group, { by: 'ssh', expiresMs: 72 * HOUR_MS, ...change });

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

describe('a policy does not allow', () => {
  const commands = 'commands: ["up {tag}", "switch {colour}", current]';
  const ssh = { user: null, port: null, key: null, knownHosts: null, jump: [] };
  const bare = [{ name: 'web-1', address: 'web-1' }];
  test.each<[string, () => string, RegExp]>([
    [
      'another pipeline',
      () => refusalsOf(policyWith(), {}, { environments: [givenPlan({ pipeline: 'other', name: 'prod' })] }),
      /no pipeline other/,
    ],
    ['another environment', () => refusalsOf(policyWith(), { name: 'prod2' }), /no environment prod2/],
    [
      'another repository',
      () => refusalsOf(policyWith(), {}, { repository: { url: '/srv/fork.git' } }),
      /repository \/srv\/fork\.git is not allowed/,
    ],
    [
      'another pipeline file',
      () => refusalsOf(policyWith(), {}, { file: 'evil.yaml' }),
      /pipeline file evil\.yaml is not allowed/,
    ],
    [
      'another ref',
      () => refusalsOf(policyWith('from: {tag: "v*.*.*"}'), {}, { ref: { kind: 'branch', name: 'v1.0.0' } }),
      /branch v1\.0\.0 is not allowed/,
    ],
    [
      'another host',
      () => refusalsOf(policyWith(), { hosts: [{ name: 'x', address: 'root@web-3' }] }),
      /host root@web-3 is not allowed/,
    ],
    [
      'another jump host',
      () =>
        refusalsOf(policyWith(), {
          ssh: { user: null, port: null, key: null, knownHosts: null, jump: ['evil'] },
        }),
      /host evil is not allowed/,
    ],
    [
      'another user on the host',
      () => refusalsOf(policyWith(), { hosts: bare, ssh: { ...ssh, user: 'root' } }),
      /host root@web-1 is not allowed/,
    ],
    [
      'another port of the host, where anybody may listen',
      () => refusalsOf(policyWith(), { ssh: { ...ssh, port: 2222 } }),
      /host deploy@web-1:2222 is not allowed/,
    ],
    [
      'a log in a file of others',
      () => refusalsOf(policyWith('targets: []'), { hostLog: '/home/deploy/.ssh/authorized_keys' }),
      /target \/home\/deploy\/\.ssh\/authorized_keys is not allowed/,
    ],
    [
      'another stack',
      () =>
        refusalsOf(policyWith('targets: [shop]'), {
          platform: { kind: 'swarm', service: 'other', fields: {} },
        }),
      /target other is not allowed/,
    ],
    [
      'another command',
      () =>
        refusalsOf(policyWith(commands), {
          platform: {
            kind: 'command',
            command: 'up {tag}; curl evil',
            inspect: null,
            restore: null,
            retire: null,
            on: 'host',
          },
        }),
      /command up \{tag\}; curl evil is not allowed/,
    ],
    [
      'a secret of somebody else',
      () => refusalsOf(policyWith('secrets: ["env:DEV_*"]'), { secrets: { A: 'env:PROD_KEY' } }),
      /secret env:PROD_KEY is not allowed/,
    ],
    [
      'approvals without proof',
      () => refusalsOf(policyWith('approvals: 1'), { approvals: [rule({ by: 'unverified' })] }),
      /approvals by: unverified are not allowed/,
    ],
    [
      'reviews of a group whose logins it does not know',
      () => refusalsOf(policyWith(), { approvals: [rule({ by: 'github-review', group: 'platform' })] }),
      /approvals by github-review of group platform: nobody in it has a login/,
    ],
    [
      'reviews of a group, where there is no policy at all',
      () => refusalsOf(null, { approvals: [rule({ by: 'github-environment', group: 'platform' })] }),
      /approvals by github-environment of group platform: nobody in it has a login/,
    ],
  ])('%s', (_what, refusals, expected) => {
    expect(refusals()).toMatch(expected);
    expect(refusals()).toMatch(/policy/);
  });

  test('and what it names is allowed', () => {
    const policy = policyWith(
      commands,
      'secrets: ["env:PROD_*"]',
      'targets: []',
      'from: [{branch: main}, {tag: "v*.*.*"}]',
    );
    expect(refusalsOf(policy, { secrets: { A: 'env:PROD_KEY' } })).toBe('');
  });
});

describe('of a stack file, a policy that lists targets allows', () => {
  const ofStack = (...lines: string[]): Partial<EnvironmentPlan> => ({
    platform: {
      kind: 'stack',
      names: { live: 'shop', blue: '', green: '' },
      files: {
        live: ['services:', '  web:', '    image: cr.example.com/team/app:${IMAGE_TAG}', ...lines].join('\n'),
        blue: '',
        green: '',
      },
    },
    dockerSecrets: { password: 'env:PROD_PASSWORD' },
  });
  const refusals = (...lines: string[]): string =>
    refusalsOf(policyWith('targets: [shop]'), ofStack(...lines));

  test.each([
    ['what runs the digest of the release, with volumes and secrets of its own', ''],
    ['', '    volumes: [data:/data, /cache, {type: tmpfs, target: /tmp}]', 'volumes: {data: {}}'],
    ['', '    secrets: [password]', 'secrets: {password: {external: true}}'],
    ['', 'networks: {inner: {}}'],
  ])('%s', (_what, ...lines) => {
    expect(refusals(...lines)).toBe('');
  });

  test.each([
    ['/var/run/docker.sock', '    volumes: [/var/run/docker.sock:/s]'],
    ['~/.ssh', '    volumes: ["~/.ssh:/s"]'],
    ['${ANY}', '    volumes: ["${ANY}:/s"]'],
    ['/', '    volumes: [{type: bind, source: /, target: /host}]'],
    ['/root', '    volumes: [{type: npipe, source: /root, target: /host}]'],
    ['/etc/shadow', '    env_file: /etc/shadow'],
    ['/a', '    env_file: [/a]'],
    ['SYS_ADMIN', '    cap_add: [SYS_ADMIN]'],
    ['/srv', '    volumes: [data:/d]', 'volumes: {data: {driver_opts: {type: none, o: bind, device: /srv}}}'],
    ['bank_data', '    volumes: [data:/d]', 'volumes: {data: {external: true, name: bank_data}}'],
    ['bank_data', '    volumes: [data:/d]', 'volumes: {data: {external: {name: bank_data}}}'],
    ['bank_data', '    volumes: [data:/d]', 'volumes: {data: {name: bank_data}}'],
    ['bank', 'secrets: {bank: {external: yes}}'],
    ['/etc/shadow', 'configs: {bank: {file: /etc/shadow}}'],
    ['host', 'networks: {outer: {external: true, name: host}}'],
    ['evil/app:latest', '  other:', '    image: evil/app:latest'],
    ['evil/app:${IMAGE_TAG:+latest}', '  other:', '    image: evil/app:${IMAGE_TAG:+latest}'],
    ['/any', '  other: &x', '    image: a:${IMAGE_TAG}', '    volumes: [/any:/d]', '  third:', '    <<: *x'],
    ['a stack file that cannot be read', '    volumes: 7'],
    ['a stack file that cannot be read', '    image: twice'],
  ])('no %s', (target, ...lines) => {
    expect(refusals(...lines)).toContain(`target ${target} is not allowed`);
  });

  test('whatever it lists, and all where it lists none', () => {
    const socket = '    volumes: [/var/run/docker.sock:/s]';
    expect(refusalsOf(policyWith('targets: [shop, /var/run/docker.sock]'), ofStack(socket))).toBe('');
    expect(refusalsOf(policyWith(), ofStack(socket))).toBe('');
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
    [`${HEAD}        approvals: [{count: 1, by: oidc}]\n`, /oidc cannot be checked/],
    [
      `${HEAD}        approvals: [{count: 1, by: github-review, of: main, group: platform}]\n`,
      /github must say who is who/,
    ],
    [`github: {irina: "two words"}\n${HEAD}`, /github\.irina: must be a name as allowed_signers has it/],
    [`github: {irina: irina@GitHub}\n${HEAD}`, /github\.irina: ends with @github/],
    [`github: {irina: a@b, Irina: c@d}\n${HEAD}`, /github\.Irina: is the login irina again/],
    [`github: [irina]\n${HEAD}`, /github: must be a map/],
    [`${HEAD}        reviewed: main\n`, /reviewed: must be a full commit id/],
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
