/** The text of a first `slipway.yaml`, from what was found; what could not be found is marked CHANGE. Pure. */
import path from 'node:path';
import type { Findings } from './init.js';

export function writePipelineFile(found: Findings): string {
  const image = found.image ?? guessImage(found);
  const head = [
    '# Written by slipway init. Check each line marked CHANGE, then: slipway plan',
    `pipeline: ${found.name}`,
    ...imageLines(found, image),
    ...registryLines(image),
    'checks:',
    `  health: {http: /health, timeout: 5s, retries: 12, interval: 5s}   # CHANGE: a path that answers 200 when all is well`,
    '',
    'environments:',
  ];
  const environments = chooseEnvironments(found).map((each) => environmentLines(found, each).join('\n'));
  return `${head.join('\n')}\n${environments.join('\n\n')}\n`;
}

function imageLines(found: Findings, image: string): string[] {
  const mark = found.image === null ? '   # CHANGE: where the image is pushed' : '';
  if (found.dockerfile === null || found.dockerfile === 'Dockerfile') return [`image: ${image}${mark}`, ''];
  return [`image: {repository: ${image}, dockerfile: ${found.dockerfile}}${mark}`, ''];
}

function registryLines(image: string): string[] {
  const [server = ''] = image.split('/');
  if (!server.includes('.')) return [];
  return [
    'registry: {username: token, password: env:REGISTRY_PASSWORD}   # the worker reads REGISTRY_PASSWORD',
    '',
  ];
}

interface Environment {
  name: string;
  /** In the file's own words. */
  from: string;
  more: string[];
}

const PRODUCTION = ['    production: true'];
const APPROVALS = '    approvals: [{count: 1, by: unverified}]';

/** Those that have stack files, else stage and prod; production from tags where tags are released. */
function chooseEnvironments(found: Findings): Environment[] {
  const named = nameEnvironments(found.stackFiles);
  const prod = named.findLast((name) => name.startsWith('prod')) ?? 'prod';
  const before = named.filter((name) => !name.startsWith('prod'));
  const main = found.branches.find((branch) => branch === 'main' || branch === 'master') ?? 'main';
  const other = found.branches.find((branch) => branch !== main);
  if (before.length > 1 || found.releasesTags) {
    const [last = 'stage', ...earlier] = before.toReversed();
    const byHand = ['    start: manual', `    after: ${last}`, APPROVALS];
    return [
      ...earlier.map((name) => ({ name, from: `branch: ${other ?? 'develop'}`, more: [] })),
      { name: last, from: `branch: ${main}`, more: [] },
      { name: prod, from: 'tag: "v*.*.*"', more: [...PRODUCTION, ...byHand] },
    ];
  }
  const [first = other === undefined ? undefined : 'stage'] = before;
  return [
    ...(first === undefined ? [] : [{ name: first, from: `branch: ${other ?? 'develop'}`, more: [] }]),
    { name: prod, from: `branch: ${main}`, more: [...PRODUCTION, APPROVALS] },
  ];
}

const KNOWN = ['dev', 'develop', 'test', 'stage', 'staging', 'prod', 'production'];

/** `deploy/swarm/{dev,stage,prod-blue,prod-green}.yml` → dev, stage, prod. */
function nameEnvironments(stackFiles: string[]): string[] {
  const names = new Set(stackFiles.map((file) => path.parse(file).name.replace(/-(blue|green)$/, '')));
  return KNOWN.filter((name) => names.has(name));
}

function environmentLines(found: Findings, { name, from, more }: Environment): string[] {
  const address = `${name}.example.com`;
  const [port] = found.ports;
  const url =
    port === undefined || port === 80 || port === 443
      ? `http://${address}`
      : `http://${address}:${String(port)}`;
  return [
    `  ${name}:`,
    `    from: {${from}}`,
    ...more,
    `    hosts: [deploy@${address}]   # CHANGE`,
    ...platformLines(found, name),
    `    url: ${url}   # CHANGE`,
    '    checks: [health]',
  ];
}

function platformLines(found: Findings, environment: string): string[] {
  const { name, stackFiles, composeFile } = found;
  const own = stackFiles.filter(
    (file) => path.parse(file).name.replace(/-(blue|green)$/, '') === environment,
  );
  const blue = own.find(
    (file) => own.includes(file.replace(/-blue(\.\w+)$/, '-green$1')) && /-blue\.\w+$/.test(file),
  );
  if (blue !== undefined) {
    const file = blue.replace(/-blue(\.\w+)$/, '-{colour}$1');
    return [
      '    strategy: blue-green',
      `    platform: {stack: "${file}", name: "${name}-${environment}-{colour}"}`,
      `    traffic:   # CHANGE: the proxy's file on the host, and where each colour answers`,
      `      nginx: /etc/nginx/conf.d/${name}-upstream.conf`,
      '      upstreams: {blue: "127.0.0.1:8001", green: "127.0.0.1:8002"}',
      '      switch: manual',
      '      confirm: {header: X-Colour}',
    ];
  }
  const stack = own[0] ?? stackFiles[0];
  if (stack !== undefined) return [`    platform: {stack: ${stack}, name: ${name}-${environment}}`];
  if (composeFile !== null) {
    const says = `the folder on the host; the file should say image: …:\${IMAGE_TAG}`;
    return [`    platform: {compose: /opt/${name}, file: ${composeFile}}   # CHANGE: ${says}`];
  }
  return [`    platform: {swarm: ${name}_${name}}   # CHANGE: the service's name in docker service ls`];
}

function guessImage({ name, remote }: Findings): string {
  if (remote === null) return `registry.example.com/${name}`;
  const owned = remote.path.toLowerCase().replaceAll(/[^a-z0-9/._-]/g, '-');
  return remote.host === 'github.com' ? `ghcr.io/${owned}` : `registry.example.com/${owned}`;
}
