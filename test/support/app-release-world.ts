/** examples/app-release as its team has it: staging and production, a host and a database each, three images of one commit. */
import { readFile } from 'node:fs/promises';
import { baseImage } from './base-image.js';
import { assemble, startAll } from './kept.js';
import { plantToken } from './planted.js';
import { pythonImage } from './python-image.js';
import { edited, type Files } from './team-repository.js';
import { addressOf, buildTeamWorld, putFiles, type Places, type TeamWorld } from './team-world.js';

const LOGIN = { username: 'ci', password: plantToken('registry-') };
const FOLDER = '/home/deploy/app';
const COMPOSE = 'docker-compose.prod.ip.yml';
const ENVIRONMENTS = ['staging', 'production'] as const;
export const IMAGES = ['backend', 'frontend', 'arq-worker'] as const;
const PORT = 8080;

export type AppEnvironment = (typeof ENVIRONMENTS)[number];

export interface AppReleaseWorld extends TeamWorld<AppEnvironment> {
  /** Where users reach it. */
  urls: Record<AppEnvironment, string>;
  /** Of its database, as this process reaches it. */
  databaseUrls: Record<AppEnvironment, string>;
}

export function startAppReleaseWorld(): Promise<AppReleaseWorld> {
  return assemble(async (kept) => {
    const world = await buildTeamWorld<AppEnvironment>(kept, {
      ...{ example: 'app-release', repository: 'example/app', hosts: ENVIRONMENTS, login: LOGIN },
      people: ['lena', 'oleg', 'anna', 'boris'],
      ...{ checks: ['lint'], ci: 'node --check frontend/src/server.js', withNode: true },
      editFiles,
      policyChanges: (places) => [
        ['git@github.com:example/app.git', places.repositoryUrl],
        ...placeChanges(places),
      ],
      secretsOf: async ({ hosts: { staging, production } }) => ({
        REGISTRY_TOKEN: LOGIN.password,
        STAGING_SSH_KEY: await readFile(staging.keyPath, 'utf8'),
        PRODUCTION_SSH_KEY: await readFile(production.keyPath, 'utf8'),
      }),
    });
    const databaseUrls = await startAll(ENVIRONMENTS, (name) => world.postgres.create(`app_${name}`));
    await setUpHosts(world, databaseUrls);
    const { staging, production } = world.hosts;
    return {
      ...world,
      databaseUrls,
      urls: {
        staging: `http://${staging.address}:${PORT}`,
        production: `http://${production.address}:${PORT}`,
      },
    };
  });
}

function placeChanges({
  hosts: { staging, production },
  server,
}: Places<AppEnvironment>): [string, string][] {
  return [
    ['registry.example.com', server],
    ['/opt/app', FOLDER],
    ['deploy@staging.example.com', addressOf(staging)],
    ['deploy@app.example.com', addressOf(production)],
  ];
}

/** What the README asks of a host. */
async function setUpHosts(
  { files, hosts }: TeamWorld<AppEnvironment>,
  databaseUrls: Record<AppEnvironment, string>,
): Promise<void> {
  for (const name of ENVIRONMENTS) {
    const host = hosts[name];
    const database = databaseUrls[name].replace('127.0.0.1', host.gateway);
    const text = edited(files['deploy/env.example'] ?? '', [
      ['postgresql://app:PASSWORD@db.example.com/app', database],
    ]);
    await putFiles(host, { [`${FOLDER}/.env`]: text });
  }
}

/** The example as it is, with this machine's addresses and shorter times. */
function editFiles(files: Files, places: Places<AppEnvironment>): Files {
  const { server, hosts } = places;
  return {
    ...files,
    'slipway.yaml': edited(files['slipway.yaml'] ?? '', [
      ['registry.example.com/base/python-postgres:3.12', pythonImage(server)],
      ['node:20-alpine', baseImage(server)],
      ...placeChanges(places),
      ['https://staging.example.com', `http://${hosts.staging.address}:${PORT}`],
      ['https://app.example.com', `http://${hosts.production.address}:${PORT}`],
      ['interval: 5s', 'interval: 300ms'],
    ]),
    [COMPOSE]: edited(files[COMPOSE] ?? '', [
      ['registry.example.com', server],
      // each look costs time of a processor
      ['interval: 5s', 'interval: 3s'],
      ['start_period: 30s', 'start_period: 5s'],
      ['stop_grace_period: 10s', 'stop_grace_period: 2s'],
    ]),
  };
}
