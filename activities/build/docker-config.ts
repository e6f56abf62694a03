/**
 * A throwaway DOCKER_CONFIG: the worker's own settings, builders and plugins, and the pipeline's registry login.
 * The login is never in an argv and never outlives the build.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { RegistryCredentials } from '../registry/registry-token.js';

const ownConfig = z.looseObject({
  auths: z.record(z.string(), z.unknown()).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});

/** Docker Hub's login is kept under this old name. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

export interface DockerLogin {
  /** The throwaway folder. */
  folder: string;
  environment: Record<string, string>;
}

/** Calls `work` with the variables docker needs; the folder is removed afterwards, whatever happened. */
export async function withDockerConfig<T>(
  credentials: RegistryCredentials | null,
  work: (login: DockerLogin) => Promise<T>,
  own: NodeJS.ProcessEnv = process.env,
): Promise<T> {
  const ownFolder = own['DOCKER_CONFIG'] ?? path.join(own['HOME'] ?? homedir(), '.docker');
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-docker-'));
  try {
    for (const name of ['cli-plugins', 'contexts']) {
      const target = path.join(ownFolder, name);
      if (existsSync(target)) await symlink(target, path.join(folder, name));
    }
    const config = mergeLogin(await readOwnConfig(ownFolder), credentials);
    await writeFile(path.join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 });
    const passedOn = [
      'DOCKER_HOST',
      'DOCKER_CONTEXT',
      'DOCKER_TLS_VERIFY',
      'DOCKER_CERT_PATH',
      'SSH_AUTH_SOCK',
    ];
    const environment = {
      ...Object.fromEntries(
        passedOn.flatMap((name) => {
          const value = own[name];
          return value === undefined ? [] : [[name, value]];
        }),
      ),
      DOCKER_CONFIG: folder,
      // builders are the worker's own
      BUILDX_CONFIG: own['BUILDX_CONFIG'] ?? path.join(ownFolder, 'buildx'),
    };
    return await work({ folder, environment });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readOwnConfig(folder: string): Promise<z.output<typeof ownConfig>> {
  try {
    return ownConfig.parse(JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')));
  } catch {
    return {};
  }
}

/**
 * A credential store answers for every server and would hide our login, so it becomes a helper for each server it
 * is known to hold, and ours is written down.
 */
export function mergeLogin(
  own: z.output<typeof ownConfig>,
  credentials: RegistryCredentials | null,
): z.output<typeof ownConfig> {
  if (credentials === null) return own;
  const { credsStore, ...rest } = own;
  const key = credentials.server === 'docker.io' ? DOCKER_HUB_KEY : credentials.server;
  const helpers = {
    ...Object.fromEntries(
      credsStore === undefined ? [] : Object.keys(own.auths ?? {}).map((server) => [server, credsStore]),
    ),
    ...own.credHelpers,
  };
  const auth = Buffer.from(`${credentials.username}:${credentials.password}`, 'utf8').toString('base64');
  return {
    ...rest,
    auths: { ...own.auths, [key]: { auth } },
    credHelpers: Object.fromEntries(Object.entries(helpers).filter(([server]) => server !== key)),
  };
}
