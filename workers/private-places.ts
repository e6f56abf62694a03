/** What of the worker a commit's own code must not reach, whoever it runs as. */
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { PrivatePlaces } from '../activities/job-user/prove-job-user.js';
import type { WorkerConfiguration } from './configuration.js';

/** Variables of the worker that name a file or folder with secrets in it. */
const FILES_OF_SECRETS = [
  'SLIPWAY_PAYLOAD_KEYS',
  'SLIPWAY_SECRETS',
  'SLIPWAY_AGE_IDENTITY',
  'SLIPWAY_GITHUB_APP_KEY_FILE',
  'SLIPWAY_GITHUB_TOKEN_FILE',
  'VAULT_TOKEN_FILE',
  'VAULT_SECRET_ID_FILE',
  'TEMPORAL_TLS_CLIENT_KEY_PATH',
  'SOPS_AGE_KEY_FILE',
];

/** Where programs that the worker starts keep logins, in its home. */
const LOGINS = ['.docker/config.json', '.git-credentials', '.netrc', '.config/gh/hosts.yml', '.vault-token'];

export function privatePlacesOf(configuration: WorkerConfiguration, env: NodeJS.ProcessEnv): PrivatePlaces {
  const { sealFolder, policyFile, dataFolder } = configuration;
  const named = FILES_OF_SECRETS.flatMap((name) => {
    const file = env[name] ?? '';
    return file === '' ? [] : [path.resolve(file)];
  });
  const policy = policyFile === null ? [] : [policyFile, path.dirname(policyFile)];
  const agent = env['SSH_AUTH_SOCK'] ?? '';
  const docker = /^unix:\/\/(.+)$/.exec(env['DOCKER_HOST'] ?? '')?.[1] ?? '/var/run/docker.sock';
  return {
    secret: [
      path.join(sealFolder, 'key.pem'),
      // clones of every repository, and what `up` keeps
      dataFolder,
      `/proc/${process.pid}/environ`,
      ...named,
      ...LOGINS.map((name) => path.join(homedir(), name)),
      ...sshKeys(path.join(homedir(), '.ssh')),
    ],
    deciding: [
      ...policy,
      ...[sealFolder, path.join(sealFolder, 'trusted'), dataFolder],
      ...[docker, ...(agent === '' ? [] : [agent])],
      ...[process.execPath, import.meta.dirname],
    ],
  };
}

function sshKeys(folder: string): string[] {
  const isKey = (name: string): boolean => name.startsWith('id_') && !name.endsWith('.pub');
  try {
    return readdirSync(folder)
      .filter(isKey)
      .map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}
