/** The plans that become of the teams' own files. */
import { describe, expect, it } from 'vitest';
import { requiredFiles } from '../../../pipeline/required-files.js';
import { RUN_NAMES, namesIn } from '../../../pipeline/templates.js';
import { TEAM_FILES, branch, compile, loadGood, only, readTeamFile, tag } from './given.js';

const secretmagic = loadGood(readTeamFile('secretmagic'));
const hello = loadGood(readTeamFile('hello'));

/** All strings of a plan, with their path. */
function textsOf(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => textsOf(each, `${path}.${key}`));
}

function findUndefined(value: unknown, path = ''): string[] {
  if (value === undefined) return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => findUndefined(each, `${path}.${key}`));
}

describe('plans of the teams', () => {
  const releases = TEAM_FILES.flatMap((team) => {
    const file = loadGood(readTeamFile(team));
    return [...file.content.environments].flatMap(([name, { from }]) =>
      from.map((takes) => ({
        team,
        name,
        file,
        ref: takes.kind === 'branch' ? branch(takes.branch) : tag('v1.4.0'),
      })),
    );
  });

  it.each(releases)('$team compiles for $name', ({ file, ref, name }) => {
    const plan = compile(file, ref, { to: [name] });
    expect(plan.environments.map((environment) => environment.name)).toEqual([name]);
    expect(findUndefined(plan)).toEqual([]);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    const withoutDatabase = plan.environments.map((environment) => ({ ...environment, database: null }));
    const unrendered = textsOf({ ...plan, environments: withoutDatabase }).filter(([, text]) =>
      namesIn(text).some((name) => !RUN_NAMES.some((each) => each === name)),
    );
    expect(unrendered).toEqual([]);
  });

  it('resolves hello with every default', () => {
    const environment = only(compile(hello, branch('main')));
    expect(environment).toMatchObject({
      production: false,
      start: 'auto',
      queue: 'newest',
      onSupersede: 'finish',
      approvals: [],
      selfApproval: true,
      strategy: 'in-place',
      traffic: null,
      bake: null,
      keepWarmMs: 0,
      retentionMs: null,
      onFailure: 'undo',
      timeoutMs: 300_000,
      tags: ['sha-9f2c1d0'],
      fixedTags: ['sha-9f2c1d0'],
      hosts: [{ name: 'deploy@hello.example.com', address: 'deploy@hello.example.com' }],
      steps: ['preflight', 'claim', 'proveWayBack', 'deploy', 'verify', 'settle'],
    });
    expect(environment.checks).toEqual([
      {
        kind: 'http',
        name: '/health',
        url: 'https://hello.example.com/health',
        status: 200,
        basicAuth: null,
        header: {},
        timeoutMs: 5_000,
        retries: 5,
        intervalMs: 2_000,
        startPeriodMs: 30_000,
      },
    ]);
  });

  it('S0 prod: blue/green with a person at the switch', () => {
    const plan = compile(secretmagic, tag('v1.4.0'), { to: ['prod'] });
    expect(plan.registry).toEqual({
      server: 'cr.selcloud.ru',
      username: 'token',
      password: 'env:SELECTEL_REGISTRY_PASSWORD',
    });
    expect(plan.artifacts).toEqual([
      {
        kind: 'image',
        name: 'app',
        repository: 'cr.selcloud.ru/autoorder-platform/secretmagic',
        context: '.',
        dockerfile: 'Dockerfile',
        target: null,
        platforms: [],
        cache: 'registry',
        provenance: false,
        buildArgs: {},
      },
    ]);
    const prod = only(plan);
    expect(prod).toMatchObject({
      production: true,
      after: ['stage'],
      start: 'manual',
      queue: 'fifo',
      selfApproval: false,
      approvals: [
        { count: 1, group: 'platform', by: 'ssh', of: null, expiresMs: 259_200_000 },
        { count: 1, group: 'backend', by: 'ssh', of: null, expiresMs: 259_200_000 },
      ],
      strategy: 'blue-green',
      platform: {
        kind: 'stack',
        names: { live: '', blue: 'secretmagic-prod-blue', green: 'secretmagic-prod-green' },
        files: {
          live: '',
          blue: 'text of deploy/swarm/prod-blue.yml',
          green: 'text of deploy/swarm/prod-green.yml',
        },
      },
      traffic: {
        kind: 'nginx',
        file: '/etc/nginx/conf.d/secretmagic-upstream.conf',
        upstreamName: 'secretmagic-upstream',
        upstreams: null,
        colourUrls: null,
        switch: 'manual',
        switchWithinMs: 86_400_000,
        confirm: { url: 'https://secretmagic.example.com/', header: 'X-Colour', times: 20 },
      },
      bake: { forMs: 900_000, failures: 3 },
      keepWarmMs: 86_400_000,
      retentionMs: null,
      tags: ['v1.4.0', 'prod-9f2c1d0'],
      fixedTags: ['v1.4.0', 'prod-9f2c1d0'],
      preflight: { registryLogin: true },
      steps: ['preflight', 'claim', 'proveWayBack', 'deploy', 'verify', 'switch', 'bake', 'settle'],
    });
    expect(prod.gates.map((gate) => gate.name)).toEqual(['ci', 'coverage', 'hotfix', 'migrations']);
    expect(prod.bake?.checks.map((check) => check.name)).toEqual(['health', 'ready', 'errors']);
  });

  it('names the files it needs, both colours of a stack', () => {
    expect(requiredFiles(secretmagic, ['dev', 'stage', 'prod'])).toEqual([
      'deploy/known_hosts',
      'deploy/swarm/stage.yml',
      'deploy/swarm/prod-blue.yml',
      'deploy/swarm/prod-green.yml',
    ]);
    expect(requiredFiles(hello, ['prod'])).toEqual([]);
  });

  it('S4: a database that the file says nothing of is asked by Alembic, if the commit has it', () => {
    const file = loadGood(readTeamFile('web-template'));
    const release = (files?: Map<string, string>) =>
      compile(file, tag('v1.0.0'), files === undefined ? {} : { files });
    expect(only(release()).bake?.checks).toContainEqual(
      expect.objectContaining({ name: 'migrated', kind: 'migrations', current: 'alembic current' }),
    );
    expect(() => release(new Map())).toThrow(
      /^slipway\.yaml:37:14: check migrated .* nothing says how it is asked where it is; add database: {current: …} .* or commit alembic\.ini/,
    );
    expect(requiredFiles(file, ['production'])).toEqual(['alembic.ini']);
    expect(requiredFiles(file, ['staging'])).toEqual([]);
  });

  it('S2: templates per environment, {url} in a command, run-time names left', () => {
    const file = loadGood(readTeamFile('deep-calm'));
    const test = only(compile(file, tag('v0.2.0'), { to: ['test'] }));
    expect(test.ssh.key).toBe('env:TEST_SSH_KEY');
    expect(test.url).toBe('https://test.dc.vasiliy-ivanov.ru');
    expect(test.checks.find((check) => check.name === 'smoke')).toMatchObject({
      command: 'pytest tests/e2e/smoke/ --base-url https://test.dc.vasiliy-ivanov.ru',
    });
    expect(test.tags).toEqual(['v0.2.0', '0.2', 'sha-9f2c1d0']);
    expect(test.fixedTags).toEqual(['v0.2.0', 'sha-9f2c1d0']);
    const prod = only(compile(file, tag('v0.2.0'), { to: ['prod'] }));
    expect(prod.platform).toMatchObject({
      kind: 'command',
      command: expect.stringMatching(/-e tag=\{tag\}$/),
      on: 'host',
    });
    expect(only(compile(file, branch('main'))).tags).toEqual(['main', 'sha-9f2c1d0']);
  });

  it('S3: stable tags are not for a prerelease, images each have their context', () => {
    const file = loadGood(readTeamFile('app-release'));
    expect(only(compile(file, tag('v1.2.3'), { to: ['staging'] })).tags).toEqual([
      'v1.2.3',
      'sha-9f2c1d0',
      '1.2',
      '1',
      'latest',
    ]);
    const beta = compile(file, tag('v1.2.3-beta.1'), { to: ['staging'] });
    expect(only(beta).tags).toEqual(['v1.2.3-beta.1', 'sha-9f2c1d0']);
    expect(beta.artifacts).toMatchObject([
      { name: 'backend', dockerfile: 'backend/Dockerfile' },
      { name: 'frontend', dockerfile: 'frontend/Dockerfile' },
      { name: 'arq-worker', dockerfile: 'backend/Dockerfile', target: 'worker' },
    ]);
    expect(beta.gates).toHaveLength(6);
  });
});
