/** The pure parts of the platforms: image names, stack files, run-time values, what hosts and registries say. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { freeBytes } from '../../../activities/platforms/host-findings.js';
import { listeningPorts, portsKeptByDocker } from '../../../activities/platforms/host-ports.js';
import { nameRefusal } from '../../../activities/platforms/image-availability.js';
import {
  digestOf,
  registryOf,
  repositoryOf,
  sameImage,
} from '../../../activities/platforms/image-reference.js';
import { newestOf, readLines } from '../../../activities/platforms/log-lines.js';
import { versionedName } from '../../../activities/platforms/docker-secrets.js';
import {
  fromConfig,
  loginCommand,
  throwawayConfig,
} from '../../../activities/platforms/registry-credentials.js';
import {
  asPrevious,
  renderCommand,
  runTimeEnvironment,
  runTimeValues,
} from '../../../activities/platforms/run-time-values.js';
import { demultiplex } from '../../../activities/platforms/service-logs.js';
import { stackDeployArgv } from '../../../activities/platforms/stack-deploy.js';
import {
  imagesOfRelease,
  interpolate,
  overrideFor,
  readStackFile,
} from '../../../activities/platforms/stack-file.js';
import type { Target } from '../../../workflows/activity-contract.js';
import type { BuiltArtifact } from '../../../workflows/result.js';
import { givenCommit } from '../../support/given.js';
import { environmentFor } from '../../support/hosts.js';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

describe('image names', () => {
  test.each([
    ['cr.example.com:5000/team/app:1.2', 'cr.example.com:5000/team/app', 'cr.example.com:5000'],
    [`ghcr.io/acme/app:v1@${A}`, 'ghcr.io/acme/app', 'ghcr.io'],
    ['localhost/app', 'localhost/app', 'localhost'],
    ['redis:7', 'redis', 'docker.io'],
    ['acme/app', 'acme/app', 'docker.io'],
    ['cr.example.com/app:${IMAGE_TAG:-x}', 'cr.example.com/app', 'cr.example.com'],
  ])('%s', (image, repository, registry) => {
    expect([repositoryOf(image), registryOf(image)]).toEqual([repository, registry]);
  });

  test('are the same when repository and digest are', () => {
    expect(sameImage(`cr.io/app:v1@${A}`, `cr.io/app@${A}`)).toBe(true);
    expect(sameImage(`docker.io/library/redis@${A}`, `redis:7@${A}`)).toBe(true);
    expect(sameImage(`cr.io/app@${A}`, `cr.io/app@${B}`)).toBe(false);
    expect(sameImage(`cr.io/app@${A}`, `cr.io/other@${A}`)).toBe(false);
    expect(sameImage('cr.io/app:v1', `cr.io/app:v1@${A}`)).toBe(false);
    expect(digestOf('cr.io/app:v1')).toBeNull();
  });
});

describe('registry logins', () => {
  const auth = Buffer.from('token:pass:word').toString('base64');
  const credentials = { username: 'token', password: 'pass:word' };

  test.each([
    ['cr.example.com', { 'cr.example.com': { auth } }, { ...credentials, serveraddress: 'cr.example.com' }],
    [
      'cr.example.com',
      { 'https://cr.example.com/v2/': { auth } },
      { ...credentials, serveraddress: 'cr.example.com' },
    ],
    [
      'docker.io',
      { 'https://index.docker.io/v1/': { auth } },
      { ...credentials, serveraddress: 'https://index.docker.io/v1/' },
    ],
    [
      'cr.example.com',
      { 'cr.example.com': { identitytoken: 'idt' } },
      { identitytoken: 'idt', serveraddress: 'cr.example.com' },
    ],
    ['cr.example.com', { 'cr.example.com': {} }, null],
    ['cr.example.com', { 'cr.example.com:5000': { auth } }, null],
  ])('%s from %j', (registry, auths, found) => {
    expect(fromConfig({ auths }, registry)).toEqual(found);
  });

  test('the config for one command has ours, the others, and no helper that would shadow ours', () => {
    const config = {
      auths: { 'ghcr.io': {}, 'https://cr.example.com': { auth: 'old' } },
      credsStore: 'pass',
      credHelpers: { 'cr.example.com': 'ecr', 'eu.gcr.io': 'gcloud' },
      currentContext: 'elsewhere',
    };
    const login = { server: 'cr.example.com', ...credentials };
    expect(JSON.parse(throwawayConfig(config, login))).toEqual({
      auths: { 'ghcr.io': {}, 'cr.example.com': { auth } },
      credHelpers: { 'ghcr.io': 'pass', 'eu.gcr.io': 'gcloud' },
    });
  });

  test('the line a person types', () => {
    expect(loginCommand('cr.example.com', 'token')).toBe(
      'docker login cr.example.com -u token --password-stdin',
    );
    expect(loginCommand('docker.io', null)).toBe('docker login -u USER --password-stdin');
  });

  test.each([
    ['unauthorized: authentication required', false, 'login-missing'],
    ['denied: requested access to the resource is denied', true, 'login-refused'],
    ['Get "https://r/v2/": no basic auth credentials', false, 'login-missing'],
    ['manifest unknown: manifest unknown', true, 'no-such-image'],
    ['errors: denied? name unknown: repository not found', false, 'login-missing'],
    ['dial tcp 10.0.0.1:5000: connect: connection refused', true, 'unreachable'],
    ['x509: certificate signed by unknown authority', true, 'unreachable'],
    ['toomanyrequests: 429', true, 'unreachable'],
  ])('a registry that says %j', (said, hasLogin, state) => {
    expect(nameRefusal(said, hasLogin)).toBe(state);
  });
});

const FILE = `
version: "3.8"
services:
  web: {image: "cr.io/team/app:\${IMAGE_TAG}"}
  worker: {image: "\${REGISTRY:-cr.io}/team/worker:x"}
  mirror: {image: "mirror.io/app:\${IMAGE_TAG}"}
  cache: {image: redis:7}
`;
const APP: BuiltArtifact = { name: 'app', kind: 'image', repository: 'cr.io/team/app', digest: A };
const WORKER: BuiltArtifact = { name: 'worker', kind: 'image', repository: 'cr.io/team/worker', digest: B };

describe('stack files', () => {
  test('every service of the release is pinned, others are left', () => {
    const file = readStackFile(FILE, 'x');
    expect(imagesOfRelease(file, [APP, WORKER], {}, 'x')).toEqual({
      web: `cr.io/team/app@${A}`,
      worker: `cr.io/team/worker@${B}`,
    });
    expect(imagesOfRelease(file, [APP], {}, 'x')).toEqual({
      web: `cr.io/team/app@${A}`,
      mirror: `mirror.io/app@${A}`,
    });
    const folder: BuiltArtifact = { name: 'site', kind: 'folder', repository: 'site', digest: A };
    expect(() => imagesOfRelease(file, [folder], {}, 'prod')).toThrow(
      /no service of the stack file runs an image/,
    );
  });

  test('what is put on top is labels, digests and secret versions', () => {
    const file = readStackFile(FILE, 'x');
    const labels = { 'slipway.fence': '7', 'slipway.owner': 'shop/prod' };
    const top: unknown = parse(overrideFor(file, labels, { web: `cr.io/team/app@${A}` }, { pw: 'pw_1234' }));
    expect(top).toEqual({
      version: '3.8',
      services: {
        web: { image: `cr.io/team/app@${A}`, deploy: { labels } },
        worker: { deploy: { labels } },
        mirror: { deploy: { labels } },
        cache: { deploy: { labels } },
      },
      secrets: { pw: { external: true, name: 'pw_1234' } },
    });
  });

  test.each([
    ['services: [', /not YAML/],
    ['a: &a [*a]', /not YAML|cannot be read/],
    ['just text', /cannot be read/],
    ['services: {web: {}}', /service web names no image/],
    ['services: {web: {image: x, env_file: .env}}', /refers to .env, which is not on the host/],
    ['services: {web: {image: x}}\nconfigs: {c: {file: ./c.conf}}', /refers to .\/c.conf/],
  ])('%j is refused', (text, message) => {
    expect(() => readStackFile(text, 'prod')).toThrow(message);
  });

  test.each([
    ['$A-${B}', 'one-'],
    ['${B:-two}', 'two'],
    ['${E:-two}${E-three}', 'two'],
    ['${A:?no}', 'one'],
    ['$$A', '$A'],
  ])('%s', (text, result) => {
    expect(interpolate(text, { A: 'one', E: '' })).toBe(result);
  });

  test('the command is these words', () => {
    const files = { folder: '/h/s', stack: '/h/s/stack.yml', override: '/h/s/slipway.yml' };
    expect(stackDeployArgv('shop', files).join(' ')).toBe(
      'docker stack deploy --compose-file /h/s/stack.yml --compose-file /h/s/slipway.yml --with-registry-auth --resolve-image=changed --prune shop',
    );
  });

  test('a docker secret has another name for another value, and fits', () => {
    expect(versionedName('pw', 'one')).not.toBe(versionedName('pw', 'two'));
    expect(versionedName('p'.repeat(80), 'one')).toHaveLength(64);
  });
});

describe('run-time values', () => {
  const target: Target = {
    plan: { ...environmentFor(), tags: ['prod-9f2c1d0'] },
    token: 3,
    version: 'v2',
    commit: givenCommit(),
    artifacts: [APP],
    colour: 'green',
    live: null,
  };
  const before: Target['live'] = {
    version: 'v1',
    commit: givenCommit({ sha: '1'.repeat(40) }),
    artifacts: [WORKER],
    plan: environmentFor(),
    colour: 'blue',
    token: 2,
    at: '',
    by: '',
  };

  test('fill in commands and leave other braces alone', () => {
    const values = runTimeValues({ ...target, live: before });
    expect(
      renderCommand(
        '{colour} {tag} {image} {previous-tag} {previous-digest} {x} ${Y} ${tag} {{tag}} {a,b}',
        values,
        'x',
      ),
    ).toBe(`green prod-9f2c1d0 cr.io/team/app@${A} v1 ${B} {x} \${Y} \${tag} {{tag}} {a,b}`);
    expect(runTimeEnvironment(values, 'x')).toMatchObject({
      SLIPWAY_COLOUR: 'green',
      IMAGE_TAG: `prod-9f2c1d0@${A}`,
      SLIPWAY_VERSION: 'v2',
    });
  });

  test('what is not known is refused by name where it is used', () => {
    expect(() => renderCommand('{previous-tag}', runTimeValues(target), 'restore')).toThrow(
      /\{previous-tag\} has no value here; there is no earlier release/,
    );
    expect(runTimeEnvironment(runTimeValues({ ...target, colour: null }), 'x')).not.toHaveProperty(
      'SLIPWAY_COLOUR',
    );
  });

  test.each(['v2;reboot', 'v2 x', '$(id)', 'v2\nx', "v'2"])('%j never reaches a shell', (version) => {
    const values = runTimeValues({ ...target, version });
    expect(() => renderCommand('{version}', values, 'x')).toThrow(/a shell would interpret/);
    expect(() => runTimeEnvironment(values, 'x')).toThrow(/a shell would interpret/);
  });

  test('the release before is the same change with its artifacts', () => {
    expect(runTimeValues(asPrevious(target, before))).toMatchObject({ tag: 'v1', digest: B, version: 'v1' });
  });
});

describe('what hosts say', () => {
  test('df', () => {
    const text = 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 1000 400 600 40% /\n';
    expect(freeBytes(text)).toBe(600 * 1024);
    expect(freeBytes('df: no such file')).toBeNull();
  });

  test('listening ports, of both families', () => {
    const text = [
      '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 1',
      '   1: 0100007F:0050 0100007F:D431 01 00000000:00000000 00:00000000 00000000  0 0 1',
      '  12: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0',
    ].join('\n');
    expect([...listeningPorts(text)]).toEqual([8080, 443]);
  });

  test('ports that docker keeps for no container that runs', () => {
    const proxy = (port: number): string =>
      `/usr/bin/docker-proxy -proto tcp -host-ip :: -host-port ${port} -container-ip 172.18.0.2 -container-port 80 `;
    const text = [proxy(8081), proxy(8082), 'grep -l docker-proxy ', '--', '8082', '8082', '', '443'].join(
      '\n',
    );
    expect([...portsKeptByDocker(text)]).toEqual([8081]);
    expect([...portsKeptByDocker('--\n8082\n')]).toEqual([]);
  });

  test('lines with their times, of whatever zone, and what is no line of a log', () => {
    const text = [
      '2026-11-22T05:27:15.123456789Z one',
      '2026-11-22T08:27:15.200000000+03:00 two',
      '2026-11-22T05:27:14.000000001Z ',
      'unable to retrieve container logs for containerd://1f2e',
      '',
    ].join('\r\n');
    const { lines, unstamped } = readLines(text);
    expect(lines).toEqual([
      { at: '2026-11-22T05:27:15.123456789Z', said: 'one' },
      { at: '2026-11-22T05:27:15.200000000Z', said: 'two' },
      { at: '2026-11-22T05:27:14.000000001Z', said: '' },
    ]);
    expect(unstamped).toEqual(['unable to retrieve container logs for containerd://1f2e']);
    expect(newestOf(lines)).toBe('2026-11-22T05:27:15.200000000Z');
    expect(newestOf([], 'before')).toBe('before');
  });

  test('container logs, in frames or raw', () => {
    const frame = (stream: number, text: string): Buffer =>
      Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
    const all = (text: string, complaint = '') => ({ text, complaint });
    expect(demultiplex(Buffer.concat([frame(1, 'out\n'), frame(2, 'err\n')]))).toEqual(all('out\nerr\n'));
    expect(demultiplex(Buffer.from('a terminal wrote this'))).toEqual(all('a terminal wrote this'));
    const some = Buffer.concat([frame(2, 'err\n'), frame(3, 'some logs could not be')]);
    expect(demultiplex(some)).toEqual(all('err\n', 'some logs could not be'));
    expect(demultiplex(Buffer.alloc(0))).toEqual(all(''));
  });
});
