import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findNotYet } from '../../../pipeline/find-not-yet.js';
import { findUnsupported } from '../../../pipeline/find-unsupported.js';
import { jsonSchema } from '../../../pipeline/json-schema.js';
import { PLAN_VERSION } from '../../../pipeline/plan.js';
import { upcastEnvironmentPlan, upcastPlan } from '../../../pipeline/upcast-plan.js';
import { SMALL, TEAM_FILES, branch, compile, loadGood, only, readTeamFile } from './given.js';

const unsupported = (text: string | Uint8Array, environments?: string[]): string[] =>
  findUnsupported(loadGood(text), environments).map(({ line, what }) => `${line} ${what}`);

describe('what this version does not carry out', () => {
  it.each(TEAM_FILES)('is nothing of %s', (team) => {
    expect(unsupported(readTeamFile(team))).toEqual([]);
  });

  it('is listed with its place, of what is released only', () => {
    const prod = SMALL.replace('{swarm: shop_web}', '{command: ./up}').replace('[/health]', '[l]');
    const text = `checks: {l: {logs: ERROR}}\n${prod}  dev:\n    from: {branch: develop}\n    hosts: [d]\n    platform: {swarm: shop_web}\n    url: http://d\n    checks: [/health]\n`;
    expect(unsupported(text, ['prod'])).toEqual([
      expect.stringMatching(/^\d+ check logs in prod, whose platform has no logs command$/),
    ]);
    expect(unsupported(text, ['dev'])).toEqual([]);
  });

  const blueGreen = (traffic: string): string =>
    SMALL.replace('{swarm: shop_web}', `{stack: s.yml}\n    traffic: {${traffic}}`);
  it.each([
    ['a swarm service', SMALL],
    ['a compose project', SMALL.replace('{swarm: shop_web}', '{compose: /opt/app, services: [web]}')],
    [
      'colours with addresses',
      blueGreen('nginx: /a.conf, colours: {blue: "http://h:1", green: "http://h:2"}'),
    ],
    ['nginx upstreams', blueGreen('nginx: /a.conf, upstreams: {blue: "h:1", green: "h:2"}')],
    ['traefik', blueGreen('traefik: /t.yml, colours: {blue: "http://h:1", green: "http://h:2"}')],
    ['caddy upstreams', blueGreen('caddy: "http://h:2019", upstreams: {blue: "h:1", green: "h:2"}')],
    [
      'steps',
      `${blueGreen('nginx: /a.conf, upstreams: {blue: "h:1", green: "h:2"}, steps: [10%, 100%]')}    bake: {for: 5m}\n`,
    ],
    ['a file of caddy', blueGreen('caddy: /etc/shop, upstreams: {blue: "h:1", green: "h:2"}')],
    [
      'checks with {colour}',
      `${blueGreen('nginx: /a.conf').replace('[/health]', '[c]')}checks: {c: {http: "http://{colour}.internal/h"}}\n`,
    ],
    ['cache github', SMALL.replace('ghcr.io/acme/shop', '{repository: ghcr.io/a/b, cache: github}')],
    [
      'an image for several platforms',
      SMALL.replace('ghcr.io/acme/shop', '{repository: ghcr.io/a/b, platforms: [linux/amd64, linux/arm64]}'),
    ],
    ['a gate of migrations', `${SMALL}    gates: [m]\ngates: {m: {migrations: expand-contract, path: db}}\n`],
    ['checks on GitHub', `${SMALL}    gates: [c]\ngates: {c: {github-checks: [lint], of: dev}}\n`],
    ['a title', `${SMALL}    gates: [t]\ngates: {t: {pull-request: {title: conventional}}}\n`],
    ['secrets from a file', `${SMALL}registry: {username: a, password: file:/run/p}\n`],
    ['secrets from age', `${SMALL}    secrets: {A: "age:f#k"}\n`],
    ['secrets from SOPS', `${SMALL}registry: {username: a, password: "sops:f#k"}\n`],
    ['secrets from Vault', `${SMALL}    ssh: {key: "vault:kv/a#k"}\n`],
    [
      'reviews of several branches',
      `${SMALL}    approvals: [{count: 1, by: github-review, of: release/*}]\n`,
    ],
    ['approvals by token', `${SMALL}    approvals: [{count: 1, group: ci, by: oidc}]\n`],
    ['a chart', SMALL.replace('{swarm: shop_web}', '{helm: charts/app}')],
    ['a deployment', SMALL.replace('{swarm: shop_web}', '{kubernetes: deployment/app}')],
  ])('%s is carried out', (_what, text) => {
    expect(unsupported(text)).toEqual([]);
  });

  it.each([
    [
      'check logs in prod, whose platform has no logs command',
      `${SMALL.replace('{swarm: shop_web}', '{command: ./up}').replace('[/health]', '[l]')}checks: {l: {logs: ERROR}}\n`,
    ],
    [
      'check logs in prod, whose logs command says nothing of since when',
      `${SMALL.replace('{swarm: shop_web}', '{command: ./up, logs: ./log}').replace('[/health]', '[l]')}checks: {l: {logs: ERROR}}\n`,
    ],
  ])('%s is refused by name', (what, text) => {
    expect(findUnsupported(loadGood(text)).map((each) => each.what)).toEqual([what]);
  });

  it.each([
    '{swarm: shop_web}',
    '{stack: deploy/prod.yml}',
    '{kubernetes: deployment/app}',
    '{helm: charts/app}',
    '{command: ./up, logs: "./log $SLIPWAY_LOG_SECONDS"}',
  ])('a check of the log is not, where the platform can say what is new: %s', (platform) => {
    const checks = 'checks: {l: {logs: ERROR}}\n';
    const text = `${SMALL.replace('{swarm: shop_web}', platform).replace('[/health]', '[l]')}${checks}`;
    expect(findUnsupported(loadGood(text))).toEqual([]);
  });

  const NGINX = 'nginx: /a.conf, upstreams: {blue: "127.0.0.1:1", green: "127.0.0.1:2"}';
  const onTwo = (traffic: string): string =>
    blueGreen(traffic).replace(/hosts: .*/, 'hosts: [deploy@web-1, deploy@web-2]');

  it('refuses to switch the proxy of the first host where nobody says that there is one in front of all', () => {
    expect(onTwo(NGINX)).toContain('web-2');
    const found = findUnsupported(loadGood(onTwo(NGINX)));
    expect(found).toMatchObject([
      {
        what: 'traffic of 2 hosts without where their proxies answer',
        path: 'environments.prod.traffic',
        wayOut: expect.stringContaining('host: deploy@proxy.example.com'),
      },
    ]);
    expect(found[0]?.wayOut).toContain("confirm: {url: 'http://{host}/'}");
  });

  it.each([
    ['one proxy in front of all', onTwo(`${NGINX}, host: deploy@proxy`)],
    ['one on each host', onTwo(`${NGINX}, confirm: {url: "http://{host}/"}`)],
    ['one host', blueGreen(NGINX)],
    [
      'a command of the worker',
      onTwo(
        'command: "./to {colour}", current: ./which, on: worker, colours: {blue: "http://h:1", green: "http://h:2"}',
      ),
    ],
    [
      'what the worker deploys as one',
      onTwo(NGINX).replace(
        '{stack: s.yml}',
        '{command: "./up {colour}", retire: "./down {colour}", on: worker}',
      ),
    ],
  ])('switches %s', (_what, text) => {
    expect(unsupported(text)).toEqual([]);
  });

  it('names a check once that is asked alone and while it bakes', () => {
    const steps = 'traefik: /t.yml, services: {blue: b, green: g}, steps: [5%, 100%]';
    const text = `${blueGreen(steps)}    bake: {for: 1m, checks: [/health]}\n`;
    expect(findUnsupported(loadGood(text)).map((each) => each.what)).toEqual([
      'checking /health on the idle colour without knowing where it answers',
    ]);
  });

  it('names a container for the database where no host has one', () => {
    const text = `${SMALL.replace('{swarm: shop_web}', '{kubernetes: deployment/app}')}    database: {migrate: ./up, inside: app}\n`;
    expect(findUnsupported(loadGood(text)).map((each) => each.what)).toContain(
      'database inside a container on platform kubernetes',
    );
  });
});

describe('what a release leaves undone, and goes on', () => {
  it.each([
    ['environments.prod.retention', `${SMALL}    retention: 30d\n`],
    ['notify', `${SMALL}notify: [{slack: env:S}]\n`],
    ['release.changelog', `${SMALL}release: {changelog: {from: [commits], categories: {A: [feat]}}}\n`],
    ['release.hotfix-branch', `${SMALL}release: {hotfix-branch: "fix/{version}"}\n`],
    ['release.publish', `${SMALL}release: {publish: [{run: uv publish}]}\n`],
    ['release.github-release', `${SMALL}release: {github-release: {drafts: prereleases}}\n`],
    ['release.version-files', `${SMALL}release: {version-files: [package.json]}\n`],
  ])('%s is said with its place and what to do meanwhile', (what, text) => {
    const file = loadGood(text);
    expect(findUnsupported(file)).toEqual([]);
    const [found, ...more] = findNotYet(file, ['prod']);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ what, where: expect.stringMatching(/^slipway\.yaml:\d+:\d+$/) as string });
    expect(found?.meanwhile).not.toBe('');
    expect(compile(file, branch('main')).notYet).toEqual([found]);
  });

  it('is asked of the environments that are released to, once where they share it', () => {
    const file = loadGood(readTeamFile('secretmagic'));
    const said = (names: string[]): string[] => findNotYet(file, names).map(({ what }) => what);
    expect(said(['dev', 'stage'])).toEqual(['defaults.retention', 'notify']);
  });

  it('is absent from a plan that leaves nothing undone', () => {
    expect(compile(loadGood(SMALL), branch('main'))).not.toHaveProperty('notYet');
  });
});

describe('JSON Schema for editors', () => {
  const schema = jsonSchema();
  const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
  const validate = ajv.compile(schema);

  it.each(TEAM_FILES)('accepts %s', (team) => {
    const value: unknown = parse(readTeamFile(team).toString(), { merge: true });
    validate(value);
    expect(validate.errors).toBeNull();
  });

  it.each([
    ['an unknown key', SMALL.replace('image:', 'imgae:')],
    ['a wrong word', `${SMALL}    queue: lifo\n`],
    ['two kinds', SMALL.replace('{swarm: shop_web}', '{swarm: a, compose: /b}')],
    ['a bad duration', `${SMALL}    timeout: 5 minutes\n`],
    ['a literal secret', `${SMALL}registry: {username: a, password: b}\n`],
    ['an unknown key in a check', `${SMALL}checks: {a: {http: /a, start_period: 5s}}\n`],
  ])('rejects %s', (_what, text) => {
    expect(validate(parse(text))).toBe(false);
  });

  it('accepts extensions anywhere', () => {
    const value: unknown = parse(`x-a: 1\n${SMALL}    x-b: {c: d}\n  x-anchors: [1]\n`);
    validate(value);
    expect(validate.errors).toBeNull();
  });

  it('is plain JSON of the 2020-12 draft', () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
  });
});

describe('plans of older and newer workers', () => {
  const plan = compile(loadGood(SMALL), branch('main'));

  it('leaves a plan of today as it is', () => {
    expect(upcastPlan(plan)).toEqual(plan);
  });

  it('fills what version 1 did not have at first', () => {
    const { fixedTags: _, ...old } = only(plan);
    const upcast = upcastPlan({ ...plan, environments: [old] });
    expect(only(upcast)).toEqual({ ...only(plan), fixedTags: [] });
    expect(upcast.planHash).toBe(plan.planHash);
  });

  it('fills what traffic did not have at first', () => {
    const text = SMALL.replace('{swarm: shop_web}', '{stack: s.yml}\n    traffic: {nginx: /a.conf}');
    const today = only(compile(loadGood(text), branch('main')));
    const { colourUrls: _, ...traffic } = today.traffic ?? { colourUrls: null };
    expect(upcastEnvironmentPlan({ ...today, traffic })).toEqual(today);
  });

  it.each([[0], [-1], [1.5], ['1'], [null], [undefined]])('refuses planVersion %j', (planVersion) => {
    expect(() => upcastPlan({ ...plan, planVersion })).toThrow(
      /which no version of Slipway wrote; start the release again/,
    );
  });

  it('refuses what is no plan', () => {
    for (const value of [null, 'plan', [plan], 7]) expect(() => upcastPlan(value)).toThrow('no planVersion');
  });

  it('refuses a newer plan, also inside an older one', () => {
    const newer = { ...only(plan), planVersion: PLAN_VERSION + 1 };
    const says = `planVersion ${PLAN_VERSION + 1}; this worker knows up to ${PLAN_VERSION}; update this worker`;
    expect(() => upcastEnvironmentPlan(newer)).toThrow(says);
    expect(() => upcastPlan({ ...plan, environments: [newer] })).toThrow(says);
  });
});
