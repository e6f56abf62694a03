import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashPlan } from '../../../pipeline/hash-plan.js';
import type { EnvironmentPlan } from '../../../pipeline/plan.js';
import { PlanRefused } from '../../../pipeline/plan-refused.js';
import { COMMIT, SMALL, branch, compile, loadBad, loadGood, only, readTeamFile, tag } from './given.js';

const secretmagic = loadGood(readTeamFile('secretmagic'));
const hello = loadGood(readTeamFile('hello'));

describe('what differs from the defaults', () => {
  it.each([
    ['', {}],
    [', sbom: false', {}],
    [', sbom: true', { sbom: true }],
    [', sbom: "cr.example.com/Scan:1.0@sha256:ab"', { sbom: 'cr.example.com/Scan:1.0@sha256:ab' }],
  ])('an image with {repository: …%s} lists its contents as asked', (more, sbom) => {
    const text = SMALL.replace('ghcr.io/acme/shop', `{repository: ghcr.io/acme/shop${more}}`);
    const [image] = compile(loadGood(text), branch('main')).artifacts;
    expect(image).toMatchObject({ kind: 'image', ...sbom });
    expect(image !== undefined && 'sbom' in image).toBe('sbom' in sbom);
  });

  it('replaces a list or map of the defaults, never merges', () => {
    const text = SMALL.replace(
      'image:',
      'defaults: {ssh: {user: a, port: 2222}, checks: [/a, /b]}\nimage:',
    ).replace('    url:', '    ssh: {port: 22}\n    url:');
    const environment = only(compile(loadGood(text), branch('main')));
    expect(environment.ssh).toMatchObject({ user: null, port: 22 });
    expect(environment.checks.map((check) => check.name)).toEqual(['/health']);
  });

  it.each([
    [
      'nginx: /etc/nginx/a.conf, upstreams: {blue: "127.0.0.1:1", green: "127.0.0.1:2"}',
      { kind: 'nginx', upstreamName: 'a', upstreams: { blue: '127.0.0.1:1' } },
    ],
    [
      'nginx: /etc/nginx/a.conf, upstream: b, test: "sudo nginx -t"',
      { upstreamName: 'b', testCommand: 'sudo nginx -t', reloadCommand: 'nginx -s reload' },
    ],
    [
      'haproxy: /run/h.sock, map: /etc/h.map, key: shop, backends: {blue: b, green: g}',
      {
        kind: 'haproxy',
        socket: '/run/h.sock',
        map: '/etc/h.map',
        key: 'shop',
        backends: { blue: 'b', green: 'g' },
      },
    ],
    [
      'command: "./switch {colour} {environment}", current: ./current, test: "./test {colour}", on: worker, host: proxy@p:2222, drain: 3s, switch: manual, within: 2h',
      {
        switchCommand: './switch {colour} prod',
        currentCommand: './current',
        testCommand: './test {colour}',
        on: 'worker',
        host: { name: 'proxy@p:2222', address: 'proxy@p:2222' },
        drainMs: 3_000,
        switchWithinMs: 7_200_000,
      },
    ],
    [
      'nginx: /a.conf, confirm: {url: /colour, body: true, times: 3}',
      { confirm: { url: 'https://shop.example.com/colour', header: null, times: 3 } },
    ],
    [
      'nginx: /a.conf, colours: {blue: "http://h:1", green: "http://h:2"}',
      { colourUrls: { blue: 'http://h:1', green: 'http://h:2' } },
    ],
  ])('traffic {%s}', (traffic, expected) => {
    const text = SMALL.replace('{swarm: shop_web}', `{stack: stack.yml}\n    traffic: {${traffic}}`);
    expect(only(compile(loadGood(text), branch('main'))).traffic).toMatchObject(expected);
  });

  it('names stacks by pipeline, environment and colour', () => {
    const inPlace = SMALL.replace('{swarm: shop_web}', '{stack: stack.yml}');
    expect(only(compile(loadGood(inPlace), branch('main'))).platform).toEqual({
      kind: 'stack',
      names: { live: 'shop-prod', blue: '', green: '' },
      files: { live: 'text of stack.yml', blue: '', green: '' },
    });
    const colours = inPlace.replace('    url:', '    traffic: {nginx: /a.conf}\n    url:');
    expect(only(compile(loadGood(colours), branch('main'))).platform).toMatchObject({
      names: { live: '', blue: 'shop-prod-blue', green: 'shop-prod-green' },
    });
  });

  it('command platform on the worker, a folder instead of an image', () => {
    const text = SMALL.replace('ghcr.io/acme/shop', '{folder: site}').replace(
      '{swarm: shop_web}',
      '{command: "./up {colour} {digest} {sha7}", inspect: ./look, restore: "./up {previous-digest}", retire: "./down {colour}", logs: "./tail {sha7}", on: worker}\n    traffic: {command: "./go {colour}", current: ./at, on: worker}',
    );
    const plan = compile(loadGood(text), branch('main'));
    expect(plan.artifacts).toEqual([{ kind: 'folder', name: 'app', folder: 'site' }]);
    expect(only(plan)).toMatchObject({
      tags: [],
      platform: {
        command: './up {colour} {digest} 9f2c1d0',
        inspect: './look',
        retire: './down {colour}',
        logs: './tail 9f2c1d0',
        on: 'worker',
      },
    });
  });

  it('pushes no registry check on public images', () => {
    expect(only(compile(loadGood(SMALL), branch('main'))).preflight).toMatchObject({
      registryLogin: false,
      diskBytes: 1e9,
    });
  });

  it('makes tags of branch names that have slashes', () => {
    const text = `${SMALL.replace('branch: main', 'branch: feat/*')}tags: ["{branch}", "{branch}-{sha7}"]\n`;
    expect(only(compile(loadGood(text), branch('feat/a+b')))).toMatchObject({
      tags: ['feat-a-b', 'feat-a-b-9f2c1d0'],
      fixedTags: ['feat-a-b-9f2c1d0'],
    });
  });
});

describe('docs-only changes', () => {
  const changed = (paths: string[] | null, to: string[] = []) =>
    compile(secretmagic, branch('develop'), { changedPaths: paths, to });

  it.each([[['README.md', 'docs/a/b.md']], [['docs/.hidden']]])('%j starts nothing', (paths) => {
    expect(changed(paths)).toMatchObject({
      environments: [],
      skipped: [{ environment: 'dev', why: 'only paths in paths-ignore have changed' }],
    });
  });

  it.each([[['README.md', 'src/a.py']], [['src/README.md']], [[]], [null]])('%j is released', (paths) => {
    expect(changed(paths).environments).toHaveLength(1);
  });

  it('is asked of each environment by itself', () => {
    const text = `${SMALL}    paths-ignore: ["*.md"]\n${SMALL.split('\n').slice(3).join('\n').replace('prod:', 'eu:')}    paths-ignore: ["*.md"]\n`;
    const changedPaths = new Map([
      ['prod', ['README.md']],
      ['eu', ['README.md', 'a.ts']],
    ]);
    const plan = compile(loadGood(text), branch('main'), { changedPaths });
    expect(plan.environments.map(({ name }) => name)).toEqual(['eu']);
    expect(plan.skipped.map(({ environment }) => environment)).toEqual(['prod']);
  });

  it('is released when a person names the environment', () => {
    expect(changed(['README.md'], ['dev']).environments).toHaveLength(1);
  });
});

describe('the hash', () => {
  it('covers every other field of release and environment', () => {
    const plan = compile(secretmagic, branch('develop'));
    expect(plan.planHash).toBe(hashPlan(plan));
    expect(only(plan).planHash).toBe(hashPlan(only(plan)));
    expect(plan.planHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is the same for the same meaning, another for another', () => {
    const first = compile(loadGood(SMALL), branch('main')).planHash;
    const reordered = `# a comment\nimage: ghcr.io/acme/shop\n${SMALL.replace('image: ghcr.io/acme/shop\n', '')}x-note: 1\n`;
    expect(compile(loadGood(reordered), branch('main')).planHash).toBe(first);
    for (const other of [
      SMALL.replace('/health', '/ready'),
      `${SMALL}    timeout: 6m\n`,
      `${SMALL}tags: [a]\n`,
      `${SMALL}notify: [{slack: env:S}]\n`,
    ]) {
      expect(compile(loadGood(other), branch('main')).planHash).not.toBe(first);
    }
  });

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const reversed = Object.fromEntries(Object.entries(fields).reverse());
        expect(hashPlan({ ...reversed, planHash: 'x' })).toBe(hashPlan({ ...fields, planHash: 'y' }));
      }),
    );
  });
});

describe('releases that cannot be planned', () => {
  it('says which file the commit lacks, and where it is named', () => {
    const refuse = () => compile(secretmagic, branch('main'), { files: new Map() });
    expect(refuse).toThrow(PlanRefused);
    expect(refuse).toThrow(
      'slipway.yaml:44:16: deploy/swarm/stage.yml is not in the repository at this commit; commit deploy/swarm/stage.yml, or correct the path',
    );
  });

  it('refuses a stack file that would not fit into a plan', () => {
    const files = new Map([['deploy/swarm/stage.yml', 'a'.repeat(100_000)]]);
    expect(() => compile(secretmagic, branch('main'), { files })).toThrow('is larger than 64 KB');
  });

  it('refuses a plan that an environment could not remember', () => {
    const text = SMALL.replace('{swarm: shop_web}', `{command: "./up ${'x'.repeat(250_000)}"}`);
    expect(() => compile(loadGood(text), branch('main'))).toThrow(
      /slipway\.yaml:\d+:\d+: the plan of environment \w+ has 24\d KB, at most 200 KB can be carried out; shorten/,
    );
  });

  it('refuses a name that this release has no value for', () => {
    const text = SMALL.replace('{swarm: shop_web}', '{command: "./up {major}"}');
    expect(() => compile(loadGood(text), branch('main'))).toThrow(
      'slipway.yaml:7:16: {major} has no value in this release; leave {major} out',
    );
  });

  it('refuses a value that a shell could read as something else', () => {
    const text = SMALL.replace('{swarm: shop_web}', '{command: "./up {url}"}').replace(
      'https://shop.example.com',
      '"https://shop.example.com/?a=1&b=2"',
    );
    expect(() => compile(loadGood(text), branch('main'))).toThrow(
      '{url} is "https://shop.example.com/?a=1&b=2", which a shell or an address could read as something else',
    );
  });

  it('refuses a tag that no registry takes', () => {
    expect(() => compile(loadGood(`${SMALL}tags: ["-{sha7}"]\n`), branch('main'))).toThrow(
      'the tag -{sha7} becomes "-9f2c1d0", which no registry takes',
    );
  });

  it('refuses a malformed tag where versions are asked for', () => {
    const text = SMALL.replace('{branch: main}', '{tag: "v*"}').replace(
      'image:',
      'release: {version: semver}\nimage:',
    );
    expect(() => compile(loadGood(text), tag('v1.2'))).toThrow(
      'v1.2 is not a version; a version is vMAJOR.MINOR.PATCH, such as v1.2.3 or v1.2.3-beta.1; did you mean v1.2.0?',
    );
    expect(compile(loadGood(text), tag('v1.2.0')).version).toBe('v1.2.0');
  });

  it('refuses a version that is no name', () => {
    expect(() => compile(hello, branch('main'), { version: '$(id)' })).toThrow(
      'the version "$(id)" has characters that cannot be used',
    );
    expect(compile(hello, branch('main'), { version: 'v7' }).version).toBe('v7');
    expect(compile(hello, branch('main')).version).toBe(COMMIT.sha.slice(0, 7));
  });
});

describe('a check with {host}', () => {
  const onTwo = (checks: string, hosts = 'deploy@web-1.example.com:2222, local'): string =>
    `${SMALL.replace(/hosts: .*/, `hosts: [${hosts}]`).replace('[/health]', '[c]')}checks: {c: {${checks}}}\n`;

  const planOf = (text: string): EnvironmentPlan => only(compile(loadGood(text), branch('main')));

  it('is one of each host', () => {
    const { checks } = planOf(onTwo('http: "http://{host}:8080/up?{environment}", retries: 1'));
    expect(checks).toMatchObject([
      {
        name: 'c on deploy@web-1.example.com:2222',
        host: 'deploy@web-1.example.com:2222',
        url: 'http://web-1.example.com:8080/up?prod',
        retries: 1,
      },
      { name: 'c on local', host: 'local', url: 'http://localhost:8080/up?prod' },
    ]);
    expect(planOf(onTwo('tcp: "{host}:6379"')).checks).toMatchObject([
      { host: 'deploy@web-1.example.com:2222' },
      {},
    ]);
    expect(planOf(onTwo('run: "./smoke {host} {tag}"', 'web-1, ops@web-2')).checks).toMatchObject([
      { command: './smoke web-1 {tag}' },
      { command: './smoke web-2 {tag}' },
    ]);
  });

  it('needs hosts whose addresses the file says', () => {
    expect(() => planOf(onTwo('http: "http://{host}/"', 'env:WEB'))).toThrow(
      /env:WEB is known to the worker only/,
    );
    const nowhere = onTwo('http: "http://{host}/"')
      .replace(/ *hosts: .*\n/, '')
      .replace('{swarm: shop_web}', '{kubernetes: deployment/app}');
    expect(() => planOf(nowhere)).toThrow(/is about each \{host\}, and there is none/);
  });
});

describe('a proxy on each host', () => {
  const text = (given: { hosts?: string; confirm?: string; checks?: string; bake?: string } = {}): string => {
    const { hosts = 'deploy@web-1.example.com:2222, web-2', confirm = 'http://{host}:8080/health' } = given;
    return `pipeline: shop
image: {folder: site}
environments:
  prod:
    from: {branch: main}
    url: https://shop.example.com
    hosts: [${hosts}]
    platform: {stack: 'deploy/prod-{colour}.yml'}
    traffic:
      nginx: /etc/nginx/slipway/shop.conf
      upstreams: {blue: '127.0.0.1:8081', green: '127.0.0.1:8082'}
      confirm: {url: '${confirm}'}
    checks: [${given.checks ?? '/health'}]
${given.bake ?? ''}`;
  };
  const files = new Map(['blue', 'green'].map((colour) => [`deploy/prod-${colour}.yml`, 'services: {}\n']));
  const planOf = (given?: Parameters<typeof text>[0]): EnvironmentPlan =>
    only(compile(loadGood(text(given)), branch('main'), { files }));

  it('is asked by itself, and so is the idle colour behind it', () => {
    const { traffic, checks } = planOf();
    expect(traffic?.proxies).toEqual([
      { host: 'deploy@web-1.example.com:2222', url: 'http://web-1.example.com:8080/health' },
      { host: 'web-2', url: 'http://web-2:8080/health' },
    ]);
    expect(checks).toMatchObject([
      { host: 'deploy@web-1.example.com:2222', url: 'http://web-1.example.com:8080/health' },
      { host: 'web-2', url: 'http://web-2:8080/health' },
    ]);
  });

  it('is the one proxy of an environment with one host', () => {
    const { traffic, checks } = planOf({ hosts: 'web-1' });
    expect(traffic).not.toHaveProperty('proxies');
    expect(traffic?.confirm.url).toBe('http://web-1:8080/health');
    expect(checks).toMatchObject([{ url: 'https://shop.example.com/health' }]);
  });

  it('lets the bake ask the load balancer, and no check before that', () => {
    const all = 'https://shop.example.com/health';
    const bake = `    bake: {for: 1m, checks: [all]}\nchecks: {all: {http: '${all}'}}\n`;
    expect(planOf({ bake }).bake?.checks).toMatchObject([{ url: all }]);
    expect(() => planOf({ checks: 'all', bake })).toThrow(
      'check all asks https://shop.example.com, which does not say which host answers',
    );
    const own = bake.replace(all, 'https://{colour}.shop.example.com/health');
    expect(planOf({ checks: 'all', bake: own }).checks).toMatchObject([{ name: 'all' }]);
  });

  it('needs hosts whose addresses the file says', () => {
    expect(() => planOf({ hosts: 'web-1, env:WEB' })).toThrow(
      /confirm.url is about each \{host\}, and env:WEB is known to the worker only/,
    );
  });

  it('is no other host’s', () => {
    expect(() => planOf({ hosts: 'web-1:2222, web-1:2223' })).toThrow(
      'two hosts have the same {host}: the proxy at http://web-1:8080/health would answer for both',
    );
  });

  it.each([
    ['a path', (file: string) => file.replace(/url: 'http.*'/, "url: '/health/{host}'")],
    ['a proxy elsewhere', (file: string) => file.replace('confirm:', 'host: proxy-1\n      confirm:')],
    [
      'what runs in a cluster',
      (file: string) => file.replace(/platform: .*/, "platform: {kubernetes: 'deployment/app-{colour}'}"),
    ],
  ])('is not %s', (_what, change) => {
    const errors = loadBad(change(text()));
    expect(errors.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      expect.stringMatching(
        /traffic\.confirm\.url: asks a proxy on each \{host\}, (but .*leave|so it must be an address)/,
      ),
    ]);
  });
});

it('a chart is one release, and with colours one of each', () => {
  const released = (text: string) => only(compile(loadGood(text), branch('main'))).platform;
  const inPlace = SMALL.replace('{swarm: shop_web}', '{helm: charts/app}');
  expect(released(inPlace)).toMatchObject({ release: 'shop' });
  expect(released(`${inPlace}    traffic: {nginx: /a.conf}\n`)).toMatchObject({ release: 'shop-{colour}' });
});
