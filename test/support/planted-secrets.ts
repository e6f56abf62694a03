/** One secret of every kind a worker can resolve, each with a value that occurs nowhere else. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { part } from './parts.js';
import { plantSecret, plantToken } from './planted.js';
import { startVault } from './vault.js';

const exec = promisify(execFile);

export interface PlantedSecret {
  /** `vault:secret/team/prod#password`. */
  reference: string;
  value: string;
}

export interface PlantedSecrets {
  /** What a worker must be started with to resolve them. */
  readonly environment: Record<string, string>;
  readonly secrets: Record<'env' | 'file' | 'age' | 'sops' | 'vault', PlantedSecret>;
  /** What the worker itself logs in with. */
  readonly ownSecrets: readonly string[];
  remove(): Promise<void>;
}

export async function plantSecrets(): Promise<PlantedSecrets> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-planted-'));
  const vault = await startVault();
  const at = (name: string): string => path.join(folder, name);

  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);
  await writeFile(at('identity.txt'), identity, { mode: 0o600 });

  const lines = ['one', 'two', 'three'].map((line) => plantToken(`${line}-`));
  await writeFile(at('key.pem'), `${lines.join('\n')}\n`);

  const ofAge = plantSecret('age');
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  await writeFile(at('secrets.age'), await encrypter.encrypt(JSON.stringify({ login: ofAge })));

  const ofSops = plantSecret('sops');
  await writeFile(at('secrets.json'), JSON.stringify({ db: { password: ofSops } }));
  await mkdir(at('bin'));
  await symlink(await part('sops'), at('bin/sops'));
  await exec(at('bin/sops'), ['encrypt', '--age', recipient, '--in-place', at('secrets.json')]);

  const ofVault = plantSecret('vault');
  await vault.call('POST', 'secret/data/team/prod', { data: { password: ofVault } });
  const token = await vault.tokenFor(['secret/data/team/*']);
  await writeFile(at('vault-token'), token);

  const ofEnv = plantSecret('env');
  return {
    environment: {
      PLANTED: ofEnv,
      SLIPWAY_SECRETS: folder,
      SLIPWAY_AGE_IDENTITY: at('identity.txt'),
      VAULT_ADDR: vault.address,
      VAULT_TOKEN_FILE: at('vault-token'),
      PATH: `${at('bin')}:${process.env['PATH']}`,
    },
    secrets: {
      env: { reference: 'env:PLANTED', value: ofEnv },
      file: { reference: `file:${at('key.pem')}`, value: lines.join('\n') },
      age: { reference: 'age:secrets.age#login', value: ofAge },
      sops: { reference: 'sops:secrets.json#db.password', value: ofSops },
      vault: { reference: 'vault:secret/team/prod#password', value: ofVault },
    },
    ownSecrets: [token, identity],
    async remove() {
      await vault.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
