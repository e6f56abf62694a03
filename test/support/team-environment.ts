/** The variables that people and the worker of an example's team work with. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import type { Buildkit } from './buildkit.js';
import type { GithubStandIn } from './github/stand-in.js';
import type { Environment } from './slipway-processes.js';

/** Of whoever works here; git fetches what GitHub would serve from where it really is. `programs` = folders before PATH's own. */
export async function environmentOfPeople(
  folder: string,
  { temporal, github, origin }: { temporal: EmbeddedTemporal; github: GithubStandIn; origin: string },
  programs: string[] = [],
): Promise<Environment> {
  const [home, temporary] = [path.join(folder, 'home'), temporaryIn(folder)];
  for (const each of [home, temporary]) await mkdir(each);
  const instead = `[url "${origin}"]\n  insteadOf = ${github.repositoryUrl}\n`;
  await writeFile(path.join(home, '.gitconfig'), instead);
  const paths = [...programs, process.env['PATH']].join(path.delimiter);
  return { PATH: paths, HOME: home, TMPDIR: temporary, TEMPORAL_ADDRESS: temporal.address };
}

/** One of the people, with a key of their own. */
export function environmentOf(folder: string, people: Environment, name: string): Environment {
  return {
    ...people,
    SLIPWAY_ACTOR: name,
    SLIPWAY_SIGNING_KEY: path.join(folder, 'people', name),
  };
}

/** What a worker needs beside the secrets of the pipeline file. */
export function environmentOfWorker(given: {
  policy: string;
  /** `ADDRESS:PORT` of the registry. */
  server: string;
  buildkit: Buildkit;
  dockerConfig: string;
  github: GithubStandIn;
  githubToken: string;
}): Environment {
  const { policy, server, buildkit, dockerConfig, github, githubToken } = given;
  return {
    ...{ SLIPWAY_METRICS_ADDRESS: 'off', SLIPWAY_HEALTH_ADDRESS: 'off' },
    SLIPWAY_POLICY: policy,
    SLIPWAY_INSECURE_REGISTRIES: server,
    SLIPWAY_BUILDER: buildkit.builderName,
    DOCKER_CONFIG: dockerConfig,
    SLIPWAY_GITHUB_API_URL: github.apiUrl,
    SLIPWAY_GITHUB_TOKEN: githubToken,
  };
}

/** What the worker has left in its folder for temporary files. */
export function leftoversIn(folder: string): Promise<string[]> {
  return readdir(temporaryIn(folder));
}

function temporaryIn(folder: string): string {
  return path.join(folder, 'tmp');
}
