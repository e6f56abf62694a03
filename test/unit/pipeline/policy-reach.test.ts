/** What the worker's policy does not allow a plan to reach: hosts, targets, commands, secrets, logins. */
import { describe, expect, test } from 'vitest';
import type { EnvironmentPlan } from '../../../pipeline/plan.js';
import type { TrafficPlan } from '../../../pipeline/plan-traffic.js';
import { givenPlan, givenRule, givenTraffic } from '../../support/given.js';
import type { PlatformPlan } from '../../../pipeline/plan-platform.js';
import { policyWith, refusalsOf } from '../../support/policies.js';

const deployment: PlatformPlan = {
  kind: 'kubernetes',
  resource: 'deployment/app',
  container: null,
  namespace: 'web',
  kubeconfig: null,
};

describe('a policy does not allow', () => {
  const commands = 'commands: ["up {tag}", "switch {colour}", current]';
  const ssh = { user: null, port: null, key: null, knownHosts: null, jump: [] };
  const bare = [{ name: 'web-1', address: 'web-1' }];
  const traefik: TrafficPlan = {
    ...givenTraffic(),
    kind: 'traefik',
    file: '/etc/traefik/dynamic/other.yml',
    services: null,
    serviceName: 'other',
  };
  const caddy: TrafficPlan = {
    ...givenTraffic(),
    kind: 'caddy',
    admin: 'http://127.0.0.1:2019',
    path: '/config/apps/http/servers',
    upstreams: { blue: '127.0.0.1:8081', green: '127.0.0.1:9001' },
    file: null,
  };
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
      'another cluster',
      () => refusalsOf(policyWith(), { platform: { ...deployment, kubeconfig: 'env:OTHER' } }),
      /host env:OTHER is not allowed/,
    ],
    [
      'the cluster of the worker itself',
      () => refusalsOf(policyWith(), { platform: deployment }),
      /host cluster is not allowed/,
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
      "another file of the proxy's",
      () => refusalsOf(policyWith('targets: [/etc/traefik/dynamic/shop.yml]'), { traffic: traefik }),
      /target \/etc\/traefik\/dynamic\/other\.yml is not allowed/,
    ],
    [
      'the site of others on the same Caddy',
      () =>
        refusalsOf(
          policyWith(`targets: ["http://127.0.0.1:2019/config/apps/http/servers", "127.0.0.1:8081"]`),
          { traffic: caddy },
        ),
      /target 127\.0\.0\.1:9001 is not allowed/,
    ],
    [
      'another Caddy',
      () => refusalsOf(policyWith('targets: ["127.0.0.1:8081", "127.0.0.1:9001"]'), { traffic: caddy }),
      /target http:\/\/127\.0\.0\.1:2019\/config\/apps\/http\/servers is not allowed/,
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
      () => refusalsOf(policyWith('approvals: 1'), { approvals: [givenRule(1)] }),
      /approvals by: unverified are not allowed/,
    ],
    [
      'reviews of a group whose logins it does not know',
      () => refusalsOf(policyWith(), { approvals: [givenRule(1, 'platform', { by: 'github-review' })] }),
      /approvals by github-review of group platform: nobody in it has a login/,
    ],
    [
      'reviews of a group, where there is no policy at all',
      () => refusalsOf(null, { approvals: [givenRule(1, 'platform', { by: 'github-environment' })] }),
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
