/** examples/deep-calm as its team has it: one host with three environments, a PostgreSQL with a database for each. */
import { readFile } from 'node:fs/promises';
import type { DockerHost } from './docker-host.js';
import { assemble } from './kept.js';
import { part } from './parts.js';
import { plantToken } from './planted.js';
import { pythonImage } from './python-image.js';
import { edited, type Files } from './team-repository.js';
import { addressOf, buildTeamWorld, putFiles, type Places, type TeamWorld } from './team-world.js';
import { must } from './base-image.js';

const LOGIN = { username: 'vasiliy-ivanov', password: plantToken('ghcr-') };
const IMAGE = 'vasiliy-ivanov/deep-calm';
const FOLDER = '/home/deploy/deep-calm';
/** Who may see what operations see of test. */
const OPERATIONS = `ops:${plantToken('basic-auth-')}`;
const PORTS = { dev: 8001, test: 8002, prod: 8003 };

export type DeepCalmEnvironment = keyof typeof PORTS;
const ENVIRONMENTS: readonly DeepCalmEnvironment[] = ['dev', 'test', 'prod'];

export interface DeepCalmWorld extends TeamWorld<'all'> {
  host: DockerHost;
  /** Where users reach it. */
  urlOf(environment: DeepCalmEnvironment): string;
  /** Of its database. */
  databaseUrls: Record<DeepCalmEnvironment, string>;
  operations: string;
  /** What a file in the environment's folder says. */
  read(environment: DeepCalmEnvironment, file: string): Promise<string>;
  /** One more line in the environment's `.env`. */
  addSetting(environment: DeepCalmEnvironment, line: string): Promise<void>;
}

export function startDeepCalmWorld(): Promise<DeepCalmWorld> {
  return assemble(async (kept) => {
    await part('ansible');
    const world = await buildTeamWorld<'all'>(kept, {
      ...{ example: 'deep-calm', repository: IMAGE, hosts: ['all'] as const, login: LOGIN },
      people: ['vasiliy', 'mila', 'anna', 'boris'],
      checks: ['lint', 'test', 'ui-test'],
      ci: 'pytest --quiet',
      editFiles,
      policyChanges: (places) => [
        ['git@github.com:vasiliy-ivanov/deep-calm.git', places.repositoryUrl],
        ['dc@vasiliy-ivanov.ru', addressOf(places.hosts.all)],
        ['ghcr.io', `'${places.server}'`],
        ['/opt/deep-calm', FOLDER],
        ['https://test.dc.vasiliy-ivanov.ru', urlOf(places.hosts.all, 'test')],
      ],
      secretsOf: async ({ hosts: { all } }) => {
        const key = await readFile(all.keyPath, 'utf8');
        const keys = { DEV_SSH_KEY: key, TEST_SSH_KEY: key, PROD_SSH_KEY: key };
        return { ...keys, GHCR_TOKEN: LOGIN.password, TEST_BASIC_AUTH: OPERATIONS };
      },
    });
    const host = world.hosts.all;
    const databaseUrls = await createDatabases(world, host);
    await setUpHost(world, host, databaseUrls);
    const read = async (environment: string, file: string): Promise<string> =>
      (await must(host.run(['cat', `${FOLDER}/${environment}/${file}`]))).stdout;
    return {
      ...world,
      ...{ host, databaseUrls, operations: OPERATIONS, read },
      urlOf: (environment) => urlOf(host, environment),
      addSetting: async (environment, line) => {
        const before = await read(environment, '.env');
        await putFiles(host, { [`${FOLDER}/${environment}/.env`]: `${before}${line}\n` });
      },
    };
  });
}

function urlOf(host: DockerHost, environment: DeepCalmEnvironment): string {
  return `http://${host.address}:${PORTS[environment]}`;
}

async function createDatabases(
  { postgres }: TeamWorld<'all'>,
  host: DockerHost,
): Promise<Record<DeepCalmEnvironment, string>> {
  const urls = { dev: '', test: '', prod: '' };
  for (const name of ENVIRONMENTS)
    urls[name] = (await postgres.create(`deep_calm_${name}`)).replace('127.0.0.1', host.gateway);
  return urls;
}

/** What the README asks of the host: the folders, the playbooks and a login. */
async function setUpHost(
  world: TeamWorld<'all'>,
  host: DockerHost,
  databaseUrls: Record<DeepCalmEnvironment, string>,
): Promise<void> {
  const { files } = world;
  const text = (name: string): string => files[name] ?? '';
  for (const name of ENVIRONMENTS)
    await putFiles(host, {
      [`${FOLDER}/${name}/compose.yaml`]: text('deploy/compose.yaml'),
      [`${FOLDER}/${name}/.env`]: edited(text('deploy/env.example'), [
        ['deep-calm-dev', `deep-calm-${name}`],
        ['8001', String(PORTS[name])],
        ['postgresql://dc:PASSWORD@db.vasiliy-ivanov.ru/deep_calm_dev', databaseUrls[name]],
      ]).concat(name === 'test' ? `OPS_BASIC_AUTH=${OPERATIONS}\n` : ''),
    });
  const ansible = Object.keys(files).filter((name) => name.startsWith('ansible/'));
  await putFiles(host, Object.fromEntries(ansible.map((name) => [`/home/deploy/${name}`, text(name)])));
  // their playbooks are told the image and no password
  await world.logIn(host);
}

/** The example as it is, with this machine's addresses and shorter times. */
function editFiles(files: Files, { hosts: { all }, server }: Places<'all'>): Files {
  const text = (name: string): string => files[name] ?? '';
  const ansible = Object.keys(files).filter((name) => name.startsWith('ansible/') && name.endsWith('.yml'));
  const playbooks = ansible.map((name) => [
    name,
    edited(text(name), [
      ['/opt/deep-calm', FOLDER],
      ['retries: 10\n      delay: 5', 'retries: 4\n      delay: 1'],
    ]),
  ]);
  const at = (environment: DeepCalmEnvironment): string => `\n    url: ${urlOf(all, environment)}`;
  return {
    ...files,
    ...Object.fromEntries(playbooks),
    'slipway.yaml': edited(text('slipway.yaml'), [
      ['ghcr.io', server],
      ['python:3.12-slim', pythonImage(server)],
      ['dc@vasiliy-ivanov.ru', addressOf(all)],
      ['/opt/deep-calm', FOLDER],
      ['interval: 5s', 'interval: 300ms'],
      // no proxy of names stands in front of this host
      ['    from: { branch: main }', `    from: { branch: main }${at('dev')}`],
      ["    from: { tag: 'v*' } # or", `    url: ${urlOf(all, 'test')}\n    from: { tag: 'v*' } # or`],
      ['    start: manual', `    start: manual${at('prod')}`],
    ]),
    'deploy/compose.yaml': edited(text('deploy/compose.yaml'), [
      ['ghcr.io', server],
      ['127.0.0.1:', ''],
      // each look costs time of a processor
      ['interval: 5s', 'interval: 3s'],
      ['start_period: 30s', 'start_period: 3s'],
      ['stop_grace_period: 10s', 'stop_grace_period: 2s'],
    ]),
  };
}
